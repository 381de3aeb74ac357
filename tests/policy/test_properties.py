"""What holds for every policy, agency and read, tried on random ones."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.decide import decide, decide_all
from edge.policy.tighten import tightens
from edge.policy.vocabulary import NEVER, Form, Kind, Purpose
from edge.values import Effect, Instant, Tags
from tests.policy.city import (
    INSTANT,
    NOW,
    OWNER,
    Table,
    agency,
    agreement,
    bundle_of,
    hit,
    merged,
    owner,
    policy,
    taken,
)

PURPOSES = ["stolen_vehicle", "parking", "immigration_enforcement", "unspecified"]
CHANNELS = ["direct", "statewide-lookup", "national-lookup", "compact"]
NAMES = ["alpha", "bravo", "charlie"]
DAYS = [-40, -1, 0, 1, 40]

purposes = st.lists(st.sampled_from(PURPOSES), unique=True, max_size=2)
days = st.sampled_from(DAYS)


@st.composite
def agreements(draw: st.DrawFn) -> list[Table]:
    held = []
    for number in range(draw(st.integers(0, 2))):
        begins = NOW.date() + timedelta(days=draw(days))
        held.append(
            agreement(
                f"a-{number}",
                form=draw(st.sampled_from(["declaration", "mou", "judicial-warrant", "administrative-warrant"])),
                signed_on=begins,
                expires_on=begins + timedelta(days=draw(st.sampled_from([1, 39, 41, 400]))),
                status=draw(st.sampled_from(["active", "active", "active", "suspended", "revoked"])),
                purposes=draw(purposes),
            )
        )
    return held


@st.composite
def agencies(draw: st.DrawFn) -> list[Table]:
    made = []
    for name in NAMES[: draw(st.integers(1, 3))]:
        kind = draw(st.sampled_from(["local", "local", "county", "state", "federal", "private", "foreign", "other"]))
        made.append(
            agency(
                name,
                kind=kind,
                state=draw(st.sampled_from(["US-IL", "US-IL", "US-TX", "CA-ON"])),
                channels=draw(st.lists(st.sampled_from(CHANNELS), unique=True)),
                purposes=draw(st.one_of(st.just(["stolen_vehicle"]), purposes)),
                feed=draw(st.sampled_from(["hits", "hits", "all", "none"])),
                federal_deputation=draw(st.sampled_from(["none", "none", "287g"])),
                suspended=draw(st.sampled_from([False, False, False, True])),
                agreement=draw(st.one_of(st.just([agreement()]), agreements())),
            )
        )
    if draw(st.booleans()):
        made.append(agency("force", kind="task_force", members=[one["id"] for one in made]))
    return made


@st.composite
def policies(draw: st.DrawFn, names: list[str]) -> Table:
    some = st.lists(st.sampled_from(names), unique=True)
    return policy(
        {
            "valid_until": NOW + timedelta(days=draw(st.sampled_from([-1, 30, 30, 30]))),
            "sharing": {
                "national_lookup": draw(st.booleans()),
                "statewide_lookup": draw(st.booleans()),
                "out_of_state": draw(st.sampled_from(["never", "agreement"])),
                "federal": draw(st.sampled_from(["never", "judicial-warrant"])),
                "deputised_as_federal": draw(st.booleans()),
                "direct": draw(some),
                "full_feed": draw(some),
                "channels": draw(st.dictionaries(st.just("compact"), st.booleans())),
            },
            "law": {
                "packs": draw(st.sampled_from([["us-il"], ["us-il"], ["generic"], []])),
                "reviewed_by": draw(st.sampled_from(["counsel", "counsel", None])),
            },
            "purposes": {"banned": draw(purposes), "allowed": draw(st.one_of(st.none(), purposes))},
            "retention": {"undelivered_hours": draw(st.sampled_from([1, 24]))},
        }
    )


@st.composite
def cities(draw: st.DrawFn) -> tuple[Table, list[Table]]:
    others = draw(agencies())
    return draw(policies([one["id"] for one in others])), [owner(), *others]


@st.composite
def hits(draw: st.DrawFn) -> list[Any]:
    return [hit(purpose, expires_at=NOW + timedelta(days=draw(days))) for purpose in draw(purposes)]


def shared(bundle: Bundle, tags: Tags, now: Instant = INSTANT) -> set[str]:
    return {one.subscriber_id for one in decide_all(tags, bundle, now) if one.effect is Effect.SHARE}


def _off(switch: str, value: object) -> Callable[[Table, list[Table]], tuple[Table, list[Table]]]:
    return lambda written, others: (merged(written, {"sharing": {switch: value}}), others)


def _ban(written: Table, others: list[Table]) -> tuple[Table, list[Table]]:
    banned = sorted({*written["purposes"]["banned"], "stolen_vehicle"})
    return merged(written, {"purposes": {"banned": banned}}), others


def _each(change: Callable[[Table], Table]) -> Callable[[Table, list[Table]], tuple[Table, list[Table]]]:
    return lambda written, others: (written, [others[0], *(change(one) for one in others[1:])])


def _sooner(one: Table) -> Table:
    ended = [
        {**held, "expires_on": min(held["expires_on"], max(NOW.date(), held["signed_on"] + timedelta(days=1)))}
        for held in one.get("agreement", [])
    ]
    return {**one, "agreement": ended}


NARROWINGS: list[Callable[[Table, list[Table]], tuple[Table, list[Table]]]] = [
    _off("national_lookup", False),
    _off("statewide_lookup", False),
    _off("out_of_state", "never"),
    _off("federal", "never"),
    _off("deputised_as_federal", True),
    _off("direct", []),
    _off("full_feed", []),
    _off("channels", {"compact": False}),
    _ban,
    lambda written, others: (merged(written, {"valid_until": NOW}), others),
    lambda written, others: (merged(written, {"retention": {"undelivered_hours": 0.5}}), others),
    lambda written, others: (merged(written, {"law": {"reviewed_by": None}}), others),
    lambda written, others: (merged(written, {"law": {"packs": []}}), others),
    lambda written, others: (merged(written, {"jurisdiction": {"state": "unknown"}}), others),
    lambda written, others: (merged(written, {"purposes": {"allowed": []}}), others),
    _each(_sooner),
    _each(lambda one: {**one, "agreement": []}),
    _each(lambda one: {**one, "suspended": True}),
    _each(lambda one: {**one, "feed": "none"}),
    _each(lambda one: {**one, "channels": one["channels"][:1]}),
    _each(lambda one: {**one, "purposes": []}),
    _each(lambda one: {**one, "kind": "other"} if one["kind"] != "task_force" else one),
    _each(lambda one: {name: value for name, value in one.items() if name != "sealing_key"}),
]


@settings(max_examples=100, deadline=None)
@given(place=cities(), found=hits(), narrowing=st.sampled_from(NARROWINGS))
def test_taking_a_right_or_a_fact_away_never_adds_a_recipient(
    place: tuple[Table, list[Table]], found: list[Any], narrowing: Callable[..., tuple[Table, list[Table]]]
) -> None:
    before, after = bundle_of(*place), bundle_of(*narrowing(*place))
    assert shared(after, taken(after, *found)) <= shared(before, taken(before, *found))


@settings(max_examples=50, deadline=None)
@given(place=cities(), found=hits(), order=st.randoms(use_true_random=False))
def test_the_order_of_agencies_and_lists_does_not_matter(
    place: tuple[Table, list[Table]], found: list[Any], order: Any
) -> None:
    written, others = place
    mixed = [
        {**one, **{key: order.sample(one[key], len(one[key])) for key in ("channels", "purposes")}} for one in others
    ]
    order.shuffle(mixed)
    banned = order.sample(written["purposes"]["banned"], len(written["purposes"]["banned"]))
    turned = merged(written, {"purposes": {"banned": banned}})
    before, after = bundle_of(written, others), bundle_of(turned, mixed)
    one = [replace_digest(decision) for decision in decide_all(taken(before, *found), before, INSTANT)]
    assert one == [replace_digest(decision) for decision in decide_all(taken(after, *reversed(found)), after, INSTANT)]


def replace_digest(decision: Any) -> tuple[Any, ...]:
    """All that a decision says, without the bundle that it names."""
    return decision.subscriber_id, decision.effect, decision.channel, decision.reasons, decision.obligations


@settings(max_examples=120, deadline=None)
@given(place=cities(), found=hits())
def test_no_share_survives_what_must_stop_it(place: tuple[Table, list[Table]], found: list[Any]) -> None:
    """Each share is held against the tables as they were written, not against what the parser made of them."""
    written, others = place
    here = bundle_of(written, others)
    tags = taken(here, *found)
    by_name = {one["id"]: one for one in others}
    for decision in decide_all(tags, here, INSTANT):
        if decision.effect is Effect.SHARE and decision.subscriber_id != OWNER:
            one = by_name[decision.subscriber_id]
            _must_be_open(decision.channel, written["sharing"], one)
            assert written["valid_until"] > NOW
            assert written["law"].get("reviewed_by")
            for party in [one, *(by_name[member] for member in one.get("members", []))]:
                _must_be_admitted(party, written["sharing"])
                assert not set(party["purposes"]) & {*written["purposes"]["banned"], "unspecified"}
                assert not party["suspended"] if "suspended" in party else True
            assert one["purposes"]


def _must_be_open(channel: str | None, sharing: Table, one: Table) -> None:
    opened = {
        "national-lookup": sharing["national_lookup"],
        "statewide-lookup": sharing["statewide_lookup"],
        "compact": sharing["channels"].get("compact", False),
        "direct": one["id"] in sharing["direct"],
    }
    assert channel is not None
    assert opened[channel]
    assert channel in one["channels"]


def _must_be_admitted(party: Table, sharing: Table) -> None:
    assert party["kind"] not in ("private", "foreign", "other")
    assert party["state"] != "CA-ON" or party["kind"] == "federal"
    standing = {
        held["form"]
        for held in party.get("agreement", [])
        if held["status"] == "active" and held["signed_on"] <= NOW.date() < held["expires_on"]
    }
    if party["kind"] == "federal":
        assert sharing["federal"] == "judicial-warrant"
        assert "judicial-warrant" in standing
    elif party["state"] == "US-TX":
        assert sharing["out_of_state"] == "agreement"
        assert standing & {"declaration", "mou"}


@settings(max_examples=100, deadline=None)
@given(place=cities(), found=hits(), edits=st.lists(st.sampled_from(NARROWINGS), max_size=2), other=cities())
def test_an_accepted_tightening_never_widens_a_decision(
    place: tuple[Table, list[Table]], found: list[Any], edits: list[Any], other: tuple[Table, list[Table]]
) -> None:
    old = bundle_of(*place)
    edited = place
    for edit in edits:
        edited = edit(*edited)
    for changed in (edited, (merged(place[0], {"sharing": other[0]["sharing"]}), place[1]), (other[0], place[1])):
        try:
            new = bundle_of(*changed)
        except PolicyError:  # the other city's policy may name agencies that are not here
            continue
        if tightens(old, new):
            before = {one.subscriber_id: one for one in decide_all(taken(old, *found), old, INSTANT)}
            for one in decide_all(taken(new, *found), new, INSTANT):
                if one.effect is Effect.SHARE:
                    assert before[one.subscriber_id].effect is Effect.SHARE
                    assert set(one.obligations) >= set(before[one.subscriber_id].obligations)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from([Kind.OTHER, Kind.PRIVATE, Kind.FOREIGN, Kind.VENDOR_PROCESSOR]), form=st.sampled_from(Form)
)
def test_no_instrument_opens_anything_for_those_who_never_receive(kind: Kind, form: Form) -> None:
    held = [agreement(form=form.value)]
    one = agency("they", kind=kind.value, channels=CHANNELS, agreement=held, feed="all")
    opened = {"federal": "judicial-warrant", "direct": ["they"], "full_feed": ["they"], "channels": {"compact": True}}
    here = bundle_of(policy({"sharing": opened}), [owner(), one])
    assert shared(here, taken(here, hit())) == {OWNER}


@settings(max_examples=8, deadline=None)
@given(declared=st.sampled_from(sorted(NEVER)))
def test_a_purpose_that_can_mean_anything_denies_under_every_policy(declared: Purpose) -> None:
    here = bundle_of(policy({"purposes": {"banned": []}}), [owner(), agency("they", purposes=[declared.value])])
    decision = decide(taken(here, hit(declared.value)), here.subscribers["they"], here, INSTANT)
    assert decision.effect is Effect.WITHHOLD
