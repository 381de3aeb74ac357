"""`homerule policy check`: what is wrong with a policy folder, and what is not wrong but worth a look."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from edge import desk
from edge.cli import hotlist
from edge.cli.moments import At, moment
from edge.cli.words import overrides
from edge.desk.laws import missing_pack
from edge.desk.shelf import Shelf
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.manifest import sha256
from edge.policy.reach import reach
from edge.policy.reasons import Reason
from edge.policy.spans import span, whole
from edge.policy.vocabulary import Feed, Redaction, Status
from edge.values import Instant

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The policy folder.", show_default=False)]
Pin = Annotated[Path | None, typer.Option(metavar="FILE", help="The city's public key; then the signature must hold.")]

SOON = timedelta(days=30)
"""So long before an agreement ends there is still time to sign another."""
NEAR = timedelta(days=14)
"""So long before the policy runs out somebody should sign the next one."""
SHORT = timedelta(hours=2)

_OF_ALL = frozenset(
    {
        Reason.DENY_POLICY_SIGNATURE,
        Reason.DENY_POLICY_EXPIRED,
        Reason.DENY_POLICY_NOT_YET_VALID,
        Reason.DENY_POLICY_HELD,
        Reason.DENY_LAW_PACK_MISSING,
        Reason.DENY_LAW_PACK_UNREVIEWED,
        Reason.DENY_CLOCK_UNTRUSTED,
        Reason.DENY_JURISDICTION_UNKNOWN,
    }
)
"""Reasons that bind everybody but the owner; they are told once, not for each agency."""


def register(group: typer.Typer) -> None:
    """Adds the command of this file to the group `policy`."""
    group.command("check")(check)


def check(folder: Folder, pin: Pin = None, at: At = None) -> None:
    """Says what is wrong (exit code 1) and what is worth a look (exit code 0)."""
    bundle, now = desk.open_bundle(folder, pin=pin), moment(at)
    lists = Shelf(folder).read(bundle)
    wrong = list(faults(bundle, lists, now))
    for line in [*_unsigned(folder, bundle), *notes(bundle, lists, now)]:
        print(f"note: {line}")
    for line in wrong:
        print(f"wrong: {line}")
    if wrong:
        raise PolicyError(f"`{folder}`: {len(wrong)} wrong, see above" if len(wrong) > 1 else wrong[0])
    agencies = len(bundle.subscribers)
    print(f"in order: {agencies} agenc{'y' if agencies == 1 else 'ies'}, {lists.entries} hot-list entries")


def faults(bundle: Bundle, lists: HotLists, now: Instant) -> Iterator[str]:
    """What must be mended: a device goes on, but closed where it matters."""
    if now.at >= bundle.valid_until:
        yield f"policy.toml: `valid_until` passed on {bundle.valid_until:%Y-%m-%d}, so that only the owner is served"
    if not bundle.has_begun(now.at):
        yield (
            "manifest.json: was signed at a time that is still to come, so that only the owner is served; set the "
            "clock right that is wrong, here or where it was signed, and sign again"
        )
    if (own := missing_pack(bundle.policy)) is not None:
        place = bundle.policy.jurisdiction.state
        yield f"policy.toml: [law] `packs` does not name `{own}`, the pack for `{place}`; it cannot be signed so"
    yield from (said for _, said in sorted({**lists.stale(now.at), **lists.refused}.items()))


def notes(bundle: Bundle, lists: HotLists, now: Instant) -> Iterator[str]:
    """What is as it is written, and perhaps not as it is meant."""
    left = bundle.valid_until - now.at
    if timedelta() < left <= NEAR:
        yield f"policy.toml: `valid_until` is in {whole(left)}; sign a new one before, or only the owner is served"
    if bundle.policy.law.reviewed_by is None:
        for pack in bundle.packs:
            if not pack.reviewed:
                yield f"laws/{pack.id}.toml: nobody has reviewed it, so that only the owner is served"
    if not bundle.place_known:
        yield "policy.toml: [jurisdiction] `state` is unknown, so that only the owner is served"
    for pack in bundle.packs:
        yield from overrides(bundle, pack)
    yield from _agreements(bundle, now)
    yield from _shut_out(bundle, now)
    yield from _at_odds(bundle)
    yield from hotlist.notes(lists, now)


def _unsigned(folder: Path, bundle: Bundle) -> Iterator[str]:
    files = desk.read(folder, to_sign=True)
    if not files.manifest:
        yield "the folder is not signed yet, sign it with `homerule sign`"
    elif sha256(files.manifest) != bundle.digest:
        yield "the folder was changed since it was signed, sign it again with `homerule sign`"


def _agreements(bundle: Bundle, now: Instant) -> Iterator[str]:
    for one in bundle.subscribers.values():
        for held in one.agreements:
            named = f"agreement `{held.id}` of {one.name} ({one.id})"
            if held.status is not Status.ACTIVE:
                yield f"{named} is {held.status.value}, it covers nothing"
            elif held.ends <= now.at:
                yield f"{named} ended on {held.ends:%Y-%m-%d}"
            elif held.ends <= now.at + SOON:
                yield f"{named} ends on {held.ends:%Y-%m-%d}, in {whole(held.ends - now.at)}"
            elif held.begins > now.at:
                yield f"{named} begins on {held.begins:%Y-%m-%d} only"


def _shut_out(bundle: Bundle, now: Instant) -> Iterator[str]:
    """Agencies that could not get anything even of the best of hits."""
    for one in bundle.subscribers.values():
        answers = reach(one, bundle, now)
        if any(answer.open for answer in answers):
            continue
        named = f"{one.name} ({one.id}) can get nothing"
        if not answers:
            yield f"{named}: it is on no channel, write `channels`"
            continue
        # of several channels the one with the fewest obstacles tells best what to do
        own = min(([each for each in answer.reasons if each not in _OF_ALL] for answer in answers), key=len)
        if own:
            yield f"{named}: {' '.join(each.sentence for each in own)} ({', '.join(own)})"


def _at_odds(bundle: Bundle) -> Iterator[str]:
    """Keys that work against one another."""
    written = bundle.policy
    if bundle.ceiling < SHORT and Redaction.COARSE_TIME in _redactions(bundle):
        yield (
            f"policy.toml: `coarse_time` moves a read's time back to the hour, and reads are kept for "
            f"{span(bundle.ceiling)}: those read late in an hour run out early"
        )
    full = [bundle.subscribers[name].name for name in written.sharing.full_feed]
    limits = {
        "grades of offence are in force": bundle.grades is not None,
        "a law pack asks for offences of this state": bundle.own_offences,
    }
    for why, is_so in limits.items():
        if full and is_so:
            yield f"policy.toml: [sharing] `full_feed` names {', '.join(full)}, but {why}: hits only"
    for name in written.sharing.full_feed:
        if bundle.subscribers[name].feed is not Feed.ALL:
            yield f'subscribers.toml: `{name}` is named in `full_feed`, but asks for `feed = "all"` nowhere'


def _redactions(bundle: Bundle) -> frozenset[Redaction]:
    redaction = bundle.policy.redaction
    written = (*redaction.in_state, *redaction.out_of_state, *redaction.federal)
    by_law = (told.redact for pack in bundle.packs for told in pack.recipients.values())
    by_agency = (one.redact for one in bundle.subscribers.values())
    return frozenset(written).union(*by_law, *by_agency)
