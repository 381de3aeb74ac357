"""The report as one page that needs nothing else, for a screen and for paper.

Everything that is not ours is escaped, and the page itself forbids scripts and outside addresses.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape, unescape
from importlib import resources

from edge.audit import words
from edge.audit.agencies import reads_received, withdrawn
from edge.audit.hotlists import HotListPeriod
from edge.audit.parts import minute, moment, number, span, table
from edge.audit.report import Agency, Gap, Lapsed, Policy, Report, SwitchPeriod
from edge.audit.rights import Rights
from edge.audit.summary import verdict
from edge.audit.timeline import timeline
from edge.audit.who import balance, received, refused

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MOST_LINES = 60
TITLE = "Audit report of "


def render(report: Report) -> str:
    """The whole page."""
    title = f"{TITLE}{escape(report.log.device)}"
    return document(
        title,
        f"{_head(report)}<main>{_short(report)}{_seal(report)}"
        f'<section class="whole"><h2>Timeline</h2><div class="wide">{timeline(report)}</div>{_legend()}</section>'
        f"{received(report)}{refused(report)}{_lapsed(report)}{balance(report)}{_switches(report)}{_policies(report)}"
        f"{_hotlists(report)}{_rights(report)}{_gaps(report)}{_words(report)}{_method(report)}</main>"
        f"<footer>Made by {escape(report.software)} on {moment(report.made_at)} from {report.log.entries:,} entries of "
        f"the audit log {escape(report.log.ledger_id)}. The page holds no plate and no image.</footer>",
    )


def opening(title: str) -> str:
    """How a page begins, up to the first words of its title: by that an earlier one is known again."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme"'
        f' content="light dark"><title>{title}'
    )


def document(title: str, body: str) -> str:
    """A page of this house."""
    style = resources.files("edge.audit").joinpath("report.css").read_text(encoding="utf-8")
    foot = re.sub(r"[^\w .,:()-]", "", unescape(title))
    style += f'@page {{ @bottom-left {{ content: "{foot}"; }} }}\n'
    return f"{opening(title)}</title><style>{style}</style></head><body>{body}</body></html>\n"


def _head(report: Report) -> str:
    question = report.question
    cameras = "all cameras" if question.cameras is None else "camera " + ", ".join(question.cameras)
    agencies = "all agencies" if question.subscribers is None else ", ".join(question.subscribers)
    test = "" if report.log.mode == "production" else f' <span class="mode">{escape(report.log.mode)} mode</span>'
    return (
        f'<header><p class="kind">Audit report{test}</p><h1>{escape(report.log.device)}</h1>'
        f'<p class="asked">Reads taken in from <b>{moment(question.covers_from)}</b> to '
        f"<b>{moment(question.covers_to)}</b> UTC · {escape(cameras)} · {escape(agencies)}</p></header>"
    )


def _short(report: Report) -> str:
    """What a person asks first, in four numbers and a few sentences."""
    receivers = {one.subscriber for one in report.agencies if reads_received(one)}
    named = {one.subscriber for one in report.agencies}
    blind = sum((last - first for first, last in report.unknown), timedelta())
    tiles = (
        (number(report.reads), f"vehicle{'s' if report.reads != 1 else ''} read"),
        (f"{len(receivers)} <i>of {len(named)}</i>", "agencies were sent a read"),
        (number(report.counts.left), "sends that count as possibly received"),
        (number(report.counts.withheld + report.counts.refused), "times a read was refused to an agency"),
        (span(blind), "of this time nothing is known"),
    )
    cells = "".join(f"<div><b>{value}</b>{said}</div>" for value, said in tiles)
    lines = "".join(f"<li>{line}</li>" for line in _sentences(report))
    return f'<section class="short"><div class="tiles">{cells}</div><ul>{lines}</ul></section>'


