"""The parts of the page that say who received reads on what basis, what was refused and why, and that it adds up."""

from collections import Counter
from datetime import datetime
from html import escape

from edge.audit import words
from edge.audit.parts import minute, number, percent, table
from edge.audit.report import Agency, Counts, Ground, Refusal, Report

_WHERE = {
    "camera": "on the camera",
    "door": "at the door, before a send",
    "door-after-send": "at the door, not sent again",
}
_PARTS = (
    ("acknowledged", "acknowledged"),
    ("sent", "sent, no receipt"),
    ("never_sent", "never sent"),
    ("refused", "refused at the door"),
    ("withheld", "withheld"),
)


def received(report: Report) -> str:
    """Who was sent reads: one line for each basis."""
    named = _Named(report)
    rows = [
        _ground(agency, ground, named, place == 0)
        for agency in report.agencies
        for place, ground in enumerate(one for one in agency.grounds if one.counts.decisions)
    ]
    heads = ("Agency", "On this basis", "Policies", "To be sent", "Sent", "Acknowledged", "First, last sent")
    lead = "<p>A read that was handed to the broker counts as possibly received, with a receipt or without.</p>"
    return table("Who received reads", heads, rows, none="No read was to be sent to anybody.", lead=lead)


def _ground(agency: Agency, ground: Ground, named: "_Named", first: bool) -> tuple[str, ...]:
    said = " ".join(escape(words.because(code)) for code in ground.reasons if code.startswith("allow_"))
    closed = " ".join(escape(words.because(code)) for code in ground.reasons if not code.startswith("allow_"))
    bound = ", ".join(code.replace("_", " ") for code in ground.obligations)
    channel = "" if ground.channel in ("", "owner") else f"<small>through {escape(ground.channel)}</small>"
    shut = f"<small>not through another channel: {closed}</small>" if closed else ""
    more = f"<small>bound to: {escape(bound)}</small>" if bound else ""
    return (
        named.title(agency, first=agency.first_ever_within) if first else _again(agency),
        f"{said}{channel}{shut}{more}",
        named.versions(ground.bundles),
        number(ground.counts.decisions),
        number(ground.counts.left),
        number(ground.counts.acknowledged),
        _from_to(ground.first, ground.last),
    )


def refused(report: Report) -> str:
    """What was refused: the reasons with their sentences, then each agency with its own."""
    whole = report.counts.withheld
    reasons = [
        (
            f"{escape(one.sentence)} <small>{escape(one.code)}</small>",
            number(one.primary),
            percent(one.primary, whole),
            number(one.all),
            str(len(one.subscribers)),
        )
        for one in report.reasons
    ]
    heads = ("Why a read was withheld on the camera", "First reason", "Share", "Among the reasons", "Agencies")
    lead = "<p>Every reason that held is kept with the decision; the first in a fixed order counts as the first.</p>"
    named = _Named(report)
    rows = [
        _refusal(agency, one, named, place == 0)
        for agency in report.agencies
        for place, one in enumerate(agency.refusals)
    ]
    each = ("Agency", "Refused", "Why", "Policies", "Reads", "First, last")
    return table("What was refused, and why", heads, reasons, none="Nothing was withheld.", lead=lead) + table(
        "The same by agency", each, rows, none="Nothing was refused to anybody."
    )


def _refusal(agency: Agency, one: Refusal, named: "_Named", first: bool) -> tuple[str, ...]:
    return (
        named.title(agency) if first else _again(agency),
        _WHERE[one.where],
        " ".join(escape(words.because(code)) for code in one.reasons),
        named.versions(one.bundles),
        number(one.reads),
        _from_to(one.first, one.last),
    )


def balance(report: Report) -> str:
    """That for every agency the parts are the whole, as numbers and as a bar."""
    named = _Named(report)
    rows = [_balance(named.title(one), one.counts) for one in report.agencies]
    if len(rows) > 1:
        rows.append(_balance("<b>All</b>", report.counts))
    heads = ("Agency", "Reads", *(said.capitalize() for _, said in reversed(_PARTS)), "")
    lead = (
        f"<p>{report.reads:,} reads and the agencies that were decided about make {report.counts.decisions:,} "
        "decisions, and each of them is in exactly one of these columns.</p>"
    )
    return table("It adds up", heads, rows, none="Nothing was decided.", lead=lead)


def _balance(name: str, counts: Counts) -> tuple[str, ...]:
    values = [getattr(counts, part) for part, _ in reversed(_PARTS)]
    return (name, number(counts.decisions), *(number(one) if one else "·" for one in values), bar(counts))


def bar(counts: Counts) -> str:
    """The parts of a whole as one bar of 120 units."""
    drawn, left = [], 0.0
    for part, said in _PARTS:
        value = getattr(counts, part)
        width = 120 * value / max(counts.decisions, 1)
        if value:
            drawn.append(
                f'<rect class="{part}" x="{left:.2f}" width="{width:.2f}" height="12"><title>{said}</title></rect>'
            )
        left += width
    return f'<svg class="bar" viewBox="0 0 120 12" width="120" height="12" aria-hidden="true">{"".join(drawn)}</svg>'


class _Named:
    """How one report names its agencies and policies."""

    def __init__(self, report: Report) -> None:
        self._policies = {one.digest: one for one in report.policies}
        self._lines = Counter(one.subscriber for one in report.agencies)

    def title(self, agency: Agency, *, first: bool = False) -> str:
        """An agency's name with what it is, and in which policies, if not in all; `first`: with what its first read
        was."""
        about = [", ".join(one for one in (agency.kind.replace("_", " "), agency.state) if one) or "not known"]
        if self._lines[agency.subscriber] > 1:
            about += [agency.subscriber, f"policies {self.versions(agency.bundles)}"]
        mark = ' <i class="tag">owner</i>' if agency.is_owner else ""
        tag = f' <i class="tag new">{words.first_read(agency.first_of_id)}</i>' if first else ""
        name = escape(agency.name or agency.subscriber)
        return f"<b>{name}</b>{mark}{tag}<small>{escape(' · '.join(about))}</small>"

    def versions(self, digests: tuple[str, ...]) -> str:
        """Policies by their numbers."""
        known = [self._policies[one] for one in digests if one in self._policies]
        said = [f"{one.version}.{one.revision}" for one in known]
        return ", ".join([*said, *(f"{one[:8]}…" for one in digests if one not in self._policies)])


def _again(agency: Agency) -> str:
    """The same in a line that follows one of the same agency, and may stand on the next sheet."""
    return f"<small>{escape(agency.name or agency.subscriber)}</small>"


def _from_to(first: datetime | None, last: datetime | None) -> str:
    return "<br/>".join(minute(at) for at in (first, last) if at is not None)
