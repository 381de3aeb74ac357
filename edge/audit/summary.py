"""PURE: a report in a few lines, for whoever typed the command."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from edge.audit.parts import moment, span
from edge.audit.report import Log, Report


def lines(report: Report) -> Iterator[str]:
    """What a person wants to know before opening the page."""
    question, counts, log = report.question, report.counts, report.log
    yield f"device {log.device}, {moment(question.covers_from)} to {moment(question.covers_to)} UTC"
    yield (
        f"{report.reads:,} reads x agencies = {counts.decisions:,} decisions: {counts.withheld:,} withheld, "
        f"{counts.refused:,} refused at the door, {counts.never_sent:,} never sent, {counts.sent:,} sent without a "
        f"receipt, {counts.acknowledged:,} acknowledged"
    )
    blind = sum((last - first for first, last in report.unknown), timedelta())
    yield f"nothing is known of {span(blind)} of this time" if blind else "the log knows of no gap in this time"
    said, tone = verdict(log)
    yield f"FAULT {said}" if tone == "bad" else said


def verdict(log: Log) -> tuple[str, Literal["good", "some", "bad"]]:
    """Whether this is the log that was written, as far as a report can tell."""
    if log.fault is not None:
        return f"do not trust this report: {log.fault}", "bad"
    if not log.bundles_whole:
        return "do not trust what this report says of policies: the bytes of one are not as accepted", "bad"
    if log.unknown_kinds:
        said = f"this version does not know what {log.unknown_kinds:,} of the entries say, and does not count them"
        return f"do not trust these numbers: {said}; update homerule", "bad"
    if log.missing:
        said = f"{log.missing:,} entries are not in what was read"
        return f"{said}; `homerule audit verify` tells whether the rest fits", "some"
    if log.checkpoint is None:
        return "the log holds no signed checkpoint yet, so nothing vouches for it", "some"
    if not log.sealed:
        return "this is a part of a log; `homerule audit verify` tells whether it fits its checkpoint", "some"
    newer = log.entries - log.checkpoint
    more = f"; {newer:,} entries are newer" if newer else ", which covers all of them"
    return f"every entry fits the device's signed checkpoint of {log.checkpoint:,} entries{more}", "good"
