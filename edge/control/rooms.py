"""What control needs of the rooms around it, so that it knows none of them: the city's files, the gates, the rights."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.values import BundleFiles, Grant, Instant, Steps

Turned = tuple[BundleFiles, Bundle]


class Desk(Protocol):
    """The city's files as they lie there. Every method is quick."""

    def changed(self) -> bool:
        """Whether the files have changed since this was asked last."""
        ...

    def restore(self, stored: tuple[BundleFiles, int, bool] | None, *, ledger_id: str, tree_size: int) -> Turned | None:
        """The bundle that the ledger holds, if this device may use it; PolicyError if not."""
        ...

    def take_up(self, in_force: Bundle | None, *, ledger_id: str) -> Turned:
        """What the files ask for after `in_force`, which itself is given back if that is the same. Raises Refused."""
        ...

    def hotlists(self, bundle: Bundle) -> HotLists:
        """The hot lists that the bundle names. PolicyError: then none counts."""
        ...

    def keep_floor(self, version: int, revision: int, tree_size: int) -> None:
        """Writes down, apart from the ledger, how far things have come. Raises PolicyError."""
        ...


class Gates(Protocol):
    """The gates at which reads are decided again before they are sent (edge.relay)."""

    def open(self, subscriber_id: str) -> None: ...

    def shut(self, subscriber_id: str) -> None:
        """When this returns nothing is in flight to the subscriber, which takes a few seconds at most."""
        ...

    def is_open(self, subscriber_id: str) -> bool: ...

    def decide_again(
        self, subscriber_id: str, bundle: Bundle, lists: HotLists, now: Instant, *, counted: datetime
    ) -> None:
        """Deletes what waits for the subscriber since before `now` and may not go under `bundle` and `lists` as things
        stand then; since it was `counted` what that gives, nobody has lost anything.
        """
        ...


class Rights(Protocol):
    """The rights of subscribers at the broker (edge.delivery.access). Every method is bounded; BrokerError when it
    failed, and then it may have happened all the same.
    """

    def apply(self, wanted: Collection[Grant]) -> None:
        """Makes exactly `wanted` the rights there are, and reads it back.

        Every session is dropped but those of whom this generation has granted to and still wants.
        """
        ...

    def grant(self, grant: Grant) -> Steps:
        """Drops what waits for the subscriber, gives its right, reads it back."""
        ...

    def revoke(self, grant: Grant) -> Steps:
        """Takes the right away, reads that back, and drops what waits: nothing more is delivered."""
        ...

    def generation(self) -> int | None:
        """Changes whenever the rights must be applied again; None while the broker is away."""
        ...
