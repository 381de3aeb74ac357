"""Random cities for Hypothesis: policies, registries, law packs and reads that reach into every rule."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from edge.policy.bundle import Bundle
from edge.policy.decide import decide_all
from edge.values import Effect, Flag, Hit, Instant, Tags
from tests.policy.city import INSTANT, NOW, Table, agency, agreement, bundle_of, hit, owner, policy, taken

PURPOSES = ["stolen_vehicle", "criminal_felony", "criminal_misdemeanor", "missing_endangered", "parking"]
VAGUE = ["immigration_enforcement", "lawful_health_care", "unspecified"]
CHANNELS = ["direct", "statewide-lookup", "national-lookup", "compact"]
CASES = ["c-1", "c-2"]
GRADES = ["felony", "misdemeanor", "infraction"]
NAMES = ["alpha", "bravo", "charlie"]
REDACTIONS = ["coarse_place", "coarse_time"]
FORMS = ["declaration", "mou", "sworn-statement", "judicial-warrant", "court-order", "administrative-warrant"]

purposes = st.lists(st.sampled_from([*PURPOSES, *PURPOSES, *VAGUE]), unique=True, min_size=1, max_size=2)
redactions = st.lists(st.sampled_from(REDACTIONS), unique=True)


def maybe(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly nothing, so that not every rule denies at once."""
    return st.one_of(st.none(), st.none(), st.none(), some)


@st.composite
def agreements(draw: st.DrawFn, declared: list[str]) -> list[Table]:
    held = []
    for number in range(draw(st.integers(0, 2))):
        begins = NOW.date() + timedelta(days=draw(st.sampled_from([-400, -40, -1, 0, 1])))
        told = {
            "form": draw(st.sampled_from(FORMS)),
            "signed_on": begins,
            "expires_on": begins + timedelta(days=draw(st.sampled_from([1, 39, 41, 800]))),
            "status": draw(st.sampled_from(["active", "active", "active", "suspended", "revoked"])),
            "purposes": draw(st.sampled_from([declared, declared, ["parking"]])),
            "cases": draw(maybe(st.lists(st.sampled_from(CASES), unique=True))),
            "states": draw(maybe(st.sampled_from([["US-IL"], ["US-TX"], []]))),
        }
        held.append(agreement(f"a-{number}", **{key: value for key, value in told.items() if value is not None}))
    return held


@st.composite
def agencies(draw: st.DrawFn) -> list[Table]:
    made = []
    for name in NAMES[: draw(st.integers(1, 3))]:
        declared = draw(st.one_of(st.just(["stolen_vehicle"]), purposes))
        standing = [agreement("x", purposes=declared), agreement("w", form="judicial-warrant", purposes=declared)]
        made.append(
            agency(
                name,
                kind=draw(
                    st.sampled_from(["local", "local", "county", "state", "campus", "federal", "private", "other"])
                ),
                state=draw(st.sampled_from(["US-IL", "US-IL", "US-TX", "US-WI", "CA-ON"])),
                channels=draw(st.lists(st.sampled_from(CHANNELS), unique=True)),
                purposes=declared,
                feed=draw(st.sampled_from(["hits", "all", "all", "none"])),
                federal_deputation=draw(st.sampled_from(["none", "none", "287g", "unknown"])),
                suspended=draw(st.sampled_from([False, False, False, True])),
                redact=draw(redactions),
                agreement=draw(st.one_of(st.just(standing), agreements(declared))),
            )
        )
    if draw(st.booleans()):
        made.append(agency("force", kind="task_force", members=[one["id"] for one in made], channels=CHANNELS))
    return made


@st.composite
def policies(draw: st.DrawFn, names: list[str]) -> Table:
    some = st.lists(st.sampled_from(names), unique=True)
    told = {
        "valid_until": NOW + timedelta(days=draw(st.sampled_from([-1, 30, 30, 30, 30]))),
        "owner": {"plate_crop": draw(st.booleans())},
        "sharing": {
            "national_lookup": draw(st.booleans()),
            "statewide_lookup": draw(st.booleans()),
            "out_of_state": draw(st.sampled_from(["never", "listed-states", "agreement", "agreement"])),
            "states": draw(st.lists(st.sampled_from(["US-TX", "US-WI"]), unique=True)),
            "federal": draw(st.sampled_from(["never", "judicial-warrant"])),
            "deputised_as_federal": draw(st.booleans()),
            "direct": draw(some),
            "full_feed": draw(some),
            "channels": draw(st.dictionaries(st.just("compact"), st.booleans())),
        },
        "law": {"packs": ["us-il"], "reviewed_by": draw(st.sampled_from(["counsel", "counsel", "counsel", None]))},
        "purposes": {
            "banned": draw(st.lists(st.sampled_from(["immigration_enforcement", "parking"]), unique=True)),
            "allowed": draw(maybe(st.lists(st.sampled_from(PURPOSES), unique=True))),
            "grades": draw(maybe(st.lists(st.sampled_from(GRADES), unique=True))),
        },
        "redaction": {"in_state": draw(redactions), "out_of_state": draw(redactions), "federal": draw(redactions)},
        "retention": {"undelivered_hours": draw(st.sampled_from([0.05, 24]))},
    }
    return policy(told)


@st.composite
def cities(draw: st.DrawFn) -> tuple[Table, list[Table]]:
    """A policy and the agencies of its registry, the owner first."""
    others = draw(agencies())
    return draw(policies([one["id"] for one in others])), [owner(), *others]


@st.composite
def hits(draw: st.DrawFn) -> list[Hit]:
    """What a read could be a hit for."""
    return [
        hit(
            purpose,
            entry_id=f"e-{number}",
            offence_grade=draw(st.one_of(st.none(), st.sampled_from(GRADES))),
            offence_state=draw(st.sampled_from([None, "US-IL", "US-TX"])),
            case=draw(st.sampled_from([None, "c-1", "c-2"])),
            expires_at=NOW + timedelta(days=draw(st.sampled_from([-1, 0, 1, 40]))),
        )
        for number, purpose in enumerate(draw(st.lists(st.sampled_from([*PURPOSES, *VAGUE]), max_size=3)))
    ]


flags = st.frozensets(
    st.sampled_from([Flag.NO_NATIONAL_LOOKUP, Flag.NO_STATEWIDE_LOOKUP, Flag.NO_OUT_OF_STATE, Flag.NO_FEDERAL])
)


def shared(bundle: Bundle, tags: Tags, now: Instant = INSTANT) -> dict[str, set[str]]:
    """Who gets the read, and what each takes on."""
    decided = decide_all(tags, bundle, now)
    return {one.subscriber_id: set(one.obligations) for one in decided if one.effect is Effect.SHARE}


def no_wider(after: dict[str, set[str]], before: dict[str, set[str]]) -> bool:
    """Whether nobody was added, and nobody relieved of anything."""
    return all(name in before and taken_on >= before[name] for name, taken_on in after.items())


def made(
    place: tuple[Table, list[Table]], found: list[Hit], raised: frozenset[Flag] = frozenset()
) -> dict[str, set[str]]:
    """Who gets a read with these hits in this city."""
    here = bundle_of(*place)
    return shared(here, taken(here, *found, raised=raised))
