"""`audit report`: one pass over a log, and what is said of it. What a bounded report counts: see `asked.py`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge import __version__
from edge.audit.agencies import agencies, counts, reasons
from edge.audit.asked import Asked
from edge.audit.counted import Alike, Row
from edge.audit.counting import Counting
from edge.audit.coverage import BLIND, union
from edge.audit.past import Past
from edge.audit.registries import Registries
from edge.audit.report import FORMAT, VERSION, Camera, Hour, Log, Question, Report
from edge.audit.rights import Rights
from edge.audit.source import Source
from edge.audit.walk import Walk, walk
from edge.clock import from_milliseconds
from edge.disk import shown
from edge.errors import ConfigError, LedgerError
from edge.keys import public_text, signing_public
from edge.ledger import checkpoint


def make(source: Source, asked: Asked, *, made_at: datetime, key: Ed25519PublicKey | None = None) -> Report:
    """Reads the whole log once. `key` is the device's public key, kept elsewhere. LedgerError if it makes no sense."""
    return assemble(source, asked, made_at=made_at, key=key)[0]


def assemble(
    source: Source, asked: Asked, *, made_at: datetime, key: Ed25519PublicKey | None = None
) -> tuple[Report, tuple[Row, ...]]:
    """The same, with the rows that it was made of, for a table."""
    notes = source.notes()
    newest = notes[-1] if notes else None
    found = walk(source, asked, mark=None if newest is None else checkpoint.size_of(newest))
    known = found.policies.registries
    _check_names(found, asked, known.names())
    rows = tuple(found.counting.rows())
    began, ended = _span(found, asked)
    past = Past(found, asked, began, ended)
    counted = [one for one in found.counting.alike if one.counted]
    policies = past.policies(_by_bundle(counted))
    within = [one.digest for one in policies]
    report = Report(
        format=FORMAT,
        version=VERSION,
        made_at=made_at,
        software=f"homerule {__version__}",
        log=_log(source, found, newest, key),
        question=_question(asked, began, ended),
        reads=sum(one.reads for one in counted),
        corrections=sum(one.corrections for one in counted),
        counts=counts(rows),
        cameras=_cameras(found.counting),
        agencies=agencies(asked, found.counting, rows, known, within),
        reasons=reasons(rows),
        policies=policies,
        hotlists=past.hotlists(),
        switches=past.switches(),
        words=past.words(),
        lapsed=tuple(past.lapsed()),
        gaps=past.gaps(),
        gaps_omitted=found.coverage.omitted,
        unknown=_unknown(found, began, ended),
        runs=past.runs(),
        losses=past.losses(),
        rights=_rights(found, known, within),
        hours=_hours(found),
    )
    return report, rows


def _by_bundle(counted: Sequence[Alike]) -> dict[str, int]:
    reads: dict[str, int] = {}
    for one in counted:
        reads[one.pattern.bundle] = reads.get(one.pattern.bundle, 0) + one.reads
    return reads


def _unknown(found: Walk, began: int, ended: int) -> tuple[tuple[datetime, datetime], ...]:
    blind = [one for one in found.coverage.of(began, ended) if one.what in BLIND]
    return tuple((from_milliseconds(first), from_milliseconds(last)) for first, last in union(blind, began, ended))


def _hours(found: Walk) -> tuple[Hour, ...]:
    hours = sorted(found.counting.hours.items())
    return tuple(Hour(hour=from_milliseconds(hour * 3_600_000), reads=reads) for hour, reads in hours)


def _check_names(found: Walk, asked: Asked, registered: set[str]) -> None:
    """That the cameras and agencies asked about are known at all: a typing error must not look like an empty road."""
    names = found.counting.names.values()
    gaps = {one.what.partition(":")[2] for one in found.coverage.stretches if one.what.startswith("camera:")}
    decided = {one[0] for pattern in found.counting.patterns.values() for one in pattern.outcomes}
    known = {
        "camera": {one.name for one in names if one.sort == "camera"} | gaps,
        "agency": {one.name for one in names if one.sort == "subscriber"} | decided | registered,
    }
    for what, asked_for in (("camera", asked.cameras), ("agency", asked.subscribers)):
        for name in sorted(asked_for or ()):
            if name not in known[what]:
                said = ", ".join(sorted(known[what])[:20]) or "none"
                raise LedgerError(f"the log knows no {what} `{name}`; it knows {said}")


