"""A second opinion on every decision: Cedar policies, written from the statutes and the design, asked of plain tables.

It shares no code with edge/policy: it reads what people write (the tables that become policy.toml, subscribers.toml and
the law packs) and turns "for every member" and "for one hit at least" into single questions to Cedar. The rules
themselves stand in the `.cedar` files beside this one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import cedarpy

Table = dict[str, Any]

HERE = Path(__file__).parent
BINDING = {"declaration", "attestation", "certification", "sworn-statement", "mou", "contract"}
JUDGES = {"judicial-warrant", "court-order"}
HEALTH = {"lawful_health_care", "reproductive_health", "gender_affirming_care"}
_WORDS = (
    "stolen_vehicle stolen_plate missing_endangered amber_silver_alert human_trafficking wanted_warrant "
    "criminal_felony criminal_gross_misdemeanor criminal_misdemeanor major_crime_vicinity terror_watchlist_match crash "
    "cmv_enforcement registration_insurance parking toll prosecution_disclosure defence_disclosure audit_oversight "
    "system_maintenance immigration_enforcement reproductive_health gender_affirming_care lawful_health_care "
    "protected_activity protected_class"
)
_CODES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI"
)
PURPOSES, US = sorted(_WORDS.split()), {f"US-{code}" for code in _CODES.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for which read (its place in the list of reads), and when."""

    agency: str
    read: int
    now: datetime
    trusted: bool = True
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether it is shared, on which channels it could be, what is taken out of it, and what a law lays upon it."""

    share: bool
    channels: frozenset[str]
    redacted: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A city as it is written: policy, agencies, law packs, and reads that were taken there."""

    policy: Table
    agencies: list[Table]
    packs: list[Table]
    reads: list[Table]
    signed: bool = True


