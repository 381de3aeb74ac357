"""Cities by chance, from one seed: each key is mostly as an open city would have it, and now and then anything at all.

So most decisions hang on one or two keys, and each key is seen to decide.
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from edge.policy.vocabulary import Deputation, Feed, Form, Grade, Kind, Obligation, Purpose, Redaction, Status
from edge.values import Flag
from tests.policy.city import NOW, OWNER, agency, agreement, owner, policy
from tests.policy.oracle.model import Asked, Place

T = TypeVar("T")
Table = dict[str, Any]

STATES = ["US-IL", "US-WI", "US-TX"]
ABROAD = ["CA-ON", "DE", "US-ZZ"]
CHANNELS = ["national-lookup", "statewide-lookup", "direct", "compact", "unheard-of"]
CASES = ["c-1", "c-2"]
WHO = ["alpha", "bravo", "charlie", "delta"]
ALONE = [kind.value for kind in Kind if kind not in ("task_force", "fusion_center")]
"""The kinds of agency that have no members."""
AHEAD = [timedelta(minutes=5), timedelta(minutes=6)]
MOMENTS = [timedelta(0), timedelta(minutes=2), timedelta(minutes=3), timedelta(hours=13), timedelta(days=40)]


class Chance:
    """Seeded chance with the three ways in which a key is chosen. Some cities are calmer than others: less is odd."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._calm = self.random.choice([1, 4, 8])

    def odd(self, one_in: int) -> bool:
        return self.random.randrange(one_in * self._calm) == 0

    def mostly(self, usual: T, others: Sequence[T], one_in: int = 8) -> T:
        """`usual`, but one time in `one_in` any of `others`."""
        return self.random.choice(others) if self.odd(one_in) else usual

    def some(self, of: Sequence[T], most: int = 3) -> list[T]:
        return self.random.sample(of, self.random.randrange(min(most, len(of)) + 1))

    def any(self, of: Sequence[T]) -> T:
        return self.random.choice(of)


def words(enum: Any) -> list[str]:
    return [one.value for one in enum]


def a_place(seed: int, *, reads: int = 6) -> Place:
    """A city, its agencies, law packs and some reads."""
    chance = Chance(seed)
    declared = chance.mostly(["stolen_vehicle"], [["criminal_felony"], ["missing_endangered", "stolen_vehicle"]], 2)
    agencies = [_agency(chance, name, declared) for name in WHO]
    if chance.odd(3):
        kind = chance.any(["task_force", "fusion_center"])
        members = chance.random.sample(WHO[:2], chance.any([1, 2]))
        agencies.append(_agency(chance, "force", declared) | {"kind": kind, "members": members})
    if chance.odd(9):
        agencies.append(_agency(chance, "forces", declared) | {"kind": "task_force", "members": [agencies[-1]["id"]]})
    packs = [_pack(chance, f"law-{number}") for number in range(chance.mostly(1, [0, 2, 2], 6))]
    written = _policy(chance, [one["id"] for one in agencies], [pack["id"] for pack in packs])
    mine = owner(
        feed=chance.mostly("all", words(Feed)),
        suspended=chance.odd(12),
        purposes=chance.mostly(["stolen_vehicle"], [[], ["immigration_enforcement"], ["unspecified"]]),
        sealing_key=chance.mostly(owner()["sealing_key"], [None], 12),
    )
    return Place(
        policy=written,
        agencies=[mine, *agencies],
        packs=packs,
        reads=[_read(chance, written, declared) for _ in range(reads)],
        signed=not chance.odd(30),
        signed_at=NOW + chance.mostly(timedelta(days=-1), [*AHEAD, timedelta(days=20)], 12),
    )


def questions(place: Place, seed: int) -> list[Asked]:
    """Everybody about every read, at some time, mostly with a clock that can be trusted."""
    chance = Chance(-seed - 1)
    return [
        Asked(
            agency=one["id"],
            read=number,
            now=NOW + chance.mostly(timedelta(0), MOMENTS),
            trusted=not chance.odd(20),
            held=chance.odd(20),
        )
        for number in range(len(place.reads))
        for one in place.agencies
    ]


