"""What a device says of itself besides its reads: whether it is there, and how far its audit log has come.

The status is not signed, so it is only told to a person; the checkpoint is, and is kept.
"""

import logging
from dataclasses import dataclass

from edge.clock import Clock, monotonic
from edge.delivery.broker import Arrival
from edge.delivery.topics import checkpoint_topic, status_topic
from edge.delivery.wire import CheckpointWord, StatusWord, decoded, parse
from edge.errors import EnvelopeError, LedgerError
from edge.receive.witness import Witness

SILENT_AFTER = 180.0
"""Seconds without a word after which a device that says so every minute is taken for lost."""
_MOST_DEVICES = 1000
_MEANINGS = {
    "lost": "its connection to the broker ended without a goodbye; what it has read comes when it is back",
    "silent": "it says nothing any more, though the broker is there",
    "stopped": "it was stopped; what it has read comes when it runs again",
}

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Known:
    """How a device stood last, and when it was heard; seconds of `monotonic`."""

    state: str
    heard: float
    gone: float = 0.0


class Notices:
    """Hears what comes besides reads; `look` is called over and over."""

    def __init__(self, *, witness: Witness, clock: Clock, test: bool, device_id: str | None = None) -> None:
        """`device_id` None: any device that the witness's key vouches for."""
        self._witness, self._clock, self._test, self._device_id = witness, clock, test, device_id
        self._devices: dict[str, _Known] = {}
        self._connection = 0

    def hears(self, topic: str) -> bool:
        """Whether what came on this topic is no read."""
        return topic.endswith(("/status", "/checkpoint"))

    def hear(self, arrival: Arrival) -> None:
        """Takes one of them. EnvelopeError when it is none or not signed as it must be, in words that hold nothing of
        it; ConfigError when it cannot be kept.
        """
        if arrival.topic.endswith("/status"):
            status = parse(StatusWord, arrival.payload, what="a status")
            self._require_own(arrival, status_topic(status.device, test=self._test), status.device)
            if status.test == self._test:
                self._stands(status.device, status.state)
            return
        said = parse(CheckpointWord, arrival.payload, what="a checkpoint")
        self._require_own(arrival, checkpoint_topic(said.device, test=self._test), said.device)
        try:
            note = decoded(said.checkpoint, what="a checkpoint").decode()
            # what a device says of the time is not signed: later than now it is not
            found = self._witness.see(note, said.device, min(said.at, self._clock.now().at))
        except (UnicodeDecodeError, LedgerError):
            raise EnvelopeError("a checkpoint is not that device's, or not signed by its key") from None
        if found is not None:
            _log.warning("%s", found)

    def look(self, *, connection: int, connected: bool) -> None:
        """Says which device is silent. While the broker is away, and until a minute after, that says nothing of it."""
        if not connected or connection != self._connection:
            self._connection = connection
            for known in self._devices.values():
                known.heard = monotonic()
            return
        for name, known in self._devices.items():
            if known.state == "running" and monotonic() - known.heard > SILENT_AFTER:
                self._gone(name, known, "silent")

    def _stands(self, name: str, state: str) -> None:
        known = self._devices.get(name)
        if known is None:
            if len(self._devices) >= _MOST_DEVICES:
                return
            known = self._devices[name] = _Known(state="running", heard=monotonic())
        known.heard = monotonic()
        if state == "running" and known.state != "running":
            _log.warning("%s is back after %.0f s", name, monotonic() - known.gone)
            known.state = state
        elif state != "running" and state != known.state:
            self._gone(name, known, state)

    def _gone(self, name: str, known: _Known, state: str) -> None:
        if known.state == "running":
            known.gone = monotonic()
        known.state = state
        at = f"{self._clock.now().at:%Y-%m-%d %H:%M:%S} UTC"
        _log.warning("%s is %s since %s: %s", name, state, at, _MEANINGS[state])

    def _require_own(self, arrival: Arrival, topic: str, device_id: str) -> None:
        if arrival.topic != topic or self._device_id not in (None, device_id):
            raise EnvelopeError("it is another device's, or came on another's topic")
