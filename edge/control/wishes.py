"""What the city's files ask for, as far as it may be listened to."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

from edge.control.rooms import Desk, Turned
from edge.desk.refused import Refused
from edge.errors import HomeruleError, PolicyError
from edge.ledger import Ledger
from edge.ledger.entries import BundleRefused
from edge.policy.bundle import Bundle

_AGAIN = 1.0
"""Seconds to the next look at files that were refused: the pin, say, may come back."""
_WRITTEN_WITHIN = 0.3
"""Seconds in which whoever writes several files, such as a manifest and its signature, has written them all."""


class Wishes:
    """The desk, and what was heard of it last. One thread at a time."""

    def __init__(
        self, *, desk: Desk, ledger: Ledger, unfit: Callable[[Bundle], str | None], elapsed: Callable[[], float]
    ) -> None:
        self._desk, self._ledger, self._unfit, self._elapsed = desk, ledger, unfit, elapsed
        self._look_at = elapsed()
        self._refused = self._suspected = ""

    def are_due(self) -> bool:
        """Whether the files have changed, or it is time to look at them again."""
        return self._desk.changed() or self._elapsed() >= self._look_at

    def stored(self) -> Turned | None:
        """What the ledger holds as in force, if this device may use it. PolicyError if not; LedgerError."""
        stored = self._ledger.bundle_in_force()
        with _refusing():
            return self._desk.restore(stored, ledger_id=self._ledger.ledger_id, tree_size=self._ledger.size)

    def asked(self, in_force: Bundle | None) -> Turned:
        """What the files ask for after `in_force`, itself when it is the same. PolicyError when that may not be."""
        with _refusing():
            files, new = self._desk.take_up(in_force, ledger_id=self._ledger.ledger_id)
        why = self._unfit(new)
        if why is not None:
            raise Refused(why, why="unfit", hold=True, digest=new.digest, version=new.version)
        return files, new

    def heard(self) -> None:
        """What they ask for is in force: there is nothing to look at before they change."""
        self._look_at, self._refused, self._suspected = inf, "", ""

    def suspect(self, refused: PolicyError) -> bool:
        """Whether this is seen for the first time, and may be a folder that somebody is still writing."""
        if str(refused) in (self._suspected, self._refused):
            return False
        self._suspected = str(refused)
        self._look_at = self._elapsed() + _WRITTEN_WITHIN
        return True

    def refuse(self, refused: PolicyError, *, again: bool) -> BundleRefused | None:
        """They may not be listened to; what the audit log is to be told, once. `again`: look again soon by yourself."""
        self._look_at = self._elapsed() + _AGAIN if again else inf
        if str(refused) == self._refused:
            return None
        self._refused = str(refused)
        if isinstance(refused, Refused):
            return BundleRefused(digest=refused.digest, version=refused.version, why=refused.why)
        return BundleRefused(digest="", version=0, why=type(refused).__name__)

    def keep_floor(self, bundle: Bundle) -> None:
        """Writes down how far things have come. PolicyError when that cannot be done."""
        self._desk.keep_floor(bundle.version, bundle.revision, self._ledger.size)


@contextmanager
def _refusing() -> Iterator[None]:
    """Files at which the desk fails as nobody foresaw hold, like all that cannot be read: they would lie there at the
    next start too, and with an end at each of them nobody would be told, and no opt-out beside them ever be in force.
    """
    try:
        yield
    except HomeruleError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise Refused(
            f"the policy files cannot be read by this version ({type(error).__name__} in {Path(place.filename).name}, "
            f"line {place.lineno}); put back what lay there before",
            why="unreadable",
            hold=True,
        ) from error
