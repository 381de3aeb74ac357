"""What the broker did not do, and when that is tried again. Short words here, and once: a retry is no news."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from edge.clock import Clock
from edge.errors import BrokerError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`attempt` is the number of the pass in which it was tried last; seconds of `again_at` are those that pass."""

    step: str
    why: str
    attempt: int
    since: datetime
    again_at: float
    pause: float


class Troubles:
    """`away` stands while no right can be set at all, `of` by subscriber. Whoever uses it holds a lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.away: Trouble | None = None
        self.of: dict[str, Trouble] = {}

    def lose(self, error: BrokerError, *, attempt: int, elapsed: float) -> None:
        """Nothing can be set."""
        self.away = self._next(self.away, error, attempt, elapsed)

    def fail(self, name: str, error: BrokerError, *, attempt: int, elapsed: float) -> Trouble | None:
        """One subscriber's right could not be set; gives the trouble when it is new."""
        before = self.of.get(name)
        self.of[name] = self._next(before, error, attempt, elapsed)
        return self.of[name] if before is None else None

    def mend(self, name: str) -> None:
        """One subscriber's right is as it should be."""
        self.of.pop(name, None)

    def clear(self) -> None:
        """Everything is as it should be."""
        self.away, self.of = None, {}

    def keep(self, names: AbstractSet[str]) -> None:
        """Forgets those whom nobody asks for any more."""
        self.of = {name: one for name, one in self.of.items() if name in names}

    def hurry(self) -> None:
        """Ends every pause."""
        self.away = _at_once(self.away) if self.away is not None else None
        self.of = {name: _at_once(one) for name, one in self.of.items()}

    def due(self, names: Iterable[str], elapsed: float) -> list[str]:
        """Those for whom it is time, the ones who failed before last."""
        ready = [name for name in names if name not in self.of or elapsed >= self.of[name].again_at]
        return sorted(ready, key=lambda name: (name in self.of, name))

    def rests(self, elapsed: float) -> bool:
        """Whether it is too early to try the broker again."""
        return self.away is not None and elapsed < self.away.again_at

    def after(self, ticket: int, *, lost: bool) -> str | None:
        """What has failed in a pass later than `ticket`, in words."""
        if lost:
            return self.away.why if self.away is not None and self.away.attempt > ticket else None
        fresh = [f"{name}: {one.why}" for name, one in sorted(self.of.items()) if one.attempt > ticket]
        return f"{fresh[0]} (and {len(fresh) - 1} more)" if len(fresh) > 1 else "".join(fresh) or None

    def _next(self, before: Trouble | None, error: BrokerError, attempt: int, elapsed: float) -> Trouble:
        pause = _FIRST_PAUSE if before is None else min(2 * before.pause, _LONGEST_PAUSE)
        return Trouble(
            step=str(getattr(error, "step", "connect")),
            why=str(error),
            attempt=attempt,
            since=self._clock.now().at if before is None else before.since,
            again_at=elapsed + pause,
            pause=pause,
        )


def _at_once(one: Trouble) -> Trouble:
    return replace(one, again_at=0.0, pause=_FIRST_PAUSE)
