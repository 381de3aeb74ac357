"""The policy in plain words says what the policy does."""

from datetime import timedelta
from typing import Any

import pytest

from edge.cli.words import switches
from edge.policy.bundle import Bundle
from edge.policy.spans import span, whole
from edge.policy.switches import switches as words_of
from tests.policy.city import INSTANT, bundle_of, city, owner, policy
from tests.policy.test_laws import under


def words(bundle: Bundle) -> str:
    return "\n".join(switches(bundle, INSTANT))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sharing": {"out_of_state": "never"}}, "Agencies of other states get nothing."),
        (
            {"sharing": {"out_of_state": "listed-states", "states": ["US-WI", "US-IN"]}},
            "Agencies of US-WI, US-IN need an agreement in force; those of any other get nothing.",
        ),
        ({"sharing": {"out_of_state": "listed-states"}}, "Agencies of no other state need an agreement"),
        ({"sharing": {"deputised_as_federal": True}}, "deputised for a federal one counts as federal too"),
        ({"purposes": {"allowed": ["parking"]}}, "Allowed purposes, and no other: parking."),
        ({"purposes": {"grades": ["felony"]}}, "Grades of offence for which hits are shared: felony."),
        (
            {"redaction": {"out_of_state": ["coarse_time", "coarse_place"]}},
            "Taken out of reads for agencies of other states: "
            "the place but for the state and the time but for the hour.",
        ),
        ({"retention": {"undelivered_hours": 0.05}}, "is deleted after 3 minutes."),
    ],
)
def test_each_key_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in words(city(**changes))


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        ("us-ca", "Under us-ca no agency of another state gets anything, whatever the switch says."),
        ("us-va", "Under us-va no federal agency gets anything, whatever the switch says."),
        ("us-va", "Investigations must be of an offence of the state where the camera stands."),
        ("us-nh", "Under us-nh no unattended roadside reader may collect, unless device.toml names the exception."),
        ("us-nh", "is deleted after 3 minutes."),
    ],
)
def test_a_pack_that_is_narrower_than_a_switch_is_said(pack: str, said: str) -> None:
    assert said in words(under(pack))


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=2), "2 days"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(minutes=2), "2 minutes"),
        (timedelta(seconds=119), "119 seconds"),
    ],
)
def test_a_length_of_time_is_told_in_the_largest_unit_of_which_there_are_two(length: timedelta, said: str) -> None:
    assert span(length) == said


@pytest.mark.parametrize(
    ("length", "exact", "rounded"),
    [
        (timedelta(days=29, hours=12), "29.5 days", "29 days"),
        (timedelta(seconds=90.5), "90.5 seconds", "90 seconds"),
        (-timedelta(days=3), "-259200 seconds", "0 seconds"),
    ],
)
def test_what_is_left_of_a_time_is_rounded_down(length: timedelta, exact: str, rounded: str) -> None:
    assert (span(length), whole(length)) == (exact, rounded)


def test_every_switch_has_a_word_under_which_the_audit_log_knows_it() -> None:
    here = city(sharing={"national_lookup": False, "channels": {"compact": True, "mutual": False}})
    assert words_of(here) == {
        "national-lookup": "off",
        "statewide-lookup": "on",
        "compact": "on",
        "mutual": "off",
        "out-of-state": "agreement",
        "federal": "never",
        "private": "never",
        "foreign": "never",
    }


def test_a_pack_that_overrides_nothing_is_not_said_to() -> None:
    assert "whatever the switch says" not in words(bundle_of(policy(), [owner()]))