def _span(found: Walk, asked: Asked) -> tuple[int, int]:
    """The time that is asked about, to the ends of the log where none was typed, none where it is beyond them."""
    earliest, latest = found.coverage.earliest or 0, found.coverage.latest or 0
    began = min(earliest, earliest if asked.ended is None else asked.ended) if asked.began is None else asked.began
    ended = max(latest + 1, began) if asked.ended is None else asked.ended
    return began, ended


def _question(asked: Asked, began: int, ended: int) -> Question:
    return Question(
        began=None if asked.began is None else from_milliseconds(asked.began),
        ended=None if asked.ended is None else from_milliseconds(asked.ended),
        cameras=None if asked.cameras is None else tuple(sorted(asked.cameras)),
        subscribers=None if asked.subscribers is None else tuple(sorted(asked.subscribers)),
        covers_from=from_milliseconds(began),
        covers_to=from_milliseconds(ended),
    )


def _log(source: Source, found: Walk, newest: str | None, key: Ed25519PublicKey | None) -> Log:
    begun, coverage = found.begun, found.coverage
    size, sealed, fault = _checked(source, found, newest, key)
    origin: Literal["log", "given"] = "log" if key is None else "given"
    return Log(
        device=begun.device,
        ledger_id=begun.ledger_id,
        mode=begun.mode,
        where=shown(source.where),
        entries=found.entries,
        missing=coverage.missing,
        earliest=None if coverage.earliest is None else from_milliseconds(coverage.earliest),
        latest=None if coverage.latest is None else from_milliseconds(coverage.latest),
        root=None if found.root is None else found.root.hex(),
        checkpoint=size,
        sealed=sealed,
        fault=fault,
        key=begun.public_key,
        key_from=origin,
        bundles_whole=all(one.whole for one in found.policies.in_force),
        unknown_kinds=found.unknown_kinds,
    )


def _checked(
    source: Source, found: Walk, newest: str | None, given: Ed25519PublicKey | None
) -> tuple[int | None, bool, str | None]:
    """The size of the newest checkpoint, whether all entries below it fit, and what is wrong with it or with them."""
    begun = found.begun
    if given is not None and public_text(given) != begun.public_key:
        return None, False, "the log was begun with another key than the one that was given"
    if newest is None:
        return None, False, None
    try:
        key = given if given is not None else signing_public(begun.public_key, where="the log's first entry")
        opened = checkpoint.open_note(newest, key, expected_origin=checkpoint.origin(begun.device, begun.ledger_id))
    except (LedgerError, ConfigError) as error:
        return None, False, str(error)
    if found.coverage.missing or (source.last is not None and source.last < opened.size):
        return opened.size, False, None  # a part of a log: `audit verify` has the hashes of the rest
    if found.root_at != opened.root:
        return opened.size, False, "the entries are not those that the newest checkpoint vouches for"
    return opened.size, True, None


def _cameras(counting: Counting) -> tuple[Camera, ...]:
    made: dict[str, Camera] = {}
    for one in counting.alike:
        if not one.counted:
            continue
        first, last = from_milliseconds(one.first), from_milliseconds(one.last)
        known = made.get(one.camera) or Camera(camera=one.camera, reads=0, corrections=0, first=first, last=last)
        made[one.camera] = replace(
            known,
            reads=known.reads + one.reads,
            corrections=known.corrections + one.corrections,
            first=min(known.first, first),
            last=max(known.last, last),
        )
    return tuple(made[name] for name in sorted(made))


def _rights(found: Walk, known: Registries, within: Sequence[str]) -> tuple[Rights, ...]:
    return tuple(
        Rights(
            subscriber=name,
            names=tuple(dict.fromkeys(was.name for digest in within if (was := known.of(name, digest)))),
            revoked=one.revoked,
            slowest_ms=one.slowest,
            failed=one.failed,
        )
        for name, one in sorted(found.rights.of.items())
    )
