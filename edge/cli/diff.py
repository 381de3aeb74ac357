"""`homerule policy diff`: who gains and who loses by going from one policy folder to another, in words and in reads."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from edge import desk, disk
from edge.cli.effects import effects
from edge.cli.moments import At, moment
from edge.cli.screen import console
from edge.cli.words import switches
from edge.desk.shelf import Shelf
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.decide import decide_all
from edge.policy.hotlists import HotLists
from edge.policy.tag import tag
from edge.values import Box, Effect, Instant, PlateRead

READS, DECISIONS = "reads.jsonl", "decisions.jsonl"
_LARGEST = 512 * 1024 * 1024


def register(group: typer.Typer) -> None:
    """Adds the command of this file to the group `policy`."""
    group.command("diff")(diff)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The policy folder as it was.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy folder as it would be.", show_default=False)],
    on: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Reads that `homerule replay --out` recorded: its folder or a file in it.",
        ),
    ] = None,
    at: At = None,
) -> None:
    """Says what another policy would change: the switches, who gains and who loses, and how many recorded reads."""
    before, after, now = desk.open_bundle(old, pin=None), desk.open_bundle(new, pin=None), moment(at)
    said, says = switches(before, now), switches(after, now)
    for line in (one for one in said if one not in says):
        print(f"no longer: {line}")
    for line in (one for one in says if one not in said):
        print(f"from then on: {line}")
    for line in effects(before, after, now, most=None):
        print(line)
    if on is None:
        return
    texts = _texts(on)
    sides = [_Side(before, Shelf(old).read(before)), _Side(after, Shelf(new).read(after))]
    for text, frames in texts:
        for side in sides:
            side.decide(text, frames, now)
        for name in {*sides[0].shared, *sides[1].shared}:
            sides[0].only[name] += name in sides[0].shared and name not in sides[1].shared
            sides[1].only[name] += name in sides[1].shared and name not in sides[0].shared
    _show(sides, len(texts))


@dataclass
class _Side:
    """One of the two policies: who gets the read at hand, how many each got, how many by this policy only."""

    bundle: Bundle
    lists: HotLists
    shared: set[str] = field(default_factory=set)
    count: Counter[str] = field(default_factory=Counter)
    only: Counter[str] = field(default_factory=Counter)

    def decide(self, text: str, frames: int, now: Instant) -> None:
        # both sides are asked as in test mode: whose signature it is says nothing about what a policy means
        tagged = tag(passed_now(text, frames, now), self.bundle, self.lists, test=not self.bundle.signed, now=now)
        decisions = decide_all(tagged.tags, self.bundle, now)
        self.shared = {one.subscriber_id for one in decisions if one.effect is Effect.SHARE}
        self.count.update(self.shared)


def _show(sides: list[_Side], reads: int) -> None:
    old, new = sides
    table = Table(
        "agency", "got", "would get", "gains", "loses", title=f"On {reads} recorded reads", title_justify="left"
    )
    for name in sorted({*old.bundle.subscribers, *new.bundle.subscribers}):
        known = new.bundle.subscribers.get(name) or old.bundle.subscribers[name]
        figures = (old.count[name], new.count[name], new.only[name], old.only[name])
        table.add_row(Text(f"{known.name} ({name})"), *(str(one) for one in figures))
    console().print(table)
    print(
        "Decided anew under both policies as if each plate had passed now, with the hot lists that lie in each folder."
    )
    for side in sides:
        for name in sorted(side.lists.refused):
            print(f"note: the hot list `{name}` of one of the folders counts as none")


def _texts(on: Path) -> list[tuple[str, int]]:
    """What was read, and on how many frames, of each recorded read."""
    path = on / READS if on.is_dir() else on.with_name(READS) if on.name == DECISIONS else on
    try:
        content, _ = disk.read(path, most=_LARGEST)
    except OSError as error:
        raise PolicyError(f"`{path}`: cannot be read, {disk.why(error)}; name the folder of a replay") from error
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            read = json.loads(line)
            found.append((str(read["text"]), int(read["frames"])))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise PolicyError(f"`{path}`: line {number} is not a read, take the file that replay wrote") from None
    return found


def passed_now(text: str, frames: int, now: Instant) -> PlateRead:
    """A read that nobody took, of this text, as if its vehicle had passed at that moment."""
    return PlateRead(
        read_id="as-if",
        camera_id="none",
        first_seen=now.at,
        best_seen=now.at,
        last_seen=now.at,
        box=Box(x1=0, y1=0, x2=0, y2=0),
        text=text,
        confidence=1.0,
        lowest_character_confidence=1.0,
        frames=frames,
    )
