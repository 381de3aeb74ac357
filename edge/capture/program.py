"""Which program delivers the raw pictures of a camera that ffmpeg cannot open: CSI cameras, and a pipe for all else."""

from dataclasses import dataclass, field
from pathlib import Path

from edge.camera import Camera, PixelFormat
from edge.capture import picamera

SYSTEM_PYTHON = "/usr/bin/python3"
_USUAL_FRAMES_PER_SECOND = 15.0
_LOOK = "run it by hand to see why"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that writes raw pictures. `mends`: what to do, for each exit code that is known."""

    words: tuple[str, ...]
    size: tuple[int, int]
    pixel_format: PixelFormat = "yuv420p"
    missing: str
    mends: dict[int, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What may be shown: what stands behind it may hold passwords."""
        return Path(self.words[0]).name

    def mend(self, exit_code: int) -> str:
        """What to do after it has ended so."""
        return self.mends.get(exit_code, f"ended with exit code {exit_code}, {_LOOK}")


def program_of(camera: Camera) -> Program:
    """For a camera that `is_raw`."""
    kind, _, number = camera.url.partition(":")
    size, pace = camera.pixels, camera.frames_per_second or _USUAL_FRAMES_PER_SECOND
    if kind == "picamera":
        return Program(
            words=(SYSTEM_PYTHON, picamera.__file__, number, str(size[0]), str(size[1]), f"{pace:g}"),
            size=size,
            missing="install the system's own Python, `apt-get install python3`",
            mends={
                picamera.NO_PICAMERA2: "finds no Picamera2, run `apt-get install python3-picamera2`",
                picamera.NO_CAMERA: "finds no such camera, or not in this `size`; check the ribbon cable and"
                " `rpicam-hello --list-cameras`, and that no other program uses it",
            },
        )
    if kind == "jetson":
        return Program(
            words=("gst-launch-1.0", "-q", *_argus(int(number), size, pace)),
            size=size,
            missing="install JetPack's GStreamer, `apt-get install gstreamer1.0-tools`",
            mends={1: "cannot open the camera; check the ribbon cable, `size` and the service nvargus-daemon"},
        )
    return Program(
        words=camera.command, size=size, pixel_format=camera.pixel_format, missing="check the first word of `command`"
    )


def _argus(number: int, size: tuple[int, int], pace: float) -> tuple[str, ...]:
    """The camera's own processor makes the picture, one copy brings it into ordinary memory, and so to the pipe."""
    wide, high = size
    filmed = f"video/x-raw(memory:NVMM),width={wide},height={high},framerate={round(pace)}/1"
    given = f"video/x-raw,width={wide},height={high},format=I420"
    return (
        *("nvarguscamerasrc", f"sensor-id={number}", "!", filmed),
        *("!", "nvvidconv", "!", given, "!", "fdsink", "fd=1", "sync=false"),
    )
