"""The plate-free facts of a read come back from the outbox as they went in, and those of older rows too."""

import json
from dataclasses import replace
from datetime import timedelta

from edge.ledger.facts import tags_from, tags_text
from edge.values import Hit
from tests.ledger.builders import START, tagged_read

TAGS = tagged_read("read-1").tags
HIT = Hit(
    list_id="ncic",
    entry_id="e-1",
    source_agency="isp",
    purpose="criminal_felony",
    offence_grade="felony",
    expires_at=START + timedelta(days=1),
    offence_state="US-VA",
    case="26-1234",
    mark="a1b2",
)


def test_grade_state_case_and_mark_of_a_hit_come_back() -> None:
    of = replace(TAGS, hits=(HIT,))
    assert tags_from(tags_text(of)) == of


def test_the_law_packs_of_a_read_come_back() -> None:
    of = replace(TAGS, packs=(("us-va", "ab" * 32), ("generic", "cd" * 32)))
    assert tags_from(tags_text(of)) == of


def test_a_row_written_before_there_were_cases_packs_and_marks_is_read() -> None:
    told = json.loads(tags_text(replace(TAGS, hits=(HIT,))))
    del told["packs"], told["marks"]
    told["hits"] = [fields[:6] for fields in told["hits"]]
    assert tags_from(json.dumps(told)) == replace(TAGS, hits=(replace(HIT, offence_state=None, case=None, mark=""),))
