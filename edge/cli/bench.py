"""`homerule bench`: what a clip costs on this computer, beside baselines, and how well it is read."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge import disk
from edge.cli.outputs import Output, require_places
from edge.cli.stopping import stopped_alike
from edge.cli.streams import Lasting
from edge.errors import HomeruleError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="bench")(bench)


def bench(
    clip: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
    truth: Annotated[Path | None, typer.Option(help="JSON: fps, and passes of plate, start and end in frames.")] = None,
    sub: Annotated[Path | None, typer.Option(help="The same clip as the camera's small stream.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of models with a manifest.toml.")] = None,
    detector: Annotated[str | None, typer.Option(help="Name of the plate detector.")] = None,
    reader: Annotated[str | None, typer.Option(help="Name of the plate reader.")] = None,
    repeats: Annotated[int, typer.Option(min=1, max=50, help="Rounds, in which all kinds take turns.")] = 5,
    baselines: Annotated[bool, typer.Option(help="Run the naive loop too, which takes longest.")] = True,
    paced: Annotated[bool, typer.Option(help="Play it once in real time too, for how late reads are.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    chart: Annotated[Path | None, typer.Option(help="Write a chart, an SVG file.")] = None,
) -> None:
    """Measures a clip: processor time beside baselines in the same rounds, what is read right, and how late it is."""
    from edge.bench import Plan, run
    from edge.bench.chart import BEGINS, drawn
    from edge.bench.words import lines

    require_places(Output(option="--chart", path=chart, begins=BEGINS.encode()))
    plan = Plan(
        clip=clip,
        truth=truth,
        sub=sub,
        models=models,
        detector=detector,
        reader=reader,
        repeats=repeats,
        baselines=baselines,
        paced=paced,
    )
    with stopped_alike():
        result = run(plan, say=lambda what: print(what, file=sys.stderr, flush=True))
    told = json.dumps(result.told(), indent=1) if as_json else "\n".join(lines(result))
    # before the chart, and past a screen that is gone: neither takes the other with it
    lasting = Lasting()
    print(told, file=lasting.stream, flush=True)
    if chart is not None:
        try:
            disk.put(chart, drawn(result).encode(), mode=0o644)
        except OSError as error:
            why = disk.why(error)
            raise HomeruleError(f"`{chart}`: cannot be written ({why}), name another file with `--chart`") from error
    lasting.end()
