"""PURE: did every read go where the policy allowed, and nowhere else? Asked of what the agencies' files really hold."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from edge.values import Decision, Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One read and the agencies that were allowed it when it was made. `replaces` is the read that it corrects."""

    read_id: str
    text: str = field(repr=False)
    decisions: tuple[Decision, ...]
    replaces: str | None = None

    @property
    def allowed(self) -> frozenset[str]:
        """The ids of the agencies that may have this read."""
        return frozenset(one.subscriber_id for one in self.decisions if one.effect is Effect.SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A read as it lies in an agency's file; without a text where it takes an earlier one back."""

    read_id: str
    text: str = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """From `since` on, this agency must not receive anything."""

    agency: str
    since: datetime


def missed(truth: Sequence[str], rulings: Sequence[Ruling]) -> list[str]:
    """The plates that passed and were not read; on a busy machine a camera misses some, and nobody gets those."""
    read = {ruling.text for ruling in rulings}
    return [text for text in truth if text not in read]


def astray(
    *,
    truth: Sequence[str],
    rulings: Sequence[Ruling],
    received: Mapping[str, Sequence[Receipt]],
    called_back: Set[tuple[str, str]],
    silence: Silence | None,
) -> list[str]:
    """One sentence for everything that is not as it must be, an empty list when all is well.

    `truth` holds the plates that really passed. `called_back` names (agency, read) whose right was taken away before it
    was acknowledged: those may be missing.
    """
    return [
        *_misread(truth, rulings),
        *_too_much(rulings, received),
        *_too_little(rulings, received, called_back),
        *_changed(rulings, received),
        *_broken_silence(rulings, received, silence),
    ]


def _misread(truth: Sequence[str], rulings: Sequence[Ruling]) -> list[str]:
    replaced = {ruling.replaces for ruling in rulings}
    read = [ruling.text for ruling in rulings if ruling.read_id not in replaced]
    blind = ["most plates that passed were not read"] if 2 * len(missed(truth, rulings)) > len(truth) else []
    invented = [f"the plate {text} was read and never passed" for text in read if text not in truth]
    twice = [f"the plate {text} was read twice" for text in sorted({text for text in read if read.count(text) > 1})]
    return blind + invented + twice


def _too_much(rulings: Sequence[Ruling], received: Mapping[str, Sequence[Receipt]]) -> list[str]:
    allowed = {(agency, ruling.read_id) for ruling in rulings for agency in ruling.allowed}
    return [
        f"{agency} holds the plate {receipt.text}, which it was not allowed"
        for agency, receipts in received.items()
        for receipt in receipts
        if (agency, receipt.read_id) not in allowed
    ]


def _too_little(
    rulings: Sequence[Ruling], received: Mapping[str, Sequence[Receipt]], called_back: Set[tuple[str, str]]
) -> list[str]:
    held = {(agency, receipt.read_id) for agency, receipts in received.items() for receipt in receipts}
    return [
        f"{agency} was allowed the plate {ruling.text} and does not hold it"
        for ruling in rulings
        for agency in sorted(ruling.allowed)
        if (agency, ruling.read_id) not in held | called_back
    ]


def _changed(rulings: Sequence[Ruling], received: Mapping[str, Sequence[Receipt]]) -> list[str]:
    read = {ruling.read_id: ruling.text for ruling in rulings}
    return [
        f"{agency} holds the plate {receipt.text}, but {read[receipt.read_id]} was read"
        for agency, receipts in received.items()
        for receipt in receipts
        if receipt.text and receipt.read_id in read and read[receipt.read_id] != receipt.text
    ]


def _broken_silence(
    rulings: Sequence[Ruling], received: Mapping[str, Sequence[Receipt]], silence: Silence | None
) -> list[str]:
    if silence is None:
        return ["the opt-out never came into force"]
    late = [receipt for receipt in received.get(silence.agency, ()) if receipt.received_at > silence.since]
    said = [f"{silence.agency} received the plate {receipt.text} after the opt-out was in force" for receipt in late]
    return said if any(silence.agency in ruling.allowed for ruling in rulings) else [*said, _NOTHING_BEFORE]


_NOTHING_BEFORE = "nothing was shared before the opt-out, so the demo shows nothing"
