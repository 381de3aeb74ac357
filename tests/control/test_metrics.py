"""The numbers for a Prometheus: its format to the letter, few series, and nobody named."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from edge.control.metrics import metrics
from edge.control.status import AlarmStatus, BundleStatus, CameraStatus, Report, Status, SubscriberStatus
from edge.rejection import Rejection

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
PLATE = "AB12345"
LABEL = r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"^([a-z_:][a-z0-9_:]*)(\{{{LABEL}(?:,{LABEL})*\}})? (\S+)$")


def standing(**changes: object) -> Status:
    whole = {
        "device": "pole-1",
        "at": AT,
        "clock_trusted": True,
        "bundle": BundleStatus(
            digest="0" * 64, version=7, revision=2, signed_at=AT, valid_until=AT + timedelta(days=9),
            owner=PLATE, opt_outs=("national-lookup",),
        ),
        "held": f"something about {PLATE}",
        "subscribers": tuple(
            SubscriberStatus(id=f"agency-{number}", name=PLATE, gate=gate, right="", why=PLATE)
            for number, gate in enumerate(("shut", "open", "open"))
        ),
        "alarms": (
            AlarmStatus(what="camera:lane-1", said=PLATE, since=AT),
            AlarmStatus(what="camera:lane-2", said=PLATE, since=AT),
            AlarmStatus(what=f"Somebody's {PLATE}", said=PLATE, since=AT),
        ),
        "report": Report(
            software="homerule 1",
            started_at=AT,
            cameras=(
                CameraStatus(
                    id="lane-1", connected=True, frames=90, dropped=2, why=PLATE,
                    rejected={Rejection.TOO_SMALL: 5, Rejection.UNSURE: 0}, hurried=3,
                ),
            ),
            reads_waiting=0,
            free_megabytes=1500,
            temperature=51.25,
            certificate_days=-2,
        ),
    }  # fmt: skip
    return Status(**(whole | changes))


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            assert f"{name}{labels or ''}" not in found, line
            found[f"{name}{labels or ''}"] = float(value)
    return found


def test_every_line_is_of_the_format_and_every_family_says_what_it_is_first() -> None:
    text = metrics(standing())
    assert text.endswith("\n")
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            assert kind in ("HELP", "TYPE")
            assert kind == "HELP" or rest in ("gauge", "counter")
            assert kind == "HELP" or name.endswith("_total") == (rest == "counter")
            described.add(f"{kind} {name}")
        else:
            name = SAMPLE.match(line)[1]
            assert {f"HELP {name}", f"TYPE {name}"} <= described


def test_the_numbers_are_those_of_the_status() -> None:
    found = samples(metrics(standing()))
    assert found['homerule_camera_frames_dropped_total{camera="lane-1"}'] == 2
    assert found['homerule_camera_rejected_total{camera="lane-1",reason="too_small"}'] == 5
    assert found['homerule_camera_rejected_total{camera="lane-1",reason="unsure"}'] == 0
    assert found['homerule_camera_hurried_total{camera="lane-1"}'] == 3
    assert found['homerule_opt_out{channel="national-lookup"}'] == 1
    assert found['homerule_gates{gate="open"}'] == 2
    assert found["homerule_disk_free_bytes"] == 1.5e9
    assert found["homerule_certificate_days"] == -2
    assert found["homerule_alarms"] == 3
    assert found["homerule_policy_valid_until_seconds"] == (AT + timedelta(days=9)).timestamp()


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(metrics(standing(bundle=None, report=Report())))
    assert "homerule_broker_connected" not in found
    assert "homerule_reads_waiting" not in found
    assert found["homerule_policy_in_force"] == 0


def test_a_reason_is_one_of_a_fixed_set() -> None:
    with pytest.raises(ValidationError):
        CameraStatus(id="lane-1", connected=True, rejected={PLATE: 1})


def test_neither_words_nor_agencies_are_in_it() -> None:
    text = metrics(standing())
    assert PLATE not in text
    assert "agency" not in text.replace("# HELP", "")


def test_more_agencies_and_more_alarms_are_no_more_series() -> None:
    few = samples(metrics(standing()))
    subscriber = SubscriberStatus(id="x", name="x", gate="open", right="x", why="")
    alarms = tuple(AlarmStatus(what=f"camera:{number}", said="x", since=AT) for number in range(500))
    many = samples(metrics(standing(subscribers=(subscriber,) * 1000, alarms=alarms)))
    assert len(many) <= len(few)
