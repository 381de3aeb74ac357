"""A recording is opened once, looked at before anything else starts, and read to its end.

A file that gives no frame at all is refused with a `CameraError`; one that ends early gives what it has and says so.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from edge.capture.pictures import PictureFolder
from edge.capture.video import VideoFile
from edge.errors import CameraError
from edge.values import Frame


class Recording(Protocol):
    """Frames that were recorded before.

    `total` is how many frames are expected (0 if the file does not tell), `warnings` what the person should know once
    all were read, such as a file that was cut short.
    """

    path: Path
    total: int
    frames_per_second: float
    warnings: list[str]

    def frames(self) -> Iterator[Frame]:
        """Every frame in order; raises CameraError when there is none."""
        ...


def open_recording(path: Path, *, camera_id: str, start: datetime, pictures_per_second: float = 5.0) -> Recording:
    """Opens a video file or a folder of images; `start` (aware) is the time of its first frame.

    Raises CameraError, with the mend, when `path` is missing, empty, unreadable or holds no pictures.
    """
    try:
        if path.is_dir():
            return PictureFolder(path, camera_id=camera_id, start=start, pictures_per_second=pictures_per_second)
        if path.is_file():
            return VideoFile(path, camera_id=camera_id, start=start)
        if not path.exists():
            raise CameraError(f"`{path}`: no such file or folder; check the spelling and the folder you are in")
    except OSError as error:
        raise CameraError(f"`{path}`: cannot be read ({error.strerror}); check who owns it and its mode") from error
    raise CameraError(f"`{path}`: neither a file nor a folder; give a video file or a folder of images")


def frames(path: Path, *, camera_id: str, start: datetime) -> Iterator[Frame]:
    """Every frame of a video file or folder of images, in order. Raises CameraError."""
    return open_recording(path, camera_id=camera_id, start=start).frames()
