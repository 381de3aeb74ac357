"""Where tables are printed."""

import os
import sys

from rich.console import Console


def console() -> Console:
    """As wide as the terminal, or as COLUMNS says; in a file or a pipe wide enough that nothing is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140)
