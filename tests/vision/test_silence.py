"""The models' runtime keeps no notes about the device and tells nobody anything."""

import os
import subprocess
import sys
from pathlib import Path

LOADED = """
from edge.vision import Models
Models.load()
"""


def test_the_models_runtime_leaves_no_device_id_and_no_store_of_reports_behind(tmp_path: Path) -> None:
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", LOADED], env={**alone, "HOME": str(tmp_path)}, check=True, timeout=120, cwd=tmp_path
    )
    assert list(tmp_path.iterdir()) == []
