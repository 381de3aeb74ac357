"""The support archive is written whole or not at all."""

import resource
import subprocess
import sys
from pathlib import Path

WRITING = """
import pathlib, secrets, sys
from edge.doctor.archive import write
from edge.doctor.redact import Redactor
from edge.errors import ConfigError
try:
    write(pathlib.Path(sys.argv[1]), [("log.txt", " ".join(secrets.token_hex(4) for _ in range(50_000)))], Redactor([]))
except ConfigError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_in_the_way_of_the_next_try(tmp_path: Path) -> None:
    # a limit on the size of files stands in for the full disk
    done = subprocess.run(
        [sys.executable, "-c", WRITING, str(tmp_path / "a.tar.gz")],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.stdout == f"{tmp_path / 'a.tar.gz'}: cannot be written, file too large\n"
    assert list(tmp_path.iterdir()) == []
