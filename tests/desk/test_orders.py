"""No order of signed bundles and edits by hand opens again what was closed by hand, but for a bundle that names it.

The model keeps its own list of what was closed, as a clerk would on paper, and knows nothing of how the desk does it.
"""

import tomllib
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.desk.follow import follow
from edge.desk.laws import law_text
from edge.desk.refused import Refused
from edge.policy import bundle as bundles
from edge.policy.bundle import Bundle
from edge.policy.manifest import sha256, tightened
from edge.policy.narrower import asks_for_less
from edge.policy.policy import Sharing
from edge.policy.tighten import tightens
from edge.policy.tightening import between, both, narrowed, parse, suspended
from edge.values import BundleFiles, Instant
from tests.policy.city import CITY_KEY, DEVICE, LEDGER, NOW, agency, agreement, key, owner, policy, signed_files
from tests.policy.losses import losses

LAW = {"laws/us-il.toml": law_text("us-il")}
SWITCHES = {
    "national_lookup": [False, True],
    "statewide_lookup": [False, True],
    "deputised_as_federal": [True, False],
    "out_of_state": ["never", "listed-states", "agreement"],
    "federal": ["never", "judicial-warrant"],
}
STATES = ["US-WI", "US-TX", "US-IN"]
PURPOSES = ["immigration_enforcement", "parking", "toll", "reproductive_health"]
AGENCIES = ["county", "texas-so", "force"]


@st.composite
def cities(draw: st.DrawFn) -> dict[str, Any]:
    """What a city could write: the switches, the bans, the dates, who is suspended."""
    sharing: dict[str, Any] = {name: draw(st.sampled_from(order)) for name, order in SWITCHES.items()}
    if sharing["out_of_state"] == "listed-states":
        sharing["states"] = draw(st.lists(st.sampled_from(STATES), unique=True))
    sharing["channels"] = {name: draw(st.booleans()) for name in draw(st.sets(st.sampled_from(["compact", "mutual"])))}
    return {
        "sharing": sharing,
        "banned": draw(st.lists(st.sampled_from(PURPOSES), unique=True)),
        "days": draw(st.integers(1, 60)),
        "hours": draw(st.sampled_from([1, 6.5, 24, 100])),
        "suspended": draw(st.lists(st.sampled_from(AGENCIES), unique=True)),
    }


def files_of(city: dict[str, Any]) -> dict[str, bytes]:
    """The files in which a city writes that."""
    written = policy(
        {
            "purposes": {"banned": city["banned"]},
            "retention": {"undelivered_hours": city["hours"]},
            "valid_until": NOW + timedelta(days=city["days"]),
        }
    )
    written["sharing"] = city["sharing"]
    out = set(city["suspended"])
    agencies = [
        owner(),
        agency("county", channels=["statewide-lookup", "compact"], suspended="county" in out),
        agency(
            "texas-so",
            state="US-TX",
            channels=["national-lookup"],
            agreement=[agreement()],
            suspended="texas-so" in out,
        ),
        agency("force", kind="task_force", members=["county"], suspended="force" in out),
    ]
    return {
        "policy.toml": tomlkit.dumps(written).encode(),
        "subscribers.toml": tomlkit.dumps({"subscriber": agencies}).encode(),
        **LAW,
    }


def closed_by(city: dict[str, Any], before: Bundle) -> dict[str, Any]:
    """What this city closes that was open before, as one writes it down: how open each may be at most from now on."""
    sharing = before.policy.sharing
    limits: dict[str, Any] = {}
    for name, order in SWITCHES.items():
        if order.index(city["sharing"][name]) < order.index(getattr(sharing, name)):
            limits[name] = city["sharing"][name]
    for name, is_open in sharing.channels.items():
        if is_open and city["sharing"]["channels"].get(name) is False:
            limits[f"channel {name}"] = False
    for purpose in set(city["banned"]) - set(before.policy.purposes.banned):
        limits[f"ban {purpose}"] = True
    for name in city["suspended"]:
        if not before.subscribers[name].suspended:
            limits[f"suspended {name}"] = True
    return limits


