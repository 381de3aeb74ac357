"""A report as values; its JSON is these fields under these names, and report.schema.json says so.

A count of decisions is a count of reads times agencies. In every `Counts`, withheld + refused + never_sent + sent +
acknowledged = decisions; expired, dropped and discarded say what became of some of never_sent and sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.audit.hotlists import HotListPeriod
from edge.audit.rights import Rights

FORMAT: Literal["homerule-audit-report"] = "homerule-audit-report"
VERSION: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of decisions: withheld on the camera, refused at the door, never sent, sent without a receipt so far,
    acknowledged. Deleted at the end of their time (expired), with a right (dropped), as too many (discarded)."""

    decisions: int = 0
    withheld: int = 0
    refused: int = 0
    never_sent: int = 0
    sent: int = 0
    acknowledged: int = 0
    expired: int = 0
    dropped: int = 0
    discarded: int = 0

    @property
    def left(self) -> int:
        """Reads that count as possibly received."""
        return self.sent + self.acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The audit log that was read. `root` is the hash of its tree (hex), None where entries are missing.
    `checkpoint` is the size of the newest signed checkpoint in it and `sealed` whether entries and signature fit it;
    `key` the device's public key, `key_from` where it was taken from. `bundles_whole`: each policy is as accepted.
    """

    device: str
    ledger_id: str
    mode: str
    where: str
    entries: int
    missing: int
    earliest: datetime | None
    latest: datetime | None
    root: str | None
    checkpoint: int | None
    sealed: bool
    fault: str | None
    key: str
    key_from: Literal["log", "given"]
    bundles_whole: bool
    unknown_kinds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was asked: None is all that there is; and the time that this came to."""

    began: datetime | None
    ended: datetime | None
    cameras: tuple[str, ...] | None
    subscribers: tuple[str, ...] | None
    covers_from: datetime
    covers_to: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Reads of one camera."""

    camera: str
    reads: int
    corrections: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Reads that one agency was to get on one basis: the channel, the reasons, what it was bound to, the bundles.
    `first` and `last` are of the sends."""

    channel: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    bundles: tuple[str, ...]
    counts: Counts
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Reads that one agency did not get, and why: decided on the camera, or again at the door before a send.
    `door-after-send`: no longer sent again; these count as possibly received."""

    where: Literal["camera", "door", "door-after-send"]
    reasons: tuple[str, ...]
    bundles: tuple[str, ...]
    reads: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One subscriber, as the bundles that decided about it name it; `bundles` are all of the time that name it so.
    One that a later bundle renames, or makes of another kind or state, or the owner, stands there once for each, in
    their order, and a read where it was decided first. Where a bundle cannot be read, what it was is not known: empty.
    `first_ever` is the first send to it in the whole log, as named here; `first_of_id`: nothing was sent to its id
    before, whatever its name. `of_earlier`: sent within the time asked about, of reads from before it; `later`: reads
    that are counted, but were sent after it; `again`: resends."""

    subscriber: str
    name: str
    kind: str
    state: str
    is_owner: bool
    bundles: tuple[str, ...]
    counts: Counts
    first_ever: datetime | None
    first_ever_within: bool
    first_of_id: bool
    first: datetime | None
    last: datetime | None
    of_earlier: int
    later: int
    again: int
    grounds: tuple[Ground, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why reads were withheld on the camera: how often as the primary reason, how often at all, from whom."""

    code: str
    sentence: str
    primary: int
    all: int
    subscribers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A law pack inside a bundle."""

    id: str
    title: str
    version: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A bundle in force from `since` to `until` (None: still at the end of the log). `whole`: as it was accepted;
    `readable`: this version understands it. `by` is who tightened it without a signature."""

    position: int
    digest: str
    version: int
    revision: int
    signed: bool
    since: datetime
    until: datetime | None
    by: str
    whole: bool
    readable: bool
    valid_until: datetime | None
    owner: str
    place: str
    reviewed_by: str
    banned: tuple[str, ...]
    undelivered_hours: float | None
    packs: tuple[Pack, ...]
    files: tuple[tuple[str, str], ...]
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPeriod:
    """A switch at one value; `until` None: still at the end of the log."""

    switch: str
    value: str
    since: datetime
    until: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Something else that the log says, in plain words; `sort` is the kind of its entry."""

    at: datetime
    sort: str
    about: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """An agreement that ended: the last send before, the first read withheld after, and what left after all. `name` is
    that of the agency while it stood; of what left after, some did when the id was `otherwise`: another agency.
    `refused_otherwise`: a read was withheld from that one, and until then none from this one."""

    subscriber: str
    name: str
    agreement: str
    form: str
    document_sha256: str
    why: Literal["expired", "revoked", "removed"]
    at: datetime
    last_sent_before: datetime | None
    first_refused_after: datetime | None
    refused_otherwise: bool
    reasons: tuple[str, ...]
    sent_after: int
    sent_after_otherwise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch with a word for what it is; `ended` None: not over at the end of the log. `blind`: of this time
    nothing is known of any camera."""

    what: str
    why: str
    said: str
    began: datetime
    ended: datetime | None
    blind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The program ran."""

    software: str
    began: datetime
    ended: datetime
    how: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Things deleted at the end of their time, or, `failed`, not; or reads that could not be recorded."""

    at: datetime
    what: str
    count: int
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Reads that were taken in from this hour on, for one hour."""

    hour: datetime
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole of a report."""

    format: Literal["homerule-audit-report"]
    version: Literal[1]
    made_at: datetime
    software: str
    log: Log
    question: Question
    reads: int
    corrections: int
    counts: Counts
    cameras: tuple[Camera, ...]
    agencies: tuple[Agency, ...]
    reasons: tuple[Reason, ...]
    policies: tuple[Policy, ...]
    hotlists: tuple[HotListPeriod, ...]
    switches: tuple[SwitchPeriod, ...]
    words: tuple[Word, ...]
    lapsed: tuple[Lapsed, ...]
    gaps: tuple[Gap, ...]
    gaps_omitted: int
    unknown: tuple[tuple[datetime, datetime], ...]
    runs: tuple[Running, ...]
    losses: tuple[Loss, ...]
    rights: tuple[Rights, ...]
    hours: tuple[Hour, ...]
