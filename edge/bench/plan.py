"""What is to be measured, and what one run of it gave: plain values that pass between processes as JSON."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What a run does with the clip."""

    OURS = "homerule"
    SUB = "homerule, sub-stream watched"
    NAIVE = "naive loop, defaults"
    NAIVE_ONE = "naive loop, one thread"
    DECODING = "decoding only"
    DECODING_SUB = "decoding the sub-stream only"
    CALLS = "the models' runs only"
    PACED = "in real time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A clip, its truth and its sub-stream if it has them, and the models."""

    clip: Path
    truth: Path | None = None
    sub: Path | None = None
    models: Path | None = None
    detector: str | None = None
    reader: str | None = None
    repeats: int = 5
    baselines: bool = True
    paced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run: what a child is told. `spawned` is the second of the monotonic clock in which it was started."""

    kind: Kind
    clip: str
    sub: str | None
    models: str | None
    detector: str | None
    reader: str | None
    looks: int = 0
    parts: int = 0
    readings: int = 0
    spawned: float = 0.0

    def written(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Order":
        """Back again."""
        told = json.loads(text)
        return cls(**{**told, "kind": Kind(told["kind"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run gave. CPU seconds are those of the work alone, without loading; `said` as in score.Said. Of the
    `looks`, so many were at `parts` of a picture.

    `late` are seconds from the capture of the frame that completed a passage to its commit, `cold` those from the
    process's start to the end of its first frame, `peak` is in MB.
    """

    cpu: float
    seconds: float
    peak: float
    frames: int = 0
    dropped: int = 0
    looks: int = 0
    parts: int = 0
    readings: int = 0
    corrections: int = 0
    cold: float = 0.0
    said: list[tuple[str, float, float, float]] = field(default_factory=list, repr=False)
    late: list[float] = field(default_factory=list)

    def written(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Outcome":
        """Back again."""
        told: dict[str, Any] = json.loads(text)
        return cls(**{**told, "said": [(str(a), float(b), float(c), float(d)) for a, b, c, d in told["said"]]})
