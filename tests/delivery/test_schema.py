"""The schemas say yes and no to the same messages as the program, and the AsyncAPI document names the real topics."""

import copy
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge.cli import main
from edge.delivery import schema, topics, wire
from edge.delivery.broker import LONGEST_IN_BROKER
from edge.delivery.envelope import BUCKETS
from edge.errors import EnvelopeError
from tests.delivery.reads import BUNDLE, DEVICE, NEIGHBOUR, NOON, OWNER, TOKEN, hit, opened, sealed, tags

HITS = tags(hits=(hit(1), hit(2)))
MESSAGES = {
    "read": sealed(),
    "read with hits": sealed(HITS, hits=HITS.hits),
    "correction": sealed(tags(replaces="earlier")),
    "withdrawal": sealed(tags(replaces="earlier"), withdrawal=True),
    "read without a checkpoint": sealed(checkpoint=None),
}
BODIES = {
    name: json.loads(opened(made.payload).body.model_dump_json(exclude_none=True)) for name, made in MESSAGES.items()
}
STATUS = {
    "v": 1,
    "device": DEVICE,
    "state": "running",
    "test": False,
    "at": NOON.isoformat(),
    "software": "0.1.0",
    "bundle": {"digest": BUNDLE, "version": 3, "revision": 1, "valid_until": NOON.isoformat(), "opt_outs": ["private"]},
    "held": False,
    "clock_trusted": True,
    "cameras": [{"id": "north", "connected": True}],
    "reads_waiting": 0,
    "free_megabytes": 900,
    "alarms": ["hotlist:il-stolen", "broker-rights"],
}
WILL = {"v": 1, "device": DEVICE, "state": "lost", "test": False}
WORDS: list[tuple[str, type, dict[str, Any]]] = [
    ("header", wire.Header, json.loads(MESSAGES["read"].header)),
    *(("read", wire.Body, body) for body in BODIES.values()),
    ("acknowledgement", wire.Acknowledgement, {"message_id": f"read0.{NEIGHBOUR}", "acktoken": TOKEN}),
    ("status", wire.StatusWord, STATUS),
    ("status", wire.StatusWord, WILL),
    ("checkpoint", wire.CheckpointWord, {"v": 1, "device": DEVICE, "at": NOON.isoformat(), "checkpoint": "bm90ZQ=="}),
]
VALIDATORS = {name: Draft202012Validator(schema.schema(name)) for name in schema.NAMES if name != "asyncapi"}


def taken(model: type, content: object) -> bool:
    try:
        wire.parse(model, json.dumps(content).encode(), what="it")
    except EnvelopeError:
        return False
    return True


@pytest.mark.parametrize(("name", "model", "content"), WORDS)
def test_a_real_message_fits_its_schema(name: str, model: type, content: dict) -> None:
    VALIDATORS[name].validate(content)
    assert taken(model, content)


def places(content: object, path: tuple = ()) -> Iterator[tuple]:
    """Every path into a message."""
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


STRANGE = (None, 0, 1, -1, 1.5, True, "", "x", "X Y", "a" * 200, [], ["x"], {}, {"x": 1}, "org.homerule.read.v1")


@settings(deadline=None, max_examples=400)
@given(word=st.sampled_from(WORDS), data=st.data())
def test_what_the_program_refuses_the_schema_refuses_and_the_other_way_round(word: tuple, data: st.DataObject) -> None:
    name, model, content = word
    content = copy.deepcopy(content)
    *way, last = data.draw(st.sampled_from(list(places(content))))
    there = content
    for step in way:
        there = there[step]
    what = data.draw(st.sampled_from(["gone", "more", *STRANGE]))
    if what == "gone":
        del there[last]
    elif what == "more":
        content["unheard"] = 1
    else:
        there[last] = what
    if isinstance(last, str) and last in MOMENTS and isinstance(what, str) and what not in ("gone", "more"):
        return  # that a text is a date is said by `format`, which a validator may leave to others
    assert VALIDATORS[name].is_valid(content) == taken(model, content)


MOMENTS = ("time", "expiresat", "retainuntil", "first_seen", "best_seen", "last_seen", "at", "valid_until")


@pytest.mark.parametrize("type_", wire.Kind)
@pytest.mark.parametrize("of", BODIES)
def test_facts_of_another_type_are_refused_by_both(of: str, type_: wire.Kind) -> None:
    content = BODIES[of] | {"type": type_.value}
    assert VALIDATORS["read"].is_valid(content) == taken(wire.Body, content) == (type_.value == BODIES[of]["type"])


def test_a_stored_line_fits_its_schema() -> None:
    kept = {key: value for key, value in BODIES["correction"].items() if key not in ("acktoken", "checkpoint")}
    added = {"receivedat": NOON.isoformat(), "replacesid": f"earlier.{NEIGHBOUR}", "replacesheld": True}
    VALIDATORS["stored"].validate(kept | added)
    assert not VALIDATORS["stored"].is_valid(kept)


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema.schema(name))


def test_no_status_has_room_for_a_plate_or_any_text_of_a_person() -> None:
    for where in places(STATUS):
        content = copy.deepcopy(STATUS)
        there = content
        for step in where[:-1]:
            there = there[step]
        there[where[-1]] = "QX7 K219"
        assert not taken(wire.StatusWord, content)


# the AsyncAPI document


def test_its_channels_are_the_topics_of_the_program() -> None:
    found = {
        channel["address"].format(**{"device-id": DEVICE, "subscriber-id": OWNER})
        for channel in schema.asyncapi()["channels"].values()
    }
    assert found == {
        topics.read_topic(DEVICE, OWNER, test=False),
        topics.ack_topic(DEVICE, OWNER, test=False),
        topics.status_topic(DEVICE, test=False),
        topics.checkpoint_topic(DEVICE, test=False),
    }


def test_every_reference_leads_somewhere() -> None:
    whole = schema.asyncapi()
    referred = [path for path in places(whole) if path[-1] == "$ref"]
    assert len(referred) > 10
    for path in referred:
        there = whole
        for step in path:
            there = there[step]
        found = whole
        for step in there.removeprefix("#/").split("/"):
            found = found[step]
        assert isinstance(found, dict)


def test_its_schemas_are_the_same_as_the_separate_ones() -> None:
    whole = schema.asyncapi()
    for name, model, content in WORDS:
        resolved = {"$ref": f"#/components/schemas/{model.__name__}", "components": whole["components"]}
        assert Draft202012Validator(resolved).is_valid(content), name
        assert not Draft202012Validator(resolved).is_valid(content | {"unheard": 1}), name


def test_it_tells_the_real_sizes_and_the_real_expiry() -> None:
    whole = schema.asyncapi()
    assert ", ".join(str(size) for size in BUCKETS) in whole["components"]["messages"]["SealedRead"]["description"]
    said = whole["operations"]["send-read"]["bindings"]["mqtt"]["messageExpiryInterval"]
    assert timedelta(seconds=said) == LONGEST_IN_BROKER


# the command


@pytest.mark.parametrize("name", schema.NAMES)
def test_the_command_prints_it(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["homerule", "schema", name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(schema.schema(name)))


def test_the_command_names_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["homerule", "schema", "letter"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "`letter` is none of header, read" in capsys.readouterr().err.replace("\n", " ")
