"""`homerule schema`: what travels, as JSON Schemas and as an AsyncAPI document, for who writes a receiver."""

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command()(schema)


def schema(
    name: Annotated[str | None, typer.Argument(help="Which one; without it, their names are listed.")] = None,
) -> None:
    """Prints the JSON Schema of a message, or all topics as AsyncAPI: they are made from what the program checks."""
    from edge.delivery.schema import NAMES
    from edge.delivery.schema import schema as made

    if name is None:
        for one, about in NAMES.items():
            print(f"{one:<16} {about}")
        return
    if name not in NAMES:
        raise typer.BadParameter(f"`{name}` is none of {', '.join(NAMES)}")
    print(json.dumps(made(name), indent=2))
