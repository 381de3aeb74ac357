"""`homerule demo`: the main job on this computer in under a minute, with made-up plates and a broker of its own."""

import os
import tempfile
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.disk import is_utf8, shown
from edge.errors import ConfigError


class DemoBroker(StrEnum):
    """Which broker the demo starts."""

    AMQTT = "amqtt"
    MOSQUITTO = "mosquitto"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="demo")(demo)


def demo(
    broker: Annotated[
        DemoBroker, typer.Option(help="amqtt: the demo's own; mosquitto: the real one, if it is installed.")
    ] = DemoBroker.AMQTT,
    keep: Annotated[
        Path | None, typer.Option(help="Keep all files in this new folder: road.mp4, policy, ledger, what each got.")
    ] = None,
) -> None:
    """Shows the main job: cars pass, three agencies listen, the city opts out. Exit code 1 if a read went astray."""
    # The models' runtime and the picture library take a second to load; other commands do not need them.
    from edge.cli.demo_run import run_demo

    if keep is not None:
        _make(keep)
    with nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="homerule-demo-") as folder:
        if not run_demo(broker.value, Path(folder), with_video=keep is not None):
            raise typer.Exit(1)
    if keep is not None:
        print(f"All files are in {keep}; try `homerule replay {keep / 'road.mp4'}`. The plates in them are made up.")


def _make(folder: Path) -> None:
    if not is_utf8(folder):
        raise ConfigError(f"`--keep {shown(folder)}`: is no UTF-8 name, choose another name")
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise ConfigError(f"`--keep {folder}`: is there already and is not written over, choose another name") from None
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else "unknown reason"
        raise ConfigError(f"`--keep {folder}`: cannot be made, {why}; choose another place") from error
