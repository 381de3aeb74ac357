"""A change of the city's files, until it is in force: here by asking the daemon, elsewhere by a signature."""

from collections.abc import Callable
from pathlib import Path

from edge.cli.effects import effects
from edge.clock import SystemClock
from edge.control.client import ask_status, ask_take_up
from edge.control.status import BundleStatus, Status
from edge.desk import open_bundle
from edge.errors import BrokerError, ControlError, NoDaemon, PolicyError
from edge.policy.bundle import Bundle

_LATER = "written; no daemon is running here, it comes into force when one takes it up"


def as_it_lies(folder: Path) -> Bundle | None:
    """What the folder says, signed or not; None when it does not hold together: an edit may be what mends it."""
    try:
        return open_bundle(folder, pin=None)
    except PolicyError:
        return None


def say_effects(before: Bundle | None, folder: Path) -> None:
    """Prints who gains and who loses by what was written into the folder since."""
    after = as_it_lies(folder)
    if before is None or after is None:
        print("The folder does not hold together, see `homerule policy show`.")
        return
    for line in effects(before, after, SystemClock(trusted=True).now()):
        print(line)


def wait(socket: Path, wanted: Callable[[Status], bool]) -> None:
    """Returns when the daemon here has the change in force, and prints its digest; `wanted` says whether it is there.

    Without a daemon it says so. PolicyError, BrokerError, LedgerError and ControlError as the daemon gives them.
    """
    try:
        status = ask_take_up(socket)
    except NoDaemon:
        print(_LATER)
        return
    except PolicyError as error:
        raise PolicyError(
            f"written, but not in force: {error}; see `homerule status` for what is shared now"
        ) from error
    except BrokerError as error:
        raise BrokerError(f"in force on this device, nothing is sent to whom it shuts out; but {error}") from error
    if status is None:
        print("in force")
    elif status.bundle is None or not wanted(status):
        raise ControlError(
            "written, but the daemon here goes by another folder or an older signature; bring the files where it looks"
        )
    else:
        print(f"in force: version {_version(status.bundle)}")
        print(f"digest {status.bundle.digest}")


def say_how_to_sign(folder: Path, socket: Path) -> None:
    """Prints what must be typed so that a change that gives something comes into force."""
    print("Nothing changes on any camera until the city has signed it, on the computer where its key is:")
    in_force = _in_force(socket)
    if in_force is not None and in_force.revision > 0:
        print(f"  homerule sign {folder} --key CITY.KEY --replaces {in_force.digest}")
        print("--replaces says that the city knows what was closed by hand here since it last signed, and gives it up")
        print("unless the files close it too; without it that stays closed.")
        return
    print(f"  homerule sign {folder} --key CITY.KEY")
    if in_force is None:
        print("A camera where something was closed by hand since the last signature keeps it closed, unless you add")
        print("--replaces and the digest that `homerule status` shows there.")


def say_signed(made: Bundle, socket: Path) -> None:
    """Prints whether the bundle that was just signed is in force on this computer, if a daemon runs here at all."""
    try:
        status = ask_take_up(socket)
    except NoDaemon:
        return
    except (PolicyError, BrokerError, ControlError) as error:
        print(f"The daemon on this computer has not taken it up: {error}")
        return
    in_force = status.bundle if status is not None else None
    if in_force is None or in_force.version != made.version:
        return
    print(f"in force on this computer: version {_version(in_force)}")
    if in_force.digest != made.digest:
        print("What was closed by hand here since the last signature stays closed. To give it up, sign once more with")
        print(f"  --replaces {in_force.digest}")


def _in_force(socket: Path) -> BundleStatus | None:
    try:
        return ask_status(socket).bundle
    except ControlError:
        return None


def _version(bundle: BundleStatus) -> str:
    by_hand = ", closed further by hand since it was signed" if bundle.revision else ""
    return f"{bundle.version}.{bundle.revision}{by_hand}"
