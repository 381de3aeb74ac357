"""`homerule status`: how the daemon on this computer stands, for a person or a program."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.cli.whereabouts import where
from edge.control.client import ask_status
from edge.control.status import BundleStatus, CameraStatus, Report, Status
from edge.policy.spans import whole

_DECODERS = {"user": "decoded as a user of its own", "process": "decoded in a process of its own, as the same user"}


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command("status")(status)


def status(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The device's device.toml, for where to ask.")
    ] = None,
    socket: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the daemon is asked.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for a program.")] = False,
) -> None:
    """Tells what is in force, who is served and what needs a person: exit code 1 if so, or if nobody answers."""
    found = ask_status(where(config, socket))
    if json:
        print(found.model_dump_json(indent=1))
    else:
        _show(found)
    if found.alarms:
        raise typer.Exit(1)


def _show(found: Status) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    for one in found.alarms:
        console.print(Text(f"ALARM {one.what}, since {one.since:%Y-%m-%d %H:%M} UTC: {one.said}"))
    if found.alarms:
        console.print()
    for name, said in _lines(found):
        console.print(Text(f"{name:<12}{said}"))
    if found.subscribers:
        console.print()
        console.print(_served(found))


def _lines(found: Status) -> Iterator[tuple[str, str]]:
    report = found.report
    yield "Device", ", ".join(_known(found.device, report.software, _since("running", report.started_at, found.at)))
    yield "Policy", _policy(found.bundle, found.at)
    if found.held is not None:
        yield "On hold", f"only the owner is served: {found.held}"
    if found.bundle is not None:
        yield "Opted out", ", ".join(found.bundle.opt_outs) or "of nothing"
        if found.bundle.by_hand:
            yield "By hand", f"{', '.join(found.bundle.by_hand)}; it stays until a bundle replaces the digest below"
        yield "Digest", found.bundle.digest
    by = f", by {report.clock_by}" if report.clock_by else ""
    yield "Clock", f"trusted{by}" if found.clock_trusted else "not trusted, so only the owner is served"
    for camera in report.cameras:
        yield "Camera", _camera(camera, found.at)
        if rejected := ", ".join(f"{count} {reason}" for reason, count in camera.rejected.items() if count):
            yield "No reads", f"{camera.id}: {rejected}"
    if report.provider:
        tested = "" if report.tested_at is None else _since("read the known plate", report.tested_at, found.at) + " ago"
        yield "Models", ", ".join(_known(f"run by the {report.provider}", tested.replace(" for ", " ")))
    yield "Processor", _processor(report)
    if report.broker_connected is not None:
        yield "Broker", "connected" if report.broker_connected else "away; reads wait"
    if report.certificate_days is not None:
        days = report.certificate_days
        yield "Certificate", f"holds for {days} more days" if days >= 0 else "has ENDED"
    if report.reads_waiting is not None:
        yield "Waiting", f"{report.reads_waiting} reads are not acknowledged yet"
    if report.ledger_entries is not None:
        free = f", {report.free_megabytes} MB free on its disk" if report.free_megabytes is not None else ""
        yield "Audit log", f"{report.ledger_entries} entries, id {report.ledger_id}{free}"


def _policy(bundle: BundleStatus | None, at: datetime) -> str:
    if bundle is None:
        return "none is in force, so nothing is shared with anybody"
    parts = [f"version {bundle.version}.{bundle.revision} of {bundle.owner}"]
    if bundle.signed_at is not None:
        parts.append(f"signed {whole(at - bundle.signed_at)} ago")
    left = bundle.valid_until - at
    until = f"until {bundle.valid_until:%Y-%m-%d %H:%M} UTC"
    parts.append(f"in force {until} ({whole(left)})" if left > timedelta() else f"ran out, it was in force {until}")
    return ", ".join(parts)


def _camera(camera: CameraStatus, at: datetime) -> str:
    state = "connected" if camera.connected else "NOT connected"
    rate = f"{camera.frames_per_second:.1f} frames/s" if camera.connected and camera.frames_per_second else ""
    behind = "" if camera.pace >= 1.0 else f"BEHIND, looks at {camera.pace:.0%} of the usual pace"
    gate = {"open": "something moves", "shut": "nothing moves", "blind": "without its sub-stream"}.get(camera.gate, "")
    taken = "" if not camera.dropped else f"{camera.dropped} of {camera.frames} dropped"
    hurried = "" if not camera.hurried else f"{camera.hurried} passages with fewer than eight looks"
    decoder = _DECODERS.get(camera.decoder, "")
    state = f"{camera.id}: {state}"
    since = _since("", camera.since, at)
    return ", ".join(_known(state, since, rate, taken, gate, behind, hurried, decoder, camera.why))


def _processor(report: Report) -> str:
    heat = "" if report.temperature is None else f"{report.temperature:.0f} degrees"
    return ", ".join(_known(heat, report.throttled.upper())) or "nothing is known of its heat"


def _served(found: Status) -> Table:
    table = Table(
        "agency", "gate", "right at the broker", "why it is shut", title="Who is served", title_justify="left"
    )
    for one in found.subscribers:
        table.add_row(Text(f"{one.name} ({one.id})"), Text(one.gate), Text(one.right), Text(one.why))
    return table


def _since(what: str, since: datetime | None, at: datetime) -> str:
    return f"{what} for {whole(at - since)}".strip() if since is not None else ""


def _known(*parts: str) -> list[str]:
    return [part for part in parts if part]
