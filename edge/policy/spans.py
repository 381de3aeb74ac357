"""A length of time in words, in the largest unit of which it has two or more."""

from datetime import timedelta

_UNITS = (
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
    ("seconds", timedelta(seconds=1)),
)


def span(length: timedelta) -> str:
    """`length` as it is, such as `30 days`, or `90 seconds` for a minute and a half."""
    name, unit = _unit(length)
    return f"{length / unit:g} {name}"


def whole(length: timedelta) -> str:
    """`length` rounded down, such as `29 days` for 29 and a half; what is below nothing is nothing."""
    name, unit = _unit(length)
    return f"{max(length // unit, 0)} {name}"


def _unit(length: timedelta) -> tuple[str, timedelta]:
    return next((one for one in _UNITS if length >= 2 * one[1]), _UNITS[-1])
