"""The hot lists of the bundle in force. Where they cannot be read nothing is looked for: an alarm, never a stop."""

from edge.control.alarms import Alarms
from edge.control.rooms import Desk
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists


class Lists:
    """`at_hand` is what is looked for."""

    def __init__(self, *, desk: Desk, alarms: Alarms) -> None:
        self._desk, self._alarms = desk, alarms
        self.at_hand: HotLists = NO_LISTS
        self._of: object = None

    def drop(self, bundle: Bundle) -> None:
        """Puts aside what is not for `bundle`, which is about to come into force."""
        if self._of != _named(bundle):
            self.at_hand, self._of = NO_LISTS, None

    def gather(self, bundle: Bundle | None) -> None:
        """Reads the lists of `bundle`, if they are not at hand. Raises LedgerError."""
        if bundle is None or self._of == _named(bundle):
            return
        try:
            self.at_hand, self._of = self._desk.hotlists(bundle), _named(bundle)
        except PolicyError as error:
            self._alarms.stand("hotlists", str(error), why="refused")
        else:
            self._alarms.end("hotlists", written=True)


def _named(bundle: Bundle) -> object:
    """All that the lists are read by."""
    return dict(bundle.hotlist_digests), bundle.policy.hotlist, bundle.banned, bundle.policy.purposes, bundle.packs
