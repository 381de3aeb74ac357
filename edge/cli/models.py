"""`homerule models`: which models there are, other people's fetched and locked, and what they are worth here."""

from pathlib import Path
from typing import Annotated

import typer

DEVICE = Path("/etc/homerule/device.toml")

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help=f"The device's device.toml, {DEVICE} where there is one."),
]
Folder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where fetched models lie; else what device.toml says, else a folder of root's."),
]
Accept = Annotated[bool, typer.Option("--accept-licence", help="You have read the licence that is shown, and accept.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `homerule models list` shows it.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the group `models` to the command line."""
    group = typer.Typer(help="The networks that find and read plates.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(show)
    group.command("fetch")(fetch)
    group.command("verify")(verify)
    group.command("use")(use)
    group.command("tune")(tune)
    group.command("evaluate")(evaluate)
    app.add_typer(group, name="models")


# The models' runtime takes a second to load, so what uses it is imported where it is used.


def show(
    config: Config = None,
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Every model: built in, fetched, and what can be fetched, with licence; `*` marks what this device uses."""
    from edge.cli import models_run

    models_run.show(config, folder, as_json=as_json)


def fetch(
    name: Name,
    config: Config = None,
    folder: Folder = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="ADDRESS|DIR", help="A mirror or a folder, instead of its publisher."),
    ] = None,
    accept_licence: Accept = False,
) -> None:
    """Fetches a model of fast-alpr's hub, checks its sha256, or locks it where nobody knew it; shows its licence."""
    from edge.cli import models_run

    models_run.fetch(name, config, folder, source, accepted=accept_licence)


def verify(config: Config = None, folder: Folder = None) -> None:
    """Whether every model file is still what its manifest says; exit code 1 when one is not."""
    from edge.cli import models_run

    if not models_run.verify(config, folder):
        raise typer.Exit(1)


def use(name: Name, config: Config = None, folder: Folder = None, accept_licence: Accept = False) -> None:
    """Writes a model that lies here into device.toml, once it has read the self-test's plate. Asks no network."""
    from edge.cli import models_run

    models_run.use(name, config or DEVICE, folder, accepted=accept_licence)


def tune(
    config: Config = None,
    rounds: Annotated[int, typer.Option(min=3, max=1000, help="How often each variant is timed.")] = 15,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measures and says, writes nothing.")] = False,
) -> None:
    """Times models and threads on this computer, on drawn plates, and writes the best choice to device.toml."""
    from edge.cli import measure_run

    measure_run.tune(config, rounds=rounds, write=not dry_run)


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with truth.csv.", show_default=False)],
    detector: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="Else the built-in one.")] = None,
    reader: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="Else the built-in one.")] = None,
    models: Annotated[Path | None, typer.Option(metavar="DIR", help="A folder of models with a manifest.toml.")] = None,
    margin: Annotated[
        float | None, typer.Option(min=0.0, max=0.5, help="Left free around a plate for the reader, as a part of it.")
    ] = None,
    unlabelled: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plates that truth.csv leaves out: image,x,y,w,h.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Draws the figures (PNG).")] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="The errors, with their plates (PNG).")] = None,
) -> None:
    """What the models are worth on a folder of your own photographs: plates found, plates read, milliseconds.

    truth.csv has the columns image,x,y,w,h,plate (pixels), or image,plate for crops of plates.
    """
    from edge.cli import measure_run

    measure_run.evaluate(
        folder,
        detector=detector,
        reader=reader,
        models=models,
        margin=margin,
        unlabelled=unlabelled,
        as_json=as_json,
        charted=chart,
        sheeted=sheet,
    )
