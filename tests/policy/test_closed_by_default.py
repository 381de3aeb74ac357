"""What is not written is closed; what was read cannot be changed; what is printed says little."""

import json
from datetime import timedelta
from typing import Any

import pytest
import tomlkit
from pydantic import BaseModel, ValidationError

from edge.desk.laws import law_text
from edge.errors import PolicyError
from edge.policy import bundle as bundles
from edge.policy import issued, law, subscribers, tightening
from edge.policy.issued import Issued
from edge.policy.manifest import Manifest, parse_manifest
from edge.policy.policy import EARLY, Closed, Federal, OutOfState, parse
from edge.policy.tightening import Tightening
from edge.policy.vocabulary import Deputation
from tests.policy.city import (
    CITY_KEY,
    NOW,
    OWNER,
    agency,
    asked,
    bundle_of,
    city,
    files,
    hit,
    owner,
    policy,
    receives,
    signed,
    signed_files,
    taken,
    texan,
    toml,
)

SHA = "ab" * 32
MOMENT = timedelta(microseconds=1)
MANIFEST = Manifest(version=1, replaces=None, devices=("pole",), signed_at=NOW, files={}, hotlists={})
ISSUED = Issued(id="list", version=1, issued_at=NOW, sha256=SHA)
SIGNATURE = CITY_KEY.sign(b"")


def test_every_switch_that_is_not_written_is_closed() -> None:
    """All but National Lookup, which a city must write: nobody shall have it by leaving it out."""
    least = {
        "valid_until": NOW,
        "jurisdiction": {"state": "US-IL"},
        "owner": {"subscriber": "pd"},
        "sharing": {"national_lookup": False},
        "law": {"packs": []},
        "purposes": {"banned": []},
        "retention": {"undelivered_hours": 1},
    }
    made = parse(toml(least))
    sharing = made.sharing
    assert (sharing.national_lookup, sharing.statewide_lookup, sharing.channels) == (False, False, {})
    assert (sharing.out_of_state, sharing.federal) == (OutOfState.NEVER, Federal.NEVER)
    assert (sharing.private, sharing.foreign) == (Closed.NEVER, Closed.NEVER)
    assert (sharing.states, sharing.direct, sharing.full_feed) == ((), (), ())
    assert sharing.deputised_as_federal
    assert not made.owner.plate_crop
    assert made.law.reviewed_by is None
    with pytest.raises(PolicyError, match=r"\[sharing\] `national_lookup` is missing"):
        parse(toml({**least, "sharing": {}}))


def test_an_agency_of_which_nothing_more_is_written_is_neither_suspended_nor_deputised() -> None:
    made = subscribers.parse(tomlkit.dumps({"subscriber": [agency("pd")]}))["pd"]
    assert (made.suspended, made.federal_deputation, made.agreements, made.members) == (False, Deputation.NONE, (), ())


def test_a_law_that_does_not_say_so_asks_neither_for_own_offences_nor_for_deputies_as_federal() -> None:
    text = "\n".join(
        line
        for line in law_text("us-il").decode().splitlines()
        if not line.startswith(("own_offences", "deputised_as_federal"))
    )
    made = law.parse(text, file="laws/us-il.toml")
    assert (made.own_offences, made.deputised_as_federal) == (False, False)


@pytest.mark.parametrize("made", [MANIFEST, ISSUED, Tightening()])
def test_what_was_signed_or_closed_cannot_be_changed_once_it_was_read(made: BaseModel) -> None:
    with pytest.raises(ValidationError):
        setattr(made, next(iter(type(made).model_fields)), "another")


def _of_source(written: dict[str, Any]) -> Issued:
    return issued.parse(issued.written(json.dumps(written).encode(), SIGNATURE), file="list.csv.sig")[0]


@pytest.mark.parametrize("change", [{"version": "1"}, {"version": 1.0}, {"more": 1}])
def test_a_number_in_quotes_or_a_key_that_nobody_knows_is_refused(change: dict[str, Any]) -> None:
    told = json.loads(MANIFEST.to_bytes())
    assert parse_manifest(json.dumps(told).encode()) == MANIFEST
    with pytest.raises(PolicyError):
        parse_manifest(json.dumps({**told, **change}).encode())
    said = json.loads(ISSUED.model_dump_json())
    assert _of_source(said) == ISSUED
    with pytest.raises(PolicyError):
        _of_source({**said, **change})


@pytest.mark.parametrize("change", [{"undelivered_hours": "1"}, {"suspended": "a"}, {"more": 1}])
def test_a_tightening_of_other_types_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        tightening.parse(json.dumps(change).encode())


def test_under_a_policy_signed_at_a_time_still_to_come_only_the_owner_is_served() -> None:
    here = city(agency("county"))
    for at, served in ((NOW - timedelta(days=1), True), (NOW + EARLY, True), (NOW + EARLY + MOMENT, False)):
        ahead = signed(here, at)
        assert receives(ahead, taken(ahead, hit())) == ({OWNER, "county"} if served else {OWNER}), at


def test_a_date_that_no_signature_vouches_for_holds_nobody_up() -> None:
    """Such a folder is looked at, and tried on recordings that are older than it is."""
    written = files(policy(), [owner(), agency("county")])
    ahead = signed_files(written, signed_at=NOW + timedelta(days=9))
    assert bundles.parse(ahead, signed=True).signed_at == NOW + timedelta(days=9)
    assert bundles.parse(ahead, signed=False).has_begun(NOW)
    assert bundle_of(policy(), [owner()]).has_begun(NOW)


def test_a_read_that_bears_a_time_still_to_come_is_the_owners_alone() -> None:
    here = city(agency("county"))
    for at, served in ((NOW + EARLY, True), (NOW + EARLY + MOMENT, False)):
        tags = taken(here, hit(), at=at)
        assert receives(here, tags) == ({OWNER, "county"} if served else {OWNER}), at
    assert asked(here, "county", tags).reasons == ("deny_clock_untrusted",)


def test_a_bundle_in_print_names_neither_agencies_nor_what_is_in_its_files() -> None:
    printed = repr(city(texan("valley-so")))
    assert "valley-so" not in printed
    assert "2026, 10, 1" not in printed, "the day on which its agreement began"
    assert "625 ILCS" not in printed
    assert "sealing_key" not in printed
