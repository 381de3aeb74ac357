"""PURE: what a report is asked about: a time, cameras, agencies.

A report of a time counts the reads that the log took in between `began` and `ended`, and says what became of each of
them for as long as the log goes on. So each read is in exactly one of two reports that follow one another, and their
counts add up. What left within the time of reads from before it is said beside that.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Times in milliseconds since 1970 UTC, `ended` not included; None: as far as the log goes, or all of them."""

    began: int | None = None
    ended: int | None = None
    cameras: frozenset[str] | None = None
    subscribers: frozenset[str] | None = None

    def when(self, at: int) -> bool:
        """Whether a time is asked about."""
        return (self.began is None or self.began <= at) and (self.ended is None or at < self.ended)

    def camera(self, camera_id: str) -> bool:
        """Whether a camera is asked about."""
        return self.cameras is None or camera_id in self.cameras

    def subscriber(self, subscriber_id: str) -> bool:
        """Whether an agency is asked about."""
        return self.subscribers is None or subscriber_id in self.subscribers
