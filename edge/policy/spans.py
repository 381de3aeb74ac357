"""A length of time in words."""

from datetime import timedelta


def span(length: timedelta) -> str:
    """`length` in the largest unit of which it has two or more, such as `30 days` or `3 minutes`."""
    seconds = length.total_seconds()
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
