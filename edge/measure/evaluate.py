"""Two models on a labelled folder, one processor thread: figures, and pictures of them where somebody asks."""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2

from edge import disk
from edge.disk import why
from edge.errors import ConfigError, ModelError
from edge.measure.figures import Figures, count
from edge.measure.labelled import photographs
from edge.measure.looks import Both, looks
from edge.measure.sheet import Wrong, wrong
from edge.values import Pixels
from edge.vision import Detector, Reader
from edge.vision.models import find_model

_ENDING = ".onnx"
MARK = b"tEXtSoftware\0homerule"
MARK_AT = 37
"""By these words, behind a PNG's signature and header, an earlier drawing is told from a photograph."""
_CONFIGS = ("{}.yaml", "{}_plate_config.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which model it is."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A detector and a reader to be measured."""

    detector: Detector
    reader: Reader
    finds: Which
    reads: Which


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures, and the errors if they were asked for."""

    figures: Figures
    errors: tuple[Wrong, ...]


def evaluate(folder: Path, models: Both, *, unlabelled: Path | None = None, errors: bool = False) -> Evaluation:
    """Measures `models`, loaded with one thread, on a folder (see edge.measure.labelled). Raises ConfigError."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        found, mistakes = [], list[Wrong]()
        for shown, look in looks(models, photographs(folder, unlabelled)):
            found.append(look)
            if errors:
                mistakes += wrong(shown, look)
    finally:
        cv2.setNumThreads(before)
    if not found:
        raise ConfigError(f"`{folder}`: truth.csv names no photograph")
    return Evaluation(figures=count(found), errors=tuple(mistakes))


def load(folder: Path | None, detector: str | None, reader: str | None, margin: float | None = None) -> Pair:
    """Two models by name or by file (`.onnx`; a reader's plate config beside it), with one thread. Raises ModelError.

    `margin` is left free around a plate for the reader; by default what its manifest says, nothing for a file.
    """
    finds, found_by = _detector(detector, folder)
    reads, read_by = _reader(reader, folder, margin)
    return Pair(detector=finds, reader=reads, finds=found_by, reads=read_by)


def _detector(said: str | None, folder: Path | None) -> tuple[Detector, Which]:
    if said is None or not said.endswith(_ENDING):
        stored = find_model("detector", said, folder)
        return stored.detector(), Which(name=stored.entry.name, sha256=stored.entry.sha256)
    written = _bytes(Path(said))
    name = Path(said).stem
    return Detector(name=name, written=written), Which(name=name, sha256=hashlib.sha256(written).hexdigest())


def _reader(said: str | None, folder: Path | None, margin: float | None) -> tuple[Reader, Which]:
    if said is None or not said.endswith(_ENDING):
        stored = find_model("reader", said, folder)
        loaded = stored.reader()
        loaded.margin = loaded.margin if margin is None else margin
        return loaded, Which(name=stored.entry.name, sha256=stored.entry.sha256)
    path = Path(said)
    which = Which(name=path.stem, sha256=hashlib.sha256(_bytes(path)).hexdigest())
    return Reader(name=path.stem, file=path, config=_config_of(path), margin=margin or 0.0), which


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"`{path}`: cannot be read ({why(error)}); name a model or its .onnx file") from error


def _config_of(path: Path) -> Path:
    """The plate config of a reader's file."""
    places = [path.with_name(form.format(path.stem)) for form in _CONFIGS]
    for place in places:
        if place.is_file():
            return place
    names = " nor ".join(f"`{place.name}`" for place in places)
    raise ModelError(f"`{path}`: has neither {names} beside it, which says how it reads")


def draw(path: Path, pixels: Pixels) -> None:
    """Writes a drawing as PNG, mode 0600: what it shows may be plates. Raises ConfigError."""
    done, written = cv2.imencode(".png", pixels)
    try:
        if not done:
            raise OSError("it cannot be made a PNG")
        disk.put(path, _marked(written.tobytes()), mode=0o600)
    except OSError as error:
        raise ConfigError(f"`{path}`: cannot be written ({why(error)})") from error


def _marked(png: bytes) -> bytes:
    start = MARK_AT - 4
    chunk = (len(MARK) - 4).to_bytes(4) + MARK + zlib.crc32(MARK).to_bytes(4)
    return png[:start] + chunk + png[start:]
