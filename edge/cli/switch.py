"""`homerule policy opt-out | opt-in`: a network, a class of agencies or one agency, off by hand and on by signature."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edge import desk
from edge.cli.inforce import as_it_lies, say_effects, say_how_to_sign, wait
from edge.cli.whereabouts import where
from edge.control.status import Status
from edge.desk import registry
from edge.errors import PolicyError
from edge.written import nearest

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A network, `federal`, `out-of-state`, or an agency.", show_default=False),
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The device's device.toml.")]
Socket = Annotated[Path | None, typer.Option(metavar="FILE", help="Where the daemon is asked.")]

_SHOWN = {
    "national-lookup": "National Lookup",
    "statewide-lookup": "Statewide Lookup",
    "out-of-state": "sharing with agencies of other states",
    "federal": "sharing with federal agencies",
    "private": "sharing with private parties",
    "foreign": "sharing with agencies abroad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is turned: a switch of policy.toml, or one agency of subscribers.toml."""

    switch: str | None
    agency: str | None
    shown: str

    def is_closed(self, status: Status) -> bool:
        """Whether the daemon says so too."""
        if self.switch is not None:
            return status.bundle is not None and self.switch in status.bundle.opt_outs
        # a gate may be shut for another reason, which may go away
        return any(one.suspended for one in status.subscribers if one.id == self.agency)


def alone(app: typer.Typer) -> None:
    """Adds the group `policy` with nothing but the commands of this file."""
    group = typer.Typer()
    register(group)
    app.add_typer(group, name="policy")


def register(group: typer.Typer) -> None:
    """Adds the commands of this file to the group `policy`."""
    group.command("opt-out")(opt_out)
    group.command("opt-in")(opt_in)


def opt_out(folder: Folder, name: Name, config: Config = None, socket: Socket = None) -> None:
    """Turns a network, a class of agencies or one agency off, and returns when that is in force."""
    asked = where(config, socket)  # before anything is changed
    target, before = find(folder, name), as_it_lies(folder)
    if target.switch is not None:
        changed = desk.opt_out(folder, target.switch)
    else:
        changed = registry.suspend(folder, target.agency or "")
    said = "off" if target.switch is not None else "suspended"
    print(f"{target.shown} is {said} now" if changed else f"{target.shown} was {said} already")
    try:
        wait(asked, target.is_closed)
    finally:
        if changed:
            say_effects(before, folder)
    ways = [""] if target.switch is None else desk.ways(target.switch)
    if ways:
        to = f" --to {'|'.join(ways)}" if len(ways) > 1 else ""
        print(f"To turn it on again: homerule policy opt-in {folder} {target.switch or target.agency}{to}")


def opt_in(
    folder: Folder,
    name: Name,
    to: Annotated[str | None, typer.Option(metavar="WAY", help="For a switch that opens in more than one way.")] = None,
    config: Config = None,
    socket: Socket = None,
) -> None:
    """Writes that a network, a class of agencies or one agency is on; that counts once the city has signed it."""
    asked = where(config, socket)  # before anything is changed
    target, before = find(folder, name), as_it_lies(folder)
    if target.switch is not None:
        changed = desk.opt_in(folder, target.switch, value=to)
    elif to is not None:
        raise PolicyError(f"{target.shown} is an agency and no switch, leave `--to {to}` out")
    else:
        changed = registry.resume(folder, target.agency or "")
    print(f"{target.shown} is on in the files" if changed else f"{target.shown} was on in the files already")
    if changed:
        say_effects(before, folder)
    say_how_to_sign(folder, asked)


def find(folder: Path, name: str) -> Target:
    """What goes by `name`: a switch in any spelling, else an agency by id, name or number. Raises PolicyError."""
    switch = desk.switch_named(folder, name)
    if switch is not None:
        return Target(switch=switch, agency=None, shown=_SHOWN.get(switch, f"the channel {switch}"))
    try:
        agency = registry.find(folder, name)
    except PolicyError:
        known = [*desk.switches(folder), *registry.ids(folder)]
        mend = nearest(name, known) or f"; the networks are {', '.join(desk.switches(folder))}"
        raise PolicyError(f"there is no network and no agency `{name}`{mend}") from None
    return Target(switch=None, agency=agency.id, shown=f"{agency.name} ({agency.id})")
