"""PURE: the entries that are of no read: bundles, rights, the clock, the models, start and stop.

What `entries.py` says of bytes and of fields that last holds here too; they are imported from there.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleAccepted:
    """A bundle came into force. Its bytes are kept whole beside the log; these digests vouch for every one of them."""

    kind: ClassVar[str] = "bundle"
    digest: str  # sha256 of the manifest
    version: int
    revision: int
    signed: int
    signature: str  # sha256 of the signature, "" for none
    files: tuple[tuple[str, str], ...]  # name, sha256; by name


@dataclass(frozen=True, slots=True, kw_only=True)
class HotListsInForce:
    """The hot lists in force from here to the next of these, or to the next start: by id, each with its source's number
    and the sha256 of its source's word, which is the whole file ID.csv.sig or ID.toml.sig beside it; or with 0 and the
    sha256 of the list, where the city signs it itself and names that in its bundle. Every hit of the reads that follow
    on one of them is a hit on this version, and a list that is not here has none; a read may have been decided before
    a list was at hand, and be no hit for that."""

    kind: ClassVar[str] = "hotlists"
    lists: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRefused:
    """A bundle was offered and refused; `digest` is "" and `version` 0 where it could not be read that far."""

    kind: ClassVar[str] = "bundle-refused"
    digest: str
    version: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightened:
    """An unsigned narrowing of the policy was accepted, from one bundle's digest to another's."""

    kind: ClassVar[str] = "tightened"
    before: str
    after: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One sharing switch moved, such as `national_lookup` from `true` to `false`."""

    kind: ClassVar[str] = "switch"
    switch: str
    before: str
    after: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberChanged:
    """A subscriber was added, changed, suspended, resumed or removed."""

    kind: ClassVar[str] = "subscriber"
    subscriber: str
    change: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A right was taken away; how many milliseconds each step took."""

    kind: ClassVar[str] = "revoked"
    subscriber: str
    steps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationFailed:
    """A right could not be taken away wholly: at which step. The gate stays shut; this is tried again."""

    kind: ClassVar[str] = "revocation-failed"
    subscriber: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The broker was told to let a subscriber in, after its old session was purged; milliseconds of each step."""

    kind: ClassVar[str] = "granted"
    subscriber: str
    steps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFailed:
    """A right could not be given: at which step. The gate stays shut; this is tried again."""

    kind: ClassVar[str] = "grant-failed"
    subscriber: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsApplied:
    """All rights at the broker were set anew and read back, at the start or after it was lost; nothing old waits there.

    `granted` is how many subscribers have a right now, `took` the milliseconds.
    """

    kind: ClassVar[str] = "rights-applied"
    granted: int
    took: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The city's public key (base64 of 32 bytes) that is trusted from here on: at the start, and after a rotation."""

    kind: ClassVar[str] = "pinned"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """From here on owner only, because of the city's files, the clock, or the ledger's own standing."""

    kind: ClassVar[str] = "held"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded:
    """The bundle in force holds again for everybody whom it names."""

    kind: ClassVar[str] = "hold-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The daemon, a replay or a demo began. `after` says how the run before ended: first, stop or crash."""

    kind: ClassVar[str] = "start"
    software: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """It ended on purpose."""

    kind: ClassVar[str] = "stop"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nothing is known of `what` (a camera, the ledger, ...) between two times in milliseconds since 1970 UTC."""

    kind: ClassVar[str] = "gap"
    what: str
    began: int
    ended: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep:
    """The clock was moved by so many milliseconds."""

    kind: ClassVar[str] = "clock-step"
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """A model looked at a known image."""

    kind: ClassVar[str] = "self-test"
    model: str
    digest: str
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """So many things were deleted at the end of their retention; `failed` is 1 when they could not be. Of `entries not
    recorded` and `reads not recorded` it is 1 too: so many were lost, because the log could not be written."""

    kind: ClassVar[str] = "purge"
    what: str
    count: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An archive of the entries `first` up to, not with, `last` was made; `sha256` of the whole file in hex."""

    kind: ClassVar[str] = "export"
    first: int
    last: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Entries from `first` up to, not with, `last` may be gone from here on: these archives (sha256) hold them."""

    kind: ClassVar[str] = "pruned"
    first: int
    last: int
    archives: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTrusted:
    """Whether the clock may be believed from here on, and who says so, such as `timesyncd`, `holdover`, `injected`."""

    kind: ClassVar[str] = "clock-trust"
    trusted: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something needs a person: a word for what, such as `floor` or `broker-rights`, and why."""

    kind: ClassVar[str] = "alarm"
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEnded:
    """What an alarm said is over."""

    kind: ClassVar[str] = "alarm-ended"
    what: str
