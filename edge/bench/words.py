"""A bench's result for a person: a few lines, each figure with its spread."""

from collections.abc import Iterator

from edge.bench.plan import Kind
from edge.bench.result import Figure, Result
from edge.bench.score import Score
from edge.shares import Share


def lines(result: Result) -> Iterator[str]:
    """Line by line; no plate is in them."""
    told = result.told()
    yield f"{result.clip}: {told['seconds']:.0f} s of video, {told['rounds']} rounds, median (least to most)"
    yield ""
    yield "CPU seconds for a minute of video"
    for kind, figure in result.cost.items():
        yield f"  {kind.value:<32}{_spread(figure, 1)}"
    yield ""
    yield "homerule takes"
    for name, figure in result.ratios.items():
        yield f"  {figure.median:5.2f} {name} ({figure.least:.2f} to {figure.most:.2f})"
    calls = told["calls"]
    each = f", {calls['detector_per_passage']} and {calls['reader_per_passage']} for a vehicle" if result.truths else ""
    yield f"  {calls['detector']} runs of the detector and {calls['reader']} of the reader{each};"
    yield f"  {calls['at_parts']} of the detector's looked at a part of the picture"
    for kind, score in result.scores.items():
        yield ""
        yield from _scored(kind, score)
    paced = told["in_real_time"]
    if paced:
        late = ", ".join(f"{name} {value:.0f} ms" for name, value in paced["milliseconds_to_outbox"].items())
        yield ""
        yield "in real time"
        yield f"  from capture to outbox: {late or 'no vehicle was read'}"
        yield f"  {paced['dropped_frames']} of {paced['dropped_frames'] + paced['frames']} frames dropped"
        yield f"  {paced['peak_megabytes']:.0f} MB at most, {paced['cold_start_seconds']:.1f} s to the first frame"


def _scored(kind: Kind, score: Score) -> Iterator[str]:
    surest = ", its surest frame of each vehicle" if kind is Kind.NAIVE_ONE else ""
    yield f"{kind.value}{surest}: {score.passes} vehicles, {score.reads} reads"
    names = ["recall", "exact", "folded"] + ([] if surest else ["precision", "duplicates"])
    for name in names:
        yield f"  {name:<12}{_percent(score.shares[name])}"
    if not surest:
        yield f"  {score.false_reads} false reads, {score.corrections} corrections"


def _percent(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:6.1%}  ({share.right} of {share.of}, 95 % interval {low:.1%} to {high:.1%})"


def _spread(figure: Figure, digits: int) -> str:
    return f"{figure.median:8.{digits}f}  ({figure.least:.{digits}f} to {figure.most:.{digits}f})"
