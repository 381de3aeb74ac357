"""One daemon to a ledger, and one to a broker's rights.

Two to a ledger would each keep gates of its own, and what a clerk shuts in one the other leaves open. Of two that
administer one broker each takes away what the other gave, and the other does not notice.
"""

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from edge import disk
from edge.config import Config
from edge.errors import ConfigError


def the_only_one(config: Config) -> None:
    """Makes this process the only daemon of its ledger and of its broker's rights. ConfigError when one is taken."""
    alone(config.device.ledger)
    administers_alone(config)


def alone(ledger: Path) -> int:
    """Makes this process the only daemon of `ledger` until it ends, however it ends; gives the file that says so.

    That is a file of its own beside the ledger: to open and close SQLite's would let go of SQLite's locks. Commands
    that read or purge the ledger do not ask for it. ConfigError with the mend when another daemon has it.
    """
    path = f"{os.path.realpath(ledger)}.lock"
    try:
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        mend = "make its folder and give it to the daemon's user, or name another [device] `ledger`"
        raise ConfigError(f"{path}: cannot be opened for writing ({disk.why(error)}), {mend}") from error
    taken = "another daemon has this ledger, stop it; another device needs a [device] `ledger` of its own"
    _lock(held, path, taken=taken)
    with contextlib.suppress(OSError):  # root, who tries it by hand, leaves it to the user whose ledger it is
        owner, made = os.stat(ledger), os.fstat(held)
        if stat.S_ISREG(made.st_mode) and made.st_nlink == 1:  # nothing else that this user has put there
            os.fchown(held, owner.st_uid, owner.st_gid)
    return held


def administers_alone(config: Config) -> int | None:
    """Makes this process the only daemon with the control credential of its broker until it ends; the file, held open.

    None where it administers no broker, or cannot open the credential: whoever reads that says so. Only daemons ask;
    other commands that use the credential may go on meanwhile. ConfigError when another daemon has it.
    """
    path = config.broker.control_credential
    if path is None:
        return None
    try:
        held = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # the file itself: we may write nothing there
    except OSError:
        return None
    _lock(held, path, taken=f"another daemon administers this broker as `{config.device.id}`, stop it first")
    return held


def _lock(held: int, path: Path | str, *, taken: str) -> None:
    """Locks the file that is held open; closes it where that fails. ConfigError, with `taken` when another has it."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        why = f"cannot be locked ({disk.why(error)}), put it on a disk of this computer"
        raise ConfigError(f"{path}: {taken if isinstance(error, BlockingIOError) else why}") from error
