"""A correction goes to those who were sent the read and may still be, and tells a lost hit without the new plate."""

from dataclasses import replace

from edge.policy.bundle import Bundle
from edge.policy.correct import Given, correct_all, given, taken_back
from edge.policy.decide import decide_all
from edge.values import Decision, Effect, Flag, Hit, Tags
from tests.policy.city import INSTANT, OWNER, agency, city, hit, taken

STOLEN = hit()


def corrected(here: Bundle, tags: Tags, before: Given) -> tuple[dict[str, Decision], frozenset[str]]:
    decisions, losing = correct_all(tags, before, here, INSTANT)
    return {one.subscriber_id: one for one in decisions}, losing


def to_all(*hits: Hit) -> Given:
    return Given(to=frozenset({OWNER, "they"}), hits=hits)


def sharing(decisions: dict[str, Decision]) -> set[str]:
    return {name for name, one in decisions.items() if one.effect is Effect.SHARE}


def test_who_was_sent_the_read_is_sent_its_correction() -> None:
    here = city(agency("they"))
    decisions, losing = corrected(here, taken(here, STOLEN), to_all(STOLEN))
    assert (sharing(decisions), losing) == ({OWNER, "they"}, frozenset())


def test_who_was_not_sent_the_read_is_not_sent_its_correction() -> None:
    here = city(agency("they"))
    decisions, _ = corrected(here, taken(here, STOLEN), Given(to=frozenset({OWNER}), hits=()))
    assert sharing(decisions) == {OWNER}
    assert decisions["they"].reasons == ("deny_correction",)


def test_a_hit_that_vanishes_is_taken_back() -> None:
    here = city(agency("they"))
    decisions, losing = corrected(here, taken(here), to_all(STOLEN))
    assert (sharing(decisions), losing) == ({OWNER, "they"}, frozenset({"they"}))
    assert "hit_only" in decisions["they"].obligations
    assert decisions["they"].reasons == ("allow_in_state", "allow_withdrawal")
    assert decisions[OWNER].reasons == ("allow_owner",)


def test_a_hit_that_becomes_another_is_a_correction() -> None:
    here = city(agency("they"))
    decisions, losing = corrected(here, taken(here, hit(entry_id="e-2")), to_all(STOLEN))
    assert (sharing(decisions), losing) == ({OWNER, "they"}, frozenset())


def test_who_may_no_longer_be_sent_reads_is_not_told_of_a_lost_hit() -> None:
    here = city(agency("they", suspended=True))
    decisions, losing = corrected(here, taken(here), to_all(STOLEN))
    assert (sharing(decisions), losing) == ({OWNER}, frozenset())


def test_a_read_taken_under_a_stricter_rule_is_not_corrected_either() -> None:
    here = city(agency("they"))
    tags = taken(here, raised={Flag.NO_STATEWIDE_LOOKUP})
    decisions, losing = corrected(here, tags, to_all(STOLEN))
    assert (sharing(decisions), losing) == ({OWNER}, frozenset())


def test_a_hit_of_a_purpose_that_an_agency_has_not_declared_is_not_taken_back_from_it() -> None:
    here = city(agency("they"))
    decisions, losing = corrected(here, taken(here), to_all(hit("parking")))
    assert (sharing(decisions), losing) == ({OWNER}, frozenset())


def test_the_owner_is_corrected_whatever_the_hits() -> None:
    here = city(agency("they"))
    for tags in (taken(here), taken(here, STOLEN)):
        decisions, losing = corrected(here, tags, Given(to=frozenset({OWNER}), hits=()))
        assert decisions[OWNER].effect is Effect.SHARE
        assert OWNER not in losing


def test_what_is_remembered_of_a_read_is_whom_it_went_to_and_its_hits() -> None:
    here = city(agency("they"), agency("others", purposes=["parking"]))
    tags = taken(here, STOLEN)
    assert given(tags, decide_all(tags, here, INSTANT)) == to_all(STOLEN)


def test_a_hit_is_taken_back_under_the_tags_of_the_correction() -> None:
    here = city(agency("they"))
    tags = replace(taken(here), replaces="before")
    assert taken_back(tags, to_all(STOLEN)) == replace(tags, hits=(STOLEN,))


def test_a_correction_never_reaches_more_agencies_than_a_first_read_and_the_one_before_together() -> None:
    here = city(agency("they"), agency("others"))
    before = to_all(STOLEN)
    for tags in (taken(here), taken(here, STOLEN), taken(here, hit("parking"))):
        decisions, _ = corrected(here, tags, before)
        assert sharing(decisions) <= before.to
