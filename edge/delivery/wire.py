"""PURE: the shape of what travels, version 1. What a stranger sends is held to it: nothing missing, nothing more.

The body is a CloudEvents 1.0 JSON object (structured mode). Its extension attributes have CloudEvents' plain types, so
obligations are one text with spaces between and the checkpoint is Binary, that is base64.
Source: CloudEvents 1.0.2 and its JSON format.
"""

import base64
import json
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from edge.errors import EnvelopeError

Version = Annotated[int, Field(ge=1, le=1)]  # a Literal[1] would take `true`
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
ReadId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}\.[a-z0-9-]{1,64}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]
Codes = Annotated[str, StringConstraints(pattern=r"^([a-z0-9_-]{1,64}( [a-z0-9_-]{1,64}){0,31})?$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Plate = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Alarm = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_:-]{1,128}$")]
Binary = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]

M = TypeVar("M", bound=BaseModel)


class Kind(StrEnum):
    """What a message says: a read, a better reading of an earlier one, or that an earlier hit was none."""

    READ = "org.homerule.read.v1"
    CORRECTION = "org.homerule.correction.v1"
    WITHDRAWAL = "org.homerule.withdrawal.v1"


class _Strict(BaseModel):
    # a mistake in a message must not put the plate that it carries into an exception
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Header(_Strict):
    """The clear header: all that the broker sees beside the topic. `key` names the key that opens the seal."""

    v: Version
    device: Name
    subscriber: Name
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    bundle: Digest


class Place(_Strict):
    """Where the read was taken."""

    state: Short
    county_fips: Short | None = None
    place: Short | None = None


class HitFacts(_Strict):
    """Which entry of which hot list the plate matched."""

    list_id: Short
    entry_id: Short
    purpose: Code
    source_agency: Short


class PackFacts(_Strict):
    """A law pack under which the read was taken."""

    id: Name
    sha256: Digest


class ReadFacts(_Strict):
    """What was read. `crop` is a JPEG in base64, for the owner only."""

    plate: Plate = Field(repr=False)
    confidence: Share
    lowest_character_confidence: Share
    first_seen: AwareDatetime
    best_seen: AwareDatetime
    last_seen: AwareDatetime
    frames: Annotated[int, Field(ge=1)]
    jurisdiction: Place
    owner: Name
    packs: tuple[PackFacts, ...] = ()
    flags: tuple[Code, ...]
    hits: tuple[HitFacts, ...]
    replaces: ReadId | None = None
    crop: Binary | None = Field(default=None, repr=False)


class Withdrawn(_Strict):
    """Which earlier read is taken back. The new plate is not told."""

    replaces: ReadId


class Body(_Strict):
    """The CloudEvents object inside the seal."""

    specversion: Literal["1.0"]
    id: MessageId
    source: Annotated[str, StringConstraints(pattern=r"^homerule/[a-z0-9-]{1,64}$")]
    type: Kind
    time: AwareDatetime
    datacontenttype: Literal["application/json"]
    subject: Short | None = None  # the camera; left out with `coarse_place`
    device: Name
    subscriber: Name
    sealkey: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    bundledigest: Digest
    channel: Code
    expiresat: AwareDatetime
    retainuntil: AwareDatetime
    test: bool
    obligations: Codes
    acktoken: Token = Field(repr=False)
    checkpoint: Binary | None = None
    data: ReadFacts | Withdrawn

    @model_validator(mode="after")
    def _agrees_with_its_type(self) -> "Body":
        if (self.type is Kind.WITHDRAWAL) != isinstance(self.data, Withdrawn):
            raise ValueError("type and data do not agree")
        if (self.type is Kind.READ) != (self.data.replaces is None):
            raise ValueError("type and replaces do not agree")
        return self


class Acknowledgement(_Strict):
    """A subscriber's word that a message is safely stored. The subscriber itself is taken from the topic."""

    message_id: MessageId
    acktoken: Token = Field(repr=False)


class BundleWord(_Strict):
    """Which bundle is in force, and which switches are off in it."""

    digest: Digest
    version: Annotated[int, Field(ge=0)]
    revision: Annotated[int, Field(ge=0)]
    valid_until: AwareDatetime
    opt_outs: tuple[Code, ...]


class CameraWord(_Strict):
    """Whether a camera gives pictures."""

    id: Name
    connected: bool


class StatusWord(_Strict):
    """How a device stands, on its status topic: not signed, so nothing may rest on it but a person's attention.

    `lost` is the will that the broker publishes when the device is gone; it has no other facts. No text that somebody
    wrote is in it, so no plate can be.
    """

    v: Version
    device: Name
    state: Literal["running", "stopped", "lost"]
    test: bool
    at: AwareDatetime | None = None
    software: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+-]{1,64}$")] | None = None
    bundle: BundleWord | None = None
    held: bool | None = None
    clock_trusted: bool | None = None
    cameras: tuple[CameraWord, ...] = ()
    reads_waiting: Annotated[int, Field(ge=0)] | None = None
    free_megabytes: Annotated[int, Field(ge=0)] | None = None
    alarms: tuple[Alarm, ...] = ()


class CheckpointWord(_Strict):
    """The newest checkpoint of a device's audit log, on its topic: a C2SP signed note in base64, as in a read.

    The note alone is signed; `at` is when the device said so.
    """

    v: Version
    device: Name
    at: AwareDatetime
    checkpoint: Binary


def canonical(content: dict[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only: the same content is always the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode(
        "ascii"
    )


def said(word: BaseModel) -> bytes:
    """A message as it travels: canonical JSON, what has no value left out."""
    return canonical(word.model_dump(mode="json", exclude_none=True, exclude_unset=True))


def parse(model: type[M], content: bytes, *, what: str) -> M:
    """`content` as `model`; EnvelopeError names the first field that is wrong, never what stood in it."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"] if isinstance(step, int) or step in _FIELDS)
        raise EnvelopeError(f"{what} is not version 1 of the wire format{f', at `{where}`' if where else ''}") from None


def decoded(text: str, *, what: str) -> bytes:
    """The bytes that a Binary attribute spells; EnvelopeError if it spells none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise EnvelopeError(f"{what} is not base64") from None


def encoded(content: bytes) -> str:
    """A Binary attribute."""
    return base64.b64encode(content).decode("ascii")


# only names of ours may appear in a message: a stranger's key could carry a plate
_FIELDS = frozenset(
    field
    for model in (
        *(Header, Place, HitFacts, PackFacts, ReadFacts, Withdrawn, Body, Acknowledgement),
        *(BundleWord, CameraWord, StatusWord, CheckpointWord),
    )
    for field in model.model_fields
)
