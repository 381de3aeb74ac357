"""Every value that passes from room to room, in the order in which they are made.

All are frozen: a room wraps a value, it does not edit it. Times are aware datetimes in UTC. `repr` never shows a plate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
else:
    Pixels = Any  # numpy takes a tenth of a second to load, which only who looks at pictures should spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A reading of the clock: the time, and whether it may be believed."""

    at: datetime
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright rectangle in pixels of its frame, (x1, y1) top left, (x2, y2) bottom right."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1


Corners = tuple[int, int, int, int]
"""A rectangle in whole pixels: x1, y1, x2, y2, as in Box."""


class Picture(Protocol):
    """What a frame shows, as its decoder left it: only what is asked for is converted. All pixels are BGR, uint8."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def luma(self, step: int) -> Pixels:
        """A copy of every `step`-th pixel of every `step`-th row of the brightness, as bright as it was filmed."""
        ...

    def scaled(self, size: tuple[int, int], part: Corners | None = None) -> Pixels:
        """The whole of it, or a part, in another size (width, height): height x width x 3."""
        ...

    def cut(self, x1: int, y1: int, x2: int, y2: int) -> Pixels:
        """A copy of the rectangle from (x1, y1) up to, not with, (x2, y2), which lies inside."""
        ...

    def pixels(self) -> Pixels:
        """The whole of it, height x width x 3; costs as much as decoding did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of one camera."""

    camera_id: str
    sequence: int
    captured_at: datetime
    picture: Picture = field(repr=False)

    @property
    def pixels(self) -> Pixels:
        """The whole picture, height x width x 3, uint8, BGR, converted anew at each call."""
        return self.picture.pixels()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Where the detector sees a plate; `confidence` in 0..1."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRead:
    """What one passage of one vehicle was read as, its text voted over `frames` looks. `replaces` names the read that
    this one corrects. `crop` is the best look at the plate, BGR, kept in memory only."""

    read_id: str
    camera_id: str
    first_seen: datetime
    best_seen: datetime
    last_seen: datetime
    box: Box
    text: str = field(repr=False)
    confidence: float
    lowest_character_confidence: float
    frames: int
    replaces: str | None = None
    crop: Pixels | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """The place of capture; it alone decides which law applies. `state` is ISO 3166-2, such as `US-IL`."""

    state: str
    county_fips: str | None = None
    place: str | None = None


class Flag(StrEnum):
    """Sharing flags on a read. A flag only narrows what the policy allows."""

    NO_NATIONAL_LOOKUP = "no_national_lookup"
    NO_STATEWIDE_LOOKUP = "no_statewide_lookup"
    NO_OUT_OF_STATE = "no_out_of_state"
    NO_FEDERAL = "no_federal"
    NO_PRIVATE = "no_private"
    NO_FOREIGN = "no_foreign"
    HIT_ONLY = "hit_only"
    NO_IMAGE = "no_image"
    NO_ONWARD = "no_onward"
    SINGLE_FRAME = "single_frame"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An entry of a hot list that a read matched. The pattern stays in the list; `mark` is another where that is.

    `offence_state` is the state under whose law the offence is one, `case` the case for which the entry stands there.
    """

    list_id: str
    entry_id: str
    source_agency: str
    purpose: str
    offence_grade: str | None
    expires_at: datetime
    offence_state: str | None = None
    case: str | None = None
    mark: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The plate-free facts of a read: all that a decision may see, and that the outbox keeps to decide again.

    `packs` are the law packs under which it was taken, each by its id and sha256.
    """

    read_id: str
    camera_id: str
    captured_at: datetime
    jurisdiction: Jurisdiction
    owner: str
    flags: frozenset[Flag]
    hits: tuple[Hit, ...]
    retain_until: datetime
    test: bool
    replaces: str | None = None
    packs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedRead:
    """A read and its tags."""

    read: PlateRead
    tags: Tags


class Effect(StrEnum):
    """What a decision says."""

    SHARE = "share"
    WITHHOLD = "withhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether one subscriber gets one read, through which channel, and every reason, the primary one first."""

    read_id: str
    subscriber_id: str
    effect: Effect
    channel: str | None
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    bundle_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A read sealed for one subscriber. `header` is the clear header's exact bytes, `payload` the whole wire message.

    `ack_digest` is the sha256 of the token that its subscriber must bring back to settle the row, and that is kept only
    inside the seal. `tags` are the facts that it was decided on, with no other hits than its subscriber is told of.
    """

    message_id: str
    subscriber_id: str
    topic: str
    header: bytes
    payload: bytes
    expires_at: datetime
    ack_digest: bytes
    tags: Tags

    @property
    def original(self) -> str | None:
        """The message that this one corrects or takes back."""
        return None if self.tags.replaces is None else f"{self.tags.replaces}.{self.subscriber_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row of the outbox: an envelope not yet acknowledged, with what is needed to decide again.

    `position` is that of its read in the audit log: a subscriber's reads are sent in that order. `channel` is the one
    by which it is shared, `original_sent` False for a correction or withdrawal of what its subscriber was not sent. A
    `withdrawal` says only that an earlier hit was none."""

    envelope: Envelope
    position: int
    obligations: tuple[str, ...]
    bundle_digest: str
    decided_at: datetime
    sent_at: datetime | None
    attempts: int
    channel: str = ""
    original_sent: bool = True
    withdrawal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that is recorded of one read: a decision for each subscriber, an envelope for each that is allowed it; and
    the versions of the hot lists that it was looked up in (`policy.issued.ListVersion`)."""

    tagged: TaggedRead
    decisions: tuple[Decision, ...]
    envelopes: tuple[Envelope, ...]
    hotlists: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a subscriber brought back: the token from inside the sealed body settles the message."""

    subscriber_id: str
    message_id: str
    ack_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of the audit tree, and the signed note (C2SP) that vouches for it."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """A bundle as it stands on disk: the manifest's exact bytes, its signature, every file that it covers."""

    manifest: bytes
    signature: bytes | None
    files: Mapping[str, bytes]


Steps = tuple[tuple[str, int], ...]
"""What was done, in order: each step's name, and how many milliseconds it took."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Grant:
    """A subscriber that may read what is meant for it, and the name in its certificate: that is its name there."""

    subscriber_id: str
    certificate_name: str
