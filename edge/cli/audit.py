"""`homerule audit`: whether the audit log is what was written, here or in an archive."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import audit_archive, audit_report
from edge.disk import why
from edge.errors import LedgerError
from edge.keys import load_public
from edge.ledger import LEDGER_NAME
from edge.ledger.fault import Fault
from edge.ledger.look import ledger_file

if TYPE_CHECKING:
    from edge.audit.verify import Report as ArchiveReport
    from edge.ledger.verify import Report as LedgerReport

_audit = typer.Typer(help="The audit log: who got what, and proof that nobody touched it.", no_args_is_help=True)
audit_archive.register(_audit)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the program."""
    audit_report.register(_audit)
    app.add_typer(_audit, name="audit")


@_audit.callback()
def _group() -> None:
    """The audit log: who got what, and proof that nobody touched it."""


@_audit.command("verify")
def verify_command(
    log: Annotated[Path, typer.Argument(help=f"An archive, a ledger file, or the folder that holds `{LEDGER_NAME}`.")],
    device_key: Annotated[
        Path | None,
        typer.Option(
            "--device-key",
            "--public-key",
            metavar="FILE",
            help="The device's public key, kept elsewhere; without it the file vouches for itself.",
        ),
    ] = None,
    city_key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The city's public key, kept elsewhere, for an archive; repeatable."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A checkpoint kept elsewhere that the log must agree with: a signed note, what `homerule receive` "
            "keeps in `.checkpoints`, or another archive; repeatable.",
        ),
    ] = None,
) -> None:
    """Checks every entry, bundle and checkpoint. Faults are an edit, a truncation, a gap, a fork, or a stranger's key.

    A ledger may be in use, and is not changed. The first bad byte is named where it can be.
    """
    from edge.audit.held import held

    is_ledger = log.is_dir() or _begins_as_ledger(log)
    if is_ledger and city_key:
        raise typer.BadParameter(f"is for an archive, and `{log}` is a ledger; leave it out", param_hint="--city-key")
    kept = [one for path in checkpoint or () for one in held(path)]
    key = load_public(device_key) if device_key is not None else None
    if is_ledger:
        from edge.ledger.verify import verify

        path = ledger_file(log)
        report = verify(path, key, held=[one.note for one in kept])
        _say(path, report.faults, _ledger_lines(report))
    else:
        from edge.audit.verify import verify_archive

        found = verify_archive(log, device_key=key, city_keys=[load_public(path) for path in city_key or ()], held=kept)
        _say(log, found.faults, _archive_lines(found))


def _say(path: Path, faults: Sequence[Fault], lines: Sequence[str]) -> None:
    for fault in faults:
        print(f"FAULT {fault.sort} {path}: {_where(fault)}{fault.what}")
    if faults:
        raise typer.Exit(1)
    for line in lines:
        print(line)


def _where(fault: Fault) -> str:
    entry = "" if fault.position is None else f"entry {fault.position}: "
    if fault.place is None:
        return entry
    first, last = fault.place[0], fault.place[1] - 1
    return f"byte {first}: {entry}" if first >= last else f"bytes {first} to {last}: {entry}"


def _archive_lines(report: "ArchiveReport") -> list[str]:
    said = report.manifest
    lines = []
    if said is not None:
        lines = [
            f"ok  audit log {said.ledger} of device {said.device}, {said.mode}",
            f"ok  {report.entries} entries, {said.first} to {said.last - 1} of {said.size}, {report.reads} reads, "
            f"root {said.root}",
            f"ok  {report.bundles} bundles whole, {report.checkpoints} checkpoints, {report.held} held elsewhere",
        ]
    return [*lines, *(f"note  {note}" for note in report.notes)]


def _ledger_lines(report: "LedgerReport") -> list[str]:
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
            "note  the public key was taken from the ledger itself; give --device-key FILE to check whose it is"
        )
    return lines


def _begins_as_ledger(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\x00"
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read, {why(error)}") from error