def _policy(chance: Chance, names: list[str], packs: list[str]) -> Table:
    told: Table = {
        "valid_until": NOW + timedelta(days=chance.mostly(30, [-1, 0, 0])),
        "jurisdiction": {"state": chance.mostly("US-IL", ["unknown"], 25)},
        "sharing": {
            "national_lookup": not chance.odd(4),
            "statewide_lookup": not chance.odd(4),
            "out_of_state": chance.mostly("agreement", ["never", "listed-states", "listed-states"], 3),
            "states": chance.mostly([], [["US-WI"], ["US-TX", "US-WI"]], 2),
            "federal": chance.mostly("judicial-warrant", ["never"], 4),
            "deputised_as_federal": chance.odd(2),
            "direct": chance.some(names, 5),
            "full_feed": chance.some(names, 5),
            "channels": chance.mostly({"compact": True}, [{}, {"compact": False}], 2),
        },
        "law": {"packs": packs, "reviewed_by": chance.mostly("counsel", [None])},
        "purposes": {
            "banned": chance.mostly(["immigration_enforcement"], [[], [chance.any(words(Purpose))]], 3),
            "allowed": _listed(chance, words(Purpose), ["stolen_vehicle", "missing_endangered"]),
            "grades": _listed(chance, words(Grade), ["felony"]),
        },
        "redaction": {
            group: chance.some(words(Redaction)) for group in ("in_state", "out_of_state", "federal") if chance.odd(2)
        },
        "retention": {"undelivered_hours": chance.mostly(24, [0.05, 12, 720])},
    }
    return policy(told)


def _listed(chance: Chance, of: list[str], usual: list[str]) -> list[str] | None:
    """Mostly no such list; else a likely one, or any."""
    return chance.mostly(usual, [chance.some(of)], 3) if chance.odd(6) else None


def _agency(chance: Chance, name: str, declared: list[str]) -> Table:
    made = agency(
        name,
        kind=chance.mostly("local", ALONE, 3),
        state=chance.mostly(chance.any(STATES), ABROAD, 20),
        channels=chance.some(CHANNELS, 4) or ["national-lookup"],
        purposes=chance.mostly(
            declared, [[], [chance.any(words(Purpose))], [*declared, chance.any(["toll", "other"])]]
        ),
        feed=chance.mostly(chance.any(["hits", "all"]), ["none"], 15),
        federal_deputation=chance.mostly("none", words(Deputation), 4),
        suspended=chance.odd(15),
        redact=chance.some(words(Redaction)) if chance.odd(4) else None,
        sealing_key=None if chance.odd(20) else agency(name)["sealing_key"],
    )
    wanted = [
        ["declaration"],
        ["declaration", "judicial-warrant"],
        ["court-order", "mou"],
        [chance.any(words(Form))],
        [],
    ]
    forms = chance.mostly(["declaration", "judicial-warrant"], wanted, 2)
    made["agreement"] = [_instrument(chance, f"a-{place}", form, declared) for place, form in enumerate(forms)]
    return made


def _instrument(chance: Chance, name: str, form: str, declared: list[str]) -> Table:
    today = NOW.date()
    signed = today - timedelta(days=chance.mostly(30, [1, 0, -1], 12))
    begins = signed + timedelta(days=chance.mostly(0, [1, 10, 31, 30], 12))
    ends = chance.mostly(
        begins + timedelta(days=400), [today, today + timedelta(days=1), today - timedelta(days=1)], 10
    )
    told = {
        "form": form,
        "signed_on": signed,
        "begins_on": begins,
        "expires_on": max(ends, begins + timedelta(days=1)),
        "status": chance.mostly("active", words(Status), 12),
        "purposes": chance.mostly(declared, [[], ["stolen_vehicle"], [*declared, "toll"]], 10),
    }
    if begins == signed and chance.odd(2):
        del told["begins_on"]
    if chance.odd(12):
        told["cases"] = chance.some(CASES)
    if chance.odd(12):
        told["states"] = chance.mostly(["US-IL"], [["US-WI"], [], ["US-IL", "US-TX"]], 2)
    return agreement(name, **told)


