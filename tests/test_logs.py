"""How the daemon's words are written: a line each, whatever is in them, and what a program can take apart."""

import json
import logging
import re

import pytest

from edge.cli.logs import Lines, speak

ODD = 'camera lane-1: `url` is "x"\nhomerule: all is well \x1b[2J ü'
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^" ]+)(?: |$)')


def line(form: str, said: str, *, priorities: bool = False, level: int = logging.WARNING) -> str:
    record = logging.LogRecord("edge.capture.trouble", level, "", 1, "%s", (said,), None)
    return Lines(form, priorities=priorities).format(record)


def test_logfmt_gives_back_what_was_said() -> None:
    written = line("logfmt", ODD)
    found = {name: json.loads(value) if value.startswith('"') else value for name, value in PAIR.findall(written)}
    assert found == {"level": "warning", "room": "capture.trouble", "msg": ODD}
    assert "\n" not in written


def test_json_is_one_object_a_line() -> None:
    written = line("json", ODD)
    assert json.loads(written) == {"level": "warning", "room": "capture.trouble", "msg": ODD}
    assert "\n" not in written


def test_plain_is_for_a_person() -> None:
    assert line("plain", "broker lost") == "homerule: broker lost"


@pytest.mark.parametrize(("level", "head"), [(logging.CRITICAL, "<2>"), (logging.ERROR, "<3>"), (logging.INFO, "<6>")])
def test_the_journal_is_told_how_grave_it_is(level: int, head: str) -> None:
    assert line("logfmt", "x", priorities=True, level=level).startswith(f"{head}level=")


@pytest.mark.parametrize(
    ("wanted", "journal", "form"), [(None, "8:1", "logfmt"), (None, None, "plain"), ("json", "8:1", "json")]
)
def test_the_journal_gets_logfmt_unless_another_is_wanted(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, journal: str | None, form: str
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if journal:
        monkeypatch.setenv("JOURNAL_STREAM", journal)
    log = logging.getLogger("edge")
    before, level = list(log.handlers), log.level
    try:
        speak(wanted)
        (new,) = [one for one in log.handlers if one not in before]
        assert new.formatter._form == form
    finally:
        log.handlers, log.level = before, level