def _sentences(report: Report) -> Iterable[str]:
    periods = [one for one in report.switches if one.switch == "national-lookup"]
    if periods:
        began, ended = report.question.covers_from, report.question.covers_to
        off = sum((_within(one.since, one.until, began, ended) for one in periods if one.value == "off"), timedelta())
        turns = [one for one in periods[1:] if began <= one.since < ended]
        moved = (
            "; ".join(f"turned {escape(one.value)} {moment(one.since)}, {escape(words.way(one.by))}" for one in turns)
            or "nobody turned it"
        )
        whole = _within(periods[0].since, ended, began, ended)
        yield f"National Lookup was off for <b>{span(off)}</b> of {span(whole)}: {moved}."
    for of_id in (True, False):
        first = [one for one in report.agencies if one.first_ever_within and one.first_of_id == of_id]
        said = ", ".join(f"{_name(one)} ({minute(one.first_ever)})" for one in first if one.first_ever)
        if said:
            yield f"{words.first_read(of_id).capitalize()} to: {said}."
    for one in report.lapsed:
        yield _lapse_line(one)
    back = sum(map(withdrawn, report.agencies))
    if back:
        yield f"Of the sends <b>{back:,}</b> only took a hit back: they said that it was none, and not the new plate."
    lost = sum(one.count for one in report.losses if one.failed)
    if lost:
        yield f"<b>{lost:,}</b> things could not be recorded or deleted on time, see what this log does not know."


def _seal(report: Report) -> str:
    """Whether this is the log that was written, as far as this page can tell."""
    log = report.log
    key = "given to this command" if log.key_from == "given" else "taken from the log itself"
    said, tone = verdict(log)
    shown = escape(said[:1].upper() + said[1:])
    root = f" Root <code>{log.root}</code>." if log.root else ""
    return (
        f'<section class="seal {tone}"><p><b>{shown}.</b> Checked with the key <code>{escape(log.key)}</code>, {key}.'
        f"{root} Whoever rewrites a log can sign it again with a stolen key: compare the root with a checkpoint that "
        "a subscriber has kept, by <code>homerule audit verify</code>.</p></section>"
    )


def _legend() -> str:
    return (
        '<p class="key"><i class="box reads"></i> reads <i class="box open"></i> switch open <i class="box shut"></i> '
        'switch closed <i class="box unknown"></i> nothing is known</p>'
    )


def _switches(report: Report) -> str:
    def row(one: SwitchPeriod) -> tuple[str, ...]:
        until = moment(one.until) if one.until is not None else "still so"
        return (
            f"<b>{escape(words.switch(one.switch))}</b>",
            escape(one.value),
            moment(one.since),
            until,
            escape(words.way(one.by)) if one.by else "not known",
        )

    rows = [row(one) for one in sorted(report.switches, key=lambda one: one.switch != "national-lookup")]
    return table("Who switched what", ("Switch", "Stood at", "From", "Until", "Turned there"), rows, none="No policy.")


def _policies(report: Report) -> str:
    def row(one: Policy) -> tuple[str, ...]:
        by_hand = f"closed further, {escape(words.way(one.by))}" if one.by and one.revision else ""
        packs = ", ".join(f"{pack.id} {pack.version}" for pack in one.packs) or "not readable by this version"
        whole = "" if one.whole else ' <b class="no">bytes differ</b>'
        return (
            f"<b>{one.version}.{one.revision}</b>",
            moment(one.since),
            moment(one.until) if one.until is not None else "in force",
            f"{by_hand or words.signature(one.signed, one.revision)}{whole}",
            escape(packs),
            number(one.reads),
            f"<code>{one.digest[:12]}…</code>",
        )

    heads = ("Version", "From", "Until", "Resting on", "Law packs", "Reads", "Digest")
    rows = [row(one) for one in report.policies]
    return table("Policies in force", heads, rows, none="No policy was in force.")


def _hotlists(report: Report) -> str:
    def row(one: HotListPeriod) -> tuple[str, ...]:
        return (
            f"<b>{escape(one.hotlist)}</b>",
            str(one.version or "the city's"),
            moment(one.since) if one.since is not None else "before this log begins",
            moment(one.until) if one.until is not None else "in force",
            f"<code>{escape(one.digest[:12])}…</code>",
        )

    lead = (
        "<p>Every hit of a read from such a time is a hit on this version of the list; a read may also be none because "
        "the list was not at hand yet. The digest (sha256) is that of its source's word, the file <code>.sig</code> "
        "beside the list; of a list that the city signs itself, of the list.</p>"
    )
    heads = ("Hot list", "Version", "From", "Until", "Digest")
    rows = [row(one) for one in report.hotlists[-_MOST_LINES:]]
    more = len(report.hotlists) - len(rows)
    note = f"<p>{more:,} earlier ones are in the JSON.</p>" if more else ""
    made = table("Hot lists in force", heads, rows, none="The log names no hot list.", lead=lead)
    return made.replace("</section>", f"{note}</section>")


