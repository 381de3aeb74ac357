"""A fact that is lost, blurred or unheard of never adds a recipient; what is written comes back as it was."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PolicyError
from edge.policy import policy as policies
from edge.policy import subscribers as registries
from edge.policy.decide import decide_all
from edge.values import Effect, Flag, Hit, Jurisdiction, Tags
from tests.policy.cities import cities, flags, hits, no_wider, shared
from tests.policy.city import INSTANT, NOW, Table, agency, agreement, asked, bundle_of, city, hit, merged, taken, toml

Place = tuple[Table, list[Table]]


def _policy(table: str, key: str, value: object) -> Callable[[Place], Place]:
    return lambda place: (merged(place[0], {table: {key: value}}), place[1])


def _agency(change: Callable[[Table], Table]) -> Callable[[Place], Place]:
    """Of one agency alone; the owner stays as it is."""
    return lambda place: (place[0], [place[1][0], change(copy.deepcopy(place[1][1])), *place[1][2:]])


def _held(**changes: object) -> Callable[[Place], Place]:
    def change(one: Table) -> Table:
        return {**one, "agreement": [{**held, **changes} for held in one["agreement"]]}

    return _agency(change)


def _later(one: Table) -> Table:
    """Every instrument begins tomorrow, unless it has ended by then."""
    day = NOW.date() + timedelta(days=1)
    return {**one, "agreement": [{**held, "begins_on": day} for held in one["agreement"] if held["expires_on"] > day]}


LOST: dict[str, Callable[[Place], Place]] = {
    "a state struck from the list": _policy("sharing", "states", []),
    "no purpose allowed": _policy("purposes", "allowed", []),
    "no grade allowed": _policy("purposes", "grades", []),
    "another ban": lambda place: _policy("purposes", "banned", [*place[0]["purposes"]["banned"], "stolen_plate"])(
        place
    ),
    "nobody is fed directly": _policy("sharing", "direct", []),
    "a redaction more": _policy("redaction", "in_state", ["coarse_place", "coarse_time"]),
    "three minutes": _policy("retention", "undelivered_hours", 0.05),
    "an instrument for no case": _held(cases=[]),
    "an instrument for no state": _held(states=[]),
    "an instrument for no purpose": _held(purposes=[]),
    "an instrument suspended": _held(status="suspended"),
    "an administrative paper": _held(form="administrative-warrant"),
    "an instrument that begins later": _agency(_later),
    "no instrument": _agency(lambda one: {**one, "agreement": []}),
    "nobody knows for whom it works": _agency(lambda one: {**one, "federal_deputation": "unknown"}),
    "no purpose declared": _agency(lambda one: {**one, "purposes": []}),
    "a channel less": _agency(lambda one: {**one, "channels": one["channels"][1:]}),
    "hits where it was all": _agency(lambda one: {**one, "feed": "hits" if one["feed"] == "all" else one["feed"]}),
    "no key": _agency(lambda one: {key: value for key, value in one.items() if key != "sealing_key"}),
    "no certificate": _agency(lambda one: {key: value for key, value in one.items() if key != "certificate_name"}),
}


@settings(max_examples=100, deadline=None)
@given(
    place=cities(),
    found=hits(),
    raised=flags,
    lost=st.sampled_from(sorted(LOST)),
    pack=st.sampled_from(["", "generic"]),
)
def test_what_is_lost_in_the_files_never_adds_a_recipient(
    place: Place, found: list[Hit], raised: frozenset[Flag], lost: str, pack: str
) -> None:
    place = (merged(place[0], {"law": {"packs": ["us-il", *([pack] if pack else [])]}}), place[1])
    before, after = bundle_of(*place), bundle_of(*LOST[lost](place))
    tags = taken(before, *found, raised=raised)
    assert no_wider(shared(after, tags), shared(before, tags))


BLURRED: list[Callable[[Tags], Tags]] = [
    lambda tags: replace(tags, hits=()),
    lambda tags: replace(tags, hits=tags.hits[1:]),
    lambda tags: replace(tags, hits=tuple(replace(one, case=None) for one in tags.hits)),
    lambda tags: replace(tags, hits=tuple(replace(one, offence_state=None) for one in tags.hits)),
    lambda tags: replace(tags, hits=tuple(replace(one, purpose="never heard of") for one in tags.hits)),
    lambda tags: replace(tags, hits=tuple(replace(one, expires_at=NOW) for one in tags.hits)),
    lambda tags: replace(tags, jurisdiction=Jurisdiction(state="unknown")),
    lambda tags: replace(tags, owner=""),
    lambda tags: replace(tags, flags=frozenset(Flag) - {Flag.TEST}),
    lambda tags: replace(tags, retain_until=NOW),
    lambda tags: replace(tags, captured_at=NOW - timedelta(days=30)),
    lambda tags: replace(tags, packs=()),
]


@settings(max_examples=100, deadline=None)
@given(place=cities(), found=hits(), blur=st.sampled_from(BLURRED), trusted=st.booleans())
def test_what_is_lost_of_a_read_never_adds_a_recipient(
    place: Place, found: list[Hit], blur: Callable[[Tags], Tags], trusted: bool
) -> None:
    here = bundle_of(*place)
    tags = taken(here, *found)
    assert no_wider(shared(here, blur(tags), replace(INSTANT, trusted=trusted)), shared(here, tags))


def _shuffled(table: Any, order: Any) -> Any:
    """The same with every list in another order, through all levels."""
    if isinstance(table, dict):
        return {key: _shuffled(table[key], order) for key in order.sample(sorted(table), len(table))}
    if isinstance(table, list):
        return [_shuffled(one, order) for one in order.sample(table, len(table))]
    return table


@settings(max_examples=40, deadline=None)
@given(place=cities(), found=hits(), order=st.randoms(use_true_random=False))
def test_the_order_of_keys_agencies_packs_instruments_and_hits_does_not_matter(
    place: Place, found: list[Hit], order: Any
) -> None:
    place = (merged(place[0], {"law": {"packs": ["us-il", "generic", "us-ca"]}}), place[1])
    before, after = bundle_of(*place), bundle_of(*_shuffled(list(place), _Steady(order)))
    first = [replace(one, bundle_digest="") for one in decide_all(taken(before, *found), before, INSTANT)]
    turned = taken(after, *order.sample(found, len(found)))
    assert first == [replace(one, bundle_digest="") for one in decide_all(turned, after, INSTANT)]


class _Steady:
    """Leaves the pair of policy and agencies where they are, and shuffles all that is in them."""

    def __init__(self, order: Any) -> None:
        self._order, self._top = order, True

    def sample(self, values: list[Any], size: int) -> list[Any]:
        if self._top:
            self._top = False
            return values
        return list(self._order.sample(values, size))


@settings(max_examples=40, deadline=None)
@given(place=cities())
def test_parse_write_parse_is_the_same_policy_and_the_same_registry(place: Place) -> None:
    once = policies.parse(toml(place[0]))
    assert policies.parse(toml(_plain(once))) == once
    text = toml({"subscriber": place[1]})
    again = registries.parse_toml(text, registries.RegistryTable, file="subscribers.toml", error=PolicyError)
    assert registries.parse(toml(_plain(again))) == registries.parse(text)


def _plain(model: Any) -> Table:
    return _enums(model.model_dump(exclude_none=True))


def _enums(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _enums(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_enums(one) for one in value]
    return value.value if hasattr(value, "value") else value


CLOSED = [
    *(("sharing", key) for key in ("out_of_state", "federal", "private", "foreign", "national_lookup", "states")),
    *(("purposes", key) for key in ("banned", "allowed", "grades")),
    ("jurisdiction", "state"),
    ("redaction", "in_state"),
]
CLOSED_OF_AN_AGENCY = ["kind", "state", "purposes", "feed", "federal_deputation", "agency_id_scheme", "redact"]
CLOSED_OF_AN_INSTRUMENT = ["form", "status", "purposes", "expires_on", "signed_on"]
LISTS = {"states", "banned", "allowed", "grades", "in_state", "purposes", "redact"}
unheard = st.sampled_from(["", "any", "*", "ALL", "all ", "Agreement", "fédéral", "true", "us-il", "never,", "0"])


@pytest.mark.parametrize(("table", "key"), CLOSED)
@settings(max_examples=15, deadline=None)
@given(word=unheard)
def test_a_word_that_the_policy_does_not_know_is_refused_by_name(table: str, key: str, word: str) -> None:
    with pytest.raises(PolicyError, match=key):
        city(**{table: {key: [word] if key in LISTS else word}})


@pytest.mark.parametrize("key", [*CLOSED_OF_AN_AGENCY, *CLOSED_OF_AN_INSTRUMENT])
@settings(max_examples=15, deadline=None)
@given(word=unheard)
def test_a_word_that_the_registry_does_not_know_is_refused_by_name(key: str, word: str) -> None:
    if key == "feed" and word == "all":
        return
    value = [word] if key in LISTS else word
    one = agency("they", **{key: value}) if key in CLOSED_OF_AN_AGENCY else agency("they")
    if key in CLOSED_OF_AN_INSTRUMENT and key not in CLOSED_OF_AN_AGENCY:
        one["agreement"] = [agreement(**{key: value})]
    with pytest.raises(PolicyError, match=key):
        city(one)


def test_a_ceiling_that_was_lowered_binds_a_read_that_waits() -> None:
    tags = taken(city(agency("county")), hit(), at=NOW - timedelta(hours=2))
    lowered = city(agency("county"), retention={"undelivered_hours": 2})
    for name in ("county", "village-pd"):
        assert asked(lowered, name, tags).reasons == ("deny_retention_expired",)
        assert asked(lowered, name, tags, now=NOW - timedelta(seconds=1)).effect is Effect.SHARE
