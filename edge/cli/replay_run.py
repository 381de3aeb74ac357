"""One replay from its arguments to its last file."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from rich.console import Console

from edge.capture import open_recording, recorded_at
from edge.cli.outputs import require_apart
from edge.cli.replay_screen import Screen
from edge.cli.stopping import stopped_alike
from edge.cli.streams import Lasting
from edge.clock import monotonic
from edge.pipeline import Outcome
from edge.replay import CAMERA_ID, AnnotatedVideo, OutputFolder, Publisher, Replay, Result, load_rules, write_result
from edge.vision import Models


def run_replay(
    video: Path,
    *,
    policy: Path | None,
    out: Path | None,
    annotate: Path | None,
    start: datetime | None,
    models: Path | None,
    detector: str | None,
    reader: str | None,
    publish: str | None,
    pictures_per_second: float,
) -> None:
    """Replays `video`, see `homerule replay --help`. Raises HomeruleError; then no file is left.

    What is asked for is written and sent also when the screen takes no more; then it ends with exit code 1.
    """
    require_apart({"--out": out, "--annotate": annotate})
    lasting = Lasting() if out or annotate or publish else None
    console = Console(highlight=False, file=lasting.stream if lasting else None)
    started = monotonic()
    start = start or recorded_at(video)
    with ExitStack() as stack:
        stack.enter_context(stopped_alike())
        recording = open_recording(video, camera_id=CAMERA_ID, start=start, pictures_per_second=pictures_per_second)
        rules = load_rules(policy, start=start)
        loaded = Models.load(models, detector, reader)
        folder = stack.enter_context(OutputFolder(out))
        marked = AnnotatedVideo(annotate, frames_per_second=recording.frames_per_second) if annotate else None
        if marked:
            stack.callback(marked.drop)
        run = Replay(recording=recording, models=loaded, rules=rules, folder=folder.folder, start=start)
        stack.callback(run.close)
        publisher = stack.enter_context(Publisher(publish, run=run)) if publish else None
        screen = stack.enter_context(Screen(console, recording=recording, rules=rules, start=start))
        outcomes, end = _play(run, screen, marked, publisher)
        result = Result(
            recording=recording,
            start=start,
            end=end or start,
            outcomes=outcomes,
            counts=run.counts,
            rules=rules,
            models=loaded.entries,
            took_seconds=monotonic() - started,
        )
        screen.close(result)
        if publisher:
            screen.say_published(missing=publisher.finish(), taken=publisher.taken)
        if out:
            write_result(result, folder)
        if marked:
            marked.keep()
    screen.say_where(out, annotate)
    if lasting:
        lasting.end()


def _play(
    run: Replay, screen: Screen, marked: AnnotatedVideo | None, publisher: Publisher | None
) -> tuple[tuple[Outcome, ...], datetime | None]:
    """Runs it to its end; all outcomes and the time of the last frame."""
    outcomes: list[Outcome] = []
    end = None
    for step in run.steps():
        outcomes += step.outcomes
        screen.show(step)
        if publisher and step.outcomes:
            publisher.step()
        if step.frame:
            end = step.frame.captured_at
            if marked:
                marked.add(step.frame, run.in_view(end))
    return tuple(outcomes), end
