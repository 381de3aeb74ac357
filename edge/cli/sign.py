"""`homerule sign`: the city's signature under a policy folder. `homerule pin`: whose signature counts on a device."""

from pathlib import Path
from typing import Annotated

import typer

from edge import desk
from edge.cli.effects import receivers
from edge.cli.inforce import say_signed
from edge.clock import SystemClock
from edge.config import CONTROL_SOCKET
from edge.keys import key_id, load_public, load_signing_key

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)]
PinFile = Annotated[Path, typer.Argument(metavar="PIN", help="The file that pins the city's key.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds `sign` and the group `pin` to the command line."""
    group = typer.Typer(help="The city's public key on a device.", no_args_is_help=True, rich_markup_mode=None)
    group.command("show")(show)
    group.command("rotate")(rotate)
    app.command("sign")(sign)
    app.add_typer(group, name="pin")


def sign(
    folder: Folder,
    key: Annotated[Path, typer.Option(metavar="FILE", help="The city's private key.")],
    device: Annotated[list[str] | None, typer.Option(metavar="ID", help="For this device; may be repeated.")] = None,
    adopt: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A device's new audit log, as `homerule status` names it; may be repeated."),
    ] = None,
    replaces: Annotated[str | None, typer.Option(metavar="DIGEST", help="The bundle in force that it follows.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Else the next number.")] = None,
) -> None:
    """Signs the folder with the city's key, so that cameras take it up."""
    now = SystemClock(trusted=True).now()
    made = desk.sign(
        folder,
        key=load_signing_key(key),
        now=now.at,
        devices=device or (),
        replaces=replaces,
        version=version,
        adopt=adopt or (),
    )
    print(f"signed version {made.version} for {', '.join(made.device_ids)}, in force until {made.valid_until:%Y-%m-%d}")
    print(f"digest {made.digest}")
    found = receivers(made, now)
    print("From now on these could receive reads, and nobody else:" if found else "Nobody could receive a read.")
    for line in found:
        print(f"  {line}")
    say_signed(made, CONTROL_SOCKET)


def show(pin: PinFile) -> None:
    """Prints the pinned key and its short name, to compare with what the city says on the telephone."""
    found = load_public(pin)
    print(f"{pin}: {key_id(found)}")


def rotate(
    pin: PinFile,
    key: Annotated[Path, typer.Option(metavar="FILE", help="The city's private key until now.")],
    new: Annotated[Path, typer.Option(metavar="FILE", help="The public key that takes its place (a .pub file).")],
) -> None:
    """Puts another key of the city in the place of the pinned one; the old key signs that it may."""
    after = load_public(new)
    desk.rotate(pin, old=load_signing_key(key), new=after)
    beside = f"{pin}.rotation"
    print(f"{pin}: {key_id(after)} counts from now on; {beside} holds the old key's word for it")
    print("As root, put both files in place on each device, the second one first. Where the policy folder has a")
    print(f"`city.key.pub`, put a copy of {pin} in its place. Then sign with the new key:")
    print("  homerule sign DIR --key NEW.KEY")
