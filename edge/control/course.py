"""PURE: what is in force at this moment, and whom that serves. Control asks here and acts; nothing is done here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf

from edge.desk.refused import Refused
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.reach import Best, best, next_change
from edge.values import BundleFiles, Grant, Instant

GRACE = 2.0
"""Seconds for which rights at the broker outlive the beginning of a hold; the gates do not."""


class Course:
    """`shown` is what decisions are made under; `serving` what each agency could get, by policy and time alone, when it
    was `counted`.
    """

    def __init__(self, now: Instant) -> None:
        self.files: BundleFiles | None = None
        self.bundle: Bundle | None = None
        self.shown: Bundle | None = None
        self.held: str | None = None
        self.serving: Mapping[str, Best] = {}
        self.trusted = now.trusted
        self.counted = now
        self._next: datetime | None = None
        # a clock that was never right has no grace: nobody knows whose time is over
        self._owner_only_since = None if now.trusted else -inf
        self._grace_ends = inf

    def would_serve(self, bundle: Bundle, now: Instant) -> dict[str, Best]:
        """What each agency could get under another bundle. A doubtful clock takes nothing away for good."""
        return best(bundle, Instant(at=now.at, trusted=True))

    def take(self, files: BundleFiles, bundle: Bundle, now: Instant) -> None:
        """Puts a bundle in force, which ends a hold."""
        self.files, self.bundle, self.held = files, bundle, None
        self.shown = bundle
        self.count(bundle, now)

    def lose(self) -> None:
        """Nothing is in force any more."""
        self.files = self.bundle = self.shown = self.held = self._next = None
        self.serving = {}

    def stop(self, refused: PolicyError) -> bool:
        """Only the owner from here on, or nobody where nobody can tell whose word counts; True when that is new."""
        if isinstance(refused, Refused) and refused.nothing:
            self.lose()
            return True
        return self.hold(str(refused))

    def hold(self, why: str) -> bool:
        """Only the owner from here on; True when that is new."""
        began, self.held = self.held is None, why
        if self.bundle is not None and began:
            self.shown = replace(self.bundle, held=True)
        return began

    def release(self) -> None:
        """Ends a hold, if there is one."""
        self.held, self.shown = None, self.bundle

    def trust(self, trusted: bool) -> bool:
        """Whether the clock may be believed; True when that has changed."""
        changed, self.trusted = self.trusted != trusted, trusted
        return changed

    def count(self, bundle: Bundle, now: Instant) -> None:
        """From here on `serving` is what `bundle`, the one in force, gives at this moment."""
        self.serving = self.would_serve(bundle, now)
        self.counted = now
        self._next = next_change(bundle, Instant(at=now.at, trusted=True))

    def is_due(self, now: Instant) -> bool:
        """Whether time has, or may have, given or taken something since it was counted."""
        moved_back = now.at < self.counted.at - timedelta(seconds=1)
        return self.bundle is not None and (moved_back or (self._next is not None and now.at >= self._next))

    def wanted(self, elapsed: float) -> tuple[dict[str, Grant | None], set[str]]:
        """Who shall have a right at the broker (None: it has no certificate there), and whose gates shall be open.

        `elapsed` counts seconds, and only grows.
        """
        owner_only = self.held is not None or not self.trusted
        if not owner_only:
            self._owner_only_since = None
        elif self._owner_only_since is None:
            self._owner_only_since = elapsed
        ends = inf if self._owner_only_since is None else self._owner_only_since + GRACE
        is_over = elapsed >= ends
        self._grace_ends = inf if is_over else ends
        if self.bundle is None:
            return {}, set()
        granted = {name: _grant(self.bundle, name) for name, one in self.serving.items() if one}
        if not owner_only:
            return granted, set(granted)
        owner = granted.keys() & {self.bundle.owner}
        if is_over:
            granted = {name: granted[name] for name in owner}
        return granted, set(owner)

    def is_grace_over(self, elapsed: float) -> bool:
        """Whether the rights of all but the owner must go at the broker too, which `wanted` has not said yet."""
        return elapsed >= self._grace_ends


def _grant(bundle: Bundle, name: str) -> Grant | None:
    certificate_name = bundle.subscribers[name].certificate_name
    return None if certificate_name is None else Grant(subscriber_id=name, certificate_name=certificate_name)
