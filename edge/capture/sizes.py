"""The size of a camera's pictures: a change is told, one that never ends is a trouble of its own. Pure."""

from edge.decoding.trouble import Trouble, Why

CALM_SECONDS = 10.0
"""Without a change for so long, the size stays."""

_CHANGED = "the picture is {}x{} now, it was {}x{}; look whether it is still aimed well"
_RESTLESS = "the picture changes its size again and again; give it one size in the camera's settings"


class Sizes:
    """Is shown the size of every picture."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self.since = 0.0
        """Since when the size changes again and again, when it does."""
        self._changed_at = float("-inf")
        self._restless = False

    def change(self, size: tuple[int, int], at: float) -> Trouble | None:
        """A change in second `at`, unless there was another one shortly before."""
        before, self.size = self.size, size
        if before in (size, (0, 0)):
            return None
        calm = self._is_calm(at)
        self._changed_at = at
        if calm:
            self._restless = False
            return Trouble(Why.CHANGED_SIZE, _CHANGED.format(*size, *before))
        if not self._restless:
            self._restless, self.since = True, at
        return None

    def trouble(self, at: float) -> Trouble | None:
        """That the size changes again and again, until it has long been the same in second `at`."""
        restless = self._restless and not self._is_calm(at)
        return Trouble(Why.CHANGED_SIZE, _RESTLESS) if restless else None

    def _is_calm(self, at: float) -> bool:
        return at - self._changed_at >= CALM_SECONDS
