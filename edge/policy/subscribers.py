"""subscribers.toml: the registry. What an agency is, stands here and nowhere else; it cannot say so itself."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from edge.errors import PolicyError
from edge.policy.policy import CaseRef, Id, Ids, Line, PublicKey, States
from edge.policy.vocabulary import Deputation, Feed, Form, Kind, Purpose, Redaction, Scheme, Status
from edge.written import Written, nearest, parse_toml

FILE = "subscribers.toml"
MOST = 10_000
"""Agencies in one registry."""
DEEPEST = 8
"""Levels of task forces inside task forces."""
_OF_MEMBERS = (Kind.TASK_FORCE, Kind.FUSION_CENTER)
"""The kinds that are what their members are: without their names nobody knows whether one is federal."""


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AgencyState = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]


class AgreementTable(Written):
    """One instrument, as written under its agency."""

    id: Id
    form: Form
    signed_by: Line
    signed_on: date
    begins_on: date | None = None
    expires_on: date
    document_sha256: Sha256
    status: Status
    purposes: tuple[Purpose, ...]
    cases: tuple[CaseRef, ...] | None = None
    states: States | None = None


class SubscriberTable(Written):
    """One agency, as written."""

    id: Id
    name: Line
    agency_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")]
    agency_id_scheme: Scheme
    kind: Kind
    state: AgencyState
    channels: Ids
    purposes: tuple[Purpose, ...]
    feed: Feed
    federal_deputation: Deputation = Deputation.NONE
    members: Annotated[Ids, Field(max_length=500)] = ()
    certificate_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    sealing_key: PublicKey | None = None
    suspended: bool = False
    redact: tuple[Redaction, ...] = ()
    agreement: tuple[AgreementTable, ...] = ()


class RegistryTable(Written):
    """The whole of subscribers.toml. `retired` are the ids of agencies that were removed; none is ever used again."""

    retired: Annotated[Ids, Field(max_length=MOST)] = ()
    subscriber: Annotated[tuple[SubscriberTable, ...], Field(max_length=MOST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An instrument, in force from the start of `begins` until just before `ends` (both midnight UTC).

    It covers every one of `purposes`; with `cases`, hits for these cases alone; with `states`, cameras in these alone.
    """

    id: str
    form: Form
    signed_by: str
    begins: datetime
    ends: datetime
    document_sha256: str
    status: Status
    purposes: frozenset[Purpose]
    cases: frozenset[str] | None = None
    states: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """An agency that may ask for reads. `members`, through all levels, are those whose rules bind it too."""

    id: str
    name: str
    agency_id: str
    agency_id_scheme: Scheme
    kind: Kind
    state: str
    channels: tuple[str, ...]
    purposes: frozenset[Purpose]
    feed: Feed
    federal_deputation: Deputation
    members: tuple["Subscriber", ...]
    certificate_name: str | None
    sealing_key: str | None
    suspended: bool
    redact: frozenset[Redaction]
    agreements: tuple[Agreement, ...]


def parse(text: str) -> dict[str, Subscriber]:
    """Reads the text of subscribers.toml: agencies by id, in the order of their ids. Raises PolicyError.

    The last texts are remembered: a switch turned in policy.toml does not make the registry be read again.
    """
    return dict(registry(text))


@lru_cache(maxsize=2)
def registry(text: str) -> Mapping[str, Subscriber]:
    """As `parse`; not to be changed by whoever gets it."""
    table = parse_toml(text, RegistryTable, file=FILE, error=PolicyError)
    written = {one.id: one for one in table.subscriber}
    if len(written) != len(table.subscriber):
        twice = _repeated(one.id for one in table.subscriber)
        raise PolicyError(f"{FILE}: subscriber `{twice}` stands there twice, give each agency its own id")
    for name in table.retired:
        if name in written:
            raise PolicyError(f"{FILE}: `{name}` was the id of an agency that was removed, take another for this one")
    _own(table.subscriber, "sealing_key", "or one could open what is meant for the other", _opens)
    _own(table.subscriber, "certificate_name", "or one could take the other's place at the broker")
    for one in table.subscriber:
        _check(one, written)
    made: dict[str, Subscriber] = {}
    known: dict[str, int] = {}
    for name in sorted(written):
        _deep(name, written, known, ())
        _make(name, written, made)
    return {name: made[name] for name in sorted(made)}


