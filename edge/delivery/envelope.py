"""PURE: the device signs a read and seals it for one subscriber; who opens it checks everything that it claims.

A message is `header LF seal`. The header is canonical JSON in clear. The seal is HPKE in base mode, single shot
(RFC 9180: X25519, HKDF-SHA256, AES-256-GCM), as encapsulated key and ciphertext; its `info` is the exact bytes of the
header. Inside are the body's length (4 bytes, big-endian), an Ed25519 signature (64 bytes), the body, and zeros up to
one of a few sizes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from edge import keys
from edge.clock import from_milliseconds, milliseconds, stamp
from edge.delivery.redaction import redacted
from edge.delivery.topics import read_topic
from edge.delivery.wire import Body, Header, Kind, canonical, decoded, encoded, parse
from edge.errors import EnvelopeError
from edge.values import Decision, Effect, Envelope, Flag, Hit, TaggedRead, Tags

BUCKETS = (4096, 16384, 65536)
"""The sizes in bytes of what is sealed: a message's length tells no more than which of these it fills.

The smallest holds a read with its checkpoint and some hits, so that a withdrawal is no shorter than a read.
"""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SIGNED = b"homerule read v1\n"
_LONGEST_HEADER = 1024
_PREFIX = 4 + 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message that opened, verified, and is meant for this subscriber."""

    header: Header
    body: Body
    checkpoint: str | None
    """The device's signed note about its audit log, or None when it had none yet."""

    @property
    def message_id(self) -> str:
        return self.body.id

    @property
    def obligations(self) -> tuple[str, ...]:
        return tuple(self.body.obligations.split())


def seal(
    tagged: TaggedRead,
    decision: Decision,
    sealing_key: str,
    *,
    device_id: str,
    device_key: Ed25519PrivateKey,
    hits: Sequence[Hit],
    granted_until: datetime | None,
    ack_token: str,
    checkpoint: str | None,
    crop: bytes | None = None,
    withdrawal: bool = False,
) -> Envelope:
    """Signs and seals one read for the subscriber of `decision`, whose X25519 public key is `sealing_key` (base64).

    `hits` are those of the read's hits that this subscriber may be told of. The envelope is good until the read's
    retention or the grant (`granted_until`, None for one without end) is over. `crop` is a JPEG, for the owner only. A
    `withdrawal` says that the read which this one replaces was no hit, and does not carry the plate. What the
    obligations keep coarse is taken out (see `redaction`), but not of the envelope's own tags.
    Raises EnvelopeError when the decision does not allow it, ConfigError when the key is none.
    """
    whole, tagged = tagged.tags, redacted(tagged, decision.obligations)
    tags = tagged.tags
    if withdrawal and tags.replaces is None:
        raise EnvelopeError("a withdrawal names the read that it takes back")
    _require_allowed(tags, decision, hits, crop)
    public = keys.sealing_public(sealing_key, where=f"sealing key of `{decision.subscriber_id}`")
    key_id, subscriber_id = keys.key_id(public), decision.subscriber_id
    header = {"v": 1, "device": device_id, "subscriber": subscriber_id, "key": key_id, "bundle": decision.bundle_digest}
    clear = canonical(header)
    expires_at = from_milliseconds(milliseconds(min(tags.retain_until, granted_until or tags.retain_until)))
    outside = {
        "expiresat": stamp(expires_at),
        "acktoken": ack_token,
        "checkpoint": None if checkpoint is None else encoded(checkpoint.encode()),
    }
    facts = {"replaces": tags.replaces} if withdrawal else _facts(tagged, hits, crop)
    body = canonical(_body(tags, decision, header, outside, facts))
    return Envelope(
        message_id=f"{tags.read_id}.{decision.subscriber_id}",
        subscriber_id=decision.subscriber_id,
        topic=read_topic(device_id, decision.subscriber_id, test=tags.test),
        header=clear,
        payload=clear + b"\n" + _sealed(clear, body, device_key, public),
        expires_at=expires_at,
        ack_digest=hashlib.sha256(ack_token.encode()).digest(),
        tags=replace(whole, hits=tuple(hits)),
    )


def open_(
    payload: bytes,
    *,
    sealing_key: X25519PrivateKey,
    device_public_key: Ed25519PublicKey,
    subscriber_id: str,
    device_id: str | None,
    now: datetime,
    test: bool,
) -> Opened:
    """Opens and verifies one message; `device_id` None takes any device name that the key vouches for.

    Raises EnvelopeError, saying which claim failed, never what the message held. The expiry of test messages is not
    compared with `now`: they carry the times of a recording.
    """
    clear, gap, sealed = payload.partition(b"\n")
    if not gap or len(clear) > _LONGEST_HEADER:
        raise EnvelopeError("not a sealed read: the clear header is missing")
    header = parse(Header, clear, what="the clear header")
    if header.subscriber != subscriber_id:
        raise EnvelopeError(f"meant for another subscriber, `{header.subscriber}`")
    if device_id is not None and header.device != device_id:
        raise EnvelopeError(f"from another device, `{header.device}`")
    if header.key != keys.key_id(sealing_key):
        raise EnvelopeError(f"sealed to another key, `{header.key}`, give the city this key's `.pub` file")
    signature, content = _unsealed(sealed, sealing_key, clear)
    try:
        device_public_key.verify(signature, _SIGNED + clear + b"\n" + content)
    except InvalidSignature:
        raise EnvelopeError("not signed by the expected device key") from None
    body = parse(Body, content, what="the sealed body")
    _require_agreement(header, body)
    if body.test != test:
        raise EnvelopeError("test message in production" if body.test else "production message in test mode")
    if not test and now >= min(body.expiresat, body.retainuntil):
        raise EnvelopeError(f"expired at {stamp(body.expiresat)}")
    return Opened(header=header, body=body, checkpoint=_note(body))


