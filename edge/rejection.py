"""Why a candidate in the picture is no read: said by the eyes, and told by status and metrics."""

from enum import StrEnum


class Rejection(StrEnum):
    """Why a candidate did not become a read."""

    OUTSIDE = "outside the zones"
    TOO_SMALL = "too small to read"
    NO_TEXT = "no text in it"
    SHAPE = "not the shape of a plate"
    LENGTH = "not as long as a plate's text"
    TIMESTAMP = "a time that the camera writes into its picture"
    UNSURE = "not sure enough"
    UNSURE_CHARACTER = "a character is more likely wrong than right"
    ONE_UNSURE_LOOK = "seen once only, and not surely"
    LETTERING = "other lettering on a vehicle whose plate was read"
    FIXTURE = "a thing that always stands there"
    SAME_VEHICLE = "the same vehicle again"
