"""A plate crop leaves as a fresh JPEG: pixels only, nothing of what the camera wrote about place or time."""

import cv2

from edge.errors import EnvelopeError
from edge.values import Pixels

LARGEST = 40_000
"""Bytes: what still fits, in base64, into the largest sealed size."""


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
