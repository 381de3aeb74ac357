"""Where tables are printed."""

import sys

from rich.console import Console


def console() -> Console:
    """As wide as the terminal; in a file or a pipe wide enough that nothing is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)
