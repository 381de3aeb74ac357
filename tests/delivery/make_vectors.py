"""Writes deploy/interop/vectors.json: one sealed message of each kind, and what must be refused, under fixed keys.

PYTHONPATH=. python tests/delivery/make_vectors.py

Sealing draws a fresh key each time, so that only the sealed bytes differ from one run to the next.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import keys
from edge.delivery import envelope
from edge.delivery.topics import ack_topic, checkpoint_topic, read_topic, status_topic
from edge.delivery.wire import CheckpointWord, StatusWord, canonical, encoded, said
from edge.ledger import checkpoint
from edge.values import Envelope
from tests.delivery.reads import DEVICE, NEIGHBOUR, NOON, OWNER, TOKEN, hit, shared, tagged, tags

FILE = Path(__file__).parents[2] / "deploy" / "interop" / "vectors.json"


def secret(name: str) -> bytes:
    return sha256(f"homerule test vector: {name}".encode()).digest()


DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(secret("device"))
STRANGER = Ed25519PrivateKey.from_private_bytes(secret("stranger"))
SEALING_KEY = X25519PrivateKey.from_private_bytes(secret("agency"))
OTHER_KEY = X25519PrivateKey.from_private_bytes(secret("another agency"))
NOTE = checkpoint.sign(DEVICE, "ledger", 7, secret("root"), DEVICE_KEY).note
SOON = NOON + timedelta(seconds=5)


def made(
    of: Any = None, *, to: X25519PrivateKey = SEALING_KEY, subscriber: str = NEIGHBOUR, **changes: Any
) -> Envelope:
    """A sealed message under the fixed keys."""
    of = of or tags()
    arguments = {
        "device_id": DEVICE,
        "device_key": DEVICE_KEY,
        "hits": of.hits,
        "granted_until": NOON + timedelta(days=30),
        "ack_token": TOKEN,
        "checkpoint": NOTE,
    }
    decision = changes.pop("decision", None) or shared(of, subscriber)
    return envelope.seal(tagged(of), decision, keys.public_text(to), **(arguments | changes))


def inside(of: Envelope, key: X25519PrivateKey = SEALING_KEY) -> bytes:
    """What is in the seal."""
    clear, _, sealed_bytes = of.payload.partition(b"\n")
    return envelope._SUITE.decrypt(sealed_bytes, key, info=clear)


def again(clear: bytes, content: bytes) -> bytes:
    """A message with this header and this in the seal."""
    return clear + b"\n" + envelope._SUITE.encrypt(content, SEALING_KEY.public_key(), info=clear)


def signed(clear: bytes, body: bytes) -> bytes:
    """A message with this header and body, all else as it should be."""
    return clear + b"\n" + envelope._sealed(clear, body, DEVICE_KEY, SEALING_KEY.public_key())


def opening() -> Iterator[dict[str, Any]]:
    """What opens: each kind of message once."""
    many = tags(read_id="read-with-hits", hits=tuple(hit(number) for number in range(40)))
    coarse = shared(tags(read_id="read-coarse"), obligations=("coarse_place", "coarse_time"))
    kinds = {
        "a read": made(),
        "a read with so many hits that it fills the next size": made(many),
        "a read with place and time kept coarse": made(tags(read_id="read-coarse"), decision=coarse),
        "a read from a device that has no checkpoint yet": made(checkpoint=None),
        "a correction": made(tags(read_id="read-better", replaces="read0000000000000000-_")),
        "a withdrawal": made(tags(read_id="read-taken-back", replaces="read0000000000000000-_"), withdrawal=True),
        "a test message in test mode": made(tags(test=True)),
    }
    for name, one in kinds.items():
        content, test = inside(one), one.topic.startswith("homerule-test/")
        length = int.from_bytes(content[:4], "big")
        body = content[68 : 68 + length].decode("ascii")
        yield entry(name, one.payload, one.topic, test=test) | {
            "header": one.header.decode("ascii"),
            "signature": content[4:68].hex(),
            "body": body,
            "size": len(content),
            "acknowledge_on": ack_topic(DEVICE, NEIGHBOUR, test=test),
            "acknowledgement": canonical({"message_id": one.message_id, "acktoken": TOKEN}).decode("ascii"),
        }


def refused() -> Iterator[dict[str, Any]]:
    """What must be refused, each for one reason alone."""
    good = made()
    clear, content = good.header, inside(good)
    length = int.from_bytes(content[:4], "big")
    body = json.loads(content[68 : 68 + length])
    header = json.loads(clear)

    def otherwise(change: Callable[[dict[str, Any]], None]) -> bytes:
        changed = json.loads(json.dumps(body))
        change(changed)
        return signed(clear, canonical(changed))

    broken = {
        "no header": (good.payload.partition(b"\n")[2], "header"),
        "a header of another version": (signed(canonical(header | {"v": 2}), canonical(body)), "header"),
        "a header with one key too many": (signed(canonical(header | {"more": 1}), canonical(body)), "header"),
        "meant for another subscriber": (made(subscriber=OWNER).payload, "subscriber"),
        "sealed to another key": (made(to=OTHER_KEY).payload, "key"),
        "one bit of the seal changed": (good.payload[:-1] + bytes([good.payload[-1] ^ 1]), "seal"),
        "cut short": (good.payload[:-1], "seal"),
        "the bundle in the header changed": (good.payload.replace(b'"bundle":"ab', b'"bundle":"cd', 1), "seal"),
        "padding that is not zeros": (again(clear, content[:-1] + b"\x01"), "layout"),
        "a size that is none": (again(clear, content + b"\0"), "layout"),
        "a length beyond the end": (again(clear, (60000).to_bytes(4, "big") + content[4:]), "layout"),
        "signed by a stranger": (made(device_key=STRANGER).payload, "signature"),
        "header and body name different bundles": (
            otherwise(lambda one: one.update(bundledigest="cd" * 32)),
            "agreement",
        ),
        "an id of another subscriber": (otherwise(lambda one: one.update(id=f"read0.{OWNER}")), "agreement"),
        "another source": (otherwise(lambda one: one.update(source="homerule/oak-street-2")), "agreement"),
    }
    for name, (message, check) in broken.items():
        yield entry(name, message, good.topic) | {"refused": check}
    tested = made(tags(test=True))
    yield entry("a test message in production", tested.payload, good.topic) | {"refused": "test"}
    yield entry("a production message in test mode", good.payload, tested.topic, test=True) | {"refused": "test"}
    brief = made(tags(retain_until=NOON + timedelta(seconds=5)))
    yield entry("at the moment when its retention ends", brief.payload, good.topic) | {"refused": "freshness"}
    lapsed = made(granted_until=NOON + timedelta(seconds=4))
    yield entry("after the end of the grant", lapsed.payload, good.topic) | {"refused": "freshness"}
    elsewhere = read_topic("oak-street-2", NEIGHBOUR, test=False)
    yield entry("on another device's topic", good.payload, elsewhere) | {"refused": "topic"}


def notices() -> Iterator[dict[str, Any]]:
    """What a device says of itself between reads: what holds, and what must be refused."""
    forged = checkpoint.sign(DEVICE, "ledger", 7, secret("root"), STRANGER).note
    standing = StatusWord(v=1, device=DEVICE, state="running", test=False, at=SOON, held=False, clock_trusted=True)
    words = {
        "a device that runs": (standing, None),
        "the broker's last word for a device": (StatusWord(v=1, device=DEVICE, state="lost", test=False), None),
        "a checkpoint": (showing(NOTE), None),
        "a checkpoint that a stranger signed": (showing(forged), "signature"),
        "a checkpoint of another device": (showing(NOTE).model_copy(update={"device": "oak-street-2"}), "topic"),
    }
    for name, (word, refused_at) in words.items():
        topic = status_topic if isinstance(word, StatusWord) else checkpoint_topic
        told = {"name": name, "topic": topic(DEVICE, test=False), "payload": said(word).decode("ascii")}
        yield told if refused_at is None else told | {"refused": refused_at}


def showing(note: str) -> CheckpointWord:
    return CheckpointWord(v=1, device=DEVICE, at=SOON, checkpoint=encoded(note.encode()))


def entry(name: str, message: bytes, topic: str, *, test: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "topic": topic,
        "test": test,
        "now": SOON.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": base64.b64encode(message).decode("ascii"),
    }


def vectors() -> dict[str, Any]:
    """The whole file."""
    return {
        "about": "Test vectors of the wire format, version 1. Everybody knows these keys: trust nothing they sign. "
        "A message with `body` opens to it; one with `refused` fails first at that check of README.md, at `now`.",
        "subscriber": NEIGHBOUR,
        "device_private_key": DEVICE_KEY.private_bytes_raw().hex(),
        "device_public_key": keys.public_text(DEVICE_KEY),
        "sealing_private_key": SEALING_KEY.private_bytes_raw().hex(),
        "sealing_public_key": keys.public_text(SEALING_KEY),
        "checkpoint": {"note": NOTE, "size": 7, "root": secret("root").hex()},
        "notices": list(notices()),
        "messages": [*opening(), *refused()],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="ascii")
