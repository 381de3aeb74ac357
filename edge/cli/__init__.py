"""Arguments in, one function per command, one file per group of commands.

Every error raised on purpose ends as one line on stderr and exit code 1; wrong usage is exit code 2.
"""

import sys
from typing import Annotated, NoReturn

import typer

from edge import __version__
from edge.cli import audit, broker, check, demo, policy, receive, replay, run, sign, status, subscriber
from edge.errors import HomeruleError

app = typer.Typer(
    name="homerule",
    help="Reads number plates on the camera and shares each read only as the local policy allows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
audit.register(app)
check.register(app)
demo.register(app)
policy.register(app)
receive.register(app)
replay.register(app)
run.register(app)
sign.register(app)
status.register(app)
subscriber.register(app)
broker.register(app)  # last: `enroll` joins the group `subscriber`


def _version(wanted: bool) -> None:
    if wanted:
        print(f"homerule {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Shows the version and exits.")
    ] = False,
) -> None:
    """Reads number plates on the camera and shares each read only as the local policy allows."""


def main() -> NoReturn:
    """Runs one command and exits with 0 (done), 1 (refused or failed) or 2 (wrong usage)."""
    try:
        app()
    except HomeruleError as error:
        print(f"homerule: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("homerule: stopped", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
