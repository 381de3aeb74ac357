"""`homerule audit`: whether the audit log is what was written."""

from pathlib import Path
from typing import Annotated

import typer

from edge.errors import LedgerError
from edge.keys import load_public
from edge.ledger import LEDGER_NAME
from edge.ledger.verify import Report, verify

_audit = typer.Typer(help="The audit log: who got what, and proof that nobody touched it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the program."""
    app.add_typer(_audit, name="audit")


@_audit.callback()
def _group() -> None:
    """The audit log: who got what, and proof that nobody touched it."""


@_audit.command("verify")
def verify_command(
    ledger: Annotated[Path, typer.Argument(help=f"The ledger file, or the folder that holds `{LEDGER_NAME}`.")],
    public_key: Annotated[
        Path | None,
        typer.Option(help="The device's public key, kept elsewhere; without it the file vouches for itself."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint kept elsewhere that the log must still agree with; repeatable."),
    ] = None,
) -> None:
    """Checks every entry, bundle and checkpoint of a ledger; it may be in use, and is not changed."""
    path = _ledger_file(ledger)
    key = load_public(public_key) if public_key is not None else None
    report = verify(path, key, held=[_text(note) for note in checkpoint or ()])
    for line in _lines(path, report):
        print(line)
    if report.faults:
        raise typer.Exit(1)


def _lines(path: Path, report: Report) -> list[str]:
    if report.faults:
        return [
            f"FAULT {path}: entry {fault.position}: {fault.what}"
            if fault.position is not None
            else f"FAULT {path}: {fault.what}"
            for fault in report.faults
        ]
    lines = []
    if report.begun is not None:
        lines.append(f"ok  ledger {report.begun.ledger_id} of device {report.begun.device}, {report.begun.mode}")
    lines += [
        f"ok  {report.entries} entries, {report.reads} reads, root {report.root.hex()}",
        f"ok  {report.bundles} bundles whole, {report.checkpoints} checkpoints, {report.waiting} envelopes waiting",
    ]
    if report.unknown:
        lines.append(
            f"note  {report.unknown} entries are of kinds that this version does not know; their bytes are intact"
        )
    if not report.pinned:
        lines.append(
            "note  the public key was taken from the ledger itself; give --public-key FILE to check whose it is"
        )
    return lines


def _ledger_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / LEDGER_NAME).is_file():
        raise LedgerError(f"{path}: there is no `{LEDGER_NAME}` in this folder; name the ledger file itself")
    return path / LEDGER_NAME


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise LedgerError(f"{path}: the checkpoint cannot be read ({(error.strerror or 'unknown').lower()})") from error
