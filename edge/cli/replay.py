"""`homerule replay`: a recorded video through the pipeline in test mode, and a report at the end."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.capture import open_recording, recorded_at
from edge.cli.replay_screen import Screen
from edge.clock import monotonic
from edge.pipeline import Outcome
from edge.replay import AnnotatedVideo, OutputFolder, Replay, Result, load_rules, write_result
from edge.vision import Models


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="replay")(replay)


def replay(
    video: Annotated[Path, typer.Argument(help="A video file, or a folder of images.", show_default=False)],
    policy: Annotated[Path | None, typer.Option(help="A policy folder, signed or not; else the examples.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for reads, decisions and the report.")] = None,
    annotate: Annotated[Path | None, typer.Option(help="Write the video again with plates marked (mp4).")] = None,
    at: Annotated[str | None, typer.Option(help="Time of the first frame, such as 2026-11-02T08:00:00Z.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of models with a manifest.toml.")] = None,
    detector: Annotated[str | None, typer.Option(help="Name of the plate detector.")] = None,
    reader: Annotated[str | None, typer.Option(help="Name of the plate reader.")] = None,
    pictures_per_second: Annotated[float, typer.Option(min=0.1, max=240.0, help="Pace of a folder of images.")] = 5.0,
) -> None:
    """Test mode: who would receive the reads of this recording? Nothing is sent or kept unless asked for."""
    console = Console(highlight=False)
    started = monotonic()
    start = _time(at) if at else recorded_at(video)
    with ExitStack() as stack:
        recording = open_recording(video, camera_id="recording", start=start, pictures_per_second=pictures_per_second)
        rules = load_rules(policy, start=start)
        loaded = Models.load(models, detector, reader)
        folder = stack.enter_context(OutputFolder(out))
        marked = AnnotatedVideo(annotate, frames_per_second=recording.frames_per_second) if annotate else None
        if marked:
            stack.callback(marked.drop)
        run = Replay(recording=recording, models=loaded, rules=rules, folder=folder.folder, start=start)
        stack.callback(run.close)
        screen = stack.enter_context(Screen(console, recording=recording, rules=rules, start=start))
        outcomes: list[Outcome] = []
        end = start
        for step in run.steps():
            outcomes += step.outcomes
            end = step.frame.captured_at if step.frame else end
            screen.show(step)
            if marked and step.frame:
                marked.add(step.frame, run.in_view(step.frame.captured_at))
        result = Result(
            recording=recording,
            start=start,
            end=end,
            outcomes=tuple(outcomes),
            counts=run.counts,
            rules=rules,
            models=loaded.entries,
            took_seconds=monotonic() - started,
        )
        screen.close(result)
        if out:
            write_result(result, folder)
        if marked:
            marked.keep()
    screen.say_where(out, annotate)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"`--at {text}` is no time; write it like 2026-11-02T08:00:00Z") from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"`--at {text}` has no time zone; add Z for UTC or an offset such as -06:00")
    return at.astimezone(UTC)
