"""A city's first policy folder: keys, policy, registry and the first signed bundle, all there or nothing there."""

import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import tomlkit

from edge.desk.disk import get, put, settle, why
from edge.desk.edit import set_value
from edge.desk.examples import examples
from edge.desk.laws import pack_for
from edge.desk.sign import CITY_KEY, sign
from edge.errors import PolicyError
from edge.keys import new_signing_key
from edge.policy import policy, subscribers
from edge.policy.bundle import Bundle

DEVICE_KEY = "device.key"
DAYS = 60
"""How long the first policy runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What only the city knows. `sealing_key` is the owner's own public key (base64), when it has one already."""

    state: str
    place: str
    county_fips: str | None
    owner_id: str
    owner_name: str
    owner_agency_id: str
    device_id: str
    sealing_key: str | None = None


def init(folder: Path, answers: Answers, *, now: datetime) -> Bundle:
    """Makes `folder` with a city key, a device key, policy, registry and the first signed bundle. Raises PolicyError.

    It starts closed: nobody but the owner is served. A folder that is there already is not touched.
    """
    _spelled(answers)
    if folder.name in ("", ".."):
        raise PolicyError(f"`{folder}`: is no name for a new folder, write one")
    making = folder.with_name(f".{folder.name}.making")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise PolicyError(f"`{folder}`: is there already and is not written over, choose another name")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o755)
    except OSError as error:
        raise PolicyError(f"`{folder}`: cannot be made, {why(error)}; choose another place") from error
    try:
        made = _fill(making, answers, now)
        os.rename(making, folder)  # only ever onto nothing or an empty folder
        settle(folder.parent)
    except OSError as error:
        raise PolicyError(f"`{folder}`: cannot be made, {why(error)}; choose another place") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return made


def _spelled(answers: Answers) -> None:
    """A line break would end the comment that an answer stands in, and half a letter cannot be written at all."""
    said = {
        "--place": answers.place,
        "--county-fips": answers.county_fips,
        "--owner-id": answers.owner_id,
        "--owner-name": answers.owner_name,
        "--owner-agency-id": answers.owner_agency_id,
        "--owner-key": answers.sealing_key,
    }
    for option, text in said.items():
        if text is not None and not text.isprintable():
            raise PolicyError(f"`{option}` must be one line of letters that can be printed")


def _fill(folder: Path, answers: Answers, now: datetime) -> Bundle:
    put(folder / policy.FILE, _policy(answers, now).encode())
    put(folder / subscribers.FILE, _registry(answers).encode())
    city = new_signing_key(folder / CITY_KEY)
    new_signing_key(folder / DEVICE_KEY)
    return sign(folder, key=city, now=now, devices=(answers.device_id,))


def _policy(answers: Answers, now: datetime) -> str:
    """The example policy, closed, for this city; its comments stay."""
    written = tomlkit.parse(get(examples() / policy.FILE, name=policy.FILE).decode())
    lines = written.as_string().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    written = tomlkit.parse(f"# The policy of {answers.place}.\n" + "".join(lines[1:first] + lines[first:]))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    written["valid_until"] = midnight + timedelta(days=DAYS)
    _set(written["jurisdiction"], {"state": answers.state, "place": answers.place, "county_fips": answers.county_fips})
    _set(written["owner"], {"subscriber": answers.owner_id})
    closed = {"national_lookup": False, "statewide_lookup": False, "out_of_state": "never", "direct": []}
    _set(written["sharing"], closed)
    _set(written["law"], {"packs": [pack_for(answers.state)], "reviewed_by": None})
    written.pop("hotlist")
    note = '# reviewed_by = "city attorney, 2026-11-02"   # without this line only the owner is served\n'
    return tomlkit.dumps(written).rstrip().replace("\n[purposes]", f"{note}\n[purposes]") + "\n"


def _registry(answers: Answers) -> str:
    """The owner alone; how to add others stands in a comment."""
    owner = tomlkit.table()
    owner.update(
        {
            "id": answers.owner_id,
            "name": answers.owner_name,
            "agency_id": answers.owner_agency_id,
            "agency_id_scheme": "local",
            "kind": "local",
            "state": answers.state,
            "channels": [],
            "purposes": ["stolen_vehicle", "missing_endangered", "wanted_warrant"],
            "feed": "all",
            "certificate_name": answers.owner_id,
        }
    )
    if answers.sealing_key is not None:
        owner["sealing_key"] = answers.sealing_key
    tables = tomlkit.aot()
    tables.append(owner)
    document = tomlkit.document()
    document.add("subscriber", tables)
    head = (
        "# The registry: one table for each agency. What an agency is, stands here and nowhere else.\n"
        "# Each agency makes its own key with `homerule keygen` and sends the line in its `.pub` file; here it is\n"
        "# `sealing_key`. Without one an agency receives nothing. See deploy/examples/subscribers.toml for more.\n\n"
    )
    return head + tomlkit.dumps(document)


def _set(table: object, values: dict[str, object]) -> None:
    if isinstance(table, dict):
        for key, value in values.items():
            set_value(table, key, value)
