"""The processor's heat and supply, as the kernel and a Raspberry's firmware tell of them. Asking changes nothing."""

from pathlib import Path

SYSTEM = Path("/sys")
_RASPBERRY = "devices/platform/soc/soc:firmware/get_throttled"
_COOL = "give the housing shade, air or a heat sink"
_THROTTLES = (
    (0x1, "the power supply is too weak (under-voltage); use the board's own supply and a short cable"),
    (0x4, f"the processor is throttled; it is too hot or its supply too weak: {_COOL}"),
    (0x8, f"the processor is near its greatest heat; {_COOL}"),
)
"""Bits of the Raspberry's firmware for what holds at this moment, see `vcgencmd get_throttled`."""


def temperature(system: Path = SYSTEM) -> float | None:
    """Of the hottest part, in degrees Celsius; None where nobody measures."""
    heats = [_number(path) for path in system.glob("class/thermal/thermal_zone*/temp")]
    return max((heat / 1000 for heat in heats if heat is not None), default=None)


def throttled(system: Path = SYSTEM) -> str | None:
    """Why the processor is slower than it could be, and the mend; None when it is not.

    The firmware's word counts on a Raspberry; elsewhere a part that is as hot as where the kernel begins to slow down.
    """
    bits = _number(system / _RASPBERRY, 16)
    for bit, said in _THROTTLES:
        if bits is not None and bits & bit:
            return said
    for zone in system.glob("class/thermal/thermal_zone*"):
        heat = _number(zone / "temp")
        for kind in zone.glob("trip_point_*_type"):
            trip = _number(kind.with_name(kind.name.replace("_type", "_temp")))
            if heat and trip and trip > 0 and _word(kind) == "passive" and heat >= trip:
                return f"the processor is throttled at {heat / 1000:.0f} degrees; {_COOL}"
    return None


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
