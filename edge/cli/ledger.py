"""`homerule ledger`: purged while no daemon does it, and given back in the shape that an older program reads."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="The device's device.toml.")]
DEVICE = Path("/etc/homerule/device.toml")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the program."""
    group = typer.Typer(help="The ledger file: purge and updates.", no_args_is_help=True, rich_markup_mode=None)
    group.command("purge")(purge)
    group.command("shape")(shape)
    group.command("take-back")(take_back)
    app.add_typer(group, name="ledger")


def purge(config: Config = DEVICE) -> None:
    """Deletes the sealed reads whose time is over, bytes included; the daemon, which does so too, may run meanwhile."""
    from edge.cli.audit_archive import opened
    from edge.clock import SystemClock
    from edge.config import load

    written = load(config)
    if not written.device.ledger.exists():
        print(f"{written.device.ledger}: not there yet")
        return
    with closing(opened(written)) as ledger:
        number = ledger.expire(SystemClock(trusted=True).now().at)
        ledger.idle()
    print(f"{written.device.ledger}: {number} sealed reads whose time was over are deleted")


def shape() -> None:
    """Prints the shape that this program writes; it brings an older ledger to it at the start."""
    from edge.ledger.migrations import MIGRATIONS

    print(len(MIGRATIONS))


def take_back(
    shape: Annotated[int, typer.Argument(help="What the older program says to `homerule ledger shape`.")],
    config: Config = DEVICE,
) -> None:
    """Gives the ledger, while no daemon runs, the shape that an older program reads. No entry is lost."""
    from edge.config import load
    from edge.ledger import database

    ledger = load(config).device.ledger
    if not ledger.exists():
        print(f"{ledger}: not there yet")
        return
    database.take_back(ledger, shape)
    print(f"{ledger}: every entry is there; a homerule that knows shape {shape} reads it")
