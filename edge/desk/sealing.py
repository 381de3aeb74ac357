"""A subscriber's public sealing key, registered in place: one line of subscribers.toml changes, or nothing does.

It counts only once the city has signed it: a key is who can read, so a swapped key would be somebody else's eyes.
"""

from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from edge.desk.disk import get, put
from edge.desk.edit import set_value
from edge.errors import PolicyError
from edge.policy import subscribers
from edge.policy.bundle import text
from edge.policy.subscribers import Subscriber
from edge.written import nearest


def registered(folder: Path, subscriber_id: str) -> Subscriber:
    """What the folder's subscribers.toml says of one agency, signed or not. Raises PolicyError."""
    written = subscribers.parse(text(get(folder / subscribers.FILE, name=subscribers.FILE), subscribers.FILE))
    if subscriber_id not in written:
        mend = nearest(subscriber_id, list(written)) or ", write it into the registry first"
        raise PolicyError(f"{subscribers.FILE}: there is no subscriber `{subscriber_id}`{mend}")
    return written[subscriber_id]


def set_sealing_key(folder: Path, subscriber_id: str, key: str) -> bool:
    """Registers the public key `key` (base64) of one agency; False if it was registered already. Raises PolicyError."""
    if registered(folder, subscriber_id).sealing_key == key:
        return False
    path = folder / subscribers.FILE
    before = text(get(path, name=subscribers.FILE), subscribers.FILE)
    try:
        document = tomlkit.parse(before)
        table = next(one for one in document["subscriber"] if one["id"] == subscriber_id)
        set_value(table, "sealing_key", key)
        after = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, StopIteration) as error:
        raise PolicyError(f"{subscribers.FILE}: cannot be edited in place, write the key by hand") from error
    was, now = subscribers.parse(before), subscribers.parse(after)
    if {name: one.sealing_key for name, one in now.items()} != {
        name: key if name == subscriber_id else one.sealing_key for name, one in was.items()
    }:
        raise PolicyError(f"{subscribers.FILE}: cannot be edited in place, write the key by hand")
    put(path, after.encode())
    return True
