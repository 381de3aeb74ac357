"""PURE: what travels, for programs of others: JSON Schemas and an AsyncAPI document, made from the models in wire.py.

There is no second truth beside the models: what they refuse, the schemas refuse.
Sources: JSON Schema 2020-12, AsyncAPI 3.0.0, its MQTT bindings 0.2.0.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge import __version__
from edge.delivery.envelope import BUCKETS
from edge.delivery.topics import ack_topic, checkpoint_topic, read_topic, status_topic
from edge.delivery.wire import Acknowledgement, Body, CheckpointWord, Header, Kind, StatusWord

Schema = dict[str, Any]

NAMES: dict[str, str] = {
    "header": "the clear header of a sealed read",
    "read": "what is inside the seal: a read, a correction or a withdrawal",
    "acknowledgement": "a subscriber's word that it has stored a read",
    "stored": "what `homerule receive` writes, and gives to a command of the subscriber's own",
    "status": "how a device stands",
    "checkpoint": "the signed checkpoint of a device's audit log",
    "asyncapi": "all topics and messages, as an AsyncAPI 3 document",
}
"""What `schema` gives, and what each is about."""

_MODELS: dict[str, type[BaseModel]] = {
    "header": Header,
    "read": Body,
    "acknowledgement": Acknowledgement,
    "status": StatusWord,
    "checkpoint": CheckpointWord,
}
_DEFS, _COMPONENTS = "#/$defs/", "#/components/schemas/"
_MOMENT: Schema = {"format": "date-time", "type": "string"}
_MESSAGE_ID: Schema = {"pattern": r"^[A-Za-z0-9_-]{1,64}\.[a-z0-9-]{1,64}$", "type": "string"}


def schema(name: str) -> Schema:
    """One document of `NAMES`. Raises KeyError for another name."""
    if name == "asyncapi":
        return asyncapi()
    made = _stored() if name == "stored" else _made(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Homerule: {NAMES[name]}", **made}


def asyncapi() -> Schema:
    """The device's side of every topic. What is sealed is told with the schemas of its two parts."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Homerule, version 1 of the wire format",
            "version": __version__,
            "description": "Each read goes sealed to each agency that may have it, and to nobody else. Test data is "
            "the same under `homerule-test/v1`. Nothing is retained, and the broker keeps nothing on disk.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "site": {
                "host": "{host}:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "5",
                "description": "The site's broker: TLS 1.3, a certificate on both sides. 3.1.1 is spoken too.",
                "variables": {"host": {"description": "The site's broker."}},
                "security": [{"type": "X509", "description": "The subscriber's certificate names it."}],
                "bindings": {"mqtt": _last_will()},
            }
        },
        "channels": _channels(),
        "operations": _operations(),
        "components": {"schemas": _components(), "messages": _messages()},
    }


def _last_will() -> Schema:
    """What the broker says for a device that ended without a goodbye."""
    will = {"topic": "homerule/v1/{device-id}/status", "qos": 1, "retain": False, "message": "a StatusWord: lost"}
    return {"lastWill": will, "keepAlive": 15, "bindingVersion": "0.2.0"}


def _made(name: str) -> Schema:
    model = _MODELS[name]
    made = model.model_json_schema()
    return made | {"allOf": _agreement(_DEFS)} if model is Body else made


def _agreement(where: str) -> list[Schema]:
    """Which facts go with which type of message: what the model checks after its fields."""
    facts, withdrawn = ({"$ref": f"{where}{name}"} for name in ("ReadFacts", "Withdrawn"))
    first = {"properties": {"replaces": {"type": "null"}}}
    later = {"properties": {"replaces": {"type": "string"}}, "required": ["replaces"]}
    wanted = {Kind.READ: [facts, first], Kind.CORRECTION: [facts, later], Kind.WITHDRAWAL: [withdrawn]}
    return [
        {
            "if": {"properties": {"type": {"const": kind.value}}},
            "then": {"properties": {"data": {"allOf": data}}},
        }
        for kind, data in wanted.items()
    ]


