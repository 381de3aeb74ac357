"""The policy that a replay goes by: the one given, signed or not, or the examples that Homerule carries."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge import desk
from edge.disk import shown
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.values import BundleFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A bundle with its files and hot lists, and where it came from in a person's words."""

    bundle: Bundle
    files: BundleFiles
    hotlists: HotLists
    said: str


def load_rules(folder: Path | None, *, start: datetime) -> Rules:
    """Loads `folder`, or when it is None the examples with their dates moved to `start`. Raises PolicyError."""
    if folder is not None:
        return _load(folder, f"the policy in `{shown(folder)}`")
    with tempfile.TemporaryDirectory(prefix="homerule-examples-") as name:
        desk.copy_examples(Path(name), now=start)
        return _load(Path(name), "the example policy of a made-up village")


def _load(folder: Path, source: str) -> Rules:
    files, bundle = desk.load(folder, pin=None)
    # Test mode takes any bundle; whose signature it is, only a device with a pinned key can tell.
    state = "not signed" if files.signature is None else "signed, by a key that replay does not check"
    return Rules(bundle=bundle, files=files, hotlists=desk.hotlists(folder, bundle), said=f"{source} ({state})")
