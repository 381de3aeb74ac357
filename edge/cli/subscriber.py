"""`homerule subscriber`: the registry, edited in place. Suspending counts at once, all else once it is signed."""

import hashlib
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge import disk, keys
from edge.cli.inforce import as_it_lies, say_effects, say_how_to_sign, wait
from edge.cli.switch import Config, Folder, Socket, Target
from edge.cli.whereabouts import where
from edge.desk import registry
from edge.errors import PolicyError
from edge.policy.subscribers import SubscriberTable
from edge.policy.vocabulary import STATES, Kind
from edge.written import nearest

Agency = Annotated[str, typer.Argument(metavar="ID", help="The agency, by its id.", show_default=False)]
_LARGEST_DOCUMENT = 256 * 1024 * 1024


def register(app: typer.Typer) -> None:
    """Adds the group `subscriber` to the command line."""
    group = typer.Typer(help="The agencies of the registry.", no_args_is_help=True, rich_markup_mode=None)
    agreements = typer.Typer(help="What agencies have signed.", no_args_is_help=True, rich_markup_mode=None)
    for name, command in (("add", add), ("suspend", suspend), ("resume", resume), ("remove", remove), ("list", show)):
        group.command(name)(command)
    agreements.callback()(_agreements)
    agreements.command("add")(add_agreement)
    group.add_typer(agreements, name="agreement")
    app.add_typer(group, name="subscriber")


def add(
    folder: Folder,
    subscriber: Agency,
    name: Annotated[str, typer.Option(help="Its name.")],
    kind: Annotated[str, typer.Option(help="What it is: local, county, state, federal, task_force, ...")],
    state: Annotated[str, typer.Option(help="Of which state, such as US-IL.")],
    agency_id: Annotated[str, typer.Option(help="Its own number, such as an ORI.")],
    purpose: Annotated[list[str], typer.Option(metavar="CODE", help="What it asks for; may be repeated.")],
    channel: Annotated[list[str] | None, typer.Option(metavar="NAME", help="On this channel; repeatable.")] = None,
    scheme: Annotated[str, typer.Option(help="Whose number that is: ori, nlets or local.")] = "ori",
    feed: Annotated[str, typer.Option(help="all, hits or none.")] = "hits",
    sealing_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its public key, a .pub file.")] = None,
    certificate_name: Annotated[str | None, typer.Option(metavar="NAME", help="At the broker; else its id.")] = None,
    member: Annotated[list[str] | None, typer.Option(metavar="ID", help="Of a task force; repeatable.")] = None,
    deputation: Annotated[str | None, typer.Option(help="287g or federal_task_force, if it is deputised.")] = None,
    socket: Socket = None,
) -> None:
    """Writes a new agency into the registry; nothing is given to it before the city has signed."""
    _require_state(state, kind)
    table: dict[str, object] = {
        "id": subscriber,
        "name": name,
        "agency_id": agency_id,
        "agency_id_scheme": scheme,
        "kind": kind,
        "state": state,
        "channels": channel or [],
        "purposes": purpose,
        "feed": feed,
        "certificate_name": certificate_name or subscriber,
    }
    if sealing_key is not None:
        table["sealing_key"] = keys.public_text(keys.load_sealing_public(sealing_key))
    if member:
        table["members"] = member
    if deputation is not None:
        table["federal_deputation"] = deputation
    before = as_it_lies(folder)
    registry.add(folder, table)
    print(f"{name} ({subscriber}) is in the registry")
    if kind != Kind.FOREIGN and state not in STATES:
        print(f"`{state}` is no state of the United States: to a camera here it is a foreign agency.")
    if sealing_key is None:
        print("It has no sealing key yet, so that nothing can be sealed for it: `homerule subscriber enroll` adds one.")
    say_effects(before, folder)
    say_how_to_sign(folder, where(None, socket))


def suspend(folder: Folder, subscriber: Agency, config: Config = None, socket: Socket = None) -> None:
    """Stops an agency, and returns when that is in force. Needs no signature."""
    asked = where(config, socket)  # before anything is changed
    one, before = registry.find(folder, subscriber), as_it_lies(folder)
    changed = registry.suspend(folder, one.id)
    print(f"{_who(one)} is suspended now" if changed else f"{_who(one)} was suspended already")
    if changed:
        say_effects(before, folder)
    wait(asked, Target(switch=None, agency=one.id, shown=one.name).is_closed)
    print(f"To end it: homerule subscriber resume {folder} {one.id}")


def resume(folder: Folder, subscriber: Agency, socket: Socket = None) -> None:
    """Takes a suspension back; that counts once the city has signed it."""
    one, before = registry.find(folder, subscriber), as_it_lies(folder)
    if not registry.resume(folder, one.id):
        print(f"{_who(one)} is not suspended in the files")
        return
    print(f"{_who(one)} is not suspended any more in the files")
    say_effects(before, folder)
    say_how_to_sign(folder, where(None, socket))