def sealed_to(envelope: Envelope) -> str:
    """The id of the key that opens an envelope of ours."""
    return parse(Header, envelope.header, what="the clear header").key


def _require_allowed(tags: Tags, decision: Decision, hits: Sequence[Hit], crop: bytes | None) -> None:
    if decision.effect is not Effect.SHARE or decision.channel is None:
        raise EnvelopeError("a read that is withheld is never sealed")
    if decision.read_id != tags.read_id:
        raise EnvelopeError("the decision is about another read")
    if not set(hits) <= set(tags.hits):
        raise EnvelopeError("a hit that the read does not have is never sealed")
    if crop is not None and (
        decision.subscriber_id != tags.owner or Flag.NO_IMAGE in tags.flags or "no_image" in decision.obligations
    ):
        raise EnvelopeError("a plate crop goes to the owner only, and only when the policy says so")


def _body(
    tags: Tags,
    decision: Decision,
    header: Mapping[str, Any],
    outside: Mapping[str, str | None],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The CloudEvents object; attributes without a value are left out, as CloudEvents wants it."""
    kind = Kind.READ if tags.replaces is None else Kind.CORRECTION if "plate" in facts else Kind.WITHDRAWAL
    body = {
        "specversion": "1.0",
        "id": f"{tags.read_id}.{decision.subscriber_id}",
        "source": f"homerule/{header['device']}",
        "type": kind.value,
        "time": stamp(tags.captured_at),
        "datacontenttype": "application/json",
        "subject": tags.camera_id or None,
        "device": header["device"],
        "subscriber": header["subscriber"],
        "sealkey": header["key"],
        "bundledigest": header["bundle"],
        "channel": decision.channel,
        "retainuntil": stamp(tags.retain_until),
        "test": tags.test,
        "obligations": " ".join(decision.obligations),
        **outside,
        "data": facts,
    }
    return _filled(body)


def _facts(tagged: TaggedRead, hits: Sequence[Hit], crop: bytes | None) -> dict[str, Any]:
    read, tags = tagged.read, tagged.tags
    return {
        "plate": read.text,
        "confidence": _share(read.confidence),
        "lowest_character_confidence": _share(read.lowest_character_confidence),
        "first_seen": stamp(read.first_seen),
        "best_seen": stamp(read.best_seen),
        "last_seen": stamp(read.last_seen),
        "frames": read.frames,
        "jurisdiction": {
            "state": tags.jurisdiction.state,
            "county_fips": tags.jurisdiction.county_fips,
            "place": tags.jurisdiction.place,
        },
        "owner": tags.owner,
        "packs": [{"id": name, "sha256": digest} for name, digest in tags.packs],
        "flags": sorted(flag.value for flag in tags.flags),
        "hits": [
            {
                "list_id": hit.list_id,
                "entry_id": hit.entry_id,
                "purpose": hit.purpose,
                "source_agency": hit.source_agency,
            }
            for hit in hits
        ],
        "replaces": tags.replaces,
        "crop": None if crop is None else encoded(crop),
    }


def _filled(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` without what is None, in its tables too."""
    return {
        key: _filled(value) if isinstance(value, Mapping) else value
        for key, value in content.items()
        if value is not None
    }


def _sealed(clear: bytes, body: bytes, device_key: Ed25519PrivateKey, public: X25519PublicKey) -> bytes:
    """The body, signed together with the clear header by the device, padded, and sealed with the header as `info`."""
    signature = device_key.sign(_SIGNED + clear + b"\n" + body)
    inside = _padded(len(body).to_bytes(4, "big") + signature + body)
    try:
        return _SUITE.encrypt(inside, public, info=clear)
    except ValueError:  # a point of low order, which shares a secret with everybody
        raise EnvelopeError("the subscriber's sealing key is no usable key, register another") from None


def _padded(inside: bytes) -> bytes:
    for size in BUCKETS:
        if len(inside) <= size:
            return inside.ljust(size, b"\0")
    raise EnvelopeError(f"the read does not fit into {BUCKETS[-1]} bytes, use a smaller plate crop")


def _unsealed(sealed: bytes, key: X25519PrivateKey, clear: bytes) -> tuple[bytes, bytes]:
    """Signature and body; EnvelopeError when the seal is broken or what is inside is not laid out as it must be."""
    try:
        inside = _SUITE.decrypt(sealed, key, info=clear)
    except (InvalidTag, ValueError):
        raise EnvelopeError("the seal does not open: header or content was changed on the way") from None
    length = int.from_bytes(inside[:4], "big")
    if len(inside) not in BUCKETS or not 0 < length <= len(inside) - _PREFIX or any(inside[_PREFIX + length :]):
        raise EnvelopeError("the sealed content is not laid out as version 1 of the wire format")
    return inside[4:_PREFIX], inside[_PREFIX : _PREFIX + length]


def _require_agreement(header: Header, body: Body) -> None:
    """The signed body repeats the clear header and its own id; a difference means that somebody joined two messages."""
    pairs = {
        "device": (header.device, body.device),
        "subscriber": (header.subscriber, body.subscriber),
        "key": (header.key, body.sealkey),
        "bundle": (header.bundle, body.bundledigest),
        "source": (f"homerule/{header.device}", body.source),
        "id": (header.subscriber, body.id.rpartition(".")[2]),
    }
    for name, (outer, inner) in pairs.items():
        if outer != inner:
            raise EnvelopeError(f"the clear header and the sealed body do not agree on `{name}`")


def _note(body: Body) -> str | None:
    try:
        return None if body.checkpoint is None else decoded(body.checkpoint, what="the checkpoint").decode()
    except UnicodeDecodeError:
        raise EnvelopeError("the checkpoint is not text") from None


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 4)
