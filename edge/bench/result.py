"""What a bench found: medians with their spread, ratios within each round, the score, how late reads are."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from edge.bench.plan import Kind, Outcome
from edge.bench.score import Said, Score, Truth, judge
from edge.shares import Share

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The median of all rounds, and the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> "Figure":
        """Of at least one value."""
        return cls(median=median(values), least=min(values), most=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All outcomes of all kinds, in the order of the rounds; `truths` is None when nobody told."""

    clip: str
    outcomes: dict[Kind, list[Outcome]]
    truths: tuple[Truth, ...] | None

    @property
    def cost(self) -> dict[Kind, Figure]:
        """CPU seconds for a minute of video."""
        seconds = self.outcomes[Kind.DECODING][0].seconds
        return {
            kind: Figure.of([60 * each.cpu / seconds for each in outcomes])
            for kind, outcomes in self.outcomes.items()
            if kind is not Kind.PACED
        }

    @property
    def ratios(self) -> dict[str, Figure]:
        """How much homerule takes of what others take, round by round; the name says of what."""
        below = {
            "of the naive loop with its defaults": (Kind.OURS, (Kind.NAIVE,)),
            "of the naive loop with one thread": (Kind.OURS, (Kind.NAIVE_ONE,)),
            "of decoding and the models' runs": (Kind.OURS, (Kind.DECODING, Kind.CALLS)),
            "of decoding": (Kind.OURS, (Kind.DECODING,)),
            "with a sub-stream, of the naive loop with one thread": (Kind.SUB, (Kind.NAIVE_ONE,)),
            "with a sub-stream, of decoding the main stream": (Kind.SUB, (Kind.DECODING,)),
        }
        return {
            name: Figure.of([self._share(kind, others, at) for at in range(len(self.outcomes[kind]))])
            for name, (kind, others) in below.items()
            if all(each in self.outcomes for each in (kind, *others))
        }

    @property
    def scores(self) -> dict[Kind, Score]:
        """What was read right, by those that read; of the naive loop, its surest frame of each vehicle."""
        if self.truths is None:
            return {}
        found: dict[Kind, Score] = {}
        for kind in (Kind.OURS, Kind.SUB, Kind.NAIVE_ONE):
            if kind in self.outcomes:
                first = self.outcomes[kind][0]
                reads = [Said(text=a, confidence=b, first=c, last=d) for a, b, c, d in first.said]
                found[kind] = judge(reads, self.truths, corrections=first.corrections)
        return found

    @property
    def late(self) -> dict[int, float]:
        """Milliseconds from a passage's last needed frame to its commit, in real time, by percentile."""
        paced = self.outcomes.get(Kind.PACED, [])
        values = sorted(each for outcome in paced for each in outcome.late)
        return {share: round(1000 * values[_rank(share, len(values))], 1) for share in PERCENTILES} if values else {}

    def told(self) -> dict[str, Any]:
        """All of it for JSON. No plate is in it."""
        paced = self.outcomes.get(Kind.PACED, [])
        ours = self.outcomes[Kind.OURS][0]
        passes = len(self.truths) if self.truths else 0
        return {
            "clip": self.clip,
            "seconds": round(self.outcomes[Kind.DECODING][0].seconds, 2),
            "rounds": len(self.outcomes[Kind.OURS]),
            "cpu_seconds_per_video_minute": {kind.value: _figure(each) for kind, each in self.cost.items()},
            "ratios": {name: _figure(each) for name, each in self.ratios.items()},
            "calls": {
                "detector": ours.looks,
                "at_parts": ours.parts,
                "reader": ours.readings,
                "detector_per_passage": round(ours.looks / passes, 1) if passes else None,
                "reader_per_passage": round(ours.readings / passes, 1) if passes else None,
            },
            "scores": {kind.value: _score(each) for kind, each in self.scores.items()},
            "in_real_time": {
                "milliseconds_to_outbox": {f"p{share}": value for share, value in self.late.items()},
                "dropped_frames": paced[0].dropped,
                "frames": paced[0].frames,
                "peak_megabytes": round(paced[0].peak, 1),
                "cold_start_seconds": round(paced[0].cold, 2),
            }
            if paced
            else None,
            "peak_megabytes": {
                kind.value: round(max(one.peak for one in runs), 1) for kind, runs in self.outcomes.items()
            },
        }

    def _share(self, kind: Kind, others: tuple[Kind, ...], at: int) -> float:
        return self.outcomes[kind][at].cpu / max(1e-9, sum(self.outcomes[other][at].cpu for other in others))


def _rank(share: int, count: int) -> int:
    """The place of a percentile among sorted values: the nearest rank."""
    return max(0, -(-share * count // 100) - 1)


def _figure(figure: Figure) -> dict[str, float]:
    return {"median": round(figure.median, 3), "least": round(figure.least, 3), "most": round(figure.most, 3)}


def _score(score: Score) -> dict[str, Any]:
    counts = {"passes": score.passes, "reads": score.reads, "false": score.false_reads}
    return {**counts, "corrections": score.corrections, **{name: _share(each) for name, each in score.shares.items()}}


def _share(share: Share) -> dict[str, float | int]:
    low, high = share.interval
    counts = {"right": share.right, "of": share.of}
    return counts | {"value": round(share.value, 4), "low": round(low, 4), "high": round(high, 4)}
