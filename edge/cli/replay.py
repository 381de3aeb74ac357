"""`homerule replay`: a recorded video through the pipeline in test mode, and a report at the end."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edge.clock import too_far

_YEARS = range(2001, 2199)
"""The times of a policy lie between 2000 and 2200, and those of the examples a year around the first frame."""


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
    publish: Annotated[str | None, typer.Option(help="HOST:PORT of a broker on this computer for test reads.")] = None,
    pictures_per_second: Annotated[float, typer.Option(min=0.1, max=240.0, help="Pace of a folder of images.")] = 5.0,
) -> None:
    """Test mode: who would receive the reads of this recording? Nothing is sent or kept unless asked for."""
    # The models' runtime and the decoder take a second to load; other commands do not need them.
    from edge.cli.replay_run import run_replay

    run_replay(
        video,
        policy=policy,
        out=out,
        annotate=annotate,
        start=_time(at) if at else None,
        models=models,
        detector=detector,
        reader=reader,
        publish=publish,
        pictures_per_second=pictures_per_second,
    )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"`--at {text}` is no time; write it like 2026-11-02T08:00:00Z") from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"`--at {text}` has no time zone; add Z for UTC or an offset such as -06:00")
    if at.year not in _YEARS:
        raise typer.BadParameter(too_far("--at", text, _YEARS))
    return at.astimezone(UTC)
