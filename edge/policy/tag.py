"""Tags: what a read carries besides the plate, so that everything after can decide without seeing it.

Law follows the camera: place and owner come from the policy in force, never from the plate. A tag only narrows.
"""

from collections.abc import Collection, Sequence

from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.policy import Closed, Federal, OutOfState
from edge.policy.vocabulary import UNKNOWN_PLACE
from edge.values import Flag, Hit, Instant, Jurisdiction, PlateRead, TaggedRead, Tags


def tag(
    read: PlateRead,
    bundle: Bundle,
    hotlists: HotLists,
    *,
    test: bool,
    now: Instant,
    since: Sequence[Bundle] = (),
    listed: Collection[tuple[str, str]] | None = None,
) -> TaggedRead:
    """Tags `read` under the bundle in force: place, owner, flags, hot-list hits, and how long it may be kept.

    `since` are the bundles that were in force from its capture on, oldest first: place, owner and law are those at the
    capture, and of the rest the strictest of all. `listed` are the entries that it matched when it was handed on: one
    that was written after the vehicle had gone does not hit it. None: whatever is listed now.
    """
    held = (*since, bundle)
    return TaggedRead(
        read=read,
        tags=Tags(
            read_id=read.read_id,
            camera_id=read.camera_id,
            captured_at=read.best_seen,
            jurisdiction=held[0].jurisdiction,
            owner=held[0].owner,
            flags=_own(frames=read.frames, test=test).union(*map(_closed, held)),
            hits=_hits(read, hotlists, now, listed),
            retain_until=read.best_seen + min(each.ceiling for each in held),
            test=test,
            replaces=read.replaces,
            packs=tuple((pack.id, pack.digest) for pack in held[0].packs),
        ),
    )


def nobodys(read: PlateRead, *, test: bool) -> TaggedRead:
    """A read taken while no policy was in force: it is counted, and nobody ever gets it."""
    tags = Tags(
        read_id=read.read_id,
        camera_id=read.camera_id,
        captured_at=read.best_seen,
        jurisdiction=Jurisdiction(state=UNKNOWN_PLACE),
        owner="",
        flags=frozenset(),
        hits=(),
        retain_until=read.best_seen,
        test=test,
        replaces=read.replaces,
    )
    return TaggedRead(read=read, tags=tags)


def flags(bundle: Bundle, *, frames: int, test: bool) -> frozenset[Flag]:
    """What stays with a read for good: a switch turned on later does not open a read taken while it was off."""
    return _closed(bundle) | _own(frames=frames, test=test)


def _closed(bundle: Bundle) -> frozenset[Flag]:
    """The flags that the policy raises on every read."""
    sharing = bundle.policy.sharing
    raised = {
        Flag.NO_NATIONAL_LOOKUP: not sharing.national_lookup,
        Flag.NO_STATEWIDE_LOOKUP: not sharing.statewide_lookup,
        Flag.NO_OUT_OF_STATE: sharing.out_of_state is OutOfState.NEVER,
        Flag.NO_FEDERAL: sharing.federal is Federal.NEVER,
        Flag.NO_PRIVATE: sharing.private is Closed.NEVER,
        Flag.NO_FOREIGN: sharing.foreign is Closed.NEVER,
        Flag.HIT_ONLY: not sharing.full_feed,
        Flag.NO_IMAGE: not bundle.policy.owner.plate_crop,
        Flag.NO_ONWARD: True,
    }
    return frozenset(flag for flag, up in raised.items() if up)


def _own(*, frames: int, test: bool) -> frozenset[Flag]:
    """The flags that are the read's own."""
    raised = {Flag.SINGLE_FRAME: frames == 1, Flag.TEST: test}
    return frozenset(flag for flag, up in raised.items() if up)


def _hits(
    read: PlateRead, hotlists: HotLists, now: Instant, listed: Collection[tuple[str, str]] | None
) -> tuple[Hit, ...]:
    if listed is None:
        return hotlists.look_up(read.text, now.at)
    if not listed:  # as of most reads: they are looked up once
        return ()
    return tuple(hit for hit in hotlists.look_up(read.text, now.at) if (hit.list_id, hit.entry_id) in listed)
