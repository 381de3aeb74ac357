"""Vectors for receivers in other languages: the program agrees with them, and so does a receiver without its code."""

import base64
import json
import subprocess
import sys
from contextlib import nullcontext
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import keys
from edge.delivery.broker import Arrival, Broker
from edge.delivery.envelope import BUCKETS, Opened
from edge.delivery.wire import Body, canonical, parse
from edge.errors import EnvelopeError
from edge.ledger.checkpoint import open_note
from edge.receive import Printed, Receiver, Witness
from edge.receive.notices import Notices
from tests.delivery.make_vectors import FILE, vectors
from tests.delivery.reads import DEVICE_KEY, SEALING_KEY, sealed
from tests.ledger.builders import HandClock

VECTORS = json.loads(FILE.read_text(encoding="ascii"))
OPENING = [one for one in VECTORS["messages"] if "body" in one]
REFUSED = [one for one in VECTORS["messages"] if "refused" in one]
SAID = {
    "header": "clear header",
    "subscriber": "meant for another subscriber",
    "key": "sealed to another key",
    "seal": "the seal does not open",
    "layout": "not laid out as version 1",
    "signature": "not signed by the expected device key",
    "agreement": "do not agree on",
    "test": "test message in production|production message in test mode",
    "freshness": "expired at",
    "topic": "it came on another device's topic",
}
"""How the program names each check."""


def received(one: dict) -> Opened:
    """What the program's own receiver makes of a message."""
    at = datetime.fromisoformat(one["now"])
    receiver = Receiver(
        broker=Broker(host="127.0.0.1", port=1, client_id="nobody"),
        store=Printed(lambda _: None),
        subscriber_id=VECTORS["subscriber"],
        sealing_key=X25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["sealing_private_key"])),
        device_public_key=keys.signing_public(VECTORS["device_public_key"], where="the vectors"),
        device_id=None,
        clock=HandClock(at=at),
        test=one["test"],
    )
    arrival = Arrival(topic=one["topic"], payload=base64.b64decode(one["message"]), done=lambda: None)
    return receiver._open(arrival)


@pytest.mark.parametrize("one", OPENING, ids=lambda one: one["name"])
def test_the_program_opens_a_vector_to_its_body(one: dict) -> None:
    opened = received(one)
    assert opened.body == parse(Body, one["body"].encode(), what="the body")
    said = {"message_id": opened.message_id, "acktoken": opened.body.acktoken}
    assert canonical(said).decode() == one["acknowledgement"]


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: one["name"])
def test_the_program_refuses_a_vector_at_the_same_check(one: dict) -> None:
    with pytest.raises(EnvelopeError, match=SAID[one["refused"]]):
        received(one)


def test_every_check_has_a_vector() -> None:
    assert {one["refused"] for one in REFUSED} == set(SAID)


def test_what_is_sealed_now_is_what_the_vectors_hold_save_for_the_fresh_key_of_each_seal() -> None:
    made = json.loads(json.dumps(vectors()))
    for mine, kept in zip(made["messages"], VECTORS["messages"], strict=True):
        lengths = {len(one.pop("message")) for one in (mine, kept.copy())}
        assert len(lengths) == 1
        assert mine == {key: value for key, value in kept.items() if key != "message"}
    assert made | {"messages": 0} == VECTORS | {"messages": 0}


def test_the_vectors_fill_more_than_one_size() -> None:
    assert {one["size"] for one in OPENING} >= {BUCKETS[0], BUCKETS[1]}


def test_a_read_a_correction_and_a_withdrawal_have_one_size() -> None:
    sizes = {json.loads(one["body"])["type"]: one["size"] for one in OPENING if "hits" not in one["name"]}
    assert (len(sizes), len(set(sizes.values()))) == (3, 1)


def test_the_checkpoint_of_the_vectors_verifies() -> None:
    told = VECTORS["checkpoint"]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(VECTORS["device_public_key"]))
    found = open_note(told["note"], key)
    assert (found.size, found.root.hex()) == (told["size"], told["root"])


@pytest.mark.parametrize("one", VECTORS["notices"], ids=lambda one: one["name"])
def test_the_program_takes_and_refuses_what_a_device_says_of_itself(one: dict) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(VECTORS["device_public_key"]))
    heard = Notices(witness=Witness(None, key), clock=HandClock(), test=False)
    arrival = Arrival(topic=one["topic"], payload=one["payload"].encode(), done=lambda: None)
    why = {"signature": "not signed by its key", "topic": "another's topic"}.get(one.get("refused"))
    with pytest.raises(EnvelopeError, match=why) if why else nullcontext():
        heard.hear(arrival)


# the receiver that shares no code


@pytest.fixture(scope="module")
def other() -> ModuleType:
    spec = spec_from_file_location("other_receiver", FILE.with_name("open.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_nothing_of_homerule() -> None:
    assert "edge" not in FILE.with_name("open.py").read_text().split()


def test_it_agrees_with_every_vector() -> None:
    command = [sys.executable, str(FILE.with_name("open.py")), str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        0,
        f"{len(VECTORS['messages'])} of {len(VECTORS['messages'])} as they should be\n",
    )


def test_it_says_which_vector_comes_out_otherwise(tmp_path) -> None:
    changed = json.loads(FILE.read_text())
    changed["messages"][0]["refused"] = "seal"
    changed["messages"][0].pop("body")
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    command = [sys.executable, str(FILE.with_name("open.py")), str(tmp_path / "changed.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert changed["messages"][0]["name"] in done.stdout


def test_it_opens_what_was_sealed_just_now(other: ModuleType) -> None:
    made = sealed()
    body = other.opened(
        made.payload,
        made.topic,
        private=SEALING_KEY.private_bytes_raw(),
        device_key=keys.public_bytes(DEVICE_KEY),
        subscriber=made.subscriber_id,
        now=made.tags.captured_at,
        test=False,
    )
    assert body["id"] == made.message_id
