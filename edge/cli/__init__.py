"""Arguments in, one function per command, one file per group of commands.

Every error raised on purpose, and every one of the system, ends as one line on stderr and exit code 1; wrong usage is
exit code 2.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, NoReturn, get_type_hints

import typer
from typer.models import ParameterInfo

from edge import __version__
from edge.cli import streams
from edge.errors import HomeruleError

COMMANDS: dict[str, tuple[str, ...]] = {
    "audit": ("audit",),
    "subscriber": ("subscriber", "broker"),  # `enroll` joins the group
    "bench": ("bench",),
    "broker": ("broker",),
    "check": ("check",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "hotlist": ("hotlist",),
    "init": ("policy",),
    "keygen": ("receive",),
    "law": ("law",),
    "models": ("models",),
    "pin": ("sign",),
    "policy": ("policy",),
    "receive": ("receive",),
    "replay": ("replay",),
    "run": ("run",),
    "schema": ("schema",),
    "sign": ("sign",),
    "status": ("status",),
    "unit": ("unit",),
    "ledger": ("ledger",),
}
"""Which files of this folder a command needs, in order. Only these are loaded: loading all takes most of a second."""

ALONE = {("policy", "opt-out"), ("policy", "opt-in")}
"""What a clerk waits for is loaded without the rest of its group."""


def program(words: Sequence[str] = ()) -> typer.Typer:
    """The command line that these words need; all of it when they name no command."""
    app = typer.Typer(
        name="homerule",
        help="Reads number plates on the camera and shares each read only as the local policy allows.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_program)
    if tuple(words[:2]) in ALONE:
        import_module("edge.cli.switch").alone(app)
    else:
        everything = dict.fromkeys(name for names in COMMANDS.values() for name in names)
        for name in COMMANDS.get(words[0], everything) if words else everything:
            import_module(f"edge.cli.{name}").register(app)
    _say_ourselves_what_cannot_be_read(app)
    return app


def _say_ourselves_what_cannot_be_read(app: typer.Typer) -> None:
    """Takes that look from typer, to which a file of another user is wrong usage and which names no mend."""
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _say_ourselves_what_cannot_be_read(group.typer_instance)
    for command in app.registered_commands:
        for hint in get_type_hints(command.callback, include_extras=True).values():
            for said in getattr(hint, "__metadata__", ()):
                if isinstance(said, ParameterInfo):
                    said.readable = False


def _version(wanted: bool) -> None:
    if wanted:
        print(f"homerule {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Shows the version and exits.")
    ] = False,
) -> None:
    """Reads number plates on the camera and shares each read only as the local policy allows."""


def main() -> NoReturn:
    """Runs one command and exits with 0 (done), 1 (refused or failed) or 2 (wrong usage)."""
    streams.prepare()
    sys.exit(streams.finish(_run()))


def _run() -> int:
    """The exit code of one command. A mistake of ours is not caught: it must be seen whole."""
    try:
        program(sys.argv[1:])()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except HomeruleError as error:
        streams.say(str(error))
        return 1
    except KeyboardInterrupt:
        streams.say("stopped")
        return 130
    except OSError as error:
        if error.filename is None and streams.stuck():
            return 0  # what was printed did not arrive, which is said at the end
        streams.say(streams.told(error))
        return 1
    return 0
