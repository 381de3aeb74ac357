"""`homerule check`: each thing that is needed, one line: ok, or what is wrong and the mend."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge import config
from edge.clock import SystemClock

if TYPE_CHECKING:
    from edge.check import Finding

_MARKS = {"ok": "ok", "note": "note", "wrong": "WRONG"}


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command("check")(check)


def check(
    file: Annotated[
        Path | None,
        typer.Option("--config", help="The device's device.toml; without it, only what demo and replay need."),
    ] = None,
) -> None:
    """Says of each thing that is needed whether it is well, and if not, how to mend it. Changes nothing."""
    # This loads the models' runtime and the picture library, which takes a second; other commands do not need them.
    from edge.check import State, device, program

    # Whether the kernel's clock may be believed is one of the findings; nothing is shared by a check.
    clock = SystemClock(trusted=False)
    written = config.load(file) if file is not None else None
    if written is None:
        findings = program(clock=clock)
    else:
        chosen = written.models
        findings = program(
            clock=clock,
            models=chosen.folder,
            detector=chosen.detector,
            reader=chosen.reader,
            provider=chosen.provider,
        )
        findings += device(written, clock=clock)
    for finding in findings:
        print(line(finding))
    number = sum(finding.state is State.WRONG for finding in findings)
    if number:
        print(f"{number} of {len(findings)} things are wrong")
        raise typer.Exit(1)
    print("all is well")


def line(finding: "Finding") -> str:
    """One finding as it is shown."""
    return f"{_MARKS[finding.state.value]:<6}{finding.thing}: {finding.said}"
