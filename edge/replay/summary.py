"""What a replay found, in files: one line a passage, one line a decision, the sums, and the page for people."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from edge import __version__
from edge.clock import stamp
from edge.disk import shown
from edge.pipeline import Outcome
from edge.replay.folder import OutputFolder
from edge.replay.page import render
from edge.replay.result import Result
from edge.values import Effect

Table = dict[str, Any]


def write_result(result: Result, out: OutputFolder) -> None:
    """Writes reads.jsonl, decisions.jsonl, summary.json and report.html. Raises HomeruleError when the disk is full."""
    out.write("reads.jsonl", _lines(read_table(result, outcome) for outcome in result.vehicles))
    out.write("decisions.jsonl", _lines(table for outcome in result.in_order for table in decision_tables(outcome)))
    summary = summary_table(result)
    out.write("summary.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    out.write("report.html", render(result))


def read_table(result: Result, outcome: Outcome) -> Table:
    """One line of reads.jsonl: one vehicle. A correction stands in the place of the read that it `replaces`."""
    read, tags = outcome.tagged.read, outcome.tagged.tags
    return {
        "read_id": read.read_id,
        "replaces": tags.replaces,
        "text": read.text,
        "confidence": read.confidence,
        "lowest_character_confidence": read.lowest_character_confidence,
        "first_seen": stamp(read.first_seen),
        "last_seen": stamp(read.last_seen),
        "best_seen": stamp(read.best_seen),
        "first_seen_seconds": result.seconds(read.first_seen),
        "last_seen_seconds": result.seconds(read.last_seen),
        "best_seen_seconds": result.seconds(read.best_seen),
        "frames": read.frames,
        "camera": read.camera_id,
        "box": [round(side) for side in (read.box.x1, read.box.y1, read.box.x2, read.box.y2)],
        "flags": sorted(tags.flags),
        "hits": [f"{hit.list_id}/{hit.entry_id}" for hit in tags.hits],
    }


def decision_tables(outcome: Outcome) -> list[Table]:
    """The lines of decisions.jsonl for one passage: one for each subscriber."""
    return [
        {
            "read_id": decision.read_id,
            "subscriber": decision.subscriber_id,
            "effect": decision.effect.value,
            "channel": decision.channel,
            "reasons": list(decision.reasons),
            "obligations": list(decision.obligations),
        }
        for decision in outcome.decisions
    ]


def summary_table(result: Result) -> Table:
    """summary.json: counts, models, policy and figures."""
    bundle, counts = result.rules.bundle, result.counts
    return {
        "homerule": __version__,
        "mode": "test",
        "recording": {
            "name": shown(result.recording.path.name),
            "frames": counts.frames,
            "seconds": result.seconds(result.end),
            "starts": stamp(result.start),
            "warnings": result.recording.warnings,
        },
        "passages": len(result.vehicles),
        "corrections": counts.corrections,
        "hurried": counts.hurried,
        "rejected": counts.rejected,
        "looks": counts.looks,
        "readings": counts.readings,
        "took_seconds": round(result.took_seconds, 2),
        "models": [
            {"name": entry.name, "kind": entry.kind, "sha256": entry.sha256, "licence": entry.licence}
            for entry in result.models
        ],
        "policy": {
            "source": result.rules.said,
            "digest": bundle.digest,
            "version": bundle.version,
            "signed": bundle.signed,
            "owner": bundle.owner,
            "jurisdiction": bundle.jurisdiction.state,
            "valid_until": stamp(bundle.valid_until),
        },
        "subscribers": [_subscriber_table(result, name) for name in sorted(bundle.subscribers)],
    }


def _subscriber_table(result: Result, name: str) -> Table:
    decisions = [one for outcome in result.outcomes for one in outcome.decisions if one.subscriber_id == name]
    shared = [one for one in decisions if one.effect is Effect.SHARE]
    return {
        "id": name,
        "name": result.rules.bundle.subscribers[name].name,
        "shared": len(shared),
        "withheld": len(decisions) - len(shared),
        "reasons": dict(sorted(Counter(one.reasons[0] for one in decisions if one.reasons).items())),
    }


def _lines(tables: Iterable[Table]) -> str:
    return "".join(json.dumps(table, ensure_ascii=False) + "\n" for table in tables)
