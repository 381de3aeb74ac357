"""Where files are fetched from: a publisher's address, a mirror, or a folder such as a USB stick's.

What is handed back is whole: a connection that ends early is an error. Nothing is written here.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from edge.config import is_loopback
from edge.disk import read, why
from edge.errors import ModelError

LARGEST = 256 * 1024 * 1024
"""Bytes; the largest model of the hub has a tenth of that."""
_PATIENCE = 30.0
_PIECE = 1 << 16
_NOTHING: Callable[[int], None] = lambda _: None  # noqa: E731 - named for what it does


class SameOrSafer(urllib.request.HTTPRedirectHandler):
    """Follows a publisher to its file server, but never from https to http, nor anywhere else."""

    def redirect_request(  # type: ignore[no-untyped-def]
        self, req, fp, code, msg, headers, newurl
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https" and urlsplit(req.full_url).scheme == "https":
            raise ModelError(f"`{req.full_url}` leads to `{newurl}`, which is not https; nothing was fetched")
        _permitted(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Source:
    """One place that holds files."""

    def __init__(self, place: str) -> None:
        """`place` is https://.../, http://.../ on this computer, or the path of a folder. Raises ModelError."""
        self.place = place
        self._folder = None if "://" in place else Path(place)
        if self._folder is None:
            _permitted(place)
        elif not self._folder.is_dir():
            raise ModelError(f"`{place}`: is no folder and no address, write https://... or the path of a folder")

    def address(self, name: str) -> str:
        """What is written down of where a file came from."""
        if self._folder is not None:
            return str(self._folder.resolve() / name)
        return self.place.rstrip("/") + "/" + quote(name)

    def get(self, name: str, progress: Callable[[int], None] = _NOTHING) -> bytes:
        """The whole file of that name; `progress` is told the bytes so far. Raises ModelError."""
        if self._folder is not None:
            return _from_folder(self._folder / name)
        return _from_network(self.address(name), progress)


def _permitted(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return
    raise ModelError(f"`{address}`: models come over https, from this computer itself, or from a folder")


def _from_folder(path: Path) -> bytes:
    try:
        content, _ = read(path, most=LARGEST + 1)
    except OSError as error:
        raise ModelError(f"`{path}`: cannot be read ({why(error)})") from error
    if len(content) > LARGEST:
        raise ModelError(f"`{path}`: is larger than {LARGEST // 1024 // 1024} MiB, which no model is")
    return content


def _from_network(address: str, progress: Callable[[int], None]) -> bytes:
    opener = urllib.request.build_opener(SameOrSafer)
    asked = urllib.request.Request(address, headers={"User-Agent": "homerule"})  # noqa: S310 - see _permitted
    try:
        with opener.open(asked, timeout=_PATIENCE) as answer:
            return _whole(answer, address, progress)
    except urllib.error.HTTPError as error:
        raise ModelError(f"`{address}`: the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = getattr(error, "reason", None) or error
        raise ModelError(
            f"`{address}`: cannot be fetched ({said}); on a device without a network, bring the file on a USB stick "
            "and name its folder with `--from`"
        ) from error


def _whole(answer: http.client.HTTPResponse, address: str, progress: Callable[[int], None]) -> bytes:
    """All of the body; the server must say how long it is, or a cut one could not be told from a whole one."""
    said = answer.headers.get("Content-Length")
    if said is None or not said.isdigit():
        raise ModelError(f"`{address}`: the server does not say how long the file is; fetch it by other means")
    if int(said) > LARGEST:
        raise ModelError(f"`{address}`: has {said} bytes, no model is that large")
    content = bytearray()
    while piece := answer.read(_PIECE):
        content += piece
        progress(len(content))
    if len(content) != int(said):
        raise ModelError(f"`{address}`: ended after {len(content)} of {said} bytes; try again")
    return bytes(content)
