"""Tags: what a read carries besides the plate, so that everything after can decide without seeing it.

Law follows the camera: place and owner come from the policy in force, never from the plate. A tag only narrows.
"""

from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.policy import Closed, Federal, OutOfState
from edge.values import Flag, Instant, PlateRead, TaggedRead, Tags


def tag(read: PlateRead, bundle: Bundle, hotlists: HotLists, *, test: bool, now: Instant) -> TaggedRead:
    """Tags `read` under the bundle in force: place, owner, flags, hot-list hits, and how long it may be kept."""
    return TaggedRead(
        read=read,
        tags=Tags(
            read_id=read.read_id,
            camera_id=read.camera_id,
            captured_at=read.best_seen,
            jurisdiction=bundle.jurisdiction,
            owner=bundle.owner,
            flags=flags(bundle, frames=read.frames, test=test),
            hits=hotlists.look_up(read.text, now.at),
            retain_until=read.best_seen + bundle.ceiling,
            test=test,
            replaces=read.replaces,
            packs=tuple((pack.id, pack.digest) for pack in bundle.packs),
        ),
    )


def flags(bundle: Bundle, *, frames: int, test: bool) -> frozenset[Flag]:
    """What stays with a read for good: a switch turned on later does not open a read taken while it was off."""
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
        Flag.SINGLE_FRAME: frames == 1,
        Flag.TEST: test,
    }
    return frozenset(flag for flag, up in raised.items() if up)
