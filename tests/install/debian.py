"""A clean Debian root, the Debian package of this checkout, and wheels of versions that never were."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__

CHECKOUT = Path(__file__).parent.parent.parent
SUITE = os.environ.get("HOMERULE_SUITE", "bookworm")
ROOT = CHECKOUT / ".cache" / f"debian-{SUITE}"
"""Made once; what tests write goes to an overlay over it. Debian 12, or HOMERULE_SUITE=trixie for 13."""
ASKED = "ca-certificates,dbus,iproute2,systemd,systemd-sysv"
"""What every Debian computer has, and the smallest root has not."""


def clean_root() -> Path:
    """Debian as it is before anybody installed anything."""
    if not ROOT.exists():
        making = ROOT.with_name(f"{ROOT.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.parent.mkdir(exist_ok=True)
        done("debootstrap", "--variant=minbase", f"--include={ASKED}", SUITE, making)
        making.rename(ROOT)
    return ROOT.resolve()


def package() -> Path:
    """The package of the checkout as it is; made again only when something in it is newer."""
    parts = [CHECKOUT / name for name in ("edge", "models", "deploy", "systemd")]
    files = [path for part in parts for path in part.rglob("*") if path.suffix != ".pyc" and path.is_file()]
    newest = max(path.stat().st_mtime for path in (*files, CHECKOUT / "pyproject.toml", CHECKOUT / "README.md"))
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    made = CHECKOUT / "dist" / f"homerule_{__version__}_{architecture}.deb"
    if not made.exists() or made.stat().st_mtime < newest:
        done(CHECKOUT / "deploy" / "package")
    return made


def wheel(folder: Path, version: str, *edits: tuple[str, str, str]) -> Path:
    """The program as if it had that version, with `edits` of its files: name, what stands there, what should."""
    folder.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, folder)
    for name in ("edge", "models", "deploy", "systemd"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "training"))
    for name, old, new in (("edge/__init__.py", f'"{__version__}"', f'"{version}"'), *edits):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    build = ["-m", "pip", "-qq", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder]
    done(sys.executable, *build)
    (made,) = folder.glob(f"homerule-{version}-*.whl")
    return made


def done(*words: str | Path) -> None:
    """Runs it to its end, which must be good."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run([str(word) for word in words], env=clean, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


needs = [
    pytest.mark.full,
    pytest.mark.needs("debootstrap", "systemd-nspawn", "unshare"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount an overlay and start a container, run as root"),
]
