"""The transparency page: self-contained, plate-free, for a city's web site and for paper."""

from datetime import date, timedelta
from html import escape

from edge.audit import words
from edge.audit.page import document
from edge.audit.parts import table
from edge.audit.public import ROUND, Ended, Public, Recipient, Rough, Turn
from edge.policy.spans import span as policy_span

TITLE = "Plate readers in "


def render(public: Public) -> str:
    """The whole page."""
    place = escape(public.place or public.owner)
    return document(
        f"{TITLE}{place}",
        f"{_head(public)}<main>{_tiles(public)}{_recipients(public)}{_nobody(public)}{_switches(public)}"
        f"{_rules(public)}{_ended(public)}{_months(public)}{_method(public)}</main>"
        f"<footer>Published by {escape(public.owner)}. Made by Homerule from the audit log of the device. It names no "
        "plate, no camera and no time of a read.</footer>",
    )


def about(count: Rough) -> str:
    """A count as the public reads it."""
    return "none" if count == 0 else f"fewer than {ROUND}" if count is None else f"about {count:,}"


def _head(public: Public) -> str:
    months = [one.month for one in public.months]
    period = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    place = escape(public.place or "this city")
    return (
        f'<header><p class="kind">Transparency report</p><h1>Plate readers in {place}</h1><p class="asked">Who was '
        f"sent reads, on what basis, and who was not · <b>{period}</b>, whole months</p></header>"
    )


def _tiles(public: Public) -> str:
    tiles = (
        (about(public.reads), "vehicles were read"),
        (str(public.cameras), f"camera{'s' if public.cameras != 1 else ''}"),
        (str(public.others_sent), f"other agencies were sent reads, of {public.others_named} named"),
        (about(public.sent_to_others), "times a read was sent to another agency"),
        (about(public.withheld), "times a read was withheld from one"),
    )
    cells = "".join(f"<div><b>{value.removeprefix('about ')}</b>{escape(said)}</div>" for value, said in tiles)
    return f'<section class="short"><div class="tiles">{cells}</div></section>'


def _recipients(public: Public) -> str:
    rows = [
        (
            _agency(one),
            " ".join(escape(said) for said in one.bases),
            escape(", ".join(map(words.switch, one.channels))) or "its own cameras",
            about(one.reads).replace(" ", "&nbsp;"),
        )
        for one in public.recipients
        if one.reads != 0
    ]
    heads = ("Agency", "On what basis", "By which way", "Reads")
    return table("Who was sent reads", heads, rows, none="Nobody was sent a read.")


def _nobody(public: Public) -> str:
    rows = [(_agency(one), " ".join(escape(said) for said in one.why)) for one in public.recipients if one.reads == 0]
    return table("Who was sent none", ("Agency", "Why"), rows, none="Every agency that is named was sent some.")


def _switches(public: Public) -> str:
    def row(one: Turn) -> tuple[str, ...]:
        return f"<b>{escape(one.switch)}</b>", escape(one.value), f"{one.since:%Y-%m-%d}", escape(one.how)

    heads = ("Switch", "Stood at", "From", "How")
    rows = [row(one) for one in sorted(public.switches, key=lambda one: one.switch != words.switch("national-lookup"))]
    return table("The switches", heads, rows, none="No policy was in force.")


def _rules(public: Public) -> str:
    banned = ", ".join(one.replace("_", " ") for one in public.banned)
    kept = "" if public.undelivered_hours is None else policy_span(timedelta(hours=public.undelivered_hours))
    rows = [
        ("Purposes that are banned", escape(banned) or "none"),
        ("Law packs", escape("; ".join(public.packs)) or "none"),
        ("A read that is not delivered is deleted after", escape(kept) or "not known"),
    ]
    return table("The rules", ("", ""), rows, none="")


def _ended(public: Public) -> str:
    rows = [(f"<b>{escape(one.agency)}</b>", f"{one.how} on {one.day:%Y-%m-%d}", _after(one)) for one in public.ended]
    return table("Agreements that ended", ("Agency", "How", "Reads sent after"), rows, none="None.")


def _after(one: Ended) -> str:
    more = f" <small>{about(one.sent_after_otherwise)} under another name, kind or state</small>"
    return about(one.sent_after) + (more if one.sent_after_otherwise != 0 else "")


def _months(public: Public) -> str:
    rows = [
        (one.month, about(one.reads), f"{one.unknown_hours:,} of {one.hours:,} hours" if one.unknown_hours else "none")
        for one in public.months
    ]
    return table("Month by month", ("Month", "Vehicles read", "Time of which nothing is known"), rows, none="None.")


def _method(public: Public) -> str:
    fits = (
        "Every entry of the log fits the checkpoint that the device signed."
        if public.log_fits
        else "The log holds no signed checkpoint for these entries."
    )
    return (
        '<section class="method"><h2>How these numbers are made</h2><p>They are counted from the audit log of the '
        f"device, in which every decision and every send stands before it happens. {fits} Each number is rounded to "
        f"the nearest {ROUND}, and one below {ROUND} is said to be that, so that nobody can be found in them; so they "
        "need not add up. A read that was sent counts as received. Once sent, an agency can pass a read on: rules and "
        "agreements forbid it, this device cannot prevent it.</p></section>"
    )


def _agency(one: Recipient) -> str:
    about_it = ", ".join(part for part in (one.kind, one.state, *(_time(*days) for days in one.named)) if part)
    owner = ' <i class="tag">owner</i>' if one.is_owner else ""
    return f"<b>{escape(one.name)}</b>{owner}<small>{escape(about_it)}</small>"


def _time(since: date, until: date | None) -> str:
    return f"from {since:%Y-%m-%d}" + (f" to {until:%Y-%m-%d}" if until is not None else " on")
