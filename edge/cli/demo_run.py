"""The demo on the screen; kept apart from its arguments because it loads the models."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge.cli.stopping import stopped_alike
from edge.demo.performance import make_road, perform
from edge.road.clip import write_video
from edge.vision import Models


def run_demo(kind: str, folder: Path, *, with_video: bool) -> bool:
    """Runs the demo in `folder` and prints its ending; gives whether all went well. Raises any HomeruleError."""
    console = Console()
    with stopped_alike():  # so that the broker and the agencies end too
        console.print(Text("Making a city, its keys and a signed policy, and starting the agencies ...", style="dim"))
        ending = perform(kind=kind, models=Models.load(), folder=folder.resolve(), console=console)
        console.print()
        for line in ending.summary:
            console.print(Text(line, style="bold red" if ending.astray else ""), soft_wrap=True)
        if with_video:
            console.print(Text("Writing the road as a video ...", style="dim"))
            write_video(make_road(), folder / "road.mp4")
    return not ending.astray
