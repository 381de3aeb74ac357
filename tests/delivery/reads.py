"""A read, its tags and a decision to share it, made in one line."""

import dataclasses
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import keys
from edge.delivery.envelope import Opened, open_, seal
from edge.values import Box, Decision, Effect, Envelope, Hit, Jurisdiction, PlateRead, TaggedRead, Tags

NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
PLATE = "QX7 K219"
DEVICE, OWNER, NEIGHBOUR = "elm-street-1", "mount-prospect-pd", "des-plaines-pd"
BUNDLE = "ab" * 32
TOKEN = "tokentokentokentoken22"
DEVICE_KEY = Ed25519PrivateKey.generate()
SEALING_KEY = X25519PrivateKey.generate()


def tags(**changes: object) -> Tags:
    """Plate-free facts of one read; any field can be changed."""
    plain = Tags(
        read_id="read0000000000000000-_",
        camera_id="north",
        captured_at=NOON,
        jurisdiction=Jurisdiction(state="US-IL", county_fips="17031", place="Mount Prospect"),
        owner=OWNER,
        flags=frozenset(),
        hits=(),
        retain_until=NOON + timedelta(hours=24),
        test=False,
    )
    return dataclasses.replace(plain, **changes)


def hit(number: int = 1) -> Hit:
    """A hit for a stolen vehicle."""
    return Hit(
        list_id="il-stolen",
        entry_id=f"entry-{number}",
        source_agency="illinois-state-police",
        purpose="stolen_vehicle",
        offence_grade=None,
        expires_at=NOON + timedelta(days=9),
    )


def tagged(of: Tags | None = None, *, text: str = PLATE) -> TaggedRead:
    """The read that `of` is about."""
    of = of or tags()
    read = PlateRead(
        read_id=of.read_id,
        camera_id=of.camera_id,
        first_seen=of.captured_at - timedelta(seconds=1),
        best_seen=of.captured_at,
        last_seen=of.captured_at + timedelta(seconds=1),
        box=Box(x1=1, y1=2, x2=101, y2=52),
        text=text,
        confidence=0.93,
        lowest_character_confidence=0.71,
        frames=12,
        replaces=of.replaces,
    )
    return TaggedRead(read=read, tags=of)


def shared(of: Tags, subscriber_id: str = NEIGHBOUR, **changes: object) -> Decision:
    """A decision to share; any field can be changed."""
    plain = Decision(
        read_id=of.read_id,
        subscriber_id=subscriber_id,
        effect=Effect.SHARE,
        channel="statewide-lookup",
        reasons=("allow_in_state",),
        obligations=("hit_only", "no_image"),
        bundle_digest=BUNDLE,
    )
    return dataclasses.replace(plain, **changes)


def sealed(of: Tags | None = None, subscriber_id: str = NEIGHBOUR, **changes: object) -> Envelope:
    """One sealed read; any argument of `seal` can be changed."""
    of = of or tags()
    arguments: dict[str, object] = {
        "device_id": DEVICE,
        "device_key": DEVICE_KEY,
        "hits": of.hits,
        "granted_until": NOON + timedelta(days=30),
        "ack_token": TOKEN,
        "checkpoint": "homerule/elm-street-1/log\n7\nAAAA\n\n\u2014 homerule/elm-street-1/log BBBB\n",
    }
    public = keys.public_text(SEALING_KEY)
    decision = shared(of, subscriber_id)
    return seal(tagged(of), decision, public, **(arguments | changes))


def opened(payload: bytes, **changes: object) -> Opened:
    """What the neighbour makes of `payload`; any argument of `open_` can be changed."""
    arguments: dict[str, object] = {
        "sealing_key": SEALING_KEY,
        "device_public_key": DEVICE_KEY.public_key(),
        "subscriber_id": NEIGHBOUR,
        "device_id": DEVICE,
        "now": NOON + timedelta(seconds=5),
        "test": False,
    }
    return open_(payload, **(arguments | changes))
