"""Files as accidents and ill will leave them: each is refused with file and mend, or shares no more than before.

Everyday a seeded sample; `deploy/test --full` tries 10,000.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import desk
from edge.desk import Refused
from edge.errors import HomeruleError
from edge.keys import load_public, load_signing_key, new_signing_key
from edge.policy.bundle import Bundle
from edge.values import Instant
from tests.desk.house import NOW, House
from tests.policy.losses import losses

FILES = [
    "policy/policy.toml",
    "policy/subscribers.toml",
    "policy/laws/us-il.toml",
    "policy/manifest.json",
    "policy/manifest.sig",
    "etc/city.pub",
    "etc/city.pub.rotation",
    "floor.json",
]
MOST, EVERYDAY = 10_000, 320
WORDS = [
    *(b"true", b"false", b"never", b"agreement", b"judicial-warrant", b"all", b"hits", b"none", b"federal", b"local"),
    *(b"0", b"-1", b"99999999999999999999", b"1e400", b"nan", b"2026-11-24", b"9999-12-31T23:59:59Z", b"''", b'""'),
    *(b"[[subscriber]]", b"[sharing]", b"[", b"]", b"{", b"}", b"=", b"#", b"\n", b"\r", b"\x00", b"\xff\xfe", b","),
    *(b"suspended = true\n", b"national_lookup = true\n", b"members = ['cook-auto-theft']\n", b"\xe2\x80\xae", b"null"),
]
Mutation = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return b"\x00"
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def drop(content: bytes, chance: random.Random) -> bytes:
    first = chance.randrange(len(content) + 1)
    return content[:first] + content[first + chance.randrange(1, 40) :]


def insert(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.choice(WORDS) + content[place:]


def line(content: bytes, chance: random.Random) -> bytes:
    """A line removed, doubled, or put in the place of another."""
    lines = content.splitlines(keepends=True) or [b""]
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    return b"".join(chance.choice([[*lines[:one], *lines[one + 1 :]], [*lines, lines[one]], _swapped(lines, one, two)]))


def _swapped(lines: list[bytes], one: int, two: int) -> list[bytes]:
    made = list(lines)
    made[one], made[two] = made[two], made[one]
    return made


def value(content: bytes, chance: random.Random) -> bytes:
    """The value of a key replaced by another word."""
    found = list(re.finditer(rb'(?:=|:)\s*("[^"\n]*"|[^\s,#]+)', content))
    if not found:
        return content + chance.choice(WORDS)
    one = chance.choice(found)
    word = chance.choice(WORDS)
    word = b'"' + word + b'"' if one.group(1).startswith(b'"') and chance.random() < 0.7 else word
    return content[: one.start(1)] + word + content[one.end(1) :]


MUTATIONS: list[Mutation] = [flip, cut, drop, insert, line, value]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house whose key was changed once, and where something was closed by hand."""
    house = House(tmp_path_factory.mktemp("house"))
    house.take_up()
    new_signing_key(house.root / "new.key")
    new = load_public(house.root / "new.key.pub")
    desk.rotate(house.pin, old=load_signing_key(house.root / "city.key"), new=new)
    house.take_up()
    desk.opt_out(house.folder, "statewide-lookup")
    house.take_up()
    return house


def boots(house: House) -> list[Bundle]:
    """What is in force on a device that runs, and on one that starts, with the files as they lie there."""
    found = []
    running, was = house.city, house.in_force
    assert was is not None
    try:
        found.append(house.city.take_up(was, ledger_id=house.ledger)[1])
    except HomeruleError as error:
        found.append(judged(error, was))
    try:
        again = house.boot()
        assert again is not None
        found.append(house.city.take_up(again, ledger_id=house.ledger)[1])
    except HomeruleError as error:
        judged(error, was)
    house.city, house.in_force = running, was
    return found


def judged(error: HomeruleError, was: Bundle) -> Bundle:
    """The refusal names a file and says what to do; then what was in force stays, or nothing is shared."""
    said = str(error)
    assert isinstance(error, Refused), repr(error)
    assert re.match(r"(`?[\w./-]+`?(, [\w./-]+)*: |the audit log )", said), said
    assert "should match" not in said, said
    assert re.search(r", |; | must | cannot be | goes? with ", said), said
    assert len(said) < 1500, said
    assert "\n" not in said
    return was


def spoilt(house: House, number: int) -> str:
    chance = random.Random(number)
    name = FILES[number % len(FILES)]
    path = house.root / name
    content = path.read_bytes()
    made = content
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        made = chance.choice(MUTATIONS)(made, chance)
    path.write_bytes(made)
    return name


def restored(house: House, originals: dict[Path, bytes]) -> None:
    for path, content in originals.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


@pytest.mark.parametrize("part", range(8))
def test_a_mutated_file_is_refused_or_shares_no_more(house: House, part: int, full: bool) -> None:
    originals = {house.root / name: (house.root / name).read_bytes() for name in FILES}
    was, now = house.in_force, Instant(at=NOW, trusted=True)
    assert was is not None
    for number in range(part, MOST if full else EVERYDAY, 8):
        name = spoilt(house, number)
        try:
            for bundle in boots(house):
                if bundle.digest != was.digest:
                    assert losses(bundle, was, now) == set(), f"{name}, number {number}"
                    assert bundle.version == was.version
        finally:
            restored(house, originals)
    assert house.take_up() is was