def _check(one: SubscriberTable, written: Mapping[str, SubscriberTable]) -> None:
    if one.agency_id_scheme is Scheme.ORI and not re.fullmatch(r"[A-Z0-9]{9}", one.agency_id):
        raise PolicyError(
            f"{FILE}: `{one.id}` agency_id `{one.agency_id}` is no ORI, which has nine letters and digits"
        )
    if one.members and one.kind not in _OF_MEMBERS:
        raise PolicyError(f"{FILE}: `{one.id}` has members, which only a `task_force` or `fusion_center` has")
    if one.kind in _OF_MEMBERS and not one.members:
        raise PolicyError(f"{FILE}: `{one.id}` is a `{one.kind}` without members, name every agency that takes part")
    for member in one.members:
        if member not in written:
            known = nearest(member, sorted(written)) or ", write it into the registry first"
            raise PolicyError(f"{FILE}: `{one.id}` has a member `{member}` that is not in the registry{known}")
    if repeated := _repeated(agreement.id for agreement in one.agreement):
        raise PolicyError(f"{FILE}: `{one.id}` has two agreements `{repeated}`, give each its own id")
    for agreement in one.agreement:
        begins = agreement.begins_on or agreement.signed_on
        if not agreement.signed_on <= begins < agreement.expires_on:
            said = "ends before it begins" if begins >= agreement.expires_on else "begins before it was signed"
            raise PolicyError(f"{FILE}: agreement `{agreement.id}` of `{one.id}` {said}, mend its dates")


def _own(agencies: Iterable[SubscriberTable], key: str, why: str, meaning: Callable[[str], str | int] = str) -> None:
    taken: dict[str | int, str] = {}
    for one in agencies:
        value = getattr(one, key)
        if value is None:
            continue
        owner = taken.setdefault(meaning(value), one.id)
        if owner != one.id:
            raise PolicyError(f"{FILE}: `{one.id}` has the {key} of `{owner}`; each needs its own, {why}")


def _opens(sealing_key: str) -> int:
    """What X25519 takes the key for: it leaves the top bit out and counts modulo 2**255 - 19 (RFC 7748, 5)."""
    return int.from_bytes(base64.b64decode(sealing_key), "little") % 2**255 % (2**255 - 19)


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _deep(name: str, written: Mapping[str, SubscriberTable], known: dict[str, int], above: tuple[str, ...]) -> int:
    """How deep task forces stand inside `name`; too deep is refused, and a task force that is its own member."""
    if name in above:
        raise PolicyError(f"{FILE}: `{name}` is a member of itself by way of `{above[-1]}`, remove one of the two")
    if name in known:
        return known[name]
    if len(above) > DEEPEST:
        return 0  # what stands above is too deep whatever is below
    inside = max((1 + _deep(member, written, known, (*above, name)) for member in written[name].members), default=0)
    if inside > DEEPEST:
        raise PolicyError(
            f"{FILE}: task forces stand more than {DEEPEST} deep inside `{(*above, name)[0]}`, name its members flat"
        )
    known[name] = inside
    return inside


def _make(name: str, written: Mapping[str, SubscriberTable], made: dict[str, Subscriber]) -> Subscriber:
    """The agency `name` with its members, and theirs."""
    if name in made:
        return made[name]
    one = written[name]
    direct = [_make(member, written, made) for member in one.members]
    members = {member.id: member for each in direct for member in (each, *each.members)}
    made[name] = Subscriber(
        id=one.id,
        name=one.name,
        agency_id=one.agency_id,
        agency_id_scheme=one.agency_id_scheme,
        kind=one.kind,
        state=one.state,
        channels=one.channels,
        purposes=frozenset(one.purposes),
        feed=one.feed,
        federal_deputation=one.federal_deputation,
        members=tuple(members[member] for member in sorted(members)),
        certificate_name=one.certificate_name,
        sealing_key=one.sealing_key,
        suspended=one.suspended,
        redact=frozenset(one.redact),
        agreements=tuple(_agreement(each) for each in one.agreement),
    )
    return made[name]


def _agreement(one: AgreementTable) -> Agreement:
    return Agreement(
        id=one.id,
        form=one.form,
        signed_by=one.signed_by,
        begins=datetime.combine(one.begins_on or one.signed_on, time(), UTC),
        ends=datetime.combine(one.expires_on, time(), UTC),
        document_sha256=one.document_sha256,
        status=one.status,
        purposes=frozenset(one.purposes),
        cases=None if one.cases is None else frozenset(one.cases),
        states=None if one.states is None else frozenset(one.states),
    )
