"""PURE: a report in a few lines, for whoever typed the command."""

from collections.abc import Iterator
from datetime import timedelta

from edge.audit.parts import moment, span
from edge.audit.report import Report


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
    if log.fault is not None:
        yield f"FAULT {log.fault}"
    elif not log.bundles_whole:
        yield "FAULT the bytes of a policy are not those that were accepted"
    elif log.missing:
        yield f"{log.missing:,} entries are not here"
    elif log.sealed:
        yield f"every entry up to the checkpoint at {log.checkpoint:,} of {log.entries:,} fits its signature"
    else:
        yield "the log holds no checkpoint, so nothing vouches for it"
