"""PURE: small parts of a page: times, lengths, numbers, tables. What is handed in as a cell is HTML already."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

_MOMENT = r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?"
_TIME = re.compile(f"{_MOMENT}(<br/>{_MOMENT})?")


def moment(at: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.second or at.microsecond else f"{at:%Y-%m-%d %H:%M}"


def minute(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def number(value: int) -> str:
    """A count with its thousands apart."""
    return f"{value:,}"


def span(length: timedelta) -> str:
    """A length of time, in one unit that a person would take."""
    seconds = length.total_seconds()
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            value = f"{seconds / size:.1f}".removesuffix(".0")
            return f"{value} {unit}"
    return f"{seconds:.0f} s"


def percent(part: int, whole: int) -> str:
    """A share, never rounded to nothing or to all."""
    if not part or not whole:
        return "0 %"
    value = 100 * part / whole
    return "&lt; 0.1 %" if value < 0.1 else "100 %" if part == whole else f"{min(value, 99.9):.1f} %"


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, none: str, lead: str = "") -> str:
    """A section with a table, or a sentence in its place; columns of numbers stand at the right."""
    if not rows:
        return f'<section><h2>{title}</h2>{lead}<p class="none">{none}</p></section>'
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(heads))]
    classes = [' class="n"' if right else "" for right in numeric]
    head = "".join(f"<th{style}>{said}</th>" for style, said in zip(classes, heads, strict=True))
    cells = ("".join(map(_cell, classes, row)) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    top = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    return f'<section><h2>{title}</h2>{lead}<div class="wide"><table>{top}<tbody>{body}</tbody></table></div></section>'


def _cell(style: str, cell: str) -> str:
    """A time is not broken at its hyphens."""
    time = ' class="d"' if _TIME.fullmatch(cell) else ""
    return f"<td{style or time}>{cell}</td>"


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace("·", "").strip().isdigit() or cell == "·"
