"""How the daemon's words reach stderr: plain for a person, logfmt or JSON for systemd's journal and who searches it."""

import json
import logging
import os
import sys

from edge.config import LogFormat

_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
"""Of syslog; the journal takes them from the head of a line, see sd-daemon(3)."""


def speak(wanted: LogFormat | None) -> None:
    """From now on what the rooms say goes to stderr, a line each."""
    in_journal = "JOURNAL_STREAM" in os.environ
    form = wanted or ("logfmt" if in_journal else "plain")
    speaker, log = logging.StreamHandler(sys.stderr), logging.getLogger("edge")
    speaker.setFormatter(Lines(form, priorities=in_journal))
    log.addHandler(speaker)
    log.setLevel(logging.INFO)


class Lines(logging.Formatter):
    """One line for each thing that is said, whatever is in it. The time is the journal's to write."""

    def __init__(self, form: LogFormat, *, priorities: bool) -> None:
        super().__init__()
        self._form, self._priorities = form, priorities

    def format(self, record: logging.LogRecord) -> str:
        head = f"<{_PRIORITIES.get(record.levelno, 6)}>" if self._priorities else ""
        return head + self._line(record)

    def _line(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        if self._form == "plain":
            return f"homerule: {said}"
        words = {"level": record.levelname.lower(), "room": record.name.removeprefix("edge."), "msg": said}
        if self._form == "json":
            return json.dumps(words, ensure_ascii=False)
        return " ".join(f"{name}={_quoted(value)}" for name, value in words.items())


def _quoted(value: str) -> str:
    """As logfmt wants it: in quotes unless it is one plain word, a newline as \\n."""
    return value if value and all(each.isalnum() or each in "._-" for each in value) else json.dumps(value)