class Oracle:
    """Answers for one city."""

    def __init__(self, place: Place) -> None:
        self._place, self._state = place, place.policy["jurisdiction"]["state"]
        self._agencies = {one["id"]: one for one in place.agencies}
        self._rules = {file.stem: cedarpy.PolicySet.from_str(file.read_text()) for file in HERE.glob("*.cedar")}
        self._entities = cedarpy.Entities.from_json_str(json.dumps(list(_entities(place))))
        self._said: dict[str, bool] = {}
        self._purposes = self._of_purposes()

    def answer(self, asked: Asked) -> Answer:
        """The whole answer."""
        one, read = self._agencies[asked.agency], self._place.reads[asked.read]
        owner = one["id"] == self._place.policy["owner"]["subscriber"]
        parties = [one] if owner else list(self._parties(one["id"], set()))
        limits: list[set[str]] = []
        stands = self._receives(asked, one)
        for party in [] if owner else parties:
            stands &= self._admitted(party, one, read, asked.now, limits)
        stands &= self._wanted(asked, one, read, parties, limits)
        channels = {"owner"} if owner else self._channels(one, read, parties)
        return Answer(
            share=bool(stands and channels),
            channels=frozenset(channels),
            redacted=frozenset() if owner else frozenset(self._redacted(parties)),
            taken=frozenset() if owner else frozenset(self._taken()),
        )

    def _ask(self, file: str, action: str, principal: str, resource: str, context: Table) -> bool:
        request = {"principal": principal, "action": f'Action::"{action}"', "resource": resource, "context": context}
        key = json.dumps([file, request], sort_keys=True)
        if key not in self._said:
            result = cedarpy.is_authorized(request, self._rules[file], self._entities)
            assert not result.diagnostics.errors, result.diagnostics.errors
            self._said[key] = result.allowed
        return self._said[key]

    def _parties(self, name: str, seen: set[str]) -> Iterable[Table]:
        """The agency and, through all levels, its members."""
        if name not in seen:
            seen.add(name)
            yield self._agencies[name]
            for member in self._agencies[name].get("members", ()):
                yield from self._parties(member, seen)

    def _classes(self, party: Table) -> list[str]:
        kind, state = party["kind"], party["state"]
        alone = {
            "federal": "federal",
            "private": "private",
            "vendor_processor": "private",
            "foreign": "foreign",
            "other": "other",
        }
        if kind in alone:
            return [alone[kind]]
        if state not in US:
            return ["foreign"]
        deputised = self._place.policy["sharing"].get("deputised_as_federal", True) or any(
            pack["recipients"].get("deputised_as_federal", False) for pack in self._place.packs
        )
        both = ["federal"] if deputised and party.get("federal_deputation", "none") != "none" else []
        return ["in_state" if state == self._state else "out_of_state", *both]

    def _receives(self, asked: Asked, one: Table) -> bool:
        written, packs = self._place.policy, self._place.packs
        seconds = [pack["retention"]["seconds"] for pack in packs if "seconds" in pack["retention"]]
        context = {
            "signed": self._place.signed,
            "owner": written["owner"]["subscriber"],
            "place": self._state,
            "now": _ms(asked.now),
            "trusted": asked.trusted,
            "held": asked.held,
            "valid_until": _ms(written["valid_until"]),
            "ceiling": round(1000 * min([written["retention"]["undelivered_hours"] * 3600, *seconds])),
            "law_named": any(pack.get("state", self._state) == self._state for pack in packs),
            "law_reviewed": "reviewed_by" in written["law"] or all(pack["reviewed"] for pack in packs),
            "banned": self._purposes["banned"],
        }
        return self._ask("reads", "receive", _agency(one), f'Read::"{asked.read}"', context)

    def _of_purposes(self) -> Table:
        tables = [self._place.policy["purposes"], *(pack["purposes"] for pack in self._place.packs)]
        banned = {one for table in tables for one in table["banned"]}
        made: Table = {"banned": sorted(banned | HEALTH if "lawful_health_care" in banned else banned)}
        for key in ("allowed", "grades"):
            lists = [set(table[key]) for table in tables if key in table]
            if lists:
                made[key] = sorted(set.intersection(*lists))
        return made

    def _admitted(self, party: Table, one: Table, read: Table, now: datetime, limits: list[set[str]]) -> bool:
        """Whether city and laws admit one party; notes in `limits` the cases that its instruments are limited to."""
        classes = self._classes(party)
        relied = [held for held in party.get("agreement", ()) if self._relied(party, held, one, now)]
        forms = sorted({held["form"] for held in relied})
        context = {"classes": classes, "forms": forms, "flags": sorted(read["flags"]), **self._purposes}
        stands = self._ask("parties", "stand", _agency(party), 'City::"city"', context)
        demands = [BINDING] * ("out_of_state" in classes) + [JUDGES] * ("federal" in classes)
        for pack in self._place.packs:
            for group in classes:
                resource = f'Law::"{pack["id"]}/{group}"'
                stands &= group != "other" and self._ask("laws", "be", _agency(party), resource, {"forms": forms})
                table = pack["recipients"].get(group, {"access": "never"})
                demands += [set(table["forms"])] if table["access"] == "instrument" else []
        for demand in demands:
            held_for = [held.get("cases") for held in relied if held["form"] in demand]
            if held_for and None not in held_for:
                limits.append({case for cases in held_for for case in cases})
        return stands

    def _relied(self, party: Table, held: Table, one: Table, now: datetime) -> bool:
        context = {"now": _ms(now), "declared": one["purposes"], "place": self._state}
        return self._ask("instruments", "rely", _agency(party), f'Instrument::"{party["id"]}/{held["id"]}"', context)

    def _channels(self, one: Table, read: Table, parties: list[Table]) -> set[str]:
        sharing = self._place.policy["sharing"]
        context = {
            "flags": sorted(read["flags"]),
            "all_in_state": all("in_state" in self._classes(party) for party in parties),
            "sharing": {
                "national_lookup": sharing["national_lookup"],
                "statewide_lookup": sharing.get("statewide_lookup", False),
                "direct": sharing.get("direct", []),
                "named_open": [name for name, on in sharing.get("channels", {}).items() if on],
            },
        }
        ways = {name: f'Channel::"{name}"' for name in _names(one)}
        return {name for name, way in ways.items() if self._ask("channels", "reach", _agency(one), way, context)}

    def _wanted(self, asked: Asked, one: Table, read: Table, parties: list[Table], limits: list[set[str]]) -> bool:
        """Whether the agency is fed this read: all reads, or one for the sake of one hit."""
        tables = [
            pack["recipients"].get(group, {})
            for pack in self._place.packs
            for party in parties
            for group in self._classes(party)
        ]
        context = {
            **self._purposes,
            "now": _ms(asked.now),
            "owner": self._place.policy["owner"]["subscriber"],
            "place": self._state,
            "full_feed": self._place.policy["sharing"].get("full_feed", []),
            "law_says_hits": any(table.get("feed") == "hits" for table in tables),
            "own_offences": any(pack["purposes"].get("own_offences", False) for pack in self._place.packs),
            "limited_to_cases": bool(limits),
            "purposes_known": PURPOSES,
        }
        if self._ask("feeds", "follow", _agency(one), f'Read::"{asked.read}"', context):
            return True
        for number, hit in enumerate(read["hits"]):
            context["in_cases"] = all(hit.get("case") in limit for limit in limits)
            if self._ask("feeds", "use", _agency(one), f'Hit::"{asked.read}/{number}"', context):
                return True
        return False

    def _redacted(self, parties: list[Table]) -> Iterable[str]:
        for party in parties:
            yield from party.get("redact", ())
            for group in self._classes(party):
                yield from self._place.policy.get("redaction", {}).get(group, ())
                for pack in self._place.packs:
                    yield from pack["recipients"].get(group, {}).get("redact", ())

    def _taken(self) -> Iterable[str]:
        for pack in self._place.packs:
            yield from pack.get("obligations", {}).get("taken", ())


