"""Raw pictures of a CSI camera on a Raspberry Pi, run by the system's own Python, where alone Picamera2 can live.

    python3 picamera.py NUMBER WIDTH HEIGHT FRAMES_PER_SECOND

Writes YUV 4:2:0, plane after plane without padding, on standard output. It imports nothing of Homerule. Exit code 3:
no Picamera2; 4: no such camera, or not as it is asked for.
"""

import sys
from typing import Any, BinaryIO

NO_PICAMERA2, NO_CAMERA = 3, 4
_BUFFERS = 4


def main(words: list[str], out: BinaryIO) -> int:
    """Runs until nobody reads any more."""
    number, wide, high = (int(word) for word in words[:3])
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found]
    except ImportError:
        return NO_PICAMERA2
    micros = round(1_000_000 / float(words[3]))
    try:
        camera = Picamera2(number)
        camera.configure(
            camera.create_video_configuration(
                main={"size": (wide, high), "format": "YUV420"},
                controls={"FrameDurationLimits": (micros, micros)},
                buffer_count=_BUFFERS,
            )
        )
        told = camera.camera_configuration()["main"]
        camera.start()
    except (IndexError, RuntimeError, KeyError):
        return NO_CAMERA
    if tuple(told["size"]) != (wide, high) or told["format"] != "YUV420":
        return NO_CAMERA
    try:
        while True:
            _write(camera, int(told["stride"]), (wide, high), out)
    except BrokenPipeError:
        return 0
    finally:
        camera.stop()
        camera.close()


def _write(camera: Any, stride: int, size: tuple[int, int], out: BinaryIO) -> None:
    """One picture, without the padding that the camera puts behind each row."""
    request = camera.capture_request()
    try:
        samples = memoryview(request.make_buffer("main")).cast("B")
    finally:
        request.release()
    wide, high = size
    if stride == wide:
        out.write(samples[: wide * high * 3 // 2])
        return
    start = 0
    for row, width, rows in ((stride, wide, high), (stride // 2, wide // 2, high)):  # the two colours: half as wide
        for _ in range(rows):
            out.write(samples[start : start + width])
            start += row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.buffer))
