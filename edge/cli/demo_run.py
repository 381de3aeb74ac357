"""The demo on the screen; kept apart from its arguments because it loads the models."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge.demo.performance import perform
from edge.vision import Models


def run_demo(kind: str, folder: Path) -> bool:
    """Runs the demo in `folder` and prints its ending; whether all went well. Raises any HomeruleError."""
    console = Console()
    console.print(Text("Making a city, its keys and a signed policy, and starting the agencies ...", style="dim"))
    ending = perform(kind=kind, models=Models.load(), folder=folder.resolve(), console=console)
    console.print()
    for line in ending.summary:
        console.print(Text(line, style="bold red" if ending.astray else ""), soft_wrap=True)
    return not ending.astray
