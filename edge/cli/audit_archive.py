"""`homerule audit export`, `checkpoint`, `prove`, `prune`: the audit log taken off the device, and what may then go."""

import io
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from edge import __version__, disk
from edge import config as configs
from edge.audit import proof
from edge.audit.archive import open_archive
from edge.audit.export import Export, export
from edge.audit.prune import cut
from edge.audit.span import span
from edge.cli.moments import day_or_time
from edge.cli.outputs import Output, require_places
from edge.clock import SystemClock, milliseconds
from edge.errors import LedgerError
from edge.keys import handed_over, load_public, load_signing_key, signing_public
from edge.ledger import Ledger
from edge.ledger.entries import Exported

DEVICE = Path("/etc/homerule/device.toml")
Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="Which device's log, and with which key.")]


def register(group: typer.Typer) -> None:
    """Adds the commands of this file to the group `audit`."""
    group.command("export")(export_command)
    group.command("checkpoint")(checkpoint_command)
    group.command("prove")(prove_command)
    group.command("prune")(prune_command)


def export_command(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The archive, NAME.homerule-audit.zip.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="From this day (UTC) or time on; else from the start.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Up to, not with, this day or time; else all.")
    ] = None,
    config: Config = DEVICE,
) -> None:
    """Writes the audit log, whole or of a time, into a signed archive; the daemon may run meanwhile."""
    began = None if since is None else day_or_time(since, "--from")
    ended = None if until is None else day_or_time(until, "--to")
    with_key = configs.load(config)
    with closing(opened(with_key)) as ledger:
        first, last = span(ledger.history, began, ended)
        made = Export(
            ledger.history,
            load_signing_key(handed_over(with_key.device.key)),
            software=f"homerule {__version__}",
            first=first,
            last=last,
            since=since or "",
            until=until or "",
        )
        # before the archive has its name: what leaves the device stands in its log
        digest = export(
            made, out, announce=lambda sha256: ledger.note(Exported(first=made.first, last=made.last, sha256=sha256))
        )
    print(f"{out}: entries {made.first} to {made.last - 1} of {made.size}")
    print(f"sha256 {digest}")


def checkpoint_command(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder that others fetch it from.")],
    config: Config = DEVICE,
) -> None:
    """Writes a signed checkpoint of the log as it is now, for `audit verify --checkpoint` on another day."""
    written = configs.load(config)
    if not written.device.ledger.exists():
        print(f"{written.device.ledger}: not there yet")
        return
    with closing(opened(written)) as ledger:
        made = ledger.checkpoint()
    path = out / f"{written.device.id}-{made.size}.checkpoint"
    # one of this size with another root is a fork, and the only proof of it
    require_places(Output(option="--out", path=path, begins=made.note.partition("\n\n")[0].encode()))
    try:
        disk.put(path, made.note.encode(), mode=0o644)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written, {disk.why(error)}") from error
    print(path)


def prove_command(
    archive: Annotated[Path, typer.Argument(help="An archive that `homerule audit export` wrote.")],
    position: Annotated[int, typer.Argument(help="The place of the entry in the log, from 0.")],
    device_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The device's public key, kept elsewhere.")
    ] = None,
) -> None:
    """Prints the proof that an entry stands in the log that the device signed (c2sp.org/tlog-proof)."""
    with open_archive(archive) as found:
        text = proof.prove(found, position)
        written = found.content("keys/device.pub").decode("ascii", "replace")
        key = load_public(device_key) if device_key is not None else signing_public(written, where="keys/device.pub")
        proof.proven(text, key, expected_origin=found.manifest.origin)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # another letter for one of its own, and it would prove nothing
    sys.stdout.write(text)


def prune_command(
    before: Annotated[str, typer.Option(metavar="DAY", help="What was written before this day (UTC) or time may go.")],
    archive: Annotated[
        list[Path], typer.Option("--archive", metavar="FILE", help="An archive that holds it; repeatable.")
    ],
    config: Config = DEVICE,
) -> None:
    """Deletes old entries that archives hold. What is left verifies as before; keep the archives."""
    written = configs.load(config)
    with closing(opened(written)) as ledger:
        allowed = SystemClock(trusted=True).now().at - timedelta(days=365.25 * written.limits.audit_years)
        found = cut(
            ledger.history,
            archive,
            key=load_signing_key(handed_over(written.device.key)).public_key(),
            before=day_or_time(before, "--before"),
            allowed=milliseconds(allowed),
        )
        first = ledger.history.pruned
        for _ in ledger.prune(found.at, found.archives):
            pass
        ledger.idle()
    print(f"{written.device.ledger}: entries {first} to {found.at - 1} are pruned, but what later ones refer to")
    print("the file keeps its size; the space is used for new entries")


def opened(config: configs.Config) -> Ledger:
    """The ledger of a device, which may be in use. LedgerError if there is none."""
    path = config.device.ledger
    if not path.is_file():
        raise LedgerError(f"{path}: no such ledger file")
    key = load_signing_key(handed_over(config.device.key))
    return Ledger.open(path, clock=SystemClock(trusted=True), key=key, device=config.device.id)
