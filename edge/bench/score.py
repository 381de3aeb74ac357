"""Reads against the truth: which vehicles were seen, how many texts are right, what was read twice or was not there.

A correction stands in the place of the read that it names. Pure, but for `truths`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge import disk
from edge.errors import ConfigError
from edge.measure.labelled import signs
from edge.shares import Share
from edge.values import PlateRead
from edge.vision.texts import differences

SLACK_SECONDS = 1.5
"""A read may begin and end so much beside its vehicle's time."""
_FOLDED = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One vehicle: its plate, and from when to when it is in the picture, in seconds of the clip."""

    plate: str = field(repr=False)
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody read, with its confidence (0..1), and in which seconds of the clip."""

    text: str = field(repr=False)
    confidence: float
    first: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A vehicle that was read wrongly or, with no text, not at all; or a read of no vehicle, with no plate."""

    plate: str = field(repr=False)
    text: str = field(repr=False)
    confidence: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts over one clip or several. `folded`: right when O counts as 0 and I as 1."""

    passes: int = 0
    seen: int = 0
    exact: int = 0
    folded: int = 0
    reads: int = 0
    duplicates: int = 0
    false_reads: int = 0
    corrections: int = 0
    misses: tuple[Miss, ...] = ()

    def __add__(self, other: "Score") -> "Score":
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in Score.__dataclass_fields__})

    @property
    def shares(self) -> dict[str, Share]:
        """The figures that are shares, by name: of the vehicles, but for `precision`, which is of the reads."""
        return {
            "recall": Share(right=self.seen, of=self.passes),
            "exact": Share(right=self.exact, of=self.passes),
            "folded": Share(right=self.folded, of=self.passes),
            "precision": Share(right=self.reads - self.false_reads, of=self.reads),
            "duplicates": Share(right=min(self.duplicates, self.passes), of=self.passes),
        }


def _legible(plate: str) -> str:
    """As readers give it, so that blanks, dashes and small letters make no read wrong."""
    if not signs(plate):
        raise ValueError("has no letter or digit")
    return signs(plate)


class _Pass(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    plate: Annotated[str, Field(max_length=20), AfterValidator(_legible)]
    start: Annotated[float, Field(ge=0)]
    end: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _ends_later(self) -> "_Pass":
        if self.end <= self.start:
            raise ValueError("ends before it starts")
        return self


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    fps: Annotated[float, Field(gt=0)]
    passes: Annotated[tuple[_Pass, ...], Field(min_length=1)]


def truths(path: Path) -> tuple[Truth, ...]:
    """The truth as it is written: `{"fps": 30, "passes": [{"plate": "ABC123", "start": 30, "end": 84}]}`, in frames.

    Raises ConfigError.
    """
    try:
        told = _Told.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        why = disk.why(error)
        raise ConfigError(f"`{path}`: cannot be read ({why}), name the clip's truth with `--truth`") from error
    except (ValueError, ValidationError, RecursionError):
        raise ConfigError(
            f"`{path}`: is no truth of a clip, write"
            ' {"fps": 30, "passes": [{"plate": "ABC123", "start": 30, "end": 84}]}, in frames,'
            " with at least one pass, and a letter or a digit on each plate"
        ) from None
    return tuple(Truth(plate=one.plate, start=one.start / told.fps, end=one.end / told.fps) for one in told.passes)


def said(reads: Sequence[PlateRead], *, start: datetime) -> list[Said]:
    """Reads of a clip that began at `start`, as they stand once all corrections have come."""
    replaced = {read.replaces for read in reads if read.replaces is not None}
    return [
        Said(
            text=read.text,
            confidence=read.confidence,
            first=(read.first_seen - start).total_seconds(),
            last=(read.last_seen - start).total_seconds(),
        )
        for read in reads
        if read.read_id not in replaced
    ]


def shared_out(given: Sequence[Said], told: Sequence[Truth]) -> tuple[dict[Truth, list[Said]], list[Said]]:
    """The reads of each vehicle, those of its time that resemble it most, and the reads of none."""
    mine: dict[Truth, list[Said]] = {truth: [] for truth in told}
    strangers: list[Said] = []
    for one in given:
        near = [truth for truth in told if _belongs(one, truth)]
        if near:
            mine[min(near, key=lambda truth: differences(one.text, truth.plate))].append(one)
        else:
            strangers.append(one)
    return mine, strangers


def judge(given: Sequence[Said], told: Sequence[Truth], *, corrections: int = 0) -> Score:
    """One vehicle is right by its surest read."""
    mine, strangers = shared_out(given, told)
    best = {truth: max(reads, key=lambda one: one.confidence) for truth, reads in mine.items() if reads}
    right = {truth for truth, one in best.items() if folded(one.text) == folded(truth.plate)}
    misses = [
        Miss(plate=truth.plate, text=one.text if one else "", confidence=one.confidence if one else 0.0, at=truth.start)
        for truth, one in ((truth, best.get(truth)) for truth in told)
        if truth not in right
    ]
    misses += [Miss(plate="", text=one.text, confidence=one.confidence, at=one.first) for one in strangers]
    return Score(
        passes=len(told),
        seen=len(best),
        exact=sum(one.text == truth.plate for truth, one in best.items()),
        folded=len(right),
        reads=len(given),
        duplicates=sum(len(reads) - 1 for reads in mine.values() if reads),
        false_reads=len(strangers),
        corrections=corrections,
        misses=tuple(misses),
    )


def folded(text: str) -> str:
    """O as 0 and I as 1: on most plates nobody can tell them apart."""
    return text.translate(_FOLDED)


def _belongs(one: Said, truth: Truth) -> bool:
    in_time = one.first <= truth.end + SLACK_SECONDS and one.last >= truth.start - SLACK_SECONDS
    return in_time and 2 * differences(one.text, truth.plate) < max(len(one.text), len(truth.plate))
