"""`homerule doctor`: what somebody far away needs to see what is wrong, and nothing that may not leave the device."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command("doctor")(doctor)


def doctor(
    file: Annotated[Path, typer.Option("--config", help="The device's device.toml.")] = Path(
        "/etc/homerule/device.toml"
    ),
    out: Annotated[Path, typer.Option(help="The archive, which must not be there yet.")] = Path(
        "homerule-support.tar.gz"
    ),
) -> None:
    """Gathers a support archive: status, versions, settings, log, checks; no plate, no name, no address, no secret.

    Look into it before you hand it on. Changes nothing.
    """
    from edge import config
    from edge.doctor.archive import write
    from edge.doctor.gather import parts
    from edge.doctor.learn import redactor

    written = config.load(file)
    names = write(out, parts(written), redactor(written))
    print(f"{out}: {', '.join(names)}")
    print(f"names, places, addresses and keys are taken out; look into it before you hand it on: tar xzf {out}")
