"""A second opinion on every decision: Cedar policies, written from the statutes and the design, asked of plain tables.

It shares no code with edge/policy: it reads what people write (the tables that become policy.toml, subscribers.toml and
the law packs) and turns "for every member" and "for one hit at least" into single questions to Cedar. The rules
themselves stand in the `.cedar` files beside this one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
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
    channels: frozenset[str] = frozenset()
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
    signed_at: datetime | None = None


@cache
def _rules() -> dict[str, cedarpy.PolicySet]:
    return {file.stem: cedarpy.PolicySet.from_str(file.read_text()) for file in HERE.glob("*.cedar")}


class Oracle:
    """Answers for one city."""

    def __init__(self, place: Place) -> None:
        self._place, self._state = place, place.policy["jurisdiction"]["state"]
        self._agencies = {one["id"]: one for one in place.agencies}
        self._entities = cedarpy.Entities.from_json_str(json.dumps([self._city(), *_entities(place)]))
        self._said: dict[object, bool] = {}

    def answer(self, asked: Asked) -> Answer:
        """The whole answer."""
        one, read = self._agencies[asked.agency], self._place.reads[asked.read]
        owner = one["id"] == self._place.policy["owner"]["subscriber"]
        parties = [one] if owner else list(self._parties(one["id"], set()))
        limits: list[set[str]] = []
        admitted = owner or all(self._admitted(party, one, read, asked.now, limits) for party in parties)
        if not admitted or not self._receives(asked, one) or not self._wanted(asked, one, read, parties, limits):
            return Answer(share=False)
        channels = {"owner"} if owner else self._channels(one, read, parties)
        return Answer(
            share=bool(channels),
            channels=frozenset(channels),
            redacted=frozenset() if owner else frozenset(self._redacted(parties)),
            taken=frozenset() if owner else frozenset(self._taken()),
        )

    def _ask(self, file: str, action: str, one: Table, resource: tuple[str, str], **context: Any) -> bool:
        key = file, action, one["id"], resource, repr(context)
        if key not in self._said:
            request = {
                "principal": {"type": "Agency", "id": one["id"]},
                "action": {"type": "Action", "id": action},
                "resource": dict(zip(("type", "id"), resource, strict=True)),
                "context": context,
            }
            result = cedarpy.is_authorized(request, _rules()[file], self._entities)
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
        clock = {"now": _ms(asked.now), "trusted": asked.trusted, "held": asked.held}
        return self._ask("reads", "receive", one, ("Read", str(asked.read)), **clock)

    def _city(self) -> Table:
        """All that city and laws say of everybody; Cedar asks for it by the name of the city."""
        written, packs, sharing = self._place.policy, self._place.packs, self._place.policy["sharing"]
        seconds = [pack["retention"]["seconds"] for pack in packs if "seconds" in pack["retention"]]
        tables = [written["purposes"], *(pack["purposes"] for pack in packs)]
        banned = {one for table in tables for one in table["banned"]}
        every = {key: [set(table[key]) for table in tables if key in table] for key in ("allowed", "grades")}
        return _entity(
            "City",
            "city",
            signed=self._place.signed,
            signed_at=_ms(self._place.signed_at) if self._place.signed_at else 0,
            owner=written["owner"]["subscriber"],
            place=self._state,
            valid_until=_ms(written["valid_until"]),
            ceiling=round(1000 * min([written["retention"]["undelivered_hours"] * 3600, *seconds])),
            law_named=any(pack.get("state", self._state) == self._state for pack in packs),
            law_reviewed="reviewed_by" in written["law"] or all(pack["reviewed"] for pack in packs),
            out_of_state=sharing.get("out_of_state", "never"),
            states=sharing.get("states", []),
            federal=sharing.get("federal", "never"),
            national_lookup=sharing["national_lookup"],
            statewide_lookup=sharing.get("statewide_lookup", False),
            direct=sharing.get("direct", []),
            named_open=[name for name, on in sharing.get("channels", {}).items() if on],
            full_feed=sharing.get("full_feed", []),
            own_offences=any(pack["purposes"].get("own_offences", False) for pack in packs),
            purposes_known=PURPOSES,
            banned=sorted(banned | HEALTH if "lawful_health_care" in banned else banned),
            **{key: sorted(set.intersection(*lists)) for key, lists in every.items() if lists},
        )

    def _admitted(self, party: Table, one: Table, read: Table, now: datetime, limits: list[set[str]]) -> bool:
        """Whether city and laws admit one party; notes in `limits` the cases that its instruments are limited to."""
        classes = self._classes(party)
        relied = [held for held in party.get("agreement", ()) if self._relied(party, held, one, now)]
        forms = sorted({held["form"] for held in relied})
        context = {"classes": classes, "forms": forms, "flags": sorted(read["flags"])}
        stands = self._ask("parties", "stand", party, ("City", "city"), **context)
        demands = [BINDING] * ("out_of_state" in classes) + [JUDGES] * ("federal" in classes)
        for pack in self._place.packs:
            for group in classes:
                resource = "Law", f"{pack['id']}/{group}"
                stands &= group != "other" and self._ask("laws", "be", party, resource, forms=forms)
                table = pack["recipients"].get(group, {"access": "never"})
                demands += [set(table["forms"])] if table["access"] == "instrument" else []
        for demand in demands:
            held_for = [held.get("cases") for held in relied if held["form"] in demand]
            if held_for and None not in held_for:
                limits.append({case for cases in held_for for case in cases})
        return stands

    def _relied(self, party: Table, held: Table, one: Table, now: datetime) -> bool:
        resource = "Instrument", f"{party['id']}/{held['id']}"
        return self._ask("instruments", "rely", party, resource, now=_ms(now), declared=one["purposes"])

    def _channels(self, one: Table, read: Table, parties: list[Table]) -> set[str]:
        in_state = all("in_state" in self._classes(party) for party in parties)
        context = {"flags": sorted(read["flags"]), "all_in_state": in_state}
        return {name for name in _names(one) if self._ask("channels", "reach", one, ("Channel", name), **context)}

    def _wanted(self, asked: Asked, one: Table, read: Table, parties: list[Table], limits: list[set[str]]) -> bool:
        """Whether the agency is fed this read: all reads, or one for the sake of one hit."""
        tables = [
            pack["recipients"].get(group, {})
            for pack in self._place.packs
            for party in parties
            for group in self._classes(party)
        ]
        on_hits = any(table.get("feed") == "hits" for table in tables)
        context = {"law_says_hits": on_hits, "limited_to_cases": bool(limits)}
        if self._ask("feeds", "follow", one, ("Read", str(asked.read)), **context):
            return True
        for number, hit in enumerate(read["hits"]):
            in_cases = all(hit.get("case") in limit for limit in limits)
            resource = "Hit", f"{asked.read}/{number}"
            if self._ask("feeds", "use", one, resource, now=_ms(asked.now), in_cases=in_cases):
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


def _ms(at: datetime | date) -> int:
    """Milliseconds since 1970; a date begins at midnight UTC."""
    moment = at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
    return round(moment.timestamp() * 1000)


def _entity(of: str, called: str, /, **told: Any) -> Table:
    return {"uid": {"type": of, "id": called}, "attrs": told, "parents": []}


def _entities(place: Place) -> Iterable[Table]:
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
