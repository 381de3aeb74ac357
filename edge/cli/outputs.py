"""Where a command may write: what is not there yet, or an earlier output of the same kind, and nothing else.

It is asked before any work is done, so that nobody waits for a page that then has no place, and all or nothing is
written.
"""

import os
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import typer

from edge import disk
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file that an option names, and by which bytes, from which place on, an earlier one is known again."""

    option: str
    path: Path | None
    begins: bytes
    at: int = 0


def require_places(*outputs: Output) -> None:
    """ConfigError when one would take the place of something else or has no folder; wrong usage when two are one."""
    require_apart({each.option: each.path for each in outputs})
    for each in outputs:
        if each.path is not None:
            _require_place(each, each.path)


def require_apart(paths: dict[str, Path | None]) -> None:
    """Wrong usage when two options name one file or folder, or one lies in the other."""
    named = [(option, path) for option, path in paths.items() if path is not None]
    for (option, path), (other, second) in combinations(named, 2):
        if _same(path, second):
            raise typer.BadParameter(f"`{option}` and `{other}` name the same file, `{second}`; give each its own")
        if _inside(path, second) or _inside(second, path):
            raise typer.BadParameter(f"of `{option} {path}` and `{other} {second}` one lies in the other; part them")


def _require_place(output: Output, path: Path) -> None:
    mend = f"name another file with `{output.option}`"
    try:
        content, _ = disk.read(path, most=output.at + len(output.begins))
    except FileNotFoundError:
        content = None
    except OSError as error:
        raise ConfigError(f"`{path}`: cannot be written over ({disk.why(error)}), {mend}") from error
    if content is not None and content[output.at :] != output.begins:
        raise ConfigError(f"`{path}`: is there already and is no earlier output of this kind, {mend} or move it away")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise ConfigError(f"`{path}`: cannot be written (there is no folder `{folder}`), make it or {mend}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"`{path}`: cannot be written (no right to write in `{folder}`), {mend}")


def _same(path: Path, other: Path) -> bool:
    """Hard links have two names and are one file."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return os.path.realpath(path) == os.path.realpath(other)


def _inside(path: Path, other: Path) -> bool:
    return Path(os.path.realpath(other)) in Path(os.path.realpath(path)).parents
