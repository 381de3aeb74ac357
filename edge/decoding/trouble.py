"""What can be wrong with a camera."""

from enum import StrEnum

from edge.errors import CameraError


class Why(StrEnum):
    """Why nothing can be seen; stable words, the audit log has them."""

    NOT_REACHED = "not-reached"
    REFUSED_LOGIN = "refused-login"
    STALLED = "stalled"
    ENDED = "ended"
    CHANGED_SIZE = "changed-size"
    GARBAGE = "garbage"
    FROZEN = "frozen"
    BLACK = "black"


class Trouble(CameraError):
    """A camera gives no good pictures; `why` says which kind of trouble, the message has the mend."""

    def __init__(self, why: Why, said: str) -> None:
        super().__init__(said)
        self.why = why