def _lapsed(report: Report) -> str:
    def row(one: Lapsed) -> tuple[str, ...]:
        after = f'<b class="no">{one.sent_after:,}</b>{_otherwise(one)}' if one.sent_after else "none"
        return (
            f"<b>{escape(one.name)}</b>",
            f"{escape(one.agreement)} <small>{escape(one.form)}</small>",
            f"{words.lapse(one.why)} {moment(one.at)}",
            moment(one.last_sent_before) if one.last_sent_before else "never",
            moment(one.first_refused_after) if one.first_refused_after else _not_refused(one),
            after,
        )

    heads = ("Agency", "Agreement", "Ended", "Last send before", "First refusal after", "Sent after")
    return table("Agreements that ended", heads, [row(one) for one in report.lapsed], none="None ended in this time.")


def _rights(report: Report) -> str:
    def row(one: Rights) -> tuple[str, ...]:
        failed = f'<b class="no">{one.failed:,}</b>' if one.failed else "none"
        name = f"<b>{escape(' / '.join(one.names) or one.subscriber)}</b>"
        return name, number(one.revoked), f"{one.slowest_ms:,} ms" if one.revoked else "", failed

    heads = ("Agency", "Times", "Longest until done", "Failed at first")
    rows = [row(one) for one in report.rights]
    return table("Rights taken away at the broker", heads, rows, none="None was taken away in this time.")


def _gaps(report: Report) -> str:
    def row(one: Gap) -> tuple[str, ...]:
        ended = one.ended
        return (
            f"{'<b>■</b>' if one.blind else '□'} {escape(one.said)}",
            moment(one.began),
            moment(ended) if ended is not None else "not over",
            span(ended - one.began).replace(" ", "&nbsp;") if ended is not None else "",
            escape(words.why(one.what, one.why)),
        )

    rows = [row(one) for one in report.gaps[:_MOST_LINES]]
    more = len(report.gaps) - len(rows) + report.gaps_omitted
    note = f"<p>{more:,} more are in the JSON or were not kept one by one.</p>" if more else ""
    losses = "".join(
        f"<p><b>{moment(one.at)}</b> {escape(one.what)}: {one.count:,}{', failed' if one.failed else ''}</p>"
        for one in report.losses[-_MOST_LINES:]
    )
    said = (
        "<p>Silence is never proof of nothing. ■ marks times of which nothing is known: a vehicle that passed then is "
        "in no count above.</p>"
    )
    heads = ("What", "From", "Until", "Length", "Why")
    made = table("Where this log knows nothing, or not all", heads, rows, none="The log knows of no gap.", lead=said)
    return made.replace("</section>", f"{note}{losses}</section>")


def _words(report: Report) -> str:
    rows = [(moment(one.at), escape(one.said)) for one in report.words[-_MOST_LINES:]]
    return table("What else was changed, or tried", ("When", "What"), rows, none="Nothing.")


def _method(report: Report) -> str:
    return (
        '<section class="method"><h2>How this page counts</h2><p>A read is counted by the time at which the log took '
        "it in, and what became of it is followed to the end of the log, however late that was. So two reports that "
        "follow one another add up. <b>Sent</b> is written down before a read is handed to the broker: from there on "
        "it counts as possibly received. <b>Acknowledged</b> means that the agency brought back a token that only the "
        "opened read holds. An agency is what it was to the policy that decided; one that was not the same to all has "
        "a line for each. In each, withheld + refused at the door + never sent + sent + acknowledged = reads. All "
        "times are UTC.</p></section>"
    )


def _lapse_line(one: Lapsed) -> str:
    last = moment(one.last_sent_before) if one.last_sent_before else "none"
    return (
        f"The agreement {escape(one.agreement)} of <b>{escape(one.subscriber)}</b> {words.lapse(one.why)} on "
        f"{moment(one.at)}; last send before: {last}; sends after it: {one.sent_after:,}{_otherwise(one)}."
    )


def _not_refused(one: Lapsed) -> str:
    return "not under this name, kind or state" if one.refused_otherwise else "not yet"


def _otherwise(one: Lapsed) -> str:
    """Whether the id was given away or the agency renamed, no log can tell."""
    many = one.sent_after_otherwise
    return f" <small>{many:,} of them under another name, kind or state</small>" if many else ""


def _name(agency: Agency) -> str:
    return f"<b>{escape(agency.name or agency.subscriber)}</b>"


def _within(since: datetime, until: datetime | None, began: datetime, ended: datetime) -> timedelta:
    return max(min(until or ended, ended) - max(since, began), timedelta())
