"""PURE: every kind of entry in the audit log, and its lasting bytes.

An entry is one compact JSON array of integers, strings and arrays in the canonical form of RFC 8785: the kind, the time
in milliseconds since 1970 UTC, then the fields below in their order. No plate, no token of one and no image has a place
here. Fields are never renamed, moved or dropped: what must change becomes a new kind. A "position" is an entry's place
in the log, from 0; an entry only names entries before it. Digests of files are hex, digests of envelopes base64url.

What has `Runs` is written under its kind with `.2`, in which they take less room (`batches.py`); what version 1 wrote
has the plain kind, and the runs as they are here.
"""

from dataclasses import dataclass
from typing import ClassVar

from edge.ledger.batches import Runs
from edge.ledger.deviceentries import (
    Alarm,
    AlarmEnded,
    BundleAccepted,
    BundleRefused,
    ClockStep,
    ClockTrusted,
    Exported,
    Gap,
    Granted,
    GrantFailed,
    Held,
    HoldEnded,
    HotListsInForce,
    Pinned,
    Pruned,
    Purge,
    RevocationFailed,
    Revoked,
    RightsApplied,
    SelfTest,
    Start,
    Stop,
    SubscriberChanged,
    Switch,
    Tightened,
)

__all__ = [
    "ENTRY_VERSION",
    "Acknowledged",
    "AcknowledgementRefused",
    "Alarm",
    "AlarmEnded",
    "Begun",
    "BundleAccepted",
    "BundleRefused",
    "ClockStep",
    "ClockTrusted",
    "Discarded",
    "Dropped",
    "Entry",
    "Expired",
    "Exported",
    "Gap",
    "GrantFailed",
    "Granted",
    "Held",
    "HoldEnded",
    "HotListsInForce",
    "Known",
    "Logged",
    "Name",
    "Opaque",
    "Outcome",
    "Pattern",
    "Pinned",
    "Pruned",
    "Purge",
    "Read",
    "Refused",
    "RevocationFailed",
    "Revoked",
    "RightsApplied",
    "SelfTest",
    "Sent",
    "SentAgain",
    "SentToAll",
    "Start",
    "Stop",
    "SubscriberChanged",
    "Switch",
    "Tightened",
]

ENTRY_VERSION = 2

# What one subscriber got: id, effect, channel ("" for none), reasons, obligations.
Outcome = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The first entry: which ledger this is, whose, and the device's public key (base64 of 32 bytes)."""

    kind: ClassVar[str] = "ledger"
    version: int
    ledger_id: str
    device: str
    public_key: str
    mode: str  # production | test


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A camera's or subscriber's name, written once; later entries give its position."""

    kind: ClassVar[str] = "name"
    sort: str  # camera | subscriber
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One set of decisions, ordered by subscriber, written once; reads that were decided alike give its position."""

    kind: ClassVar[str] = "pattern"
    bundle: str  # digest of the deciding bundle; "" only when there was none and so nobody
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A read was decided. `payloads`: sha256 over each sealed payload's sha256 in subscriber order, "" for none."""

    kind: ClassVar[str] = "read"
    read_id: str
    camera: int  # position of its name
    pattern: int  # position
    age: int  # milliseconds from the capture to this entry
    replaces: int  # position of the read that this one corrects, 0 for none
    payloads: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """About to be handed to the broker for the first time; from here on a read counts as possibly received."""

    kind: ClassVar[str] = "sent"
    reads: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentToAll:
    """The same, when nobody is left out: `count` reads, each to everybody with whom its pattern shares it.

    The first stands `back` entries before this one, the others right after it.
    """

    kind: ClassVar[str] = "out"
    back: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """About to be handed to the broker once more."""

    kind: ClassVar[str] = "sent-again"
    reads: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The subscriber brought back the token from inside the sealed body."""

    kind: ClassVar[str] = "ack"
    reads: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementRefused:
    """A wrong token came for a waiting envelope; the first of each envelope is written."""

    kind: ClassVar[str] = "ack-refused"
    subscriber: int  # position of its name
    read: int  # position


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Decided again at the door, and not sent. `pattern` holds that decision; `sent` is 1 if it was sent before."""

    kind: ClassVar[str] = "refused"
    pattern: int
    read: int
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Envelopes deleted because their time was over, never sent or sent and not acknowledged."""

    kind: ClassVar[str] = "expired"
    unsent: tuple[Runs, ...]
    sent: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Envelopes deleted because a change of the policy took the right away."""

    kind: ClassVar[str] = "dropped"
    reasons: tuple[str, ...]
    unsent: tuple[Runs, ...]
    sent: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Envelopes deleted because too many were waiting, or for too long: oldest first. `limit` is `count` or `age`."""

    kind: ClassVar[str] = "discarded"
    limit: str
    unsent: tuple[Runs, ...]
    sent: tuple[Runs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """An entry of a kind that this version does not know: kept, hashed, not understood."""

    kind: str
    fields: tuple[object, ...]


Known = (
    Begun | Name | Pattern | Read | Sent | SentToAll | SentAgain | Acknowledged | AcknowledgementRefused | Refused
    | Expired | Dropped | Discarded | BundleAccepted | BundleRefused | Tightened | Switch | SubscriberChanged | Revoked
    | RevocationFailed | Granted | GrantFailed | Pinned | Held | HoldEnded | Start | Stop | Gap | ClockStep | SelfTest
    | Purge | ClockTrusted | Alarm | AlarmEnded | RightsApplied | Exported | Pruned | HotListsInForce
)  # fmt: skip
Entry = Known | Opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry in its place: `position` from 0, `at` in milliseconds since 1970 UTC."""

    position: int
    at: int
    entry: Entry
