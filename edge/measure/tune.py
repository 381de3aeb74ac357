"""Which models and how many threads are best on this computer: timed in turn, checked on the built-in set.

Of those that find and read as much of the set as the best does, the one that takes the least processor time, if it
keeps up with the cameras; else the one that finds most of those that keep up; else the quickest. Busy-waiting stays
off: it takes more of the processor than the networks do.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from edge.clock import busy_all, monotonic
from edge.errors import ModelError
from edge.measure.figures import count
from edge.measure.labelled import Photograph
from edge.measure.looks import looks
from edge.values import Box
from edge.vision import Detector, Reader
from edge.vision.cadence import LOOK_SECONDS
from edge.vision.models import Stored
from edge.vision.reader import cut_out

LONGEST = 1000 * 0.6 * LOOK_SECONDS
"""Milliseconds that the looks at all cameras may take: of the time between two looks, less what all else needs."""
LOSES_NOTHING = 1
"""Plates of the set: one less found or read than the best is chance."""
WORTH_IT = 0.9
"""Another choice must take this part of the present one's processor time, or less."""
_THREADS = (1, 2, 4)
_HELD_UP = 1.3

M = TypeVar("M", Detector, Reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Two models by name, and how many threads an inference may use."""

    detector: str
    reader: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds of one inference: on the clock, and of all processors together; the least of all rounds.

    One thread is on the clock as long as it is on its processor: what others do meanwhile is not counted. `held_up`:
    how many times as long it really took.
    """

    wall: float
    processor: float
    held_up: float = 1.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(wall=self.wall + other.wall, processor=self.processor + other.processor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A choice, what a look with one plate costs, and how many plates of the set it found and read (folded)."""

    choice: Choice
    cost: Cost
    found: int
    read: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """All that was tried, what stands in device.toml now, and the best. `failed`: models that cannot be used here."""

    tried: tuple[Tried, ...]
    now: Choice
    best: Tried
    cameras: int
    failed: Mapping[str, str]
    disturbed: bool

    @property
    def better(self) -> bool:
        """Whether the best is worth a change."""
        before = next((one for one in self.tried if one.choice == self.now), None)
        if before is None or self.best.choice == self.now:
            return before is None
        if not keeps_up(before, self.cameras) or not _as_good(before, self.tried):
            return True
        return self.best.cost.processor <= WORTH_IT * before.cost.processor


def tune(
    detectors: Sequence[Stored],
    readers: Sequence[Stored],
    *,
    now: Choice,
    cameras: int,
    shown: Sequence[Photograph],
    rounds: int,
    provider: str = "cpu",
    told: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Tries all of them on `shown`. Raises ModelError when no pair of models works."""
    threads = [number for number in _THREADS if number <= len(os.sched_getaffinity(0))]
    threads = sorted({*threads, now.threads})
    failed: dict[str, str] = {}
    finders = _loaded(detectors, partial(Stored.detector, provider=provider), threads, failed)
    scribes = _loaded(readers, partial(Stored.reader, provider=provider), threads, failed)
    told("checking")
    scores = dict(_scores(finders, scribes, shown, failed))
    if not scores:
        raise ModelError(f"no pair of models works here: {'; '.join(failed.values())}")
    told("timing")
    works = {name for pair in scores for name in pair}
    costs = _timed(_only(finders, works), _only(scribes, works), shown, rounds)
    tried = [
        Tried(choice=Choice(detector=d, reader=r, threads=t), cost=costs[d, t] + costs[r, t], found=f, read=s, of=n)
        for (d, r), (f, s, n) in scores.items()
        for t in threads
    ]
    best = best_of(tried, cameras)
    disturbed = min(cost.held_up for (_, number), cost in costs.items() if number == 1) > _HELD_UP
    return Tuning(tried=tuple(tried), now=now, best=best, cameras=cameras, failed=failed, disturbed=disturbed)


def best_of(tried: Sequence[Tried], cameras: int) -> Tried:
    """The best, as the head of this file says."""
    good = [one for one in tried if _as_good(one, tried) and keeps_up(one, cameras)]
    if good:
        return min(good, key=lambda one: (one.cost.processor, one.choice.threads))
    quick = [one for one in tried if keeps_up(one, cameras)]
    if quick:
        return max(quick, key=lambda one: (one.found + one.read, -one.cost.processor))
    return min(tried, key=lambda one: one.cost.wall)


def keeps_up(one: Tried, cameras: int) -> bool:
    """Whether a look at each camera is over before the next is due."""
    return one.cost.wall * cameras <= LONGEST


def _as_good(one: Tried, tried: Iterable[Tried]) -> bool:
    every = list(tried)
    found, read = max(other.found for other in every), max(other.read for other in every)
    return one.found >= found - LOSES_NOTHING and one.read >= read - LOSES_NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    detector: Detector
    reader: Reader


def _loaded(
    stored: Sequence[Stored], load: Callable[[Stored, int], M], threads: Sequence[int], failed: dict[str, str]
) -> dict[tuple[str, int], M]:
    found: dict[tuple[str, int], M] = {}
    for one in stored:
        try:
            found |= {(one.entry.name, number): load(one, number) for number in threads}
        except ModelError as error:
            failed[one.entry.name] = str(error)
    return found


def _only(loaded: Mapping[tuple[str, int], M], names: Collection[str]) -> dict[tuple[str, int], M]:
    return {place: model for place, model in loaded.items() if place[0] in names}


def _scores(
    finders: Mapping[tuple[str, int], Detector],
    scribes: Mapping[tuple[str, int], Reader],
    shown: Sequence[Photograph],
    failed: dict[str, str],
) -> Iterator[tuple[tuple[str, str], tuple[int, int, int]]]:
    """What each pair finds and reads of the set; how many threads there are changes nothing in that."""
    for detector in dict.fromkeys(name for name, _ in finders):
        for reader in dict.fromkeys(name for name, _ in scribes):
            first = min(number for name, number in finders if name == detector)
            try:
                pair = _Pair(detector=finders[detector, first], reader=scribes[reader, first])
                figures = count([look for _, look in looks(pair, shown)])
            except ModelError as error:
                failed[f"{detector} with {reader}"] = str(error)
                continue
            if figures.recall is not None and figures.end_to_end is not None:
                read = figures.end_to_end.folded
                yield (detector, reader), (figures.recall.right, read.right, read.of)


def _timed(
    finders: Mapping[tuple[str, int], Detector],
    scribes: Mapping[tuple[str, int], Reader],
    shown: Sequence[Photograph],
    rounds: int,
) -> dict[tuple[str, int], Cost]:
    """In each round every variant once, on the same picture: a disturbance meets all of them alike."""
    spent: dict[tuple[str, int], list[Cost]] = {}
    for number in range(rounds + 1):
        picture = shown[number % len(shown)]
        x1, y1, x2, y2 = (float(side) for side in picture.boxes[0])
        box = Box(x1=x1, y1=y1, x2=x2, y2=y2)
        for name, finder in finders.items():
            spent.setdefault(name, []).append(_cost(partial(finder.find, picture.pixels)))
        for name, scribe in scribes.items():
            crop = cut_out(picture.pixels, box, margin=scribe.margin)
            spent.setdefault(name, []).append(_cost(partial(scribe.read, crop)))
    # the first round warms up
    return {(name, number): _least(number, all_of[1:]) for (name, number), all_of in spent.items()}


def _least(threads: int, rounds: Sequence[Cost]) -> Cost:
    processor, wall = min(one.processor for one in rounds), min(one.wall for one in rounds)
    return Cost(wall=processor if threads == 1 else wall, processor=processor, held_up=wall / max(processor, 1e-6))


def _cost(act: Callable[[], object]) -> Cost:
    began, busy = monotonic(), busy_all()
    act()
    return Cost(wall=1000 * (monotonic() - began), processor=1000 * (busy_all() - busy))
