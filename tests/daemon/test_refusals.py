"""What the running device does not take: each is refused, said with its mend, shares less and never more, and is over
when the files are right again. One daemon for all; each test puts the files back.
"""

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import desk, keys
from tests.broker import Mosquitto, wait_until
from tests.daemon.pole import COUNTY, OWNER, TEXAS, Pole, Running

pytestmark = pytest.mark.needs("mosquitto")

EVERYBODY = {OWNER, COUNTY, TEXAS}


class Town:
    """A pole with a running daemon, and the files that are in force."""

    def __init__(self, pole: Pole, daemon: Running) -> None:
        self.pole, self.daemon = pole, daemon
        self.good = pole.keep_aside()

    def served(self) -> set[str]:
        """Whose gates are open."""
        return {each.id for each in self.pole.status().subscribers if each.gate == "open"} & EVERYBODY

    def alarm(self) -> str:
        """What is wrong with the files, as the status says it."""
        return {each.what: each.said for each in self.pole.status().alarms}.get("policy", "")

    def restore(self) -> None:
        """The files are right again."""
        self.pole.lay(self.good)
        assert self.pole.take_up() == ""
        wait_until(lambda: self.served() == EVERYBODY and self.pole.status().held is None, what="all is as before")


@pytest.fixture(scope="module")
def running_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    broker = Mosquitto(folder)
    broker.start()
    pole = Pole(folder / "pole", broker.port)
    shutil.copytree(pole.policy, pole.folder / "first")
    pole.sign(version=5)
    try:
        daemon = pole.run()
        daemon.await_words("runs on", within=40)
        yield Town(pole, daemon)
    finally:
        pole.close()
        broker.kill()


@pytest.fixture
def town(running_town: Town) -> Iterator[Town]:
    wait_until(lambda: running_town.served() == EVERYBODY, what="everybody is served")
    yield running_town
    running_town.restore()


def change_a_byte(pole: Pole) -> None:
    path = pole.policy / "laws" / "us-il.toml"
    path.write_bytes(path.read_bytes().replace(b"Illinois", b"Illinoys", 1))


def halve(pole: Pole) -> None:
    path = pole.policy / "policy.toml"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b'\n"')


def sign_with(pole: Pole, key: Path, **choices: object) -> None:
    desk.sign(pole.policy, key=keys.new_signing_key(key), now=pole.now, devices=["elm-street-1"], **choices)


def sign_anew(pole: Pole, *, version: int, adopt: str | None = None) -> None:
    """Signed by the city as if it had never signed before, with one more comment in the policy."""
    (pole.policy / "manifest.json").unlink()
    path = pole.policy / "policy.toml"
    path.write_text(f"{path.read_text()}\n# once more\n")
    pole.sign(version=version, adopt=(adopt or pole.ledger_id,))


def lay_a_folder(pole: Pole) -> None:
    (pole.policy / "policy.toml").unlink()
    (pole.policy / "policy.toml").mkdir()


def edit_manifest(pole: Pole) -> None:
    path = pole.policy / "manifest.json"
    table = json.loads(path.read_text())
    table["version"] += 1
    path.write_text(json.dumps(table, sort_keys=True, indent=1) + "\n")


def write(pole: Pole, **values: object) -> None:
    pole.edit("policy.toml", lambda table: table["sharing"].update(values))


BAD: dict[str, tuple[Callable[[Pole], object], str]] = {
    "a changed byte in a law pack": (change_a_byte, "laws/us-il.toml"),
    "half a file": (halve, "policy.toml"),
    "a file that is gone": (lambda pole: (pole.policy / "policy.toml").unlink(), "policy.toml: is missing"),
    "a file that cannot be read": (lay_a_folder, "policy.toml"),
    "a law pack that is gone": (lambda pole: (pole.policy / "laws" / "us-il.toml").unlink(), "us-il"),
    "no folder": (lambda pole: pole.policy.rename(pole.policy.with_name("elsewhere")), "no such policy folder"),
    "a key that nobody knows": (lambda pole: write(pole, natonal_lookup=False), "did you mean `national_lookup`"),
    "a value of the wrong kind": (lambda pole: write(pole, national_lookup="no"), "national_lookup"),
    "no signature": (lambda pole: (pole.policy / "manifest.sig").unlink(), "sign"),
}
WIDER: dict[str, tuple[Callable[[Pole], object], str]] = {
    "an edit that gives a right": (
        lambda pole: write(pole, federal="judicial-warrant"),
        "sign it with `homerule sign`",
    ),
    "the signature of somebody else": (
        lambda pole: sign_with(pole, pole.folder / "other.key", version=9),
        "is not the city's signature",
    ),
    "an edited manifest": (edit_manifest, "is not the city's signature"),
    "an older version": (lambda pole: pole.lay(pole.folder / "first"), "older than version 5"),
    "the same version with other bytes": (lambda pole: sign_anew(pole, version=5), "version 5 is in force with other"),
    "a bundle for another device": (
        lambda pole: desk.sign(pole.policy, key=pole.city_key, now=pole.now, devices=["other-pole"], version=6),
        "elm-street-1",
    ),
    "a bundle that adopted another ledger": (lambda pole: sign_anew(pole, version=7, adopt="A" * 22), "--adopt"),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_cannot_be_believed_leave_the_owner_alone_served(town: Town, name: str) -> None:
    act, words = BAD[name]
    act(town.pole)
    wait_until(lambda: town.alarm(), what="the alarm")
    assert town.pole.status().held is not None
    assert town.served() == {OWNER}
    assert words in town.alarm()
    assert words in town.daemon.said
    assert words in town.pole.take_up()


@pytest.mark.parametrize("name", WIDER)
def test_files_that_may_not_come_into_force_give_nobody_anything(town: Town, name: str) -> None:
    act, words = WIDER[name]
    before = town.pole.status().bundle
    act(town.pole)
    assert words in town.pole.take_up()
    after = town.pole.status()
    assert after.bundle == before
    assert town.served() <= EVERYBODY
    assert words in town.alarm()


def test_files_swapped_while_they_are_read_never_bring_what_was_not_signed(town: Town) -> None:
    over, path = threading.Event(), town.pole.policy / "policy.toml"
    good, wide = (
        path.read_bytes(),
        path.read_bytes().replace(b'federal          = "never"', b'federal = "judicial-warrant"'),
    )
    assert good != wide
    opted = {town.pole.status().bundle.digest}

    def swap() -> None:
        while not over.is_set():
            for content in (wide, good):
                part = path.with_name(".swapped.part")
                part.write_bytes(content)
                part.rename(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(40):
            town.pole.take_up()
            status = town.pole.status()
            opted.add(status.bundle.digest)
            assert "federal" in status.bundle.opt_outs
    finally:
        over.set()
        thread.join()
    assert len(opted) == 1


def test_a_hangup_takes_the_files_up(town: Town) -> None:
    count = town.daemon.said.count("the city's files are taken up")
    town.daemon.send(signal.SIGHUP)
    wait_until(lambda: town.daemon.said.count("the city's files are taken up") == count + 1, what="it is said")
