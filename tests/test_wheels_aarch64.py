"""Every locked package has a wheel for each kind of computer meant. Resolved only: nothing here runs on ARM."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOCK = Path(__file__).parent.parent / "deploy" / "requirements-test.txt"
"""It holds the other locks whole."""
GLIBCS = ("2_31", "2_28", "2_27", "2_17")
"""Wheels for these or older run on Debian 12, whose glibc is 2.36."""


@pytest.mark.full
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
def test_every_locked_package_has_a_wheel(tmp_path: Path, machine: str, python: str) -> None:
    platforms = [word for glibc in GLIBCS for word in ("--platform", f"manylinux_{glibc}_{machine}")]
    words = ["-qq", "--dry-run", "--report", tmp_path / "report.json", "--target", tmp_path / "nowhere"]
    words += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"]
    words += ["--python-version", python, *platforms, "--requirement", LOCK]
    run = subprocess.run(
        [sys.executable, "-m", "pip", "install", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = {one["metadata"]["name"].lower() for one in json.loads((tmp_path / "report.json").read_text())["install"]}
    locked = [line.split("==")[0] for line in LOCK.read_text().splitlines() if "==" in line]
    assert len(found) == len(locked)
    assert "onnxruntime" in found
