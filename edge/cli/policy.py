"""The city's commands: a first policy folder, and what the policy means for each agency."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edge import desk, disk
from edge.cli import diff, history, review, switch
from edge.cli.moments import At, moment
from edge.cli.screen import console
from edge.cli.words import outcome, switches
from edge.clock import SystemClock
from edge.desk.laws import packs
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.decide import CHANNEL, decide, explain, stranger
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.reach import Reach, reach
from edge.policy.reasons import Reason, sentence
from edge.policy.subscribers import Subscriber
from edge.policy.tag import tag
from edge.policy.vocabulary import STATES, UNKNOWN_PLACE, Purpose
from edge.values import Hit, Instant, TaggedRead
from edge.written import nearest

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)]
Pin = Annotated[Path | None, typer.Option(metavar="FILE", help="The city's public key; then the signature must hold.")]
UNCHECKED = "The signature was not checked; name the city's public key with --pin to check it."


def register(app: typer.Typer) -> None:
    """Adds `init` and the group `policy` to the command line."""
    group = typer.Typer(help="What the policy in a folder means.", no_args_is_help=True, rich_markup_mode=None)
    group.command("show")(show)
    group.command("explain")(explain_read)
    for commands in (review, diff, switch):
        commands.register(group)
    history.register(group)
    app.command("init")(init)
    app.add_typer(group, name="policy")


def init(
    folder: Folder,
    state: Annotated[str | None, typer.Option(help="Where the camera stands, such as US-IL.")] = None,
    place: Annotated[str | None, typer.Option(help="The city or village.")] = None,
    owner_name: Annotated[str | None, typer.Option(help="The agency that owns the camera.")] = None,
    owner_id: Annotated[str | None, typer.Option(help="Its id here, such as mount-prospect-pd.")] = None,
    owner_agency_id: Annotated[str | None, typer.Option(help="Its own number or name for itself.")] = None,
    owner_key: Annotated[str | None, typer.Option(help="Its public sealing key, the line of its .pub file.")] = None,
    county_fips: Annotated[str | None, typer.Option(help="Five digits.")] = None,
    device: Annotated[str, typer.Option(metavar="ID", help="The id of the camera computer.")] = "pole-1",
) -> None:
    """Makes a city's first policy folder: keys, policy, registry, and the first signed bundle."""
    state = _ask(state, "--state", "In which state does the camera stand (such as US-IL)?")
    _offer(state)
    place = _ask(place, "--place", "In which city or village?")
    owner_name = _ask(owner_name, "--owner-name", "Which agency owns it?", f"{place} Police Department")
    owner_id = _ask(owner_id, "--owner-id", "A short id for that agency?", _short(owner_name))
    answers = desk.Answers(
        state=state,
        place=place,
        county_fips=county_fips,
        owner_id=owner_id,
        owner_name=owner_name,
        owner_agency_id=owner_agency_id or owner_id,
        device_id=device,
        sealing_key=owner_key,
    )
    made = desk.init(folder, answers, now=SystemClock(trusted=True).now().at)
    _say_what_next(folder, made)


def show(folder: Folder, pin: Pin = None, at: At = None) -> None:
    """Says in words what the policy allows, and who could receive what on which channel."""
    bundle, now = desk.open_bundle(folder, pin=pin), moment(at)
    out = console()
    for line in switches(bundle, now):
        out.print(Text(line))
    out.print()
    out.print("Who could receive what, on which channel:")
    rows = {one.id: reach(one, bundle, now) or (_nowhere(),) for one in bundle.subscribers.values()}
    width = min(24, max(len(answer.channel) for answers in rows.values() for answer in answers))
    for name, answers in rows.items():
        out.print(Text(_who(bundle.subscribers[name])))
        out.print(_answers(answers, width))
    out.print()
    out.print("Every reason for one agency: homerule policy explain DIR --subscriber ID")
    if pin is None:
        out.print(UNCHECKED)


def explain_read(
    folder: Folder,
    subscriber: Annotated[str, typer.Option(metavar="ID", help="The agency, by its id in the registry.")],
    read: Annotated[Path | None, typer.Option(metavar="FILE", help="A read as JSON, a line of reads.jsonl.")] = None,
    plate: Annotated[str | None, typer.Option(help="What was read, looked up in the hot lists.")] = None,
    hit: Annotated[
        list[str] | None,
        typer.Option(metavar="PURPOSE", help="As if a hot list had it for this, and for an offence of this state."),
    ] = None,
    pin: Pin = None,
    at: At = None,
) -> None:
    """Says what each rule says about one read and one agency, and what comes of it."""
    bundle, now = desk.open_bundle(folder, pin=pin), moment(at)
    text = plate or (_text_of(read) if read else "")
    tagged = _tagged(text, hit or [], bundle, desk.hotlists(folder, bundle) if text else NO_LISTS, now)
    known = bundle.subscribers.get(subscriber)
    if known is None:
        mend = nearest(subscriber, list(bundle.subscribers)) or ""
        refused = stranger(tagged.tags, subscriber, bundle.digest)
        raise PolicyError(
            f"`{subscriber}` is not in the registry{mend or ', so it gets nothing'} ({refused.reasons[0]})"
        )
    decision = decide(tagged.tags, known, bundle, now)
    table = Table.grid(padding=(0, 2))
    for verdict in explain(tagged.tags, known, bundle, now):
        said = [f"{reason.value}: {reason.sentence}" for reason in verdict.reasons]
        if verdict.family == CHANNEL and decision.channel is not None:
            said = [f"{decision.channel} is open", *said]  # what is closed beside it does not matter then
        table.add_row(Text(verdict.family), Text("\n".join(said) or "no objection"))
    out = console()
    out.print(table)
    out.print()
    out.print(Text(f"{known.name}: {decision.effect.value}"))
    out.print(Text(f"channel: {decision.channel or 'none'}"))
    out.print(Text(f"reason: {decision.reasons[0]}, {sentence(decision.reasons[0])}"))
    out.print(Text(f"obligations: {', '.join(decision.obligations) or 'none'}"))
    if pin is None:
        out.print(UNCHECKED)


