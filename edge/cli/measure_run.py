"""What `homerule models evaluate | tune` do; loads the models' runtime."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge import config
from edge.cli.models import DEVICE
from edge.cli.outputs import Output, require_places
from edge.clock import SystemClock
from edge.config import ModelChoice
from edge.desk.device import Value, set_models
from edge.disk import shown
from edge.measure import JOINT, Choice, Figures, Pair, Tried, Tuning, chart, draw, known, load, sheet
from edge.measure import evaluate as measured
from edge.measure import tune as tried_out
from edge.measure.evaluate import MARK, MARK_AT
from edge.selftest import SelfTest
from edge.shares import Share
from edge.vision import Models, models_folder, read_manifest
from edge.vision.models import Kind, Stored, find_model

NOTE = "homerule models tune: "
"""What each comment that it writes into device.toml begins with."""


def evaluate(
    folder: Path,
    *,
    detector: str | None,
    reader: str | None,
    models: Path | None,
    margin: float | None,
    unlabelled: Path | None,
    as_json: bool,
    charted: Path | None,
    sheeted: Path | None,
) -> None:
    """`homerule models evaluate`."""
    require_places(
        Output(option="--chart", path=charted, begins=MARK, at=MARK_AT),
        Output(option="--sheet", path=sheeted, begins=MARK, at=MARK_AT),
    )
    pair = load(models, detector, reader, margin)
    found = measured(folder, pair, unlabelled=unlabelled, errors=sheeted is not None)
    if charted is not None:
        draw(charted, chart(found.figures, shown(folder.resolve().name)))
    if sheeted is not None:
        draw(sheeted, sheet(found.errors))
    if as_json:
        print(json.dumps(_table(folder, pair, found.figures), indent=2))
        return
    for line in _lines(folder, pair, found.figures):
        print(line)
    if charted is not None:
        print(f"drawn: {charted}")
    if sheeted is not None:
        print(f"{len(found.errors)} errors, with their plates: {sheeted} (mode 0600; delete it after use)")


def _table(folder: Path, pair: Pair, figures: Figures) -> dict[str, object]:
    """Nested; and the figures once more by their dotted names, for who looks them up by one key."""
    table = {"folder": shown(folder), **figures.table()}
    for kind, which in (("detector", pair.finds), ("reader", pair.reads)):
        inner = table[kind]
        if isinstance(inner, dict):
            table[kind] = {"name": which.name, "sha256": which.sha256, **inner}
    dotted = {
        f"{group}.{key}": value
        for group in ("detector", "reader", "end_to_end", "ms")
        if isinstance(inner := table[group], dict)
        for key, value in inner.items()
        if isinstance(value, float)
    }
    return {**table, **dotted}


def _lines(folder: Path, pair: Pair, figures: Figures) -> Iterator[str]:
    yield f"{shown(folder)}: {figures.photographs} pictures, {pair.finds.name} and {pair.reads.name}, one thread"
    if figures.recall is not None and figures.precision is not None:
        yield f"plates found         {_share(figures.recall)}  by a box with a joint score of {JOINT} or more"
        yield f"boxes on a plate     {_share(figures.precision)}  of those boxes"
    if figures.alone_recall is not None and figures.alone_precision is not None:
        yield f"detector alone       {_share(figures.alone_recall)}  found"
        yield f"                     {_share(figures.alone_precision)}  of its boxes on a plate"
    reads = "its boxes" if figures.recall is not None else "crops"
    yield f"read from {reads:<11}{_share(figures.reader.exact)}  exact"
    yield f"                     {_share(figures.reader.folded)}  with O=0 and I=1"
    if figures.end_to_end is not None:
        yield f"read end to end      {_share(figures.end_to_end.exact)}  exact"
        yield f"                     {_share(figures.end_to_end.folded)}  with O=0 and I=1"
    for stage, (median, least) in figures.milliseconds.items():
        yield f"ms {stage:<17} {median:7.2f}  median, {least:.2f} least"


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:6.1f} %  ({100 * low:.1f} to {100 * high:.1f}; {share.right} of {share.of})"


def tune(file: Path | None, *, rounds: int, write: bool) -> None:
    """`homerule models tune`."""
    path = file or DEVICE
    written = config.load(path) if write or file is not None or path.is_file() else None
    choice = written.models if written is not None else ModelChoice()
    finds, reads = (find_model(kind, name, choice.folder).entry.name for kind, name in _named(choice))
    detectors, readers = (list(_usable(kind, choice)) for kind in ("detector", "reader"))
    _tell(f"drawing the set for {len(detectors)} detectors and {len(readers)} readers")
    found = tried_out(
        detectors,
        readers,
        now=Choice(detector=finds, reader=reads, threads=choice.threads),
        cameras=len(written.camera) if written is not None else 1,
        shown=known(),
        rounds=rounds,
        provider=choice.provider,
        told=_tell,
    )
    for line in _tried_lines(found, rounds):
        print(line)
    if found.disturbed:
        print("note: other programs hold the processors up, so several threads look slower than they are")
    if not found.better:
        print("nothing is better here: device.toml stays as it is")
        return
    if not write:
        print("nothing is written; without --dry-run it would be")
        return
    best = found.best.choice
    SelfTest().run(Models.load(choice.folder, best.detector, best.reader, best.threads, choice.provider))
    changes: Mapping[str, Value] = {"detector": best.detector, "reader": best.reader, "threads": best.threads}
    set_models(path, changes, by=NOTE, note=_note(found, rounds))
    print(f"{path}: written; a restart brings it into force")


def _named(choice: ModelChoice) -> tuple[tuple[Kind, str | None], tuple[Kind, str | None]]:
    return ("detector", choice.detector), ("reader", choice.reader)


def _usable(kind: Kind, choice: ModelChoice) -> Iterator[Stored]:
    """Every model of that kind that lies here and may be used, by the folder first; none that is for parts alone."""
    names: set[str] = set()
    for place in dict.fromkeys((models_folder(choice.folder), models_folder())):
        entries = read_manifest(place)
        for_parts = {entry.parts for entry in entries}
        for entry in entries:
            allowed = (entry.source is None or entry.accepted is not None) and entry.name not in for_parts
            if entry.kind == kind and allowed and entry.name not in names:
                names.add(entry.name)
                yield Stored(entry=entry, folder=place)


def _tell(words: str) -> None:
    print(f"{words} ...", file=sys.stderr)


def _tried_lines(found: Tuning, rounds: int) -> Iterator[str]:
    plates = found.best.of
    cameras = "1 camera" if found.cameras == 1 else f"{found.cameras} cameras"
    yield f"a look with one plate in it, least of {rounds} rounds; {plates} drawn plates; {_computer()}; {cameras}"
    yield f"{'':<64} threads   ms  processor ms  found  read"
    for one in sorted(found.tried, key=lambda one: (one.choice.detector, one.choice.reader, one.choice.threads)):
        mark = "now" if one.choice == found.now else ""
        mark = "best" if one is found.best and found.better else mark
        names = f"{one.choice.detector} + {one.choice.reader}"
        yield (
            f"{mark:<5}{names:<59} {one.choice.threads:>7} {one.cost.wall:>6.1f} {one.cost.processor:>11.1f}"
            f"{one.found:>8} {one.read:>5}"
        )
    for name, said in found.failed.items():
        yield f"left out: {name}: {said}"


def _note(found: Tuning, rounds: int) -> str:
    """What was measured, for the comment in device.toml."""
    today = SystemClock().now().at.date()
    before = next((one for one in found.tried if one.choice == found.now), None)
    lines = [f"{today}, {_computer()}, least of {rounds} rounds: {_said(found.best)}"]
    if before is not None:
        lines.append(f"before: {_said(before)}")
    return "\n".join(lines)


def _said(one: Tried) -> str:
    choice = one.choice
    threads = "1 thread" if choice.threads == 1 else f"{choice.threads} threads"
    return (
        f"{choice.detector} + {choice.reader}, {threads}: {one.cost.wall:.1f} ms a look, {one.cost.processor:.1f} of "
        f"them on a processor; found {one.found} and read {one.read} of {one.of} drawn plates"
    )


def _computer() -> str:
    """What this computer calls itself, and how many processors it gives."""
    name = _first(Path("/proc/device-tree/model")) or _first(Path("/proc/cpuinfo"), "model name") or os.uname().machine
    return f"{name}, {len(os.sched_getaffinity(0))} processors"


def _first(path: Path, key: str = "") -> str:
    """The first line of a file, or what stands behind `key :` in it."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    found = next((line for line in lines if line.startswith(key)), "")
    return found.partition(":")[2].strip() if key else found.strip("\0 ")
