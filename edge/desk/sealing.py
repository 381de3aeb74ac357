"""A subscriber's public sealing key, registered in place: one line of subscribers.toml changes, or nothing does.

It counts only once the city has signed it: a key is who can read, so a swapped key would be somebody else's eyes.
"""

from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from edge.desk.disk import get, put
from edge.desk.edit import set_value
from edge.desk.registry import find
from edge.errors import PolicyError
from edge.policy import subscribers
from edge.policy.bundle import text
from edge.policy.subscribers import RegistryTable
from edge.written import parse_toml


def set_sealing_key(folder: Path, subscriber_id: str, key: str) -> bool:
    """Registers the public key `key` (base64) of one agency; False if it was registered already. Raises PolicyError."""
    if find(folder, subscriber_id).sealing_key == key:
        return False
    path = folder / subscribers.FILE
    before = text(get(path, name=subscribers.FILE), subscribers.FILE)
    try:
        document = tomlkit.parse(before)
        table = next(one for one in document["subscriber"] if one["id"] == subscriber_id)
        set_value(table, "sealing_key", key)
        after = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, StopIteration) as error:
        raise _by_hand() from error
    subscribers.parse(after)  # two agencies with one key are refused here
    if _table(after) != _with_key(_table(before), subscriber_id, key):
        raise _by_hand()
    put(path, after.encode())
    return True


def _table(content: str) -> RegistryTable:
    return parse_toml(content, RegistryTable, file=subscribers.FILE, error=PolicyError)


def _with_key(written: RegistryTable, subscriber_id: str, key: str) -> RegistryTable:
    changed = tuple(
        one.model_copy(update={"sealing_key": key}) if one.id == subscriber_id else one for one in written.subscriber
    )
    return written.model_copy(update={"subscriber": changed})


def _by_hand() -> PolicyError:
    return PolicyError(f"{subscribers.FILE}: is written in a way that cannot be edited in place, write the key by hand")
