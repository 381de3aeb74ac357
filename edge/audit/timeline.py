"""PURE: the timeline of a report as inline SVG: reads a day, policies, switches, and where nothing is known.

Everything is told apart by place, text and hatching, so that it is the same in grey and on paper.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape

from edge.audit import words
from edge.audit.report import Policy, Report, SwitchPeriod

_WIDTH, _LEFT, _RIGHT = 1120.0, 204.0, 12.0
_BARS, _LANE, _GAP = 92.0, 24.0, 10.0
_OPEN = frozenset({"on", "agreement", "judicial-warrant", "listed-states"})
_STEPS = (
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=7),
)
_MOST_BARS = 190
_NARROWEST, _THIN = 2.0, 6.0


def timeline(report: Report) -> str:
    """An `svg` element, as wide as the page; its styles stand in the page's."""
    drawing = _Drawing(report)
    body = "".join(drawing.parts())
    height = drawing.height
    return (
        f'<svg class="timeline" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="Timeline of the reads, '
        'the policies, the switches and the times of which nothing is known">'
        '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<path d="M0 0V5" class="hatching"/></pattern></defs>{body}</svg>'
    )


class _Drawing:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._began, self._ended = report.question.covers_from, report.question.covers_to
        self._span = max((self._ended - self._began).total_seconds(), 1.0)
        self._lanes = _lanes(report)
        self._floor = 14.0 + _BARS + _GAP + len(self._lanes) * (_LANE + _GAP)
        self.height = self._floor + 30.0

    def parts(self) -> Iterator[str]:
        """Everything, from back to front."""
        yield from self._axis()
        yield from self._bars()
        yield from self._unknown()
        top = 14.0 + _BARS + _GAP
        for name, lane in self._lanes:
            yield f'<text class="lane" x="{_LEFT - 12:g}" y="{top + 16:g}">{escape(name)}</text>'
            yield from lane(self, top)
            top += _LANE + _GAP

    def x(self, at: datetime) -> float:
        """Where a time stands."""
        part = (at - self._began).total_seconds() / self._span
        return round(_LEFT + min(max(part, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT), 1)

    def _unknown(self) -> Iterator[str]:
        for began, ended in self._report.unknown:
            first, last = self.x(began), self.x(ended)
            width = max(last - first, _NARROWEST)
            thin = "" if width > _THIN else " thin"
            yield (
                f'<rect class="unknown{thin}" x="{first:g}" y="14" width="{width:g}" height="{self._floor - 14:g}">'
                f"<title>Nothing is known: {_moment(began)} to {_moment(ended)}</title></rect>"
            )

    def _axis(self) -> Iterator[str]:
        yield f'<path class="axis" d="M{_LEFT:g} {self._floor:g}H{_WIDTH - _RIGHT:g}"/>'
        for at, said, heavy in _ticks(self._began, self._ended):
            here = self.x(at)
            yield f'<path class="{"month" if heavy else "tick"}" d="M{here:g} 14V{self._floor + 5:g}"/>'
            yield f'<text class="when" x="{here + 3:g}" y="{self._floor + 18:g}">{said}</text>'

    def _bars(self) -> Iterator[str]:
        step = next((step for step in _STEPS if self._span / step.total_seconds() <= _MOST_BARS), _STEPS[-1])
        sums: dict[int, int] = {}
        for one in self._report.hours:
            bar = int((one.hour - self._began) / step)
            sums[bar] = sums.get(bar, 0) + one.reads
        most = max(sums.values(), default=1)
        base = 14.0 + _BARS
        said = {3600: "hour", 86400: "day", 604800: "week"}.get(int(step.total_seconds()), f"{step} h")
        yield f'<text class="lane" x="{_LEFT - 12:g}" y="{base - 14:g}">Reads in a {said}</text>'
        yield f'<text class="small" x="{_LEFT - 12:g}" y="{base:g}">at most {most:,}</text>'
        for bar, reads in sorted(sums.items()):
            first, last = self.x(self._began + bar * step), self.x(self._began + (bar + 1) * step)
            height = max(1.0, round(_BARS * reads / most, 1))
            width = max(last - first - 0.8, 0.6)
            yield f'<rect class="reads" x="{first:g}" y="{base - height:g}" width="{width:.1f}" height="{height:g}"/>'

    def policies(self, top: float) -> Iterator[str]:
        """The bundles, each with its number where that has room."""
        for place, one in enumerate(self._report.policies):
            first, last = self.x(one.since), self.x(one.until or self._ended)
            width = max(last - first, _NARROWEST)
            shade = "odd" if place % 2 else "even"
            yield (
                f'<rect class="policy {shade}" x="{first:g}" y="{top:g}" width="{width:.1f}" height="{_LANE:g}" rx="2">'
                f"<title>{_number(one)} from {_moment(one.since)}</title></rect>"
            )
            if width > 34:
                yield f'<text class="in {shade}" x="{first + 6:g}" y="{top + 16:g}">{_number(one)}</text>'

    def switch(self, top: float, name: str) -> Iterator[str]:
        """One switch: filled where it is open, an empty frame where it is closed."""
        for one in self._report.switches:
            if one.switch != name:
                continue
            first, last = self.x(one.since), self.x(one.until or self._ended)
            width = max(last - first, _NARROWEST)
            state = "open" if one.value in _OPEN else "shut"
            yield (
                f'<rect class="switch {state}" x="{first:g}" y="{top + 0.5:g}" width="{width:.1f}" '
                f'height="{_LANE - 1:g}" rx="2"><title>{escape(_switch_said(one))}</title></rect>'
            )
            if width > 9 * len(one.value) + 8:
                yield f'<text class="in {state}" x="{first + 6:g}" y="{top + 16:g}">{escape(one.value)}</text>'

    def marks(self, top: float) -> Iterator[str]:
        """First sends ever to an agency, and agreements that ended."""
        middle = top + _LANE / 2
        for agency in self._report.agencies:
            if agency.first_ever is not None and agency.first_ever_within:
                here = self.x(agency.first_ever)
                what = words.first_read(agency.first_of_id).capitalize()
                said = f"{what} to {agency.name or agency.subscriber}, {_moment(agency.first_ever)}"
                yield (
                    f'<path class="first" d="M{here:g} {middle - 6:g}l6 11h-12z"><title>{escape(said)}</title></path>'
                )
        for lapsed in self._report.lapsed:
            here = self.x(lapsed.at)
            said = f"{lapsed.subscriber}: {lapsed.agreement} {words.lapse(lapsed.why)}, {_moment(lapsed.at)}"
            yield (
                f'<path class="lapse" d="M{here - 5:g} {middle - 5:g}l10 10m0 -10l-10 10">'
                f"<title>{escape(said)}</title></path>"
            )


_Lane = tuple[str, Callable[[_Drawing, float], Iterator[str]]]


def _lanes(report: Report) -> list[_Lane]:
    lanes: list[_Lane] = [("Policy in force", _Drawing.policies)]
    for name in shown_switches(report):
        lanes.append((words.switch(name), partial(_Drawing.switch, name=name)))
    if report.lapsed or any(agency.first_ever_within for agency in report.agencies):
        lanes.append(("▲ first read  ✕ lapsed", _Drawing.marks))
    return lanes


def shown_switches(report: Report) -> list[str]:
    """The switches that moved within the time, and National Lookup in any case."""
    periods: dict[str, int] = {}
    for one in report.switches:
        periods[one.switch] = periods.get(one.switch, 0) + 1
    first = ["national-lookup"] if "national-lookup" in periods else []
    return first + [name for name, number in periods.items() if number > 1 and name not in first]


def _ticks(began: datetime, ended: datetime) -> Iterator[tuple[datetime, str, bool]]:
    """Times on the axis with their text; months are heavy."""
    days = (ended - began).total_seconds() / 86400
    if days <= 2:
        step = timedelta(hours=3 if days <= 1 else 6)
        at = began.replace(minute=0, second=0, microsecond=0) - timedelta(hours=began.hour % 6)
        while at < ended:
            if at >= began:
                yield at, f"{at:%d %b}" if at.hour == 0 else f"{at:%H:%M}", at.hour == 0
            at += step
        return
    months = [
        datetime(year, month, 1, tzinfo=UTC) for year in range(began.year, ended.year + 1) for month in range(1, 13)
    ]
    every = 1 + len([at for at in months if began <= at < ended]) // 14
    for place, at in enumerate(at for at in months if began <= at < ended):
        if place % every == 0:
            yield at, f"{at:%b %Y}" if at.month == 1 or place == 0 else f"{at:%b}", True
    if days <= 45:
        at = began.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        while at < ended:
            if at.day != 1 and (at.day % 7 == 1 or days <= 16):
                yield at, f"{at.day} {at:%b}", False
            at += timedelta(days=1)


def _number(policy: Policy) -> str:
    return f"{policy.version}.{policy.revision}"


def _switch_said(one: SwitchPeriod) -> str:
    return f"{words.switch(one.switch)}: {one.value} from {_moment(one.since)}, {words.way(one.by)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
