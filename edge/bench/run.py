"""All runs of a bench, the kinds taking turns."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory

from edge.bench.plan import Kind, Order, Outcome, Plan
from edge.bench.result import Result
from edge.bench.score import Truth, truths
from edge.clock import monotonic
from edge.disk import is_utf8, shown
from edge.errors import CameraError, ConfigError, HomeruleError


def run(plan: Plan, *, say: Callable[[str], None]) -> Result:
    """Runs everything `plan.repeats` times; `say` is told what is done next. Raises HomeruleError.

    What a run writes lies in a folder of ours: one that is stopped is killed, and clears nothing away.
    """
    told = truths(plan.truth) if plan.truth else None
    if not plan.clip.is_file():
        raise CameraError(f"`{plan.clip}`: no such file; give a video file")
    if not is_utf8(plan.clip):
        raise CameraError(f"`{shown(plan.clip)}`: is no UTF-8 name, rename it")
    if plan.sub is not None and not plan.sub.is_file():
        raise CameraError(f"`{plan.sub}`: no such file; give the sub-stream's recording with `--sub`")
    outcomes: dict[Kind, list[Outcome]] = {}
    with TemporaryDirectory(prefix="homerule-bench-") as folder:
        for repeat in range(plan.repeats):
            for kind in _kinds(plan):
                say(f"{repeat + 1} of {plan.repeats}: {kind.value}")
                outcomes.setdefault(kind, []).append(_once(plan, kind, outcomes, folder))
                _require_of_this_clip(plan, told, outcomes[Kind.OURS][0])
        if plan.paced:
            say(Kind.PACED.value)
            outcomes[Kind.PACED] = [_once(plan, Kind.PACED, outcomes, folder)]
    return Result(clip=plan.clip.name, outcomes=outcomes, truths=told)


def _require_of_this_clip(plan: Plan, told: Sequence[Truth] | None, ours: Outcome) -> None:
    """How long a clip is, is known when it has been seen once."""
    for number, one in enumerate(told or ()):
        if one.end > ours.seconds + 1:
            raise ConfigError(
                f"`{plan.truth}`: passes[{number}] ends at {one.end:.0f} s and the clip at {ours.seconds:.0f} s, "
                f"name the truth of this clip"
            )


def _kinds(plan: Plan) -> list[Kind]:
    """What is compared; the models' runs come after ours, which says how many there were."""
    kinds = [Kind.OURS, Kind.DECODING, Kind.CALLS]
    if plan.sub is not None:
        kinds += [Kind.SUB, Kind.DECODING_SUB]
    return kinds + ([Kind.NAIVE, Kind.NAIVE_ONE] if plan.baselines else [])


def _once(plan: Plan, kind: Kind, before: dict[Kind, list[Outcome]], folder: str) -> Outcome:
    """One run in a process of its own, with its files in `folder`."""
    order = Order(
        kind=kind,
        clip=str(plan.clip),
        sub=str(plan.sub) if plan.sub else None,
        models=str(plan.models) if plan.models else None,
        detector=plan.detector,
        reader=plan.reader,
    )
    if kind is Kind.CALLS:
        ours = before[Kind.OURS][-1]
        order = replace(order, looks=ours.looks, parts=ours.parts, readings=ours.readings)
    command = [sys.executable, "-m", "edge.bench", replace(order, spawned=monotonic()).written()]
    inside = os.environ | {"TMPDIR": folder}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=inside)  # noqa: S603 - our own
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise HomeruleError(f"{kind.value}: {last}")
    return Outcome.parse(done.stdout)
