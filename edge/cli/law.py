"""`homerule law`: the law packs that come with the program, in words that counsel can hold against the statute."""

import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer

from edge.desk.laws import law_text, packs
from edge.policy import law as laws
from edge.policy.law import Access, LawPack, Mark, Recipients
from edge.policy.spans import span
from edge.policy.vocabulary import RecipientClass

MARKS = {
    Mark.STATUTE: "the text of the statute was seen",
    Mark.GOVERNMENT: "a government's page about it was seen",
    Mark.PRESS: "only the press was seen",
    Mark.COMPILATION: "only a compilation was seen",
    Mark.RECALLED: "from memory, nothing was seen",
    Mark.OURS: "not in the law: our own cautious choice",
}
"""What each mark says of the source of a rule."""

_WHO = {
    RecipientClass.IN_STATE: "Agencies of this state",
    RecipientClass.OUT_OF_STATE: "Agencies of other states",
    RecipientClass.FEDERAL: "Federal agencies",
    RecipientClass.PRIVATE: "Private parties",
    RecipientClass.FOREIGN: "Agencies abroad",
}


def register(app: typer.Typer) -> None:
    """Adds the group `law` to the command line."""
    group = typer.Typer(help="The law packs.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(listed)
    group.command("show")(show)
    app.add_typer(group, name="law")


def listed() -> None:
    """Names every law pack that comes with the program."""
    for pack in packs():
        print(f"{pack.id:10} {pack.text.title} (version {pack.text.version}; {_reviewed(pack)})")
    print("Line by line: homerule law show ID")


def show(pack: Annotated[str, typer.Argument(metavar="ID", help="The law pack.", show_default=False)]) -> None:
    """Prints one law pack rule by rule, each with its citation and what of the law was seen."""
    found = laws.parse(law_text(pack).decode("utf-8"), file=f"laws/{pack}.toml")
    for line in page(found):
        print(textwrap.fill(line, 100, initial_indent="", subsequent_indent="      " if line[:1] == " " else ""))


def page(pack: LawPack) -> Iterator[str]:
    """The law pack in words, a line a paragraph: for each rule what it says, whence, and a note."""
    text = pack.text
    yield f"{text.title}"
    yield f"Law pack {pack.id}, version {text.version}, for {pack.state or 'any state'}; {_reviewed(pack)}."
    yield f"sha256 {pack.digest}"
    yield ""
    yield "It only narrows what the city allows; it gives nobody anything. This is no legal advice."
    rules = [
        ("Collection", [_collection(pack)], text.collection),
        ("Retention", [_retention(pack)], text.retention),
        *(
            (_WHO[group], list(_recipients(group, told)), getattr(text.recipients, group.value))
            for group, told in pack.recipients.items()
        ),
        ("Purposes", list(_purposes(pack)), text.purposes),
        *([("Obligations", [_obligations(pack)], text.obligations)] if text.obligations else []),
    ]
    for number, (title, said, cited) in enumerate(rules, start=1):
        yield ""
        yield f"{number}. {title}"
        yield from (f"   {line}" for line in said)
        yield f"   Source: {cited.citation}"
        yield f"   Seen: {cited.mark.value}, {MARKS[cited.mark]}"
        if cited.note:
            yield f"   Note: {cited.note}"
    if pack.deputised_as_federal:
        yield ""
        yield "A local agency that is deputised for a federal one is bound by what stands under federal agencies too."
    yield ""
    yield "Reviewed means: counsel has read it, and [law] `reviewed_by` of policy.toml says who and when."


def _reviewed(pack: LawPack) -> str:
    return "reviewed" if pack.reviewed else "not reviewed by counsel: without a review in policy.toml the owner only"


def _collection(pack: LawPack) -> str:
    if pack.unattended_roadside:
        return "An unattended roadside reader may collect."
    return "An unattended roadside reader may not collect, unless device.toml names the exception that it falls under."


def _retention(pack: LawPack) -> str:
    if pack.retention is None:
        return "No ceiling; the city's own is in force."
    return f"A read is kept for {span(pack.retention)} ({pack.retention.total_seconds():,.0f} seconds) at most."


def _recipients(group: RecipientClass, told: Recipients) -> Iterator[str]:
    if told.access is Access.NEVER:
        yield "They get nothing, whatever the city's switches say."
        return
    if told.access is Access.ALLOWED:
        yield "They may receive, as far as the city allows it."
    else:
        yield f"They need one of these in force: {', '.join(sorted(told.forms))}."
    if told.states is not None:
        yield f"Of these states only: {', '.join(sorted(told.states)) or 'none'}."
    if told.kinds is not None:
        yield f"Of these kinds only: {', '.join(sorted(told.kinds)) or 'none'}."
    if told.hits_only:
        yield "Only reads that are a hit on a hot list."
    if told.redact:
        yield f"Taken out of every read: {', '.join(sorted(told.redact))}."


def _purposes(pack: LawPack) -> Iterator[str]:
    yield f"Banned: {', '.join(sorted(pack.banned)) or 'none'}."
    if pack.allowed is not None:
        yield f"Allowed, and no other: {', '.join(sorted(pack.allowed)) or 'none'}."
    if pack.grades is not None:
        yield f"Only for offences of these grades: {', '.join(sorted(pack.grades)) or 'none'}."
    if pack.own_offences:
        yield "Investigations only of an offence of the state where the camera stands."


def _obligations(pack: LawPack) -> str:
    return f"Whoever receives takes on: {', '.join(sorted(pack.obligations)) or 'nothing'}."
