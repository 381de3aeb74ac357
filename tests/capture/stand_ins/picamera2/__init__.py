"""Stands in for the Picamera2 of Raspberry Pi OS: the calls that Homerule makes, with their names, and no camera.

As the real one, it pads each row to a multiple of 64 bytes, hands out copies of its buffers, and knows one camera.
"""

import os
import time

ROW = 64


class Picamera2:
    """Camera number 0: a grey slope that grows lighter with each picture."""

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num != 0:
            raise IndexError("list index out of range")
        self._at, self._number = 0.0, 0
        self.asked: dict[str, object] = {}

    def create_video_configuration(
        self, main: dict[str, object], controls: dict[str, object], buffer_count: int = 6
    ) -> dict[str, object]:
        assert buffer_count > 1
        return {"main": main, "controls": controls}

    def configure(self, camera_config: dict[str, object]) -> None:
        self.asked = camera_config

    def camera_configuration(self) -> dict[str, dict[str, object]]:
        wide, high = self.asked["main"]["size"]
        stride = -(-wide // ROW) * ROW
        main = {"size": (wide, high), "format": self.asked["main"]["format"], "stride": stride}
        return {"main": main | {"framesize": stride * high * 3 // 2}}

    def start(self) -> None:
        self._at = time.monotonic()

    def capture_request(self) -> "CompletedRequest":
        self._at += self.asked["controls"]["FrameDurationLimits"][0] / 1e6
        time.sleep(max(0.0, self._at - time.monotonic()))
        self._number += 1
        return CompletedRequest(self, self._number)

    def stop(self) -> None: ...

    def close(self) -> None: ...


class CompletedRequest:
    """A picture that must be given back."""

    def __init__(self, camera: Picamera2, number: int) -> None:
        self._told, self._number, self._held = camera.camera_configuration()["main"], number, True

    def make_buffer(self, name: str) -> bytearray:
        assert self._held
        assert name == "main"
        wide, high = self._told["size"]
        stride = self._told["stride"]
        slope = bytes((self._number + 200 * column // wide) % 250 for column in range(wide))
        padded = os.urandom(stride - wide)
        half = bytes([128]) * (wide // 2) + os.urandom((stride - wide) // 2)
        return bytearray((slope + padded) * high + half * high)

    def release(self) -> None:
        self._held = False
