"""What demo, replay and daemon all need: Python, packages, one OpenCV, models that are unchanged and really read."""

import importlib.util
import sys
import tempfile
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from edge import desk
from edge.check.finding import Finding, look, note, wrong
from edge.clock import Clock
from edge.selftest import SelfTest
from edge.vision import Models

PACKAGES = {
    "av": "18.1",
    "cryptography": "50",
    "fast-alpr": "0.4",
    "numpy": "2",
    "onnxruntime": "1.30",
    "opencv-python-headless": "5",
    "paho-mqtt": "2.1",
    "pydantic": "2.13",
    "rich": "14",
    "tomlkit": "0.15",
    "typer": "0.29",
}
"""What pyproject.toml asks for, with the least version."""

_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


def program(
    *,
    clock: Clock,
    models: Path | None = None,
    detector: str | None = None,
    reader: str | None = None,
    provider: str = "cpu",
) -> list[Finding]:
    """Checks what every command needs, in the order in which one would mend it."""
    return [
        look("python", _python),
        look("packages", _packages),
        look("opencv", _opencv),
        look("models", lambda: _models(models, detector, reader, provider)),
        look("known plate", lambda: _known_plate(models, detector, reader, provider)),
        look("examples", lambda: _examples(clock)),
        look("demo broker", _demo_broker),
    ]


def _python() -> Finding | str:
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return found
    return wrong("python", f"{found} is not supported, install Python 3.11, 3.12 or 3.13")


def _packages() -> Finding | str:
    missing = []
    for name, least in PACKAGES.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(f"{name} is missing")
            continue
        if _numbers(found) < _numbers(least):
            missing.append(f"{name} is {found}, {least} or later is needed")
    if missing:
        return wrong("packages", f"{'; '.join(missing)}; install homerule again with its locked requirements")
    return f"{len(PACKAGES)} packages, all new enough"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _opencv() -> Finding | str:
    """Two wheels that both own cv2/ break each other, in ways that show only later."""
    import cv2  # here, so that a broken build is one finding and not a traceback

    others = [name for name in _OPENCVS if _installed(name)]
    if others:
        return wrong(
            "opencv",
            f"{' and '.join(others)} overwrite opencv-python-headless, run `pip uninstall {' '.join(others)}` "
            "and then `pip install --force-reinstall opencv-python-headless`",
        )
    return f"{cv2.__version__}, one build"


def _installed(name: str) -> bool:
    return importlib.util.find_spec("cv2") is not None and any(True for _ in metadata.distributions(name=name))


def _models(folder: Path | None, detector: str | None, reader: str | None, provider: str) -> str:
    loaded = Models.load(folder, detector, reader, provider=provider)
    names = ", ".join(f"{entry.kind} {entry.name} {entry.sha256[:12]}" for entry in loaded.entries)
    return f"{names}, unchanged; run by the {loaded.provider}"


def _known_plate(folder: Path | None, detector: str | None, reader: str | None, provider: str) -> str:
    passed = SelfTest().run(Models.load(folder, detector, reader, provider=provider))
    return f"found at {passed.found:.2f} and read at {passed.read:.2f}"


def _examples(clock: Clock) -> str:
    with tempfile.TemporaryDirectory(prefix="homerule-check-") as name:
        desk.copy_examples(Path(name), now=clock.now().at - timedelta(hours=1))
        bundle = desk.open_bundle(Path(name), pin=None)
    return f"{len(bundle.subscribers)} agencies, law packs {', '.join(pack.id for pack in bundle.packs)}"


def _demo_broker() -> Finding | str:
    try:
        return f"amqtt {metadata.version('amqtt')}"
    except metadata.PackageNotFoundError:
        said = "amqtt is not installed, so `homerule demo` needs `--broker mosquitto`; "
        return note("demo broker", said + "or run `pip install 'homerule[demo]'`")
