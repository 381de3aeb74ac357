"""Checkpoints are C2SP signed notes, and not one byte of them can be changed."""

import base64
import runpy
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.errors import LedgerError
from edge.ledger import checkpoint
from tests.ledger.builders import KEY

# golang.org/x/mod/sumdb/note, note_test.go (BSD-3-Clause): a published note in the format of c2sp.org/signed-note
PUBLISHED_NAME = "PeterNeumann"
PUBLISHED_KEY = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PUBLISHED_NOTE = (
    f"{PUBLISHED_TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# a tree head of the Go checksum database as it was served (github.com/transparency-dev/witness, internal/parse, tests,
# Apache-2.0), and its key as the go command has it (cmd/go/internal/modfetch/key.go, BSD-3-Clause)
SERVED_NAME, SERVED_ID = "sum.golang.org", "033de0ae"
SERVED_KEY = "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SERVED_TEXT = "go.sum database tree\n31700353\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n"
SERVED_NOTE = (
    f"{SERVED_TEXT}\n\u2014 sum.golang.org "
    "Az3grnmrIUEDFqHzAElIQCPNoRFRAAdFo47fooyWKMHb89k11GJh5zHIfNCOBmwn/C3YI8oW9/C8DJ87F61QqspBYwM=\n"
)
ROOT = bytes(range(32))


def published_key() -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLISHED_KEY)[1:])


def made() -> str:
    return checkpoint.sign("pole-7", "A1b2", 17, ROOT, KEY).note


def test_the_published_signed_note_opens() -> None:
    assert checkpoint.open_text(PUBLISHED_NOTE, PUBLISHED_NAME, published_key()) == PUBLISHED_TEXT


def test_a_tree_head_that_another_log_served_opens_and_its_key_has_the_published_id() -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(SERVED_KEY)[1:])
    assert checkpoint.key_id(SERVED_NAME, key).hex() == SERVED_ID
    assert checkpoint.open_text(SERVED_NOTE, SERVED_NAME, key) == SERVED_TEXT
    with pytest.raises(LedgerError):
        checkpoint.open_text(SERVED_NOTE.replace("31700353", "31700354"), SERVED_NAME, key)


def test_the_second_verifier_of_archives_opens_the_same_published_notes() -> None:
    second = runpy.run_path(str(Path(__file__).parents[2] / "deploy" / "verify_archive.py"))
    served = Ed25519PublicKey.from_public_bytes(base64.b64decode(SERVED_KEY)[1:])
    for note, name, key, text in (
        (PUBLISHED_NOTE, PUBLISHED_NAME, published_key(), PUBLISHED_TEXT),
        (SERVED_NOTE, SERVED_NAME, served, SERVED_TEXT),
    ):
        assert second["open_note"](note.encode(), name, key) == text.encode()
        assert second["open_note"](note.encode()[1:], name, key) == b""
    assert second["open_checkpoint"](made().encode(), KEY.public_key()) == ("homerule/pole-7/A1b2", 17, ROOT)


def test_a_checkpoint_names_device_ledger_size_and_root() -> None:
    assert made().split("\n")[:3] == ["homerule/pole-7/A1b2", "17", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]


def test_a_checkpoint_opens_with_the_devices_key() -> None:
    opened = checkpoint.open_note(made(), KEY.public_key(), expected_origin="homerule/pole-7/A1b2")
    assert (opened.size, opened.root) == (17, ROOT)


def test_a_checkpoint_of_another_key_is_refused() -> None:
    with pytest.raises(LedgerError, match="not signed by the key"):
        checkpoint.open_note(made(), Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key())


def test_a_checkpoint_of_another_ledger_is_refused() -> None:
    with pytest.raises(LedgerError, match="not of `homerule/pole-8"):
        checkpoint.open_note(made(), KEY.public_key(), expected_origin="homerule/pole-8/A1b2")


def test_a_signature_line_of_an_unknown_key_is_ignored() -> None:
    witness = checkpoint.sign_note("x\n", "witness.example/w", Ed25519PrivateKey.from_private_bytes(b"w" * 32)).split(
        "\n\n"
    )[1]
    assert checkpoint.open_note(made() + witness, KEY.public_key()).size == 17


@pytest.mark.parametrize("size", ["", "017", "-1", "1e3", "\uff19", "9" * 40])
def test_a_size_that_is_not_a_plain_number_is_refused(size: str) -> None:
    name = "homerule/pole-7/A1b2"
    note = checkpoint.sign_note(f"{name}\n{size}\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", name, KEY)
    with pytest.raises(LedgerError, match="not a checkpoint"):
        checkpoint.open_note(note, KEY.public_key())


def test_every_single_changed_byte_of_a_checkpoint_is_found() -> None:
    raw, chance = made().encode(), Random(7)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= chance.randrange(1, 256)
        with pytest.raises(LedgerError):
            checkpoint.open_note(
                changed.decode(errors="replace"), KEY.public_key(), expected_origin="homerule/pole-7/A1b2"
            )


def test_a_key_name_with_a_space_is_refused() -> None:
    with pytest.raises(LedgerError, match="cannot name a key"):
        checkpoint.sign("pole 7", "A1b2", 1, ROOT, KEY)