def holds(limit: str, value: Any, bundle: Bundle) -> bool:
    """Whether what was written down is still so."""
    sharing = bundle.policy.sharing
    kind, _, name = limit.partition(" ")
    if kind == "channel":
        return not sharing.channels.get(name, False)
    if kind == "ban":
        return name in bundle.policy.purposes.banned and name in bundle.banned
    if kind == "suspended":
        one = bundle.subscribers[name]
        members = [member for other in bundle.subscribers.values() for member in other.members if member.id == name]
        return one.suspended and all(member.suspended for member in members)
    order = SWITCHES[limit]
    return order.index(getattr(sharing, limit)) <= order.index(value)


class Days(RuleBasedStateMachine):
    """A device to which bundles and edits come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.in_force: Bundle | None = None
        self.closed: dict[str, Any] = {}
        self.until: datetime | None = None
        self.made: list[BundleFiles] = []
        self.versions = 0

    def offer(self, files: BundleFiles) -> None:
        before = self.in_force
        try:
            taken = follow(files, in_force=before, key=CITY_KEY.public_key(), device=DEVICE, ledger=LEDGER)
        except Refused as refusal:
            if before is not None and not refusal.hold:
                self.nobody_asked_for_less(files, before)
            return
        if before is not None and taken is not before:
            assert (taken.version, taken.revision) > (before.version, before.revision)
            if taken.replaces == before.digest and taken.version > before.version:
                self.closed, self.until = {}, None
        self.in_force = taken

    def nobody_asked_for_less(self, files: BundleFiles, before: Bundle) -> None:
        asked = bundles.parse(bundles.unsigned(files.files, hotlists={}), signed=True)
        assert losses(before, asked, Instant(at=NOW, trusted=True)) == set()

    @rule(city=cities(), data=st.data())
    def the_city_signs(self, city: dict[str, Any], data: st.DataObject) -> None:
        self.versions += 1
        known = [None, *(sha256(one.manifest) for one in self.made)]
        replaces = data.draw(st.sampled_from([*known, self.in_force.digest if self.in_force else None]))
        self.made.append(signed_files(files_of(city), version=self.versions, replaces=replaces))

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def a_signed_bundle_comes(self, data: st.DataObject) -> None:
        self.offer(data.draw(st.sampled_from(self.made)))

    @precondition(lambda self: self.in_force)
    @rule(city=cities(), data=st.data())
    def somebody_edits(self, city: dict[str, Any], data: st.DataObject) -> None:
        """Any edit of the files that were signed: what it closes is noted if it came into force."""
        before = self.in_force
        base = next(one for one in self.made if sha256(one.manifest) == before.rests_on)
        original = bundles.parse(base, signed=True)
        limits = closed_by(city, original)
        narrow_only = data.draw(st.booleans())
        if narrow_only:
            city = only_closing(city, original)
        self.offer(BundleFiles(manifest=base.manifest, signature=base.signature, files=files_of(city)))
        if self.in_force is not before:
            assert self.in_force.rests_on == before.rests_on
            self.closed.update(closed_by(city, original) if narrow_only else limits)
            until = NOW + timedelta(days=city["days"])
            if until < original.valid_until:
                self.until = min(self.until or until, until)

    @invariant()
    def what_was_closed_is_closed(self) -> None:
        if self.in_force is not None:
            assert [limit for limit, value in self.closed.items() if not holds(limit, value, self.in_force)] == []
            assert self.until is None or self.in_force.valid_until <= self.until

    @invariant()
    def a_restart_finds_the_same(self) -> None:
        if self.in_force is not None:
            again = bundles.parse(self.in_force.files, signed=True, revision=self.in_force.revision)
            assert again == self.in_force


def only_closing(city: dict[str, Any], before: Bundle) -> dict[str, Any]:
    """The same city with everything that would be wider left as it was signed."""
    old = before.policy
    sharing = old.sharing.model_dump(mode="json")
    for name, order in SWITCHES.items():
        sharing[name] = min(city["sharing"][name], sharing[name], key=order.index)
    if sharing["out_of_state"] != "listed-states":
        sharing["states"] = []
    elif old.sharing.out_of_state == "listed-states":
        sharing["states"] = [state for state in sharing["states"] if state in city["sharing"].get("states", STATES)]
    else:
        sharing["states"] = city["sharing"]["states"]
    sharing["channels"] = {
        name: is_open and city["sharing"]["channels"].get(name, True) for name, is_open in sharing["channels"].items()
    }
    days = min(city["days"], (old.valid_until - NOW).days)
    return {
        "sharing": sharing,
        "banned": sorted({*city["banned"], *(purpose.value for purpose in old.purposes.banned)}),
        "days": days,
        "hours": min(city["hours"], old.retention.undelivered_hours),
        "suspended": sorted({*city["suspended"], *(name for name in AGENCIES if before.subscribers[name].suspended)}),
    }


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def bundle_of(city: dict[str, Any]) -> Bundle:
    return bundles.parse(signed_files(files_of(city)), signed=True)


@settings(max_examples=60, deadline=None)
@given(one=cities(), two=cities(), three=cities())
def test_a_tightening_narrows_and_is_the_same_laid_over_twice(one: Any, two: Any, three: Any) -> None:
    a, b, c = bundle_of(one), bundle_of(two), bundle_of(three)
    by = between(a.policy, b.policy, a.subscribers, b.subscribers)
    laid = bundles.parse(tightened(c.files, by), signed=True)
    assert tightens(c, laid)
    assert narrowed(laid.policy, by) == laid.policy
    assert suspended(laid.subscribers, by) == laid.subscribers
    assert losses(laid, c, Instant(at=NOW, trusted=True)) == set()
    assert parse(by.to_bytes()) == by


@settings(max_examples=60, deadline=None)
@given(one=cities(), two=cities(), three=cities())
def test_two_tightenings_in_either_order_are_the_two_together(one: Any, two: Any, three: Any) -> None:
    a, b, c = bundle_of(one), bundle_of(two), bundle_of(three)
    first = between(a.policy, b.policy, a.subscribers, b.subscribers)
    second = between(a.policy, c.policy, a.subscribers, c.subscribers)

    def plain(sharing: Sharing) -> tuple[object, ...]:
        return sharing.model_copy(update={"states": ()}), set(sharing.states)

    together = narrowed(c.policy, both(first, second))
    for order in ((first, second), (second, first)):
        after = narrowed(narrowed(c.policy, order[0]), order[1])
        assert plain(after.sharing) == plain(together.sharing)
        assert set(after.purposes.banned) == set(together.purposes.banned)
        assert (after.valid_until, after.retention) == (together.valid_until, together.retention)


@settings(max_examples=60, deadline=None)
@given(one=cities(), two=cities())
def test_what_does_not_ask_for_less_takes_nothing_from_anybody(one: Any, two: Any) -> None:
    a, b = bundle_of(one), bundle_of(two)
    if not asks_for_less(a, b):
        assert losses(a, b, Instant(at=NOW, trusted=True)) == set()


@settings(max_examples=60, deadline=None)
@given(one=cities(), two=cities())
def test_an_edit_that_tightens_is_told_apart_whole(one: Any, two: Any) -> None:
    """Base and tightening together say exactly what the edited files said."""
    a = bundle_of(one)
    b = bundle_of(only_closing(two, a))
    assert tightens(a, b)
    by = between(a.policy, b.policy, a.subscribers, b.subscribers)
    laid = bundles.parse(tightened(a.files, by), signed=True)
    assert tightens(laid, replace(b, version=laid.version))
    assert tightens(replace(b, version=laid.version), laid)


@st.composite
def registries(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A registry with everything in it that a rule looks at, drawn from few values, so that two are often alike."""

    def papers() -> list[dict[str, Any]]:
        return [
            agreement(
                name,
                expires_on=draw(st.sampled_from([date(2026, 12, 3), date(2027, 1, 1), date(2027, 10, 1)])),
                signed_on=draw(st.sampled_from([date(2026, 10, 1), date(2026, 12, 1)])),
                status=draw(st.sampled_from(["active", "active", "revoked"])),
                purposes=draw(st.lists(st.sampled_from(["stolen_vehicle", "parking"]), min_size=1, unique=True)),
                **draw(st.sampled_from([{}, {}, {"cases": ["26-1"]}, {"states": ["US-IL"]}])),
            )
            for name in draw(st.lists(st.sampled_from(["a-1", "a-2"]), unique=True))
        ]

    def one(name: str, **fixed: Any) -> dict[str, Any]:
        table = agency(
            name,
            kind=draw(st.sampled_from(["local", "local", "federal"])),
            state=draw(st.sampled_from(["US-IL", "US-IL", "US-TX"])),
            channels=draw(st.sampled_from([["statewide-lookup"], ["national-lookup"], ["direct", "compact"], []])),
            purposes=draw(st.lists(st.sampled_from(["stolen_vehicle", "parking"]), min_size=1, unique=True)),
            feed=draw(st.sampled_from(["all", "hits", "hits", "none"])),
            suspended=draw(st.sampled_from([False, False, True])),
            federal_deputation=draw(st.sampled_from(["none", "none", "287g"])),
            sealing_key=draw(st.sampled_from([key(name), key(name), None])),
            name=draw(st.sampled_from(["One", "Two"])),
            redact=draw(st.sampled_from([[], ["coarse_place"]])),
            **fixed,
        )
        return {**table, "agreement": papers()}

    agencies = [one("county"), one("texas-so")]
    if draw(st.booleans()):
        agencies.append(one("more"))
    force = {
        **one("force"),
        "kind": "task_force",
        "members": draw(st.sampled_from([["county"], ["county", "texas-so"]])),
    }
    return [owner(), *agencies, force]