def _stored() -> Schema:
    """A read as it is stored: without what only serves delivery, with what the receiver adds."""
    made = _made("read")
    gone = ("acktoken", "checkpoint")
    properties = {name: one for name, one in made["properties"].items() if name not in gone}
    properties |= {
        "receivedat": _MOMENT,
        "replacesid": {**_MESSAGE_ID, "description": "The id of the message that this one corrects or takes back."},
        "replacesheld": {"type": "boolean", "description": "Whether that message was stored here at that time."},
        "replacedby": {**_MESSAGE_ID, "description": "The id of a message that came before and replaces this one."},
    }
    required = [name for name in made["required"] if name not in gone] + ["receivedat"]
    return made | {"properties": properties, "required": required}


def _components() -> Schema:
    _, made = models_json_schema(
        [(model, "validation") for model in _MODELS.values()], ref_template=f"{_COMPONENTS}{{model}}"
    )
    schemas: Schema = made["$defs"]
    schemas["Body"]["allOf"] = _agreement(_COMPONENTS)
    return schemas


def _messages() -> Schema:
    sizes = ", ".join(str(size) for size in BUCKETS)
    sealed: Schema = {
        "name": "SealedRead",
        "contentType": "application/octet-stream",
        "summary": "header LF seal; the header is of schema Header, and in the seal is a body of schema Body",
        "description": "The seal is HPKE (RFC 9180) in base mode, single shot: X25519, HKDF-SHA256, AES-256-GCM, "
        "`info` the exact bytes of the header, no associated data; 32 bytes of encapsulated key, then the ciphertext. "
        "Inside: the body's length in 4 bytes, big-endian; an Ed25519 signature of 64 bytes over `homerule read v1` LF "
        f"header LF body; the body; and zeros up to one of {sizes} bytes.",
        "payload": {"type": "string", "format": "binary"},
        "x-header": {"$ref": f"{_COMPONENTS}Header"},
        "x-sealed": {"$ref": f"{_COMPONENTS}Body"},
    }
    plain = {"Acknowledgement": "acknowledgement", "StatusWord": "status", "CheckpointWord": "checkpoint"}
    others = {
        model: {"name": model, "summary": NAMES[name], "payload": {"$ref": f"{_COMPONENTS}{model}"}}
        for model, name in plain.items()
    }
    return {"SealedRead": sealed, **others}


_CHANNELS: dict[str, tuple[str, str]] = {
    "read": ("SealedRead", "send"),
    "ack": ("Acknowledgement", "receive"),
    "status": ("StatusWord", "send"),
    "checkpoint": ("CheckpointWord", "send"),
}
"""What goes through each channel, and what the device does with it."""


def _channels() -> Schema:
    device, subscriber = "device-id", "subscriber-id"
    topics = {
        "read": read_topic(device, subscriber, test=False),
        "ack": ack_topic(device, subscriber, test=False),
        "status": status_topic(device, test=False),
        "checkpoint": checkpoint_topic(device, test=False),
    }
    told = {device: "The device, 1 to 64 of a-z, 0-9 and -.", subscriber: "The agency's id in the city's registry."}
    made: Schema = {}
    for name, (message, _) in _CHANNELS.items():
        address = topics[name]
        parameters = {word: {"description": meaning} for word, meaning in told.items() if word in address}
        for word in parameters:
            address = address.replace(word, f"{{{word}}}")
        made[name] = {
            "address": address,
            "messages": {message: {"$ref": f"#/components/messages/{message}"}},
            "parameters": parameters,
        }
    return made


def _operations() -> Schema:
    made: Schema = {}
    for name, (message, action) in _CHANNELS.items():
        expiry = {"messageExpiryInterval": 30} if action == "send" else {}
        made[f"{action}-{name}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"}],
            "bindings": {"mqtt": {"qos": 1, "retain": False, **expiry, "bindingVersion": "0.2.0"}},
        }
    return made
