"""The examples that come with the program: a made-up village, its agencies and a hot list."""

from datetime import datetime, timedelta
from pathlib import Path

import tomlkit

import edge
from edge.desk.disk import get, put, why
from edge.desk.laws import law_text
from edge.errors import PolicyError
from edge.policy import policy, subscribers
from edge.policy.bundle import HOTLISTS, law_file


def examples() -> Path:
    """The folder of the examples, in a checkout or in an installed wheel. Raises PolicyError."""
    package = Path(edge.__file__).parent
    for folder in (package / "examples", package.parent / "deploy" / "examples"):
        if (folder / policy.FILE).is_file():
            return folder
    raise PolicyError("the examples did not come with this installation, install the package again")


def copy_examples(folder: Path, *, now: datetime) -> None:
    """Writes the example policy into `folder` (made if missing), its dates moved so that it is in force at `now`.

    Agreements began 30 days before and end a year after that; hot-list entries run for 30 days. Raises PolicyError.
    """
    source = examples()
    try:
        for inner in ("laws", HOTLISTS):
            (folder / inner).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolicyError(f"`{folder}`: cannot be made, {why(error)}") from error
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    written = tomlkit.parse(get(source / policy.FILE, name=policy.FILE).decode())
    written["valid_until"] = midnight + timedelta(days=60)
    registry = tomlkit.parse(get(source / subscribers.FILE, name=subscribers.FILE).decode())
    for one in registry["subscriber"]:
        for agreement in one.get("agreement", ()):
            agreement["signed_on"] = (midnight - timedelta(days=30)).date()
            agreement["expires_on"] = (midnight + timedelta(days=335)).date()
    put(folder / policy.FILE, tomlkit.dumps(written).encode())
    for name in written["law"]["packs"]:
        put(folder / law_file(name), law_text(name))
    put(folder / subscribers.FILE, tomlkit.dumps(registry).encode())
    for path in sorted((source / HOTLISTS).glob("*.toml")):
        listed = tomlkit.parse(get(path, name=path.name).decode())
        for entry in listed["entry"]:
            entry["expires_at"] = midnight + timedelta(days=30)
        put(folder / HOTLISTS / path.name, tomlkit.dumps(listed).encode(), mode=0o600)
