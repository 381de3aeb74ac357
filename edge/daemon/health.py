"""What wears out on a pole: the processor's heat and supply, and the certificates that are shown to the broker.

Looked at now and then; each thing that needs a person is said once when it begins and once when it is over.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from edge.clock import Clock, monotonic
from edge.config import Broker
from edge.delivery.certificates import WARN_WITHIN, load_certificate
from edge.errors import ConfigError

SYSTEM = Path("/sys")
_EVERY = 3.0
_RASPBERRY = "devices/platform/soc/soc:firmware/get_throttled"
_THROTTLES = (
    (
        0x1,
        "the power supply is too weak (under-voltage)",
        "use the supply that belongs to the board, and a short cable",
    ),
    (0x4, "the processor is throttled", "it is too hot or its supply too weak: give the housing shade, air or a sink"),
    (0x8, "the processor is near its greatest heat", "give the housing shade, air or a heat sink"),
)
"""Bits of the Raspberry's firmware for what holds at this moment, see `vcgencmd get_throttled`."""

_log = logging.getLogger(__name__)


class Health:
    """`look` is called over and over by one thread; any may read."""

    def __init__(self, *, broker: Broker, clock: Clock, system: Path = SYSTEM) -> None:
        self._broker, self._clock, self._system = broker, clock, system
        self._next = monotonic()
        self._standing: dict[str, tuple[str, datetime]] = {}
        self.temperature: float | None = None
        self.throttled = ""
        self.certificate_days: int | None = None

    def look(self) -> None:
        """Looks, if it is time."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _EVERY
        heats = list(map(_number, self._system.glob("class/thermal/thermal_zone*/temp")))
        self.temperature = max((heat / 1000 for heat in heats if heat is not None), default=None)
        found = dict(self._processor()) | dict(self._ends())
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

    def _processor(self) -> Iterator[tuple[str, str]]:
        """Why it is slower than it could be: the firmware's word on a Raspberry, the trip points elsewhere."""
        bits = _number(self._system / _RASPBERRY, 16)
        for bit, said, mend in _THROTTLES:
            if bits is not None and bits & bit:
                yield "processor", f"{said}; {mend}"
                return
        for zone in self._system.glob("class/thermal/thermal_zone*"):
            heat = _number(zone / "temp")
            for kind in zone.glob("trip_point_*_type"):
                trip = _number(kind.with_name(kind.name.replace("_type", "_temp")))
                if heat and trip and trip > 0 and _word(kind) == "passive" and heat >= trip:
                    said = f"the processor is throttled at {heat / 1000:.0f} degrees"
                    yield "processor", f"{said}; give the housing shade, air or a heat sink"
                    return

    def _ends(self) -> Iterator[tuple[str, str]]:
        """A certificate of the device that ends soon; without one the broker is lost at the next connection."""
        now, path, self.certificate_days = self._clock.now().at, self._broker.certificate, None
        try:
            ends = None if path is None else load_certificate(path).not_valid_after_utc
        except ConfigError as error:
            yield "certificate", str(error)
            return
        if ends is None:
            return
        self.certificate_days = (ends - now).days
        if ends - now < WARN_WITHIN:
            renew = "run `homerule broker renew`" if self._broker.access == "mosquitto" else "ask for a new one"
            yield "certificate", f"{path}: {'ended' if ends <= now else 'ends'} on {ends:%Y-%m-%d}, {renew}"


def _word(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_word(path), base)
    except ValueError:
        return None