def remove(folder: Folder, subscriber: Agency, socket: Socket = None) -> None:
    """Takes an agency out of the registry for good: its id is never given to another."""
    one, before = registry.find(folder, subscriber), as_it_lies(folder)
    registry.remove(folder, one.id)
    print(f"{_who(one)} is out of the registry, and `{one.id}` is among the ids that are never used again")
    say_effects(before, folder)
    print("A camera that goes by this very folder serves its owner only until the city has signed: nobody has signed")
    print("that an agency is gone. To stop one at once and serve the others, suspend it.")
    say_how_to_sign(folder, where(None, socket))


def show(folder: Folder) -> None:
    """Prints every agency: what it is, on which channels, and until when its agreements run."""
    table = Table("id", "agency", "what it is", "channels", "asks for", "agreements until", "")
    for one in registry.agencies(folder):
        agreements = ", ".join(f"{each.id} {each.expires_on:%Y-%m-%d} ({each.status.value})" for each in one.agreement)
        notes = [
            *(["suspended"] if one.suspended else []),
            *(["no sealing key"] if one.sealing_key is None else []),
            *([f"members: {', '.join(one.members)}"] if one.members else []),
        ]
        table.add_row(
            Text(one.id, no_wrap=True),
            Text(one.name),
            Text(f"{one.kind.value}, {one.state}"),
            Text(", ".join(one.channels) or "none"),
            Text(f"{one.feed.value}: {', '.join(purpose.value for purpose in one.purposes)}"),
            Text(agreements or "none"),
            Text("; ".join(notes)),
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
    retired = registry.retired(folder)
    if retired:
        print(f"Never used again: {', '.join(retired)}")


def add_agreement(
    folder: Folder,
    subscriber: Agency,
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="A short id for it.", show_default=False)],
    form: Annotated[str, typer.Option(help="declaration, mou, judicial-warrant, ...")],
    signed_by: Annotated[str, typer.Option(help="Who signed it, by office.")],
    signed_on: Annotated[str, typer.Option(metavar="DATE", help="Such as 2026-11-02.")],
    expires_on: Annotated[str, typer.Option(metavar="DATE", help="From this midnight (UTC) on it no longer holds.")],
    purpose: Annotated[list[str], typer.Option(metavar="CODE", help="What it covers; may be repeated.")],
    begins_on: Annotated[
        str | None, typer.Option(metavar="DATE", help="At its midnight (UTC); else when signed.")
    ] = None,
    case: Annotated[list[str] | None, typer.Option(metavar="NUMBER", help="For this case alone; repeatable.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="For cameras in this state alone; repeatable.")
    ] = None,
    document: Annotated[Path | None, typer.Option(metavar="FILE", help="The signed paper, as a file.")] = None,
    document_sha256: Annotated[str | None, typer.Option(metavar="HEX", help="Or its sha256.")] = None,
    socket: Socket = None,
) -> None:
    """Writes an instrument under an agency; it counts once the city has signed it."""
    one, before = registry.find(folder, subscriber), as_it_lies(folder)
    table: dict[str, object] = {
        "id": agreement,
        "form": form,
        "signed_by": signed_by,
        "signed_on": _day(signed_on, "--signed-on"),
        "expires_on": _day(expires_on, "--expires-on"),
        "document_sha256": _sha256(document, document_sha256),
        "status": "active",
        "purposes": purpose,
    }
    if begins_on is not None:
        table["begins_on"] = _day(begins_on, "--begins-on")
    if case:
        table["cases"] = case
    if state:
        table["states"] = state
    registry.add_agreement(folder, one.id, table)
    print(f"{_who(one)} has the agreement `{agreement}` until {expires_on}; the paper's sha256 is in the registry")
    say_effects(before, folder)
    say_how_to_sign(folder, where(None, socket))


def _agreements() -> None:
    """What agencies have signed."""


def _require_state(state: str, kind: str) -> None:
    """Refuses what is nearly a state of the United States: it would be another country, `IL` Israel."""
    if state in STATES:
        return
    upper = state.upper()
    meant = upper if upper.startswith("US-") else f"US-{upper}"
    if meant in STATES and (meant == upper or kind != Kind.FOREIGN):
        abroad = "" if meant == upper else "; an agency of another country has `--kind foreign`"
        raise PolicyError(f"there is no state `{state}`, did you mean `{meant}`?{abroad}")
    if meant == upper:
        raise PolicyError(f"there is no state `{state}`{nearest(meant, sorted(STATES)) or ', write it as US-IL'}")


def _sha256(document: Path | None, known: str | None) -> str:
    if (document is None) == (known is None):
        raise typer.BadParameter("name the paper with --document, or its sha256 with --document-sha256")
    if document is None:
        return str(known)
    try:
        content, status = disk.read(document, most=_LARGEST_DOCUMENT)
    except OSError as error:
        raise PolicyError(f"{document}: cannot be read, {disk.why(error)}") from error
    if status.st_size > len(content):
        raise PolicyError(f"{document}: is too large, give its sha256 with `--document-sha256`")
    return hashlib.sha256(content).hexdigest()


def _day(written: str, option: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise PolicyError(f"`{option} {written}` is no date, write it as 2026-12-31") from None


def _who(one: SubscriberTable) -> str:
    return f"{one.name} ({one.id})"