def _names(one: Table) -> list[str]:
    return sorted({*one["channels"], "national-lookup", "statewide-lookup", "direct"})


def _agency(one: Table) -> str:
    return f'Agency::"{one["id"]}"'


def _ms(at: datetime | date) -> int:
    """Milliseconds since 1970; a date begins at midnight UTC."""
    moment = at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
    return round(moment.timestamp() * 1000)


def _entity(of: str, called: str, /, **told: Any) -> Table:
    return {"uid": {"type": of, "id": called}, "attrs": told, "parents": []}


def _entities(place: Place) -> Iterable[Table]:
    sharing = place.policy["sharing"]
    yield _entity(
        "City",
        "city",
        out_of_state=sharing.get("out_of_state", "never"),
        states=sharing.get("states", []),
        federal=sharing.get("federal", "never"),
    )
    for name in sorted({name for one in place.agencies for name in _names(one)}):
        yield _entity("Channel", name, name=name)
    for one in place.agencies:
        yield from _of_agency(one)
    for pack in place.packs:
        for group in ("in_state", "out_of_state", "federal", "private", "foreign"):
            table = pack["recipients"][group]
            told = {key: table[key] for key in ("access", "forms", "states", "kinds") if key in table}
            yield _entity("Law", f"{pack['id']}/{group}", **told)
    for number, read in enumerate(place.reads):
        yield from _of_read(number, read)


def _of_agency(one: Table) -> Iterable[Table]:
    told = {key: one[key] for key in ("id", "kind", "state", "channels", "purposes", "feed")}
    yield _entity("Agency", one["id"], **told, suspended=one.get("suspended", False), has_key="sealing_key" in one)
    for held in one.get("agreement", ()):
        limits = {"states": held["states"]} if "states" in held else {}
        yield _entity(
            "Instrument",
            f"{one['id']}/{held['id']}",
            status=held["status"],
            begins=_ms(held.get("begins_on", held["signed_on"])),
            ends=_ms(held["expires_on"]),
            purposes=held["purposes"],
            **limits,
        )


def _of_read(number: int, read: Table) -> Iterable[Table]:
    told = {key: read[key] for key in ("owner", "place", "test")}
    ends = {"captured_at": _ms(read["captured_at"]), "retain_until": _ms(read["retain_until"])}
    yield _entity("Read", str(number), **told, **ends, flags=sorted(read["flags"]))
    for place, hit in enumerate(read["hits"]):
        some = {key: hit[key] for key in ("grade", "state") if hit.get(key) is not None}
        yield _entity("Hit", f"{number}/{place}", purpose=hit["purpose"], expires_at=_ms(hit["expires_at"]), **some)
