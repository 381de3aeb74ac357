"""The rules that need the read: when and where it was taken, the flags on it, and the hits that an agency may be told.

A rule never allows. Under "owner only" the owner is passed over; nothing else lets anybody by.
"""

from collections.abc import Iterator

from edge.policy.bundle import Bundle
from edge.policy.policy import EARLY
from edge.policy.reasons import Reason
from edge.policy.standing import Standing
from edge.policy.vocabulary import INVESTIGATIVE, NAMED_GRADE, NEVER, NO_OFFENCE, Feed, Purpose
from edge.values import Flag, Hit, Instant, Tags

STATE, READ = "device and policy", "the read"

_PURPOSES = {purpose.value: purpose for purpose in Purpose}


def state(tags: Tags, bundle: Bundle, now: Instant, *, owner: bool) -> Iterator[Reason]:
    """Device and policy: signed, not held, begun, not run out, reviewed, a clock that can be believed, a known place.

    A read that bears a time still to come says that the clock was wrong then or is wrong now.
    """
    if not bundle.signed and not tags.test:
        yield Reason.DENY_POLICY_SIGNATURE
    if owner:
        return
    if bundle.held:
        yield Reason.DENY_POLICY_HELD
    if now.at >= bundle.valid_until:
        yield Reason.DENY_POLICY_EXPIRED
    if not bundle.has_begun(now.at):
        yield Reason.DENY_POLICY_NOT_YET_VALID
    place = bundle.policy.jurisdiction.state
    if not any(pack.state in (None, place) for pack in bundle.packs):
        yield Reason.DENY_LAW_PACK_MISSING
    if bundle.policy.law.reviewed_by is None and not all(pack.reviewed for pack in bundle.packs):
        yield Reason.DENY_LAW_PACK_UNREVIEWED
    if not now.trusted or now.at + EARLY < tags.captured_at:
        yield Reason.DENY_CLOCK_UNTRUSTED
    if not bundle.place_known or tags.jurisdiction.state != place:
        yield Reason.DENY_JURISDICTION_UNKNOWN


def validity(tags: Tags, bundle: Bundle, now: Instant) -> Iterator[Reason]:
    """The tags agree with the policy and with one another, and the read may still be kept; the owner is bound too.

    A ceiling that was lowered since binds a read that waits: the shortest of all that apply, at this moment.
    """
    if tags.owner != bundle.owner or tags.test != (Flag.TEST in tags.flags):
        yield Reason.DENY_TAGS_INVALID
    if now.at >= min(tags.retain_until, tags.captured_at + bundle.ceiling):
        yield Reason.DENY_RETENTION_EXPIRED


def flagged(tags: Tags, standing: Standing) -> Iterator[Reason]:
    """The read's own flags: it was taken while a switch was closed, and stays so."""
    for flag, of_a_member in standing.barred_by:
        if flag in tags.flags:
            yield Reason.DENY_READ_FLAG
            if of_a_member:
                yield Reason.DENY_TASK_FORCE_MEMBER


def feed(tags: Tags, standing: Standing, own: frozenset[str], bundle: Bundle, now: Instant) -> Iterator[Reason]:
    """What the agency asks for: nothing, or hits only and there is none for it. `own` are purposes that it declares."""
    if standing.feed is Feed.NONE:
        yield Reason.DENY_FEED_NONE
        return
    if gets_all(tags, standing):
        return
    faults = [fault(hit, standing, own, bundle, now) for hit in tags.hits]
    if not faults:
        yield Reason.DENY_NON_HIT
    elif all(faults):
        yield from filter(None, faults)


def gets_all(tags: Tags, standing: Standing) -> bool:
    """Whether the agency gets this read without a hit."""
    return standing.full and (standing.owner or Flag.HIT_ONLY not in tags.flags)


def fault(hit: Hit, standing: Standing, own: frozenset[str], bundle: Bundle, now: Instant) -> Reason | None:
    """Why the agency may not be told of a hit, or None: it may. The owner is told of any that is in force and legal."""
    if now.at >= hit.expires_at:
        return Reason.DENY_HOTLIST_STALE
    purpose = _PURPOSES.get(hit.purpose)
    unlisted = bundle.allowed is not None and purpose not in bundle.allowed
    if purpose is None or purpose in NEVER or purpose in bundle.banned or unlisted:
        return Reason.DENY_HOTLIST_PURPOSE
    if standing.owner:
        return None
    if purpose not in own:
        return Reason.DENY_HOTLIST_OTHER_PURPOSE
    if not _grade_fits(hit, purpose, bundle):
        return Reason.DENY_OFFENCE_GRADE
    if bundle.own_offences and purpose in INVESTIGATIVE and hit.offence_state != bundle.policy.jurisdiction.state:
        return Reason.DENY_OFFENCE_NOT_THIS_STATE
    return None if all(hit.case in cases for cases in standing.cases) else Reason.DENY_HOTLIST_CASE


def _grade_fits(hit: Hit, purpose: Purpose, bundle: Bundle) -> bool:
    if bundle.grades is None:
        return True
    grade = hit.offence_grade or NAMED_GRADE.get(purpose)
    return purpose in NO_OFFENCE if grade is None else grade in bundle.grades
