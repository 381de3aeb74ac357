"""`homerule hotlist`: a source signs its list, a city checks and counts what it has. No plate is ever printed."""

from pathlib import Path
from typing import Annotated

import typer

from edge import desk
from edge.clock import SystemClock
from edge.desk import shelf
from edge.errors import PolicyError
from edge.keys import load_signing_key
from edge.policy.bundle import Bundle
from edge.policy.entries import HotList
from edge.policy.hotlists import HotLists, count_words
from edge.values import Instant
from edge.written import nearest

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)]
NEARLY = 0.9
"""Of its cap: from here on a list is said to be nearly full."""


def register(app: typer.Typer) -> None:
    """Adds the group `hotlist` to the command line."""
    group = typer.Typer(help="Which plates are looked for, and for whom.", no_args_is_help=True, rich_markup_mode=None)
    group.command("sign")(sign)
    group.command("check")(check)
    group.command("list")(show)
    app.add_typer(group, name="hotlist")


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list, .csv or .toml.", show_default=False)],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The source's private key.")],
    list_id: Annotated[str, typer.Option("--id", metavar="ID", help="Its id in the city's policy.toml.")],
    version: Annotated[int | None, typer.Option(min=1, help="Else the next number.")] = None,
) -> None:
    """Signs a hot list as its source, into a file beside it; both go into the city's folder hotlists."""
    now = SystemClock(trusted=True).now().at
    said = shelf.sign_list(file, key=load_signing_key(key), list_id=list_id, now=now, version=version)
    print(f"signed version {said.version} of {said.id}, issued {said.issued_at:%Y-%m-%d %H:%M} UTC: {file}.sig")
    print("The city names your public key as `source_key` and says how old the list may be (`max_age_hours`).")


def check(
    folder: Folder,
    only: Annotated[str | None, typer.Argument(metavar="LIST", help="One list, by its id.")] = None,
) -> None:
    """Reads every hot list as a camera would; exit code 1 when one of them would count as none."""
    bundle, found, now = _read(folder, only)
    wrong = {**found.stale(now.at), **found.refused}
    for one in found.lists:
        if one.id not in wrong:
            print(f"{one.id}: {one.entries} entries, in order")
    for note in notes(found, now):
        print(f"note: {note}")
    if not bundle.policy.hotlist:
        print("the policy names no hot list")
    if wrong:
        raise PolicyError("; ".join(wrong[name] for name in sorted(wrong)))


def show(folder: Folder) -> None:
    """Counts the entries of every hot list by source, purpose and expiry."""
    bundle, found, now = _read(folder, None)
    by_id = {one.id: one for one in found.lists}
    for source in bundle.policy.hotlist:
        signed = "by its source" if source.source_key else "by the city"
        print(f"{source.id}: from {source.source_agency}, signed {signed}, at most {source.cap} entries")
        if source.id in found.refused:
            print(f"  counts as none: {found.refused[source.id]}")
        else:
            _count(by_id[source.id], now)
    if not bundle.policy.hotlist:
        print("the policy names no hot list")


def notes(found: HotLists, now: Instant) -> list[str]:
    """What is not wrong yet, but soon."""
    full = [
        f"hot list `{one.id}` has {one.entries} of at most {one.cap} entries; one more than that and it counts as none"
        for one in found.lists
        if one.entries >= NEARLY * one.cap
    ]
    over = [
        f"hot list `{one.id}` has {gone} entries that have run out, have its source remove them"
        for one in found.lists
        if (gone := one.run_out(now.at))
    ]
    return [*full, *over]


def _read(folder: Path, only: str | None) -> tuple[Bundle, HotLists, Instant]:
    bundle = desk.open_bundle(folder, pin=None)
    known = [source.id for source in bundle.policy.hotlist]
    if only is not None and only not in known:
        mend = nearest(only, known) or f"; there are {', '.join(known) or 'none'}"
        raise PolicyError(f"policy.toml names no hot list `{only}`{mend}")
    found = shelf.Shelf(folder).read(bundle)
    if only is not None:
        refused = {name: why for name, why in found.refused.items() if name == only}
        found = HotLists(lists=tuple(one for one in found.lists if one.id == only), refused=refused)
    return bundle, found, SystemClock(trusted=True).now()


def _count(one: HotList, now: Instant) -> None:
    last = one.last_day()
    print(f"  {one.entries} entries, {one.run_out(now.at)} of them have run out")
    if last is not None:
        print(f"  the last runs out on {last:%Y-%m-%d}")
    if one.ends is not None:
        said = "counts until" if one.counts(now.at) else "counts as none since"
        print(f"  as a whole it {said} {one.ends:%Y-%m-%d %H:%M} UTC")
    for line in count_words({purpose.value: count for purpose, count in one.by_purpose().items()}):
        print(f"  purpose {line}")
    for line in count_words(one.by_source()):
        print(f"  source {line}")
