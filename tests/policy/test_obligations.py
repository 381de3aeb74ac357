"""What goes along with a shared read, and what is taken out of it before."""

from typing import Any

import pytest

from edge.values import Effect, Flag
from tests.policy.city import OWNER, agency, agreement, asked, city, hit, pack, taken, texan

COARSE = {"coarse_place", "coarse_time"}


def coarse(decision: Any) -> set[str]:
    assert decision.effect is Effect.SHARE
    return COARSE & set(decision.obligations)


def test_the_city_takes_out_what_it_says_for_a_class() -> None:
    here = city(texan(), agency("county"), redaction={"out_of_state": ["coarse_place"]})
    assert coarse(asked(here, "texas-so")) == {"coarse_place"}
    assert coarse(asked(here, "county")) == set()


def test_the_registry_takes_out_what_it_says_for_one_agency() -> None:
    here = city(agency("county", redact=["coarse_time"]), agency("other"))
    assert coarse(asked(here, "county")) == {"coarse_time"}
    assert coarse(asked(here, "other")) == set()


def test_a_law_pack_takes_out_what_it_says_for_a_class() -> None:
    laws = pack(
        'access = "instrument"\nforms = ["declaration"]',
        'access = "instrument"\nforms = ["declaration"]\nredact = ["coarse_place"]',
    )
    assert coarse(asked(city(texan(), laws=laws), "texas-so")) == {"coarse_place"}


def test_redactions_add_up() -> None:
    here = city(texan(redact=["coarse_time"]), redaction={"out_of_state": ["coarse_place"]})
    assert coarse(asked(here, "texas-so")) == COARSE


def test_a_task_force_takes_the_redactions_of_its_members() -> None:
    force = agency("force", kind="task_force", members=["texas-so", "county"], channels=["direct"])
    here = city(
        texan(),
        agency("county", redact=["coarse_time"]),
        force,
        redaction={"out_of_state": ["coarse_place"]},
        sharing={"direct": ["force"]},
    )
    assert coarse(asked(here, "force")) == COARSE


def test_a_deputised_agency_takes_the_redactions_of_federal_ones_too() -> None:
    here = city(
        agency("county", federal_deputation="287g", agreement=[agreement(form="judicial-warrant")]),
        sharing={"federal": "judicial-warrant"},
        redaction={"federal": ["coarse_place"]},
    )
    assert coarse(asked(here, "county")) == {"coarse_place"}


def test_the_owners_reads_stay_whole() -> None:
    here = city(redaction={"in_state": ["coarse_place", "coarse_time"]})
    assert coarse(asked(here, OWNER)) == set()


def test_a_law_packs_obligations_bind_everybody_but_the_owner() -> None:
    here = city(agency("county"))
    assert "confidential_record" in asked(here, "county").obligations
    assert "confidential_record" not in asked(here, OWNER).obligations


@pytest.mark.parametrize("code", ["no_onward", "no_sale", "purpose_bound", "no_image", "hit_only"])
def test_everybody_but_the_owner_takes_on(code: str) -> None:
    here = city(agency("county"))
    assert code in asked(here, "county").obligations
    assert code == "no_image" or code not in asked(here, OWNER).obligations


@pytest.mark.parametrize(
    ("banned", "told"),
    [
        ([], set()),
        (["parking"], set()),
        (["immigration_enforcement"], {"no_immigration_use"}),
        (["reproductive_health"], {"no_health_use"}),
        (["gender_affirming_care"], {"no_health_use"}),
        (["lawful_health_care", "protected_activity"], {"no_health_use", "no_protected_activity_use"}),
    ],
)
def test_a_recipient_is_told_of_what_is_banned(banned: list[str], told: set[str]) -> None:
    here = city(agency("county"), law={"packs": ["generic"]}, purposes={"banned": banned})
    uses = {"no_immigration_use", "no_health_use", "no_protected_activity_use"}
    assert uses & set(asked(here, "county").obligations) == told
    assert uses & set(asked(here, OWNER).obligations) == told


def test_a_hit_is_verified_by_a_person_before_anybody_acts_on_it() -> None:
    here = city(agency("county"))
    assert "human_verify_before_action" in asked(here, "county").obligations
    assert "human_verify_before_action" in asked(here, OWNER, taken(here)).obligations


def test_obligations_do_not_tell_an_agency_of_a_hit_that_is_not_its_own() -> None:
    here = city(agency("county", feed="all"), sharing={"full_feed": ["county"]})
    without, with_hit = asked(here, "county", taken(here)), asked(here, "county", taken(here, hit("parking")))
    assert without.obligations == with_hit.obligations


def test_a_read_taken_while_nobody_was_named_for_all_stays_a_hit_only_read() -> None:
    here = city(agency("county", feed="all"), sharing={"full_feed": ["county"]})
    assert Flag.HIT_ONLY in taken(city()).flags
    assert asked(here, "county", taken(here, raised=[Flag.HIT_ONLY])).reasons == ("deny_non_hit",)
    assert asked(here, OWNER, taken(here, raised=[Flag.HIT_ONLY])).effect is Effect.SHARE