@st.composite
def whole_cities(draw: st.DrawFn) -> Bundle:
    """A city with everything in it that a rule looks at."""
    city = draw(cities())
    files = files_of(city)
    written = tomllib.loads(files["policy.toml"].decode())
    written["sharing"]["direct"] = draw(st.sampled_from([[], ["county"], ["county", "texas-so"]]))
    written["sharing"]["full_feed"] = draw(st.sampled_from([[], ["county"]]))
    written["law"] = draw(
        st.sampled_from(
            [
                {"packs": ["us-il"], "reviewed_by": "counsel"},
                {"packs": ["us-il"], "reviewed_by": "counsel of the city"},
                {"packs": ["us-il", "generic"], "reviewed_by": "counsel"},
                {"packs": ["us-il"]},
            ]
        )
    )
    allowed = draw(st.sampled_from([None, None, ["stolen_vehicle"], ["stolen_vehicle", "parking"]]))
    if allowed is not None:
        written["purposes"]["allowed"] = allowed
    made = {
        "policy.toml": tomlkit.dumps(written).encode(),
        "subscribers.toml": tomlkit.dumps({"subscriber": draw(registries())}).encode(),
        **{f"laws/{name}.toml": law_text(name) for name in written["law"]["packs"]},
    }
    return bundles.parse(signed_files(made), signed=True)


@st.composite
def changed_a_little(draw: st.DrawFn) -> tuple[Bundle, Bundle]:
    """Two cities that have one half in common, the policy or the registry."""
    one, two = draw(whole_cities()), draw(whole_cities())
    files = dict(two.files.files)
    kept = draw(st.sampled_from(["policy.toml", "subscribers.toml", None]))
    if kept == "policy.toml":
        files = {**one.files.files, "subscribers.toml": files["subscribers.toml"]}
    elif kept is not None:
        files[kept] = one.files.files[kept]
    return one, bundles.parse(signed_files(files), signed=True)


@settings(max_examples=60, deadline=None)
@given(pair=changed_a_little())
def test_what_does_not_ask_for_less_takes_nothing_from_anybody_whatever_changed(pair: tuple[Bundle, Bundle]) -> None:
    one, two = pair
    for old, new in ((one, two), (two, one)):
        if not asks_for_less(old, new):
            assert losses(old, new, Instant(at=NOW, trusted=True)) == set()
