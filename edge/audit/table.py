"""The report as JSON, as its schema says, and as one CSV table whose every row adds up."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

from pydantic import TypeAdapter

from edge.audit.counted import Row
from edge.audit.report import Report
from edge.clock import from_milliseconds

HEADS = (
    *(
        "camera",
        "subscriber",
        "name",
        "kind",
        "state",
        "policy",
        "bundle",
        "effect",
        "channel",
        "reasons",
        "obligations",
    ),
    *("reads", "withheld", "refused", "never_sent", "sent", "acknowledged", "expired", "dropped", "discarded"),
    *("first_read", "last_read", "first_sent", "last_sent"),
)
HEADING = f"{','.join(HEADS)}\r\n"
SCHEMA = "report.schema.json"


def json_text(report: Report) -> str:
    """The whole report as JSON, times as RFC 3339."""
    return json.dumps(_adapter().dump_python(report, mode="json"), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `json_text`, made from the fields of `Report`."""
    made = _adapter().json_schema(mode="serialization")
    for table in (made, *made["$defs"].values()):
        table["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Homerule audit report"}


def packaged_schema() -> str:
    """The same as it stands in the package."""
    return resources.files("edge.audit").joinpath(SCHEMA).read_text(encoding="utf-8")


def csv_text(report: Report, rows: Iterable[Row]) -> str:
    """One line for each camera, agency, policy and decision. For each, withheld + refused + never_sent + sent +
    acknowledged = reads. Texts that a spreadsheet would take for a formula begin with an apostrophe."""
    out = io.StringIO()
    out.write(HEADING)
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    for row in _merged(report, rows):
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _merged(report: Report, rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    agencies = {(one.subscriber, digest): one for one in report.agencies for digest in one.bundles}
    versions = {one.digest: f"{one.version}.{one.revision}" for one in report.policies}
    alike: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.camera, row.bundle, row.outcome), []).append(row)
    for found in sorted(alike.values(), key=lambda each: (each[0].camera, each[0].outcome, each[0].first)):
        row = found[0]
        name, effect, channel, reasons, obligations = row.outcome
        agency = agencies[name, row.bundle]
        sent = [one for one in found if one.first_sent is not None]
        yield (
            *(row.camera, name, agency.name, agency.kind, agency.state, versions.get(row.bundle, ""), row.bundle),
            *(effect, channel, " ".join(reasons), " ".join(obligations)),
            *(sum(getattr(one, field) for one in found) for field in HEADS[11:20]),
            *(_time(min(one.first for one in found)), _time(max(one.last for one in found))),
            _time(min((one.first_sent or 0 for one in sent), default=None)),
            _time(max((one.last_sent or 0 for one in sent), default=None)),
        )


def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def _time(value: int | None) -> str:
    return "" if value is None else from_milliseconds(value).isoformat(timespec="milliseconds")


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
