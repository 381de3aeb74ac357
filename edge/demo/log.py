"""PURE: what the audit log says of the opt-out, in words, and which reads it called back."""

from collections.abc import Iterable

from edge.ledger.batches import positions
from edge.ledger.entries import (
    BundleAccepted,
    Dropped,
    Entry,
    Logged,
    Name,
    Pattern,
    Read,
    Refused,
    Revoked,
    Switch,
    Tightened,
)


def in_words(entry: Entry) -> str | None:
    """One clause about an entry that has to do with the opt-out; None for any other."""
    match entry:
        case BundleAccepted(version=version, revision=revision):
            return f"policy {version}.{revision} accepted"
        case Tightened(by=by):
            return f"it only narrows, so it needs no signature (by way of the {by})"
        case Switch(switch=switch, before=before, after=after):
            return f"switch {switch} turned from {before} to {after}"
        case Dropped(unsent=unsent, sent=sent):
            count = sum(sum(batch[2::2]) for batch in (*unsent, *sent))
            return f"{count} waiting reads called back"
        case Revoked(subscriber=subscriber, steps=steps):
            return f"{subscriber} revoked ({', '.join(f'{step} {took} ms' for step, took in steps)})"
        case _:
            return None


def called_back(entries: Iterable[Logged]) -> frozenset[tuple[str, str]]:
    """(agency, read) of every read that was allowed, and then dropped or refused at the door."""
    names: dict[int, str] = {}
    reads: dict[int, str] = {}
    patterns: dict[int, Pattern] = {}
    found: set[tuple[str, str]] = set()
    for logged in entries:
        match logged.entry:
            case Name(name=name):
                names[logged.position] = name
            case Read(read_id=read_id):
                reads[logged.position] = read_id
            case Pattern() as pattern:
                patterns[logged.position] = pattern
            case Dropped(unsent=unsent, sent=sent):
                found |= {(names[batch[0]], reads[place]) for batch in (*unsent, *sent) for place in positions(batch)}
            case Refused(pattern=pattern_at, read=read_at):
                found.add((patterns[pattern_at].outcomes[0][0], reads[read_at]))
    return frozenset(found)
