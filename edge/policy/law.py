"""A law pack: what a state's law asks, as data that counsel can check line by line. A pack only narrows.

Each rule carries its citation and a mark of what was seen: S statute text, G government page, P press, T compilation,
R memory.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from edge.errors import PolicyError
from edge.policy.policy import Id, Line, States, UsState
from edge.policy.vocabulary import Feed, Form, Grade, Kind, Obligation, Purpose, RecipientClass, Redaction
from edge.written import Written, parse_toml

T = TypeVar("T")

LONGEST_SECONDS = 100 * 366 * 24 * 60 * 60
"""A ceiling of more than a hundred years is a slip of the pen; a law that sets none is written without."""


class Access(StrEnum):
    """What a law says about a class of recipients, from closed to open."""

    NEVER = "never"
    INSTRUMENT = "instrument"
    ALLOWED = "allowed"


class Mark(StrEnum):
    """What of a law was seen when the rule was written."""

    STATUTE = "S"
    GOVERNMENT = "G"
    PRESS = "P"
    COMPILATION = "T"
    RECALLED = "R"
    OURS = "ours"


class _Cited(Written):
    citation: Line
    mark: Mark
    note: Line | None = None


class _CollectionTable(_Cited):
    unattended_roadside: bool


class _RetentionTable(_Cited):
    seconds: Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] | None = None


class _RecipientTable(_Cited):
    access: Access
    forms: tuple[Form, ...] = ()
    states: States | None = None
    kinds: tuple[Kind, ...] | None = None
    feed: Literal[Feed.ALL, Feed.HITS] = Feed.ALL
    redact: tuple[Redaction, ...] = ()


class _RecipientsTable(Written):
    in_state: _RecipientTable
    out_of_state: _RecipientTable
    federal: _RecipientTable
    private: _RecipientTable
    foreign: _RecipientTable
    deputised_as_federal: bool = False


class _PurposesTable(_Cited):
    banned: tuple[Purpose, ...]
    allowed: tuple[Purpose, ...] | None = None
    grades: tuple[Grade, ...] | None = None
    own_offences: bool = False


class _ObligationsTable(_Cited):
    taken: tuple[Obligation, ...]


class LawText(Written):
    """The file of a law pack as it is written."""

    id: Id
    title: Line
    version: Annotated[int, Field(ge=1)]
    state: UsState | None = None
    reviewed: bool
    collection: _CollectionTable
    retention: _RetentionTable
    recipients: _RecipientsTable
    purposes: _PurposesTable
    obligations: _ObligationsTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """What a pack says about one class: `forms` are the instruments of which one is needed.

    `states` and `kinds`, where they are not None, are the only ones that the class is open to; `hits_only` bars reads
    without a hit, `redact` is taken out of every read.
    """

    access: Access
    forms: frozenset[Form]
    states: frozenset[str] | None
    kinds: frozenset[Kind] | None
    hits_only: bool
    redact: frozenset[Redaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPack:
    """A law pack as the decision uses it; `text` is the file as written, with every citation and mark.

    `state` is None for a pack that fits anywhere, `retention` None where the law sets no ceiling. With `own_offences`
    an investigation must be of an offence of the state of capture; `obligations` bind everybody but the owner.
    """

    id: str
    state: str | None
    reviewed: bool
    digest: str
    unattended_roadside: bool
    retention: timedelta | None
    recipients: Mapping[RecipientClass, Recipients]
    deputised_as_federal: bool
    banned: frozenset[Purpose]
    allowed: frozenset[Purpose] | None
    grades: frozenset[Grade] | None
    own_offences: bool
    obligations: frozenset[Obligation]
    text: LawText


@lru_cache(maxsize=8)
def parse(content: str, *, file: str) -> LawPack:
    """Reads the text of a law pack; PolicyError names table, key, line and the mend. The last ones are remembered."""
    text = parse_toml(content, LawText, file=file, error=PolicyError)
    recipients: dict[RecipientClass, Recipients] = {}
    for group in (one for one in RecipientClass if one is not RecipientClass.OTHER):
        table: _RecipientTable = getattr(text.recipients, group.value)
        if (table.access is Access.INSTRUMENT) != bool(table.forms):
            raise PolicyError(
                f'{file}: [recipients.{group.value}] `forms` goes with `access = "instrument"` and only with it'
            )
        if table.states is not None and group is not RecipientClass.OUT_OF_STATE:
            raise PolicyError(f"{file}: [recipients.{group.value}] `states` goes with out_of_state only, remove it")
        recipients[group] = _recipients(table)
    return LawPack(
        id=text.id,
        state=text.state,
        reviewed=text.reviewed,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        unattended_roadside=text.collection.unattended_roadside,
        retention=timedelta(seconds=text.retention.seconds) if text.retention.seconds else None,
        recipients=recipients,
        deputised_as_federal=text.recipients.deputised_as_federal,
        banned=frozenset(text.purposes.banned),
        allowed=_set(text.purposes.allowed),
        grades=_set(text.purposes.grades),
        own_offences=text.purposes.own_offences,
        obligations=frozenset(text.obligations.taken) if text.obligations else frozenset(),
        text=text,
    )


def _recipients(table: _RecipientTable) -> Recipients:
    return Recipients(
        access=table.access,
        forms=frozenset(table.forms),
        states=_set(table.states),
        kinds=_set(table.kinds),
        hits_only=table.feed is Feed.HITS,
        redact=frozenset(table.redact),
    )


def _set(listed: tuple[T, ...] | None) -> frozenset[T] | None:
    """The list as a set; None, which is no list at all, stays None."""
    return None if listed is None else frozenset(listed)
