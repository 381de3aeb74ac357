"""`audit transparency`: what a city can put on its web site. No plate, no time of a read, no small number.

It covers whole calendar months (UTC) that are over, so that no two pages differ by a few reads only, and its counts are
rounded each for itself, so that none follows from the others. Times of policy are days.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter

from edge.audit import words
from edge.audit.agencies import reads_received
from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.report import Agency, Report
from edge.audit.source import Source
from edge.clock import YEARS, from_milliseconds, milliseconds, too_far
from edge.errors import LedgerError
from edge.policy.vocabulary import OWNER

FORMAT: Literal["homerule-transparency"] = "homerule-transparency"
ROUND = 10
"""Counts are rounded to multiples of it; of one that is smaller only that is said."""

Rough = int | None
"""0, a multiple of `ROUND`, or None: more than none and fewer than `ROUND`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An agency and what it was sent in all; `channels` and `bases` are empty where it was to get nothing, `why` says
    why reads were withheld from it, the most frequent reason first.

    Where the registry named it otherwise before or after, that is another one, and `named` are the days from which and
    to which it was named so; null: to the end of the time."""

    name: str
    kind: str
    state: str
    is_owner: bool
    named: tuple[tuple[date, date | None], ...]
    reads: Rough
    channels: tuple[str, ...]
    bases: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A switch stood at a value from one day on."""

    switch: str
    value: str
    since: date
    how: Literal["first policy", "signed by the city", "closed by hand", "by time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month, such as `2026-08`: vehicles read, and hours of which nothing is known."""

    month: str
    reads: Rough
    unknown_hours: int
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An agreement that ended, and how many reads were sent to its agency after that; `otherwise`: beside these, when
    the registry had another name, kind or state for it."""

    agency: str
    day: date
    how: str
    sent_after: Rough
    sent_after_otherwise: Rough


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """The whole of the page. `others_named` and `others_sent` are how many agencies that are not the owner there were,
    and how many of them were sent a read; one that was named otherwise before or after is one."""

    format: Literal["homerule-transparency"]
    version: Literal[1]
    place: str
    owner: str
    cameras: int
    months: tuple[Month, ...]
    reads: Rough
    others_named: int
    others_sent: int
    sent_to_others: Rough
    withheld: Rough
    recipients: tuple[Recipient, ...]
    switches: tuple[Turn, ...]
    banned: tuple[str, ...]
    packs: tuple[str, ...]
    undelivered_hours: float | None
    ended: tuple[Ended, ...]
    log_fits: bool


def publish(
    source: Source, *, first: str | None, last: str | None, now: int, key: Ed25519PublicKey | None = None
) -> Public:
    """Reads the whole log once. `first` and `last` are months as `2026-08`. LedgerError with the mend."""
    at = from_milliseconds(now)
    over = datetime(at.year, at.month, 1, tzinfo=UTC)
    ended = over if last is None else _after(_month(last, "--to"))
    if ended > over:
        raise LedgerError(f"`--to {last}` is not over yet, name a month that is")
    began = None if first is None else _month(first, "--from")
    if began is not None and began >= ended:
        raise LedgerError(f"`--from {first}` is not before the end of what can be published, name an earlier month")
    asked = Asked(began=None if began is None else milliseconds(began), ended=milliseconds(ended))
    report = make(source, asked, made_at=at, key=key)
    if report.log.fault is not None or not report.log.bundles_whole:
        raise LedgerError(f"{source.where}: it does not verify, and is not published; run `homerule audit verify`")
    if report.log.unknown_kinds:
        raise LedgerError(
            f"{source.where}: a newer homerule wrote it and must count it, and it is not published; update"
        )
    if report.log.earliest is None or report.log.earliest >= ended:
        raise LedgerError(f"{source.where}: no whole month of it is over yet, ask again in the next one")
    return _public(report, max(report.question.covers_from, report.log.earliest), ended)


def json_text(public: Public) -> str:
    """The whole as JSON; a count of null is more than none and fewer than `ROUND`."""
    return json.dumps(TypeAdapter(Public).dump_python(public, mode="json"), indent=1, ensure_ascii=False) + "\n"


def rough(count: int) -> Rough:
    """A count that gives nobody away."""
    return 0 if count == 0 else None if count < ROUND else (count + ROUND // 2) // ROUND * ROUND


def _public(report: Report, began: datetime, ended: datetime) -> Public:
    last = report.policies[-1] if report.policies else None
    others = [one for one in report.agencies if not one.is_owner]
    owners = [one for one in report.agencies if one.is_owner]
    owner = next((one for by in reversed(report.policies) for one in owners if by.digest in one.bundles), None)
    lines = Counter(one.subscriber for one in report.agencies)
    return Public(
        format=FORMAT,
        version=1,
        place=last.place if last is not None else "",
        owner=(owner.name or owner.subscriber) if owner is not None else "",
        cameras=len(report.cameras),
        months=tuple(_months(report, began, ended)),
        reads=rough(report.reads),
        others_named=len({one.subscriber for one in others}),
        others_sent=len({one.subscriber for one in others if reads_received(one)}),
        sent_to_others=rough(sum(map(reads_received, others))),
        withheld=rough(report.counts.withheld + report.counts.refused),
        recipients=tuple(
            _recipient(one, tuple(_days(report, one, ended)) if lines[one.subscriber] > 1 else ())
            for one in report.agencies
        ),
        switches=tuple(_turns(report)),
        banned=last.banned if last is not None else (),
        packs=tuple(f"{pack.title} ({pack.id}, version {pack.version})" for pack in last.packs) if last else (),
        undelivered_hours=last.undelivered_hours if last is not None else None,
        ended=tuple(
            Ended(
                agency=one.name,
                day=one.at.date(),
                how=words.lapse(one.why),
                sent_after=rough(one.sent_after - one.sent_after_otherwise),
                sent_after_otherwise=rough(one.sent_after_otherwise),
            )
            for one in report.lapsed
        ),
        log_fits=report.log.sealed,
    )


def _recipient(agency: Agency, named: tuple[tuple[date, date | None], ...]) -> Recipient:
    camera = [one for one in agency.refusals if one.where == "camera"]
    weight: dict[str, int] = {}
    for one in camera:
        weight[one.reasons[0]] = weight.get(one.reasons[0], 0) + one.reads
    got = [one for one in agency.grounds if one.counts.left]
    return Recipient(
        name=agency.name or agency.subscriber,
        kind=agency.kind.replace("_", " "),
        state=agency.state,
        is_owner=agency.is_owner,
        named=named,
        reads=rough(reads_received(agency)),
        channels=tuple(dict.fromkeys(one.channel for one in got if one.channel != OWNER)),
        bases=tuple(dict.fromkeys(words.because(one.reasons[0]) for one in got)),
        why=tuple(words.because(code) for code in sorted(weight, key=lambda code: (-weight[code], code))),
    )


def _days(report: Report, agency: Agency, ended: datetime) -> list[tuple[date, date | None]]:
    """When the policies in force named it so; what follows at once, or on the same day, is one time."""
    days: list[tuple[date, date | None]] = []
    for one in report.policies:
        if one.digest not in agency.bundles:
            continue
        since, until = one.since.date(), one.until.date() if one.until is not None and one.until < ended else None
        if days and days[-1][1] is not None and days[-1][1] >= since:
            since = days.pop()[0]
        days.append((since, until))
    return days


def _turns(report: Report) -> Iterable[Turn]:
    signed = {one.since: one.revision == 0 for one in report.policies}
    for one in report.switches:
        how: Literal["first policy", "signed by the city", "closed by hand", "by time"] = "closed by hand"
        if one.by == "first-policy":
            how = "first policy"
        elif one.by == "time":
            how = "by time"
        elif signed.get(one.since, False):
            how = "signed by the city"
        yield Turn(switch=words.switch(one.switch), value=one.value, since=one.since.date(), how=how)


def _months(report: Report, began: datetime, ended: datetime) -> Iterable[Month]:
    at = datetime(began.year, began.month, 1, tzinfo=UTC)
    while at < ended:
        after = _after(at)
        since = max(at, began)
        reads = sum(one.reads for one in report.hours if at <= one.hour < after)
        unknown = sum(
            max((min(until, after) - max(first, since)).total_seconds(), 0.0) for first, until in report.unknown
        )
        hours = (after - since).total_seconds() / 3600
        yield Month(
            month=f"{at:%Y-%m}", reads=rough(reads), unknown_hours=round(unknown / 3600 + 0.499), hours=round(hours)
        )
        at = after


def _month(text: str, option: str) -> datetime:
    try:
        found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise LedgerError(f"`{option} {text}` is no month, write it as 2026-08") from None
    if found.year not in YEARS:
        raise LedgerError(too_far(option, text))
    return found


def _after(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
