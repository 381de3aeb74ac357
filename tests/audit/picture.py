"""The picture of an audit report: the village's sixteen weeks, by chromium and pngquant.

python -m tests.audit.picture deploy/images/audit.png
"""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.page import render
from edge.audit.source import open_source
from tests.audit.village import Village
from tests.ledger.builders import KEY


def main(out: Path) -> None:
    """Writes the picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Village(folder / "ledger.sqlite", a_day=40).run()
        with open_source(folder / "ledger.sqlite") as source:
            made = make(source, Asked(), made_at=datetime(2026, 11, 23, 12, tzinfo=UTC), key=KEY.public_key())
        (folder / "page.html").write_text(render(made))
        chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = ["--window-size=1240,1330", "--force-device-scale-factor=1.25"]
        shot = folder / "page.png"
        subprocess.run([*chromium, *size, f"--screenshot={shot}", f"file://{folder}/page.html"], check=True)
        subprocess.run(["pngquant", "--force", "--quality=70-95", "--output", str(out), str(shot)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
