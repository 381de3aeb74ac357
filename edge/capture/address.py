"""Where a camera's pictures come from, as ffmpeg wants it said; the login is put in here and shown nowhere."""

import stat
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config import Camera
from edge.decoding.address import OPEN_SECONDS, Address
from edge.decoding.trouble import Trouble, Why
from edge.errors import ConfigError
from edge.keys import load_password

_LONGEST_LOGIN = 120
"""Bytes; ffmpeg cuts off what is longer, quietly."""
_RECEIVE_BYTES = 4 * 1024 * 1024
"""For UDP: a whole picture comes in one burst."""
_ANALYSE_MICROSECONDS = 500_000
"""What the stream is stands in its description; the decoder finds out the rest."""
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsp,rtp,udp,tcp,tls",
    "http": "http,tcp",
    "https": "https,http,tls,tcp",
}
"""What a camera may make us open: never a file."""
_HTTP_FORMATS = "mpjpeg,mjpeg,mpegts"
"""Streams; no playlists, which name other places."""
_HTTP_BYTES = 500_000
"""What is read at most to tell what it is."""
_DO_NOT_BLOCK = "+4"
"""AVFMT_FLAG_NONBLOCK, which has no name among the options: a USB camera that hangs cannot hang its thread."""


def device_path(camera: Camera) -> Path | None:
    """The V4L2 device of a camera that is plugged into this computer; None for all others."""
    if camera.url.startswith("usb:"):
        return Path(f"/dev/video{int(camera.url.removeprefix('usb:'))}")
    path = Path(camera.url)
    return path if camera.url.startswith("/dev/") or _is_character_device(path) else None


def address_of(camera: Camera) -> Address:
    """Reads the login anew each time, so that a mended one counts at once. Raises Trouble when it cannot be used."""
    device = device_path(camera)
    if device is not None:
        pace = f"{camera.frames_per_second:g}" if camera.frames_per_second else None
        asked = {"fflags": _DO_NOT_BLOCK, "video_size": camera.size, "framerate": pace}
        options = {key: value for key, value in asked.items() if value}
        return Address(place=str(device), name=str(device), format="video4linux2", options=options)
    return _remote(camera)


def _remote(camera: Camera) -> Address:
    parts = urlsplit(camera.url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    login = _login(camera.credentials)
    name = parts._replace(netloc=f"{login}{host}{port}").geturl()
    options = {"protocol_whitelist": _PROTOCOLS[parts.scheme]}
    streaming = parts.scheme in ("rtsp", "rtsps")
    if streaming:
        options |= {
            "rtsp_transport": camera.transport,
            "allowed_media_types": "video",
            "timeout": str(int(OPEN_SECONDS * 1_000_000)),
            "buffer_size": str(_RECEIVE_BYTES),
            "fpsprobesize": "0",
            "analyzeduration": str(_ANALYSE_MICROSECONDS),
        }
    else:
        options |= {"format_whitelist": _HTTP_FORMATS, "probesize": str(_HTTP_BYTES)}
    return Address(
        place=f"{host}{port}",
        name=name,
        options=options,
        has_clock=streaming,
        udp=streaming and camera.transport == "udp",
        credentials=camera.credentials,
    )


def _login(path: Path | None) -> str:
    """`user:password@`, its odd characters escaped, or nothing."""
    if path is None:
        return ""
    try:
        return f"{escaped_login(load_password(path), path)}@"
    except ConfigError as error:
        raise Trouble(Why.REFUSED_LOGIN, str(error)) from None


def escaped_login(line: str, path: Path) -> str:
    """`user:password` as the first line of the file at `path` has it, odd characters escaped. Raises ConfigError."""
    user, colon, password = line.partition(":")
    if not colon or not user:
        raise ConfigError(f"{path}: must be one line `user:password`")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    if len(login) > _LONGEST_LOGIN:
        raise ConfigError(f"{path}: the login is too long, give the camera a shorter password")
    return login


def _is_character_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False
