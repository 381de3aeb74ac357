"""`homerule audit report` and `audit transparency`: the log as a page for a person, and one for a city's web site."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from edge.audit.asked import Asked
from edge.cli.moments import day_or_time
from edge.cli.outputs import Output, require_places
from edge.clock import SystemClock, milliseconds
from edge.disk import put_all, why
from edge.errors import LedgerError
from edge.keys import load_public

Log = Annotated[
    Path, typer.Argument(metavar="LOG", help="A ledger file, the folder it is in, or an archive.", show_default=False)
]
Since = Annotated[str | None, typer.Option("--from", metavar="DAY", help="A day or a time; else where the log begins.")]
Until = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Up to, not with it; else where the log ends.")]
From = Annotated[str | None, typer.Option("--from", metavar="MONTH", help="The first month, such as 2026-08.")]
To = Annotated[str | None, typer.Option("--to", metavar="MONTH", help="The last month; else the last that is over.")]
Key = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The device's public key, kept elsewhere; else the log's own word.")
]


def register(group: typer.Typer) -> None:
    """Adds the commands of this file to the group `audit`."""
    group.command("report")(report)
    group.command("transparency")(transparency)


def report(
    log: Log,
    since: Since = None,
    until: Until = None,
    camera: Annotated[list[str] | None, typer.Option(help="This camera only; repeatable.")] = None,
    subscriber: Annotated[list[str] | None, typer.Option(help="This agency only; repeatable.")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page (HTML).")] = Path("audit-report.html"),
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="What was counted, as a table.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="The whole report for a program.")] = None,
    public_key: Key = None,
) -> None:
    """Who received reads, under which policy, on what basis; what was refused and why; and where nothing is known."""
    from edge.audit.make import assemble
    from edge.audit.page import TITLE, opening, render
    from edge.audit.parts import moment
    from edge.audit.report import FORMAT
    from edge.audit.source import open_source
    from edge.audit.summary import lines
    from edge.audit.table import HEADING, csv_text, json_text

    require_places(
        Output(option="--out", path=out, begins=opening(TITLE).encode()),
        Output(option="--csv", path=csv, begins=HEADING.encode()),
        Output(option="--json", path=json, begins=_begins(FORMAT)),
    )
    asked = Asked(
        began=day_or_time(since, "--from") if since is not None else None,
        ended=day_or_time(until, "--to") if until is not None else None,
        cameras=frozenset(camera) if camera else None,
        subscribers=frozenset(subscriber) if subscriber else None,
    )
    if asked.began is not None and asked.ended is not None and asked.began >= asked.ended:
        raise LedgerError(f"`--to {until}` is not after `--from {since}`, nothing lies between")
    key = load_public(public_key) if public_key is not None else None
    with open_source(log) as source:
        made, rows = assemble(source, asked, made_at=SystemClock().now().at, key=key)
    if made.question.covers_from >= made.question.covers_to:
        whole = " to ".join(moment(at) for at in (made.log.earliest, made.log.latest) if at is not None)
        raise LedgerError(
            f"the log goes from {whole} UTC, so nothing of it is asked for; name both `--from` and `--to`"
        )
    written = {out: render(made)}
    if csv is not None:
        written[csv] = csv_text(made, rows)
    if json is not None:
        written[json] = json_text(made)
    for line in lines(made):
        print(line)
    _write(written, mode=0o600)
    if made.log.fault is not None or not made.log.bundles_whole or made.log.unknown_kinds:
        raise typer.Exit(1)


def transparency(
    log: Log,
    since: From = None,
    until: To = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page (HTML).")] = Path("transparency.html"),
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="The same for a program.")] = None,
    public_key: Key = None,
) -> None:
    """A page without plates for a city's web site: who gets reads and how many, whole months, small counts hidden."""
    from edge.audit.page import opening
    from edge.audit.public import FORMAT, json_text, publish
    from edge.audit.public_page import TITLE, render
    from edge.audit.source import open_source

    require_places(
        Output(option="--out", path=out, begins=opening(TITLE).encode()),
        Output(option="--json", path=json, begins=_begins(FORMAT)),
    )
    key = load_public(public_key) if public_key is not None else None
    with open_source(log) as source:
        made = publish(source, first=since, last=until, now=milliseconds(SystemClock().now().at), key=key)
    written = {out: render(made)}
    if json is not None:
        written[json] = json_text(made)
    _write(written, mode=0o644)


def _write(files: Mapping[Path, str], *, mode: int) -> None:
    """All of them or none."""
    try:
        put_all({path: content.encode() for path, content in files.items()}, mode=mode)
    except OSError as error:
        places = " and ".join(str(path) for path in files)
        raise LedgerError(f"{places}: cannot be written, {why(error)}") from error
    for path in files:
        print(f"written: {path}")


def _begins(form: str) -> bytes:
    """How JSON of that form begins, as `json_text` writes it."""
    return f'{{\n "format": "{form}",\n'.encode()
