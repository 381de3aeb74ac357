"""`homerule policy history`: everything that was ever in force on this device, from its audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edge import config as configs
from edge.errors import LedgerError
from edge.ledger import LEDGER_NAME
from edge.ledger.entries import (
    BundleAccepted,
    BundleRefused,
    Entry,
    Held,
    HoldEnded,
    Logged,
    Pinned,
    SubscriberChanged,
    Switch,
    Tightened,
)
from edge.ledger.look import look

DEVICE = Path("/etc/homerule/device.toml")
_KINDS = (BundleAccepted, BundleRefused, Held, HoldEnded, Pinned, SubscriberChanged, Switch, Tightened)
_WAYS = {"file": "by hand, in the file", "time": "by the passing of time", "sighup": "on a signal"}
_REFUSALS = {
    "unreadable": "it could not be read",
    "signature": "it was not the city's signature",
    "not-signed": "it was not signed",
    "gives": "it gave a right and was not signed",
    "older": "it was older than what was in force",
    "same-version": "it had the number of what was in force, and other bytes",
    "device": "it was for another device",
    "ledger": "it did not name this audit log",
    "pin": "the pinned key was missing or another one",
    "floor": "the audit log was not the newest",
    "unfit": "this device cannot use it",
}


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
    for line in lines(look(_file(path), frozenset(kind.kind for kind in _KINDS))):
        print(line)
        count += 1
    if not count:
        print("Nothing was ever in force here.")


def lines(entries: Iterator[Logged]) -> Iterator[str]:
    """One line for each entry; what came with a policy stands under it."""
    at = -1
    for logged in entries:
        said = _said(logged.entry)
        if said is None:
            continue
        is_part = isinstance(logged.entry, Switch | SubscriberChanged | Tightened) and logged.at == at
        moment = datetime.fromtimestamp(logged.at / 1000, UTC)
        yield f"{'' if is_part else f'{moment:%Y-%m-%d %H:%M:%S} UTC':<25}{said}"
        at = logged.at


def _said(entry: Entry) -> str | None:
    match entry:
        case BundleAccepted(version=version, revision=revision, digest=digest, signed=signed):
            how = "closed further by hand" if revision else "signed by the city" if signed else "signed by nobody"
            return f"version {version}.{revision} in force, {how}; digest {digest}"
        case BundleRefused(version=version, why=why):
            what = f"version {version}" if version else "a change of the files"
            return f"{what} refused: {_REFUSALS.get(why, why)}"
        case Tightened(by=by):
            return f"needs no signature, because it only takes away ({_way(by)})"
        case Switch(switch=switch, before=before, after=after, by=by):
            return f"{switch}: {before} -> {after} ({_way(by)})"
        case SubscriberChanged(subscriber=subscriber, change=change, by=by):
            return f"agency {subscriber}: {change} ({_way(by)})"
        case Pinned(key=key):
            return f"the city's key is {key} from here on"
        case Held(why=why):
            return f"on hold, only the owner is served: {why}"
        case HoldEnded():
            return "the hold is over"
    return None


def _way(by: str) -> str:
    return _WAYS.get(by, f"through the {by}" if by.startswith("socket") else f"by {by}")


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / LEDGER_NAME).is_file():
        raise LedgerError(f"{path}: there is no `{LEDGER_NAME}` in this folder; name the ledger file itself")
    return path / LEDGER_NAME
