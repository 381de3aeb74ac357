"""What the camera does not take up, why, and whether sharing may go on meanwhile."""

from edge.errors import PolicyError


class Refused(PolicyError):
    """The city's files may not come into force as they lie there.

    `hold` says that sharing stops until somebody has looked: the files cannot be read, or asked for less than there is.
    `nothing` says that not even the owner is served: nobody can tell whose word counts here, or which was the last.
    `why` is a word for the audit log; `digest` and `version` are of the manifest, as far as it could be read.
    """

    def __init__(self, message: str, *, why: str, hold: bool, digest: str = "", version: int = 0) -> None:
        super().__init__(message)
        self.why, self.hold, self.digest, self.version = why, hold, digest, version

    @property
    def nothing(self) -> bool:
        """Whether what is in force may not stay so even for the owner."""
        return self.why in ("pin", "floor")
