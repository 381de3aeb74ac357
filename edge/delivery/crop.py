"""A plate crop leaves as a fresh JPEG: pixels only, nothing of what the camera wrote about place or time."""

import cv2

from edge.errors import EnvelopeError
from edge.values import Decision, Flag, Pixels, TaggedRead

LARGEST = 40_000
"""Bytes: what still fits, in base64, into the largest sealed size."""


def picture_for(tagged: TaggedRead, decision: Decision) -> bytes | None:
    """The plate crop for the owner, when the policy says so; nobody else ever gets a picture. Raises EnvelopeError."""
    wanted = decision.subscriber_id == tagged.tags.owner and Flag.NO_IMAGE not in tagged.tags.flags
    return jpeg(tagged.read.crop) if wanted and tagged.read.crop is not None else None


def jpeg(pixels: Pixels) -> bytes:
    """`pixels` (height x width x 3, uint8, BGR) as a JPEG of at most LARGEST bytes; EnvelopeError if none fits."""
    for quality in (85, 60, 35):
        try:
            made, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        except cv2.error:
            made = False
        if not made:
            raise EnvelopeError("the plate crop cannot be written as a JPEG")
        if content.size <= LARGEST:
            return content.tobytes()
    raise EnvelopeError(f"the plate crop does not fit into {LARGEST} bytes")
