"""Under a law pack that forbids unattended roadside readers the device does not run at all, unless police IT names the
exception that it falls under.
"""

from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.collection import refusal


class Collection:
    """Asked of every bundle before it may come into force. `exception` is `[device] collection_exception`."""

    def __init__(self, exception: str | None) -> None:
        self._exception = exception
        self._refused: str | None = None

    def unfit(self, bundle: Bundle) -> str | None:
        """Why this device may not collect under `bundle`; None when it may."""
        why = refusal(bundle, self._exception)
        self._refused = self._refused or why
        return why

    def require_fit(self, in_force: Bundle | None) -> None:
        """PolicyError when what is in force, or what the city asks for in its place, forbids to collect here."""
        if in_force is not None:
            self.unfit(in_force)
        if self._refused is not None:
            raise PolicyError(self._refused)
