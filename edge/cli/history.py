"""`homerule policy history`: everything that was ever in force on this device, from its audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edge import config as configs
from edge.audit import words
from edge.ledger.entries import (
    BundleAccepted,
    BundleRefused,
    Held,
    HoldEnded,
    Logged,
    Pinned,
    SubscriberChanged,
    Switch,
    Tightened,
)
from edge.ledger.look import ledger_file, look

DEVICE = Path("/etc/homerule/device.toml")
_KINDS = (BundleAccepted, BundleRefused, Held, HoldEnded, Pinned, SubscriberChanged, Switch, Tightened)


def register(group: typer.Typer) -> None:
    """Adds the command of this file to the group `policy`."""
    group.command("history")(history)


def history(
    ledger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ledger file, or the folder it is in.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Else as device.toml says.")] = None,
) -> None:
    """Prints every policy that came into force, each switch and each agency that changed, when, and by which way."""
    path = ledger if ledger is not None else configs.load(config or DEVICE).device.ledger
    count = 0
    for line in lines(look(ledger_file(path), frozenset(kind.kind for kind in _KINDS))):
        print(line)
        count += 1
    if not count:
        print("Nothing was ever in force here.")


def lines(entries: Iterator[Logged]) -> Iterator[str]:
    """One line for each entry; what came with a policy stands under it."""
    at = -1
    for logged in entries:
        said = words.said(logged.entry)
        if said is None:
            continue
        is_part = isinstance(logged.entry, Switch | SubscriberChanged | Tightened) and logged.at == at
        moment = datetime.fromtimestamp(logged.at / 1000, UTC)
        yield f"{'' if is_part else f'{moment:%Y-%m-%d %H:%M:%S} UTC':<25}{said}"
        at = logged.at
