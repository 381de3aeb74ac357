"""What everybody who may read here is told of a device fits its schema, and has no word in it that a person wrote."""

from datetime import UTC, datetime, timedelta

import pytest
from jsonschema import Draft202012Validator

from edge.control.status import AlarmStatus, BundleStatus, CameraStatus, Report, Status
from edge.control.word import word_of
from edge.delivery import schema
from edge.delivery.wire import StatusWord, parse, said

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLATE = "QX7 K219"
BUNDLE = BundleStatus(
    digest="ab" * 32,
    version=3,
    revision=1,
    signed_at=AT,
    valid_until=AT + timedelta(days=9),
    owner="owner-pd",
    opt_outs=("national-lookup",),
    by_hand=(PLATE,),
)


def status(**changes: object) -> Status:
    plain: dict[str, object] = {
        "device": "elm-street-1",
        "at": AT,
        "clock_trusted": True,
        "bundle": BUNDLE,
        "held": PLATE,
        "subscribers": (),
        "alarms": (AlarmStatus(what="policy", said=PLATE, since=AT),),
        "report": Report(
            software=PLATE,
            cameras=(CameraStatus(id="lane-1", connected=False, why=PLATE),),
            reads_waiting=4,
            ledger_id=PLATE,
            free_megabytes=900,
            clock_by=PLATE,
        ),
    }
    return Status(**(plain | changes))


@pytest.mark.parametrize("of", [status(), status(bundle=None, held=None, alarms=(), report=Report())])
def test_it_fits_its_schema(of: Status) -> None:
    word = word_of(of)
    Draft202012Validator(schema.schema("status")).validate(word.model_dump(mode="json", exclude_none=True))
    assert parse(StatusWord, said(word), what="it") == word


def test_no_words_of_a_person_are_in_it() -> None:
    assert PLATE not in said(word_of(status())).decode()


def test_it_tells_what_is_in_force_and_what_is_wrong() -> None:
    word = word_of(status())
    assert (word.bundle.digest, word.bundle.opt_outs, word.held) == ("ab" * 32, ("national-lookup",), True)
    assert ([(one.id, one.connected) for one in word.cameras], word.alarms) == ([("lane-1", False)], ("policy",))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("hotlist:il-stolen", "hotlist:il-stolen"),
        ("hotlist:QX7 K219", "hotlist"),
        ("right:texas", "right:texas"),
        ("Ärger", "alarm"),
        ("camera:" + "x" * 200, "camera"),
    ],
)
def test_a_name_that_somebody_chose_freely_is_left_out_of_an_alarm(what: str, told: str) -> None:
    assert word_of(status(alarms=(AlarmStatus(what=what, said="", since=AT),))).alarms == (told,)