def _pack(chance: Chance, name: str) -> Table:
    cited = {"citation": "drawn by chance", "mark": "ours"}
    made: Table = {"id": name, "title": name, "version": 1, "reviewed": chance.odd(4)}
    if not chance.odd(4):
        made["state"] = chance.mostly("US-IL", ["US-TX"], 12)
    made["collection"] = {"unattended_roadside": True, **cited}
    made["retention"] = dict(cited)
    if chance.odd(4):
        made["retention"]["seconds"] = chance.any([180, 3600, 86400 * 60])
    recipients: Table = {"deputised_as_federal": chance.odd(4)}
    usual = {"in_state": "allowed", "out_of_state": "allowed", "federal": "instrument", "private": "never"}
    for group in ("in_state", "out_of_state", "federal", "private", "foreign"):
        access = chance.mostly(usual.get(group, "never"), ["allowed", "instrument", "never"], 6)
        recipients[group] = {**_recipients(chance, group, access), **cited}
    made["recipients"] = recipients
    made["purposes"] = {
        "banned": chance.mostly([], [["immigration_enforcement"], ["lawful_health_care"], ["toll"]], 3),
        "own_offences": chance.odd(8),
        **cited,
    }
    for key, of, likely in (("allowed", words(Purpose), ["stolen_vehicle"]), ("grades", words(Grade), ["felony"])):
        if (listed := _listed(chance, of, likely)) is not None:
            made["purposes"][key] = listed
    if chance.odd(3):
        made["obligations"] = {"taken": chance.some(words(Obligation)), **cited}
    return made


def _recipients(chance: Chance, group: str, access: str) -> Table:
    told: Table = {"access": access}
    if access == "instrument":
        usual = ["judicial-warrant", "court-order"] if group == "federal" else ["declaration", "mou"]
        told["forms"] = chance.mostly(usual, [[chance.any(words(Form))]], 4)
    if group == "out_of_state" and chance.odd(8):
        told["states"] = chance.some(STATES)
    if chance.odd(8):
        told["kinds"] = chance.mostly(["local", "county", "state", "federal", "task_force"], [chance.some(words(Kind))])
    if chance.odd(8):
        told["feed"] = chance.any(["all", "hits"])
    if chance.odd(5):
        told["redact"] = chance.some(words(Redaction))
    return told


def _read(chance: Chance, written: Table, declared: list[str]) -> Table:
    captured = NOW - chance.mostly(timedelta(minutes=1), [*MOMENTS, *(-one for one in AHEAD)])
    test = chance.odd(12)
    flags = set(chance.some(words(Flag), 2)) - {"test"} if chance.odd(3) else set()
    return {
        "captured_at": captured,
        "owner": chance.mostly(OWNER, ["alpha"], 25),
        "place": chance.mostly(written["jurisdiction"]["state"], ["US-TX", "US-IL"], 25),
        "flags": flags | ({"test"} if test else set()),
        "hits": [_hit(chance, declared) for _ in range(chance.any([0, 1, 1, 2, 2]))],
        "retain_until": captured + chance.mostly(timedelta(hours=12), MOMENTS),
        "test": test,
    }


def _hit(chance: Chance, declared: list[str]) -> Table:
    return {
        "purpose": chance.mostly(chance.any(declared), [*words(Purpose), "made-up"], 5),
        "grade": chance.mostly(None, words(Grade), 3),
        "state": chance.any([None, "US-IL", "US-IL", "US-TX"]),
        "case": chance.any([None, *CASES]),
        "expires_at": NOW
        + chance.mostly(timedelta(days=3), [timedelta(0), timedelta(seconds=-1), timedelta(days=50)], 10),
    }
