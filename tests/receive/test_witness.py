"""What the checkpoints of a device tell when they do not fit together, also after a restart of the witness."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.errors import LedgerError
from edge.ledger import checkpoint
from edge.receive import Witness
from tests.delivery.reads import DEVICE, DEVICE_KEY, NOON
from tests.receive.lines import note_of

HOUR = timedelta(hours=1)


class Seeing:
    """A witness that is started again before every look when `forgetful`."""

    def __init__(self, folder: Path, *, forgetful: bool) -> None:
        self.beside, self.forgetful = folder / "reads.jsonl", forgetful
        self._made = Witness(self.beside, DEVICE_KEY.public_key())

    def see(self, note: str, hours: float = 0) -> str | None:
        if self.forgetful:
            self._made = Witness(self.beside, DEVICE_KEY.public_key())
        return self._made.see(note, DEVICE, NOON + hours * HOUR)

    def found(self) -> list[dict]:
        path = self.beside.with_name("reads.jsonl.forks")
        return [json.loads(one) for one in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(params=[False, True], ids=["running", "restarted"])
def witness(tmp_path: Path, request: pytest.FixtureRequest) -> Seeing:
    return Seeing(tmp_path, forgetful=request.param)


def test_a_log_that_grows_is_nothing_to_tell(witness: Seeing) -> None:
    assert [witness.see(note_of(size), size) for size in range(1, 9)] == [None] * 8
    assert witness.found() == []


def test_a_read_that_waited_with_its_older_checkpoint_is_nothing_to_tell(witness: Seeing) -> None:
    told = [witness.see(note_of(9), 1), witness.see(note_of(5), 0), witness.see(note_of(9), 1)]
    assert told == [None] * 3


def test_two_logs_of_one_size_that_differ_are_told_with_both_notes(witness: Seeing) -> None:
    for size in (5, 6, 7):
        witness.see(note_of(size))
    told = witness.see(note_of(6, b"x"))
    assert "two audit logs of 6 entries" in told
    assert witness.found()[0]["notes"] == [note_of(6), note_of(6, b"x")]


def test_a_log_that_went_back_is_told(witness: Seeing) -> None:
    witness.see(note_of(900), 0)
    assert "went back from 900 to 501 entries" in witness.see(note_of(501), 1)


def test_a_new_log_is_told_once(witness: Seeing) -> None:
    witness.see(note_of(900))
    assert "begun a new audit log after 900 entries" in witness.see(note_of(3, log="other"), 1)
    assert witness.see(note_of(4, log="other"), 2) is None


def test_two_logs_in_turn_are_told_as_two_computers(witness: Seeing) -> None:
    witness.see(note_of(900))
    witness.see(note_of(3, log="other"), 1)
    assert "two computers hold its key" in witness.see(note_of(901), 2)
    assert "two computers hold its key" in witness.see(note_of(4, log="other"), 3)


def test_another_device_with_the_same_key_has_a_log_of_its_own(witness: Seeing) -> None:
    witness.see(note_of(900))
    other = checkpoint.sign("oak-street-2", "other", 3, b"r" * 32, DEVICE_KEY).note
    assert Witness(None, DEVICE_KEY.public_key()).see(other, "oak-street-2", NOON) is None
    with pytest.raises(LedgerError, match="it is not of `elm-street-1`"):
        witness.see(other)


def test_a_note_of_another_key_is_refused(witness: Seeing) -> None:
    with pytest.raises(LedgerError, match="not signed by the key"):
        witness.see(checkpoint.sign(DEVICE, "log", 9, b"r" * 32, Ed25519PrivateKey.generate()).note)


def test_a_torn_history_is_mended_and_said_to_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Witness(tmp_path / "reads", DEVICE_KEY.public_key()).see(note_of(9), DEVICE, NOON)
    history = tmp_path / "reads.checkpoints"
    history.write_bytes(history.read_bytes() + b'{"note":"homer')
    again = Witness(tmp_path / "reads", DEVICE_KEY.public_key())
    assert "two audit logs of 9 entries" in again.see(note_of(9, b"x"), DEVICE, NOON)
    assert caplog.text == ""


def test_a_history_of_another_key_is_passed_over_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Witness(tmp_path / "reads", DEVICE_KEY.public_key()).see(note_of(9), DEVICE, NOON)
    Witness(tmp_path / "reads", Ed25519PrivateKey.generate().public_key())
    assert "no checkpoint of this device key" in caplog.text


@pytest.mark.parametrize("kept", ['{"note":5,"at":3}', '{"note":"x","at":"9999-12-31T23:59:59-23:00"}', "[" * 100_000])
def test_a_line_of_the_history_that_is_none_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: str
) -> None:
    (tmp_path / "reads.checkpoints").write_text(kept + "\n")
    Witness(tmp_path / "reads", DEVICE_KEY.public_key())
    assert "no checkpoint of this device key" in caplog.text


def test_a_time_of_the_history_that_lost_its_offset_is_one_still(tmp_path: Path) -> None:
    kept = {"note": note_of(9), "at": NOON.replace(tzinfo=None).isoformat()}
    (tmp_path / "reads.checkpoints").write_text(json.dumps(kept) + "\n")
    assert Witness(tmp_path / "reads", DEVICE_KEY.public_key()).see(note_of(5), DEVICE, NOON) is None


def test_what_was_found_is_told_again_at_the_next_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    witness = Seeing(tmp_path, forgetful=False)
    witness.see(note_of(9))
    witness.see(note_of(9, b"x"))
    Witness(tmp_path / "reads.jsonl", DEVICE_KEY.public_key())
    assert "tells of audit logs that do not fit together" in caplog.text
