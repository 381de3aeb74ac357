"""What wears out on a pole: the processor's heat and supply, the device's certificate, the way to the broker.

Looked at now and then; each thing that needs a person is said once when it begins and once when it is over.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from edge import heat
from edge.clock import Clock, monotonic
from edge.config import Broker
from edge.delivery.certificates import WARN_WITHIN, load_certificate
from edge.delivery.tls import Tls
from edge.errors import ConfigError

_EVERY = 3.0
_AWAY = 30.0
"""Seconds after which a broker that is away needs a person; a restart takes less."""

_log = logging.getLogger(__name__)


class Health:
    """`look` is called over and over by one thread; any may read."""

    def __init__(self, *, broker: Broker, clock: Clock, system: Path = heat.SYSTEM) -> None:
        self._broker, self._clock, self._system = broker, clock, system
        self._next = self._connected = monotonic()
        self._standing: dict[str, tuple[str, datetime]] = {}
        self.temperature: float | None = None
        self.throttled = ""
        self.certificate_days: int | None = None

    def look(self, connected: bool | None) -> None:
        """Looks, if it is time. `connected`: whether the broker is there, None when that is not known."""
        now = monotonic()
        if connected is not False:
            self._connected = now
        if now < self._next:
            return
        self._next = now + _EVERY
        self.temperature = heat.temperature(self._system)
        found = dict(self._all(away=now - self._connected))
        self.throttled = found.get("processor", "").partition(";")[0]
        self._stand(found)

    def alarms(self) -> list[tuple[str, str, datetime]]:
        """What it is about, what is wrong with the mend, and since when."""
        return [(what, said, since) for what, (said, since) in self._standing.items()]

    def _stand(self, found: dict[str, str]) -> None:
        for what, said in found.items():
            before = self._standing.get(what)
            if before is None:
                _log.error("%s", said)
            since = before[1] if before is not None else self._clock.now().at
            self._standing = {**self._standing, what: (said, since)}
        for what in set(self._standing) - set(found):
            self._standing = {name: one for name, one in self._standing.items() if name != what}
            _log.warning("%s: mended", what)

    def _all(self, *, away: float) -> Iterator[tuple[str, str]]:
        said = heat.throttled(self._system)
        if said is not None:
            yield "processor", said
        if (ending := self._ending()) is not None:
            yield "certificate", ending
        if away > _AWAY:
            where = f"{self._broker.host}:{self._broker.port}"
            yield "broker", f"the broker at {where} is away, reads wait; see that it runs and can be reached"

    def _ending(self) -> str | None:
        """That a file of the broker's TLS cannot be used, or the device's certificate ends soon: at the next connection
        the broker would be lost.
        """
        path, tls, now = self._broker.certificate, Tls.written(self._broker), self._clock.now().at
        try:
            if tls is not None:
                tls.context()
            if path is None:
                return None
            ends = load_certificate(path).not_valid_after_utc
        except ConfigError as error:
            self.certificate_days = None  # of what cannot be read nobody knows when it ends
            return str(error)
        self.certificate_days = (ends - now).days
        if ends - now >= WARN_WITHIN:
            return None
        ours = self._broker.access == "mosquitto"
        renew = f"run `homerule broker renew {path.parent.parent}`" if ours else "ask for a new one"
        return f"{path}: {'ended' if ends <= now else 'ends'} on {ends:%Y-%m-%d}, {renew}"
