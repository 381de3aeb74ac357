"""`homerule run`: the daemon in the foreground, as systemd wants it."""

import logging
import signal
from pathlib import Path
from typing import Annotated, cast, get_args

import typer


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command("run")(run)


def run(
    file: Annotated[Path, typer.Option("--config", help="The device's device.toml.")] = Path(
        "/etc/homerule/device.toml"
    ),
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Believe the clock although nobody vouches for it; for tests.")
    ] = False,
    log_format: Annotated[
        str | None, typer.Option("--log-format", metavar="FORMAT", help="plain, logfmt or json; see device.toml.")
    ] = None,
) -> None:
    """Watches the cameras and shares what the policy allows, until it is stopped (SIGTERM); SIGHUP reloads the policy.

    Says on stderr, one line each, what changes.
    """
    from edge import config
    from edge.cli.logs import speak
    from edge.clock import ClockTrust
    from edge.timekeeping import Timekeepers

    written = config.load(file)
    if log_format not in (None, *get_args(config.LogFormat)):
        raise typer.BadParameter("must be plain, logfmt or json", param_hint="--log-format")
    speak(cast("config.LogFormat | None", log_format) or written.device.log_format)
    # The models' runtime and the decoder take a second to load; a wrong device.toml is said before.
    from edge.daemon.memory import one_heap

    one_heap()
    from edge.daemon import Daemon

    trust = ClockTrust(vouches=Timekeepers(), injected=trust_clock)
    if trust_clock:
        logging.getLogger("edge").warning("the clock is believed because --trust-clock says so")
    daemon = Daemon(config=written, trust=trust)
    signal.signal(signal.SIGTERM, lambda *_: daemon.stop("terminated"))
    signal.signal(signal.SIGINT, lambda *_: daemon.stop("interrupted"))
    signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
    raise typer.Exit(daemon.run())
