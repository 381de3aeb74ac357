"""report.html: one page that needs nothing else, for a screen by day or night and for paper.

Everything that is not ours is escaped, and the page itself forbids scripts and outside addresses.
"""

import base64
from collections import Counter
from datetime import datetime
from html import escape
from importlib import resources

import cv2

from edge import __version__
from edge.disk import shown
from edge.pipeline import Outcome
from edge.policy.reasons import sentence
from edge.replay.policy_page import policy_section
from edge.replay.result import Result
from edge.values import Decision, Effect, Flag, PlateRead

MOST_COLUMNS = 24
"""Passages that the matrix shows one by one; with more it shows the sums only."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render(result: Result) -> str:
    """The whole page."""
    style = resources.files("edge.replay").joinpath("report.css").read_text(encoding="utf-8")
    name = escape(shown(result.recording.path.name))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme"'
        f' content="light dark"><title>Replay of {name}</title><style>{style}</style></head><body>'
        f"{_head(result, name)}<main>{_tiles(result)}{_sheet(result)}{_matrix(result)}"
        f"{policy_section(result.rules)}{_background(result)}</main>"
        f"<footer>Made by Homerule {__version__} in test mode. The report holds plates: keep it as you would keep the"
        " recording. It says what the software would do and is not legal advice.</footer></body></html>\n"
    )


def _head(result: Result, name: str) -> str:
    counts = result.counts
    seconds = result.seconds(result.end)
    length = f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
    return (
        '<header><p class="mode">Test mode <span>nothing in this report was sent as the read of a camera</span></p>'
        f"<h1>{name}</h1><p>{_day(result.start)} UTC · {length} · {counts.frames} frames ·"
        f" decided by {escape(result.rules.said)}</p></header>"
    )


def _tiles(result: Result) -> str:
    decisions = [one for outcome in result.outcomes for one in outcome.decisions]
    shared = [one for one in decisions if one.effect is Effect.SHARE]
    tiles = (
        (len(result.vehicles), "vehicles read"),
        (len({one.subscriber_id for one in shared}), f"of {len(result.rules.bundle.subscribers)} agencies get a read"),
        (len(shared), "reads would go out"),
        (len(decisions) - len(shared), "would be withheld"),
    )
    cells = "".join(f"<div><b>{number}</b>{escape(words)}</div>" for number, words in tiles)
    return f'<section class="tiles">{cells}</section>'


def _sheet(result: Result) -> str:
    if not result.outcomes:
        return '<section><h2>Vehicles</h2><p class="none">No plate was read in this recording.</p></section>'
    cards = "".join(_card(result, outcome) for outcome in result.vehicles)
    return f'<section><h2>Vehicles</h2><div class="sheet">{cards}</div></section>'


def _card(result: Result, outcome: Outcome) -> str:
    read = outcome.tagged.read
    names = result.rules.bundle.subscribers
    takers = [names[one.subscriber_id].name for one in outcome.decisions if one.effect is Effect.SHARE]
    goes = "goes to " + ", ".join(escape(name) for name in takers) if takers else "goes to nobody"
    marks = "".join(f"<em>{escape(words)}</em>" for words in _marks(outcome))
    seen = f"{_clock(result.seconds(read.first_seen))} to {_clock(result.seconds(read.last_seen))}"
    looks = "1 look" if read.frames == 1 else f"{read.frames} looks"
    sure = round(100 * read.confidence)
    return (
        f'<article>{_picture(read)}<h3>{escape(read.text)}</h3><div class="bar" role="img" aria-label="confidence'
        f' {sure} percent"><i style="width:{sure}%"></i></div><p><b>{sure}&nbsp;%</b> sure, weakest character'
        f" {round(100 * read.lowest_character_confidence)}&nbsp;%</p><p>{seen} · {looks}</p>"
        f'<p class="goes">{goes}</p>{marks}</article>'
    )


def _marks(outcome: Outcome) -> list[str]:
    tags = outcome.tagged.tags
    marks = [f"hit: {hit.list_id}, {hit.purpose.replace('_', ' ')}" for hit in tags.hits]
    marks += ["corrects what was handed on before"] if tags.replaces is not None else []
    return marks + (["seen in one frame only"] if Flag.SINGLE_FRAME in tags.flags else [])


def _picture(read: PlateRead) -> str:
    if read.crop is None:
        return '<div class="crop"></div>'
    done, written = cv2.imencode(".jpg", read.crop, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        return '<div class="crop"></div>'
    code = base64.b64encode(written.tobytes()).decode()
    return f'<div class="crop"><img alt="plate {escape(read.text)}" src="data:image/jpeg;base64,{code}"></div>'


def _matrix(result: Result) -> str:
    bundle = result.rules.bundle
    ordered = result.in_order
    one_by_one = ordered if len(ordered) <= MOST_COLUMNS else []
    heads = "".join(f'<th class="up"><span>{escape(one.tagged.read.text)}</span></th>' for one in one_by_one)
    # The owner first, then the registry's order.
    names = sorted(bundle.subscribers, key=lambda name: (name != bundle.owner, name))
    rows = "".join(_row(result, name, one_by_one) for name in names)
    return (
        '<section><h2>Who would receive what</h2><div class="wide"><table class="matrix"><thead><tr><th>Agency</th>'
        f"<th>Outcome</th>{heads}<th>Why</th></tr></thead><tbody>{rows}</tbody></table></div>"
        '<p class="key"><b class="yes">✓</b> would be sent <b class="no">·</b> withheld on the camera</p></section>'
    )


def _row(result: Result, name: str, one_by_one: list[Outcome]) -> str:
    subscriber = result.rules.bundle.subscribers[name]
    decisions = [one for outcome in result.outcomes for one in outcome.decisions if one.subscriber_id == name]
    shared = sum(one.effect is Effect.SHARE for one in decisions)
    tone = "all" if shared == len(decisions) and shared else "some" if shared else "none"
    pill = {"all": f"all {shared}", "some": f"{shared} of {len(decisions)}", "none": "nothing"}[tone]
    cells = "".join(
        _cell(decision) for outcome in one_by_one for decision in outcome.decisions if decision.subscriber_id == name
    )
    kind = subscriber.kind.value.replace("_", " ")
    return (
        f"<tr><th>{escape(subscriber.name)}<small>{escape(kind)}, {escape(subscriber.state)}</small></th>"
        f'<td><b class="pill {tone}">{pill}</b></td>{cells}<td class="why">{_why(decisions)}</td></tr>'
    )


def _cell(decision: Decision) -> str:
    said = escape(" ".join(sentence(code) for code in decision.reasons), quote=True)
    if decision.effect is Effect.SHARE:
        return f'<td class="yes" title="{said}">✓</td>'
    return f'<td class="no" title="{said}">·</td>'


def _why(decisions: list[Decision]) -> str:
    """The sentences behind an agency's outcomes, with how often each set of them was given."""
    if not decisions:
        return "no vehicle was read"
    groups = Counter((one.effect, one.channel, one.reasons, one.obligations) for one in decisions)
    parts = []
    for (effect, channel, reasons, obligations), times in groups.most_common():
        verdict = "shared" if effect is Effect.SHARE else "withheld"
        through = f" through {escape(channel)}" if channel and effect is Effect.SHARE else ""
        said = " ".join(escape(sentence(code)) for code in reasons)
        bound = ", ".join(code.replace("_", " ") for code in obligations)
        bound = f" <small>bound to: {escape(bound)}</small>" if obligations and effect is Effect.SHARE else ""
        parts.append(f"<p><b>{times} {verdict}{through}.</b> {said}{bound}</p>")
    return "".join(parts)


def _background(result: Result) -> str:
    counts = result.counts
    dropped = ", ".join(f"{number} {escape(reason)}" for reason, number in counts.rejected.items()) or "none"
    models = "".join(
        f"<tr><th>{escape(entry.name)}</th><td>{entry.kind}, {escape(entry.licence)}</td>"
        f"<td><code>{entry.sha256[:16]}…</code></td></tr>"
        for entry in result.models
    )
    warnings = "".join(f'<p class="warning">{escape(warning)}</p>' for warning in result.recording.warnings)
    return (
        f"<section><h2>How it was read</h2>{warnings}<p>{counts.frames} frames, looked at for plates in"
        f" {counts.looks} of them, {counts.readings} readings of single plates, {counts.passages} vehicles."
        f" Candidates dropped: {dropped}. The replay took {result.took_seconds:.1f} s.</p>"
        f'<table class="plain">{models}</table></section>'
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
