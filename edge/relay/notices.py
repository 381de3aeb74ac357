"""How the device stands and how far its audit log has come, said to all who may read here: on change, and every minute
at least.

Nothing in it is about a read. These topics have no gate of their own, so nothing is said while somebody has lost a
right that is not gone at the broker yet.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from edge.clock import Clock, monotonic
from edge.delivery.broker import LONGEST_IN_BROKER, Broker, Handover, Will
from edge.delivery.topics import checkpoint_topic, status_topic
from edge.delivery.wire import CheckpointWord, StatusWord, encoded, said
from edge.values import Checkpoint

EVERY = 60.0
"""Seconds after which it is said again at the latest, though nothing has changed."""
_FIRST_PAUSE = 5.0  # of what is new; agencies come back one by one, and nothing is kept for them
_LOOK_EVERY = 1.0
_SECONDS = int(LONGEST_IN_BROKER.total_seconds())
_PASSING: dict[str, object] = {"at": None, "reads_waiting": None, "free_megabytes": None}
"""What changes all the time and is no news."""

_log = logging.getLogger(__name__)


def will(device_id: str, *, test: bool) -> Will:
    """What the broker says for the device when its connection ends without a goodbye: that it is lost."""
    word = StatusWord(v=1, device=device_id, state="lost", test=test)
    return Will(topic=status_topic(device_id, test=test), payload=said(word), seconds=_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was said last, when, and the seconds until it is said again."""

    news: object
    at: float
    pause: float


class Notices:
    """`step` is called over and over from the thread that uses the broker; `last` once, before a clean end."""

    def __init__(
        self,
        *,
        broker: Broker,
        clock: Clock,
        device_id: str,
        test: bool,
        standing: Callable[[], StatusWord],
        checkpoint: Callable[[], Checkpoint | None],
        may_tell: Callable[[], bool] = lambda: True,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """`standing` and `checkpoint` answer at once; `elapsed` counts seconds, and only grows."""
        self._broker, self._clock, self._may_tell, self._elapsed = broker, clock, may_tell, elapsed
        self._device_id, self._standing, self._checkpoint = device_id, standing, checkpoint
        self._status_topic = status_topic(device_id, test=test)
        self._checkpoint_topic = checkpoint_topic(device_id, test=test)
        self._look_at = elapsed()
        self._connection = broker.connections
        self._told: dict[str, _Told] = {}
        self._refused: set[str] = set()

    def step(self) -> None:
        """Says what is due; LedgerError when the checkpoint cannot be read."""
        now = self._elapsed()
        if now < self._look_at or not self._broker.connected:
            return
        self._look_at = now + _LOOK_EVERY
        if self._broker.connections != self._connection:
            self._connection = self._broker.connections
            self._told.clear()  # whoever heard that we are lost is to hear that we are back
            return  # its rights may be others now; whoever gives them sees that before the next look
        if not self._may_tell():
            return
        word = self._standing()
        self._tell(self._status_topic, word.model_copy(update=_PASSING), said(word))
        found = self._checkpoint()
        if found is not None:
            at, note = self._clock.now().at, encoded(found.note.encode())
            told = CheckpointWord(v=1, device=self._device_id, at=at, checkpoint=note)
            self._tell(self._checkpoint_topic, found.note, said(told))

    def last(self) -> None:
        """Says that the device stops, so that nobody takes it for lost. A broker that stands still delays no stop."""
        if self._broker.connected and self._may_tell():
            word = self._standing().model_copy(update={"state": "stopped"})
            self._broker.send_unanswered(self._status_topic, said(word), seconds=_SECONDS)

    def _tell(self, topic: str, news: object, payload: bytes) -> None:
        """Says it if it is new, or its pause is over; each pause is longer, up to a minute."""
        now, before = self._elapsed(), self._told.get(topic)
        if before is not None and before.news == news and now - before.at < before.pause:
            return
        outcome = self._send(topic, payload)
        if outcome in (Handover.TAKEN, Handover.NO_SUBSCRIBER, Handover.DENIED, Handover.REFUSED):
            again = before is not None and before.news == news
            pause = min(3 * before.pause, EVERY) if before is not None and again else _FIRST_PAUSE
            self._told[topic] = _Told(news=news, at=now, pause=pause)

    def _send(self, topic: str, payload: bytes) -> Handover:
        outcome = self._broker.send(topic, payload, seconds=_SECONDS)
        if outcome is Handover.TAKEN:
            self._refused.discard(topic)
        elif outcome in (Handover.DENIED, Handover.REFUSED) and topic not in self._refused:
            self._refused.add(topic)
            _log.warning("`%s`: %s, see the device's right to publish", topic, outcome.value)
        return outcome
