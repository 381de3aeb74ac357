"""The demo's city: the example policy with three agencies, fresh keys, signed and pinned like a real one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import tomlkit
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import desk, disk, keys
from edge.desk.edit import set_value
from edge.errors import PolicyError
from edge.policy import policy, subscribers

DEVICE_ID = "demo-camera"
OWNER, NEIGHBOUR, FAR_AWAY = "prospect-grove-pd", "cook-auto-theft", "brazos-bend-so"
AGENCIES = (OWNER, NEIGHBOUR, FAR_AWAY)
"""The owner; an agency of the same state, hits only; one of another state, fed through National Lookup."""
OPT_OUT = "national-lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Where everything lies. `pin` is the city's public key as a device would have it pinned."""

    folder: Path
    policy: Path
    pin: Path
    key: Ed25519PrivateKey
    device_key: Ed25519PrivateKey
    device_public: Path

    def sealing_key(self, agency: str) -> Path:
        """The private key with which this agency opens what is sealed to it."""
        return _sealing_key(self.folder, agency)

    def sign(self, *, ledger_id: str, now: datetime) -> desk.City:
        """The city signs its policy for the demo's camera and audit log; gives its files as the camera sees them."""
        desk.sign(self.policy, key=self.key, now=now, devices=(DEVICE_ID,), adopt=(ledger_id,))
        return desk.City(folder=self.policy, pin=self.pin, floor=None, device_id=DEVICE_ID, pin_owner=None)


def found_city(folder: Path, *, now: datetime) -> City:
    """Makes the city in `folder`: the examples with three agencies, National Lookup on. Raises PolicyError."""
    laws = folder / "policy"
    desk.copy_examples(laws, now=now)
    (folder / "keys").mkdir(mode=0o700)
    public = {agency: keys.public_text(keys.new_sealing_key(_sealing_key(folder, agency))) for agency in AGENCIES}
    _edit_registry(laws / subscribers.FILE, public)
    _edit_policy(laws / policy.FILE)
    desk.opt_in(laws, OPT_OUT)
    city_key = folder / "keys" / "city.key"
    device_public = folder / "keys" / "device.key.pub"
    disk.put(device_public, f"{keys.public_text(keys.TEST_DEVICE_KEY)}\n".encode(), mode=0o644)
    return City(
        folder=folder,
        policy=laws,
        pin=city_key.with_name("city.key.pub"),
        key=keys.new_signing_key(city_key),
        device_key=keys.TEST_DEVICE_KEY,
        device_public=device_public,
    )


def _sealing_key(folder: Path, agency: str) -> Path:
    return folder / "keys" / f"{agency}.key"


def _edit_registry(path: Path, public: dict[str, str]) -> None:
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    tables = document["subscriber"]
    if not isinstance(tables, list) or not set(public) <= {one["id"] for one in tables}:
        raise PolicyError("the examples lack an agency that the demo shows, install the package again")
    for place in reversed(range(len(tables))):
        one = tables[place]
        if one["id"] not in public:
            del tables[place]
            continue
        set_value(one, "sealing_key", public[one["id"]])
        if one["id"] == FAR_AWAY:
            set_value(one, "feed", "all")
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _edit_policy(path: Path) -> None:
    """The far agency gets the whole feed, so that the opt-out has something to stop."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    sharing = document["sharing"]
    if isinstance(sharing, dict):
        set_value(sharing, "direct", _listed(()))
        set_value(sharing, "full_feed", _listed((FAR_AWAY,)))
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


def _listed(names: Sequence[str]) -> tomlkit.items.Array:
    array = tomlkit.array()
    array.extend(names)
    return array
