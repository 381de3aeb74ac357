"""PURE: what is taken out of a read before it is sealed, where its decision says so. What is not sent needs no promise.

The names of the device and of its owner stay: by them a subscriber knows that the message is genuine.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from edge.values import Jurisdiction, TaggedRead

COARSE_PLACE, COARSE_TIME = "coarse_place", "coarse_time"
"""The obligations that this file keeps."""


def redacted(tagged: TaggedRead, obligations: Collection[str]) -> TaggedRead:
    """The read as it may be told: with `coarse_place` no county, place or camera, with `coarse_time` whole hours only.

    The retention moves with the time, or the one would tell the other: what is kept so is never kept longer.
    """
    read, tags = tagged.read, tagged.tags
    if COARSE_PLACE in obligations:
        tags = replace(tags, camera_id="", jurisdiction=Jurisdiction(state=tags.jurisdiction.state))
    if COARSE_TIME in obligations:
        coarse = _hour(tags.captured_at)
        tags = replace(tags, captured_at=coarse, retain_until=tags.retain_until - (tags.captured_at - coarse))
        read = replace(
            read, first_seen=_hour(read.first_seen), best_seen=_hour(read.best_seen), last_seen=_hour(read.last_seen)
        )
    return TaggedRead(read=read, tags=tags)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
