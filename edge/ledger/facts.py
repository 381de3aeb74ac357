"""PURE: the plate-free facts of a read to JSON and back unchanged, so that the outbox can decide again at the door."""

import json
from datetime import datetime
from itertools import repeat
from typing import Any

from edge.clock import milliseconds
from edge.errors import LedgerError
from edge.policy.vocabulary import Redaction
from edge.values import Flag, Hit, Jurisdiction, Tags

_HOUR = 3_600_000  # milliseconds


def tags_text(tags: Tags) -> str:
    """The tags as compact JSON with sorted keys."""
    return json.dumps(
        {
            "read_id": tags.read_id,
            "camera_id": tags.camera_id,
            "captured_at": tags.captured_at.isoformat(),
            "jurisdiction": [tags.jurisdiction.state, tags.jurisdiction.county_fips, tags.jurisdiction.place],
            "owner": tags.owner,
            "flags": sorted(tags.flags),
            "hits": [_hit_fields(hit) for hit in tags.hits],
            "marks": [hit.mark for hit in tags.hits],
            "retain_until": tags.retain_until.isoformat(),
            "test": tags.test,
            "replaces": tags.replaces,
            "packs": [list(pack) for pack in tags.packs],
        },
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def tags_from(text: str) -> Tags:
    """The inverse of `tags_text`; LedgerError if the text is damaged."""
    try:
        found: dict[str, Any] = json.loads(text)
        state, county_fips, place = found["jurisdiction"]
        return Tags(
            read_id=found["read_id"],
            camera_id=found["camera_id"],
            captured_at=datetime.fromisoformat(found["captured_at"]),
            jurisdiction=Jurisdiction(state=state, county_fips=county_fips, place=place),
            owner=found["owner"],
            flags=frozenset(Flag(flag) for flag in found["flags"]),
            hits=tuple(map(_hit, found["hits"], found.get("marks", repeat("")))),
            retain_until=datetime.fromisoformat(found["retain_until"]),
            test=found["test"],
            replaces=found["replaces"],
            # rows written before these were kept have none
            packs=tuple((name, digest) for name, digest in found.get("packs", ())),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerError("a row of the outbox is damaged: its tags cannot be read") from error


def kept_since(captured_at: str, decided_at: int, obligations: str) -> int:
    """When the retention of a row began, in milliseconds since 1970 UTC: with its capture, as its tags tell it, or when
    it was decided, if that is earlier since the clock was moved back. Where only hours are told, when the hour began.
    """
    since = min(milliseconds(datetime.fromisoformat(captured_at)), decided_at)
    return since - since % _HOUR if Redaction.COARSE_TIME in json.loads(obligations) else since


def _hit_fields(hit: Hit) -> list[str | None]:
    return [
        hit.list_id,
        hit.entry_id,
        hit.source_agency,
        hit.purpose,
        hit.offence_grade,
        hit.expires_at.isoformat(),
        hit.offence_state,
        hit.case,
    ]


def _hit(fields: list[Any], mark: str) -> Hit:
    list_id, entry_id, source_agency, purpose, offence_grade, expires_at, *more = fields
    offence_state, case = more or (None, None)
    return Hit(
        list_id=list_id,
        entry_id=entry_id,
        source_agency=source_agency,
        purpose=purpose,
        offence_grade=offence_grade,
        expires_at=datetime.fromisoformat(expires_at),
        offence_state=offence_state,
        case=case,
        mark=mark,
    )