def _tagged(text: str, purposes: list[str], bundle: Bundle, lists: HotLists, now: Instant) -> TaggedRead:
    for purpose in purposes:
        if purpose not in list(Purpose):
            raise PolicyError(f"there is no purpose `{purpose}`{nearest(purpose, list(Purpose))}")
    read = diff.passed_now(text, 2, now)
    # Without a pin nobody has vouched for the folder: it is asked as in test mode, and says so.
    tagged = tag(read, bundle, lists, test=not bundle.signed, now=now)
    wished = tuple(_wished(purpose, tagged) for purpose in purposes)
    return TaggedRead(read=read, tags=replace(tagged.tags, hits=(*tagged.tags.hits, *wished)))


def _wished(purpose: str, tagged: TaggedRead) -> Hit:
    return Hit(
        list_id="as-if",
        entry_id=purpose,
        source_agency="none",
        purpose=purpose,
        offence_grade=None,
        expires_at=tagged.tags.retain_until,
        offence_state=tagged.tags.jurisdiction.state,
    )


def _text_of(path: Path) -> str:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"`{path}`: cannot be read, {disk.why(error)}") from error
    except (ValueError, RecursionError):
        raise PolicyError(f"`{path}`: is not one JSON object, take one line of reads.jsonl") from None
    text = written.get("text") if isinstance(written, dict) else None
    if not isinstance(text, str):
        raise PolicyError(f"`{path}`: has no `text`, take one line of reads.jsonl")
    return text


def _ask(given: str | None, option: str, question: str, default: str | None = None) -> str:
    if given is not None:
        return given
    if sys.stdin.isatty():
        return str(typer.prompt(question, default=default))
    if default is None:
        raise typer.BadParameter(f"is needed where nobody can be asked: {question}", param_hint=option)
    return default


def _offer(state: str) -> None:
    """Says which law pack the policy will go by."""
    if state not in (*STATES, UNKNOWN_PLACE):
        # nothing nearly alike: `Illinois` is nearer to Indiana's code than to its own
        meant = f"US-{state.upper().removeprefix('US-')}"
        mend = f", did you mean `{meant}`?" if meant in STATES else ", write it as US-IL (ISO 3166-2)"
        raise PolicyError(f"there is no state `{state}`{mend}")
    pack = next(one for one in packs() if one.id == desk.pack_for(state))
    if pack.state is None:
        print(f"There is no law pack for {state} yet, so the cautious one named {pack.id} is taken.")
    print(f"Law pack: {pack.id}, {pack.text.title}. Line by line: homerule law show {pack.id}")


def _short(name: str) -> str:
    short = re.sub(r"[^a-z0-9]+", "-", name.lower().replace("police department", "pd")).strip("-")
    return short[:64] or "owner"


def _who(subscriber: Subscriber) -> str:
    return f"{subscriber.name} ({subscriber.id}; {subscriber.kind.value}, {subscriber.state})"


def _answers(answers: tuple[Reach, ...], width: int) -> Padding:
    """A line for each channel of one agency, under the lines of the agency before."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=width, overflow="fold")
    table.add_column(width=len("every read"))
    table.add_column()
    for answer in answers:
        table.add_row(Text(answer.channel), Text(outcome(answer)), Text(_first(answer)))
    return Padding(table, (0, 0, 0, 3))


def _first(answer: Reach) -> str:
    if not answer.reasons:
        return ""
    more = f" (and {len(answer.reasons) - 1} more)" if len(answer.reasons) > 1 else ""
    return answer.reasons[0].sentence + more


def _nowhere() -> Reach:
    return Reach(channel="none", open=False, full=False, reasons=(Reason.DENY_DEFAULT,))


def _say_what_next(folder: Path, made: Bundle) -> None:
    pack = made.policy.law.packs[0]
    print(
        f"made {folder}: policy.toml, subscribers.toml, laws/{pack}.toml, two keys, and signed version {made.version}"
    )
    print()
    print(
        f"1. The city's key is {folder}/city.key. Whoever holds it decides who receives reads: the city clerk should,"
    )
    print("   not police IT, on a stick of its own, with a copy in the safe. Move it off this computer now.")
    print(f"2. {folder}/city.key.pub is its public half: police IT installs it as the pin, owned by root.")
    print(
        f"3. {folder}/device.key stays on the camera computer and nowhere else; a device that the installer sets up has"
    )
    print("   made its own, /etc/homerule/device.key: delete this one then, and keep the .pub of that.")
    print(
        f"4. Nobody but {made.owner} is served until counsel has read laws/{pack}.toml and [law] `reviewed_by` says so."
    )
    print(
        "5. The first start of the device begins its audit log and shares nothing yet: `homerule status` names the log,"
    )
    print(f"   and `homerule sign {folder} --key FILE --adopt ID` is how the city says that it knows it.")
    if made.subscribers[made.owner].sealing_key is None:
        print(f"6. {made.owner} makes its key with `homerule keygen` and its public line goes into subscribers.toml;")
        print("   until then there is nothing to seal reads to, and it receives nothing either.")
    print()
    print(f"See what it means: homerule policy show {folder}, and what to look at: homerule policy check {folder}")
    print(f"After a change:    homerule sign {folder} --key {folder}/city.key (or from wherever the clerk keeps it)")
