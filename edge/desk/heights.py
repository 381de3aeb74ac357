"""Which version of each hot list of a source was here last, in one file, so that no older one comes back."""

import json
from collections.abc import Callable
from pathlib import Path

from edge import disk
from edge.desk.disk import why
from edge.errors import PolicyError
from edge.policy.issued import Issued

Known = dict[str, tuple[str, int, str]]
"""By list: its source's key, the version, and the sha256 of its bytes."""


def risen(path: Path, list_id: str, key: str, said: Issued, name: str) -> Callable[[], None]:
    """What writes down that this version was here; PolicyError when a newer one was, or another of that number."""
    known = _read(path)
    last_key, version, content = known.get(list_id, ("", 0, ""))
    if key == last_key and (said.version < version or (said.version == version and said.sha256 != content)):
        raise PolicyError(
            f"{name}: version {said.version} is not newer than version {version}, which this device had; "
            f"have its source sign a newer one"
        )
    now = {**known, list_id: (key, said.version, said.sha256)}
    return lambda: None if now == known else _write(path, now)


def _read(path: Path) -> Known:
    try:
        content, _ = disk.read(path, most=1 << 20)
        read = json.loads(content)
        return {str(name): (str(key), int(version), str(summed)) for name, (key, version, summed) in read.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read, {why(error)}; no list of a source counts") from error
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise PolicyError(
            f"{path}: is damaged, so no list of a source counts; put it back, or remove it to begin anew"
        ) from None


def _write(path: Path, now: Known) -> None:
    try:
        disk.put(path, (json.dumps(now, sort_keys=True) + "\n").encode("ascii"), mode=0o600)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written, {why(error)}; no list of a source counts") from error
