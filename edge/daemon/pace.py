"""How often one camera's pictures are looked at: less often while the device cannot keep up, so that none come late.

Pictures that are decoded late say that the processor is short. Rarer looks cost reads of the fastest vehicles only,
late pictures would cost all of them.
"""

import logging

LATE = 0.4
"""Seconds from capture to decoding from which on the device is behind."""
IN_TIME = 0.2
LEAST = 0.25
_SLOWER, _FASTER = 0.7, 1.2
_SLOWER_EVERY, _FASTER_EVERY = 1.0, 3.0

_log = logging.getLogger(__name__)


class Pace:
    """One camera's. `value` is 1.0 at full pace, and LEAST at the slowest."""

    def __init__(self, camera_id: str) -> None:
        self._camera_id = camera_id
        self._changed = float("-inf")
        self.value = 1.0

    def judge(self, lag: float, at: float) -> None:
        """Takes up how late pictures are at second `at` (edge.clock.monotonic); both in seconds."""
        before = self.value
        if lag > LATE and at - self._changed >= _SLOWER_EVERY:
            self.value, self._changed = max(LEAST, self.value * _SLOWER), at
        elif lag < IN_TIME and self.value < 1.0 and at - self._changed >= _FASTER_EVERY:
            self.value, self._changed = min(1.0, self.value * _FASTER), at
        if before == 1.0 and self.value < 1.0:
            _log.warning(
                "camera %s: the device is behind, pictures come %.1f s late; it looks less often until it keeps up,"
                " give it a smaller picture, a `sub_url` or a faster computer if that stays so",
                self._camera_id,
                lag,
            )
        elif before < 1.0 and self.value == 1.0:
            _log.info("camera %s: the device keeps up again", self._camera_id)
