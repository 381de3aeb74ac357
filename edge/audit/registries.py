"""PURE: what the registry of each bundle says of an agency, so that a read stands under the one that decided it.

What a later registry makes of the same id changes nothing of that. Of a bundle that is not here or cannot be read
nothing is known, and nothing is guessed from another one.
"""

from dataclasses import dataclass

from edge.policy.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a report shows of an agency."""

    name: str
    kind: str
    state: str
    is_owner: bool


class Registries:
    """Those of all bundles that were in force, by their digests."""

    def __init__(self) -> None:
        self._bundles: dict[str, Bundle] = {}
        self._places: dict[str, int] = {}
        self._known: dict[tuple[str, str], Identity | None] = {}

    def add(self, digest: str, read: Bundle | None) -> None:
        """A bundle came into force; None if it cannot be read."""
        self._places.setdefault(digest, len(self._places))
        if read is not None:
            self._bundles[digest] = read
        self._known.clear()

    def of(self, subscriber: str, digest: str) -> Identity | None:
        """What an agency was to the bundle with this digest; None if that is not known."""
        key = (subscriber, digest)
        if key not in self._known:
            self._known[key] = self._look(subscriber, digest)
        return self._known[key]

    def same(self, subscriber: str, digest: str, other: str) -> bool:
        """Whether an agency was the same to two bundles, or may have been, where one cannot be read."""
        was, is_now = self.of(subscriber, digest), self.of(subscriber, other)
        return was is None or is_now is None or was == is_now

    def place(self, digest: str) -> int:
        """Bundles in the order in which they came into force; one that the log does not name comes first."""
        return self._places.get(digest, -1)

    def names(self) -> set[str]:
        """The ids of all agencies."""
        return {name for one in self._bundles.values() for name in one.subscribers}

    def _look(self, subscriber: str, digest: str) -> Identity | None:
        bundle = self._bundles.get(digest)
        agency = bundle.subscribers.get(subscriber) if bundle is not None else None
        if bundle is None or agency is None:
            return None
        owner = bundle.owner == subscriber
        return Identity(name=agency.name, kind=agency.kind.value, state=agency.state, is_owner=owner)
