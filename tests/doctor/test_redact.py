"""What is taken out of a text that leaves the device, by name and by form, and what stays so that it can be read."""

from pathlib import Path

import pytest

from edge.config import load
from edge.doctor.learn import redactor
from edge.doctor.redact import Redactor

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "device.toml"
KEY = "A" * 42 + "9="
NAMES = [("elm-street-1", "(device)"), ("Mount Aspen", "(named)"), ("il", "(named)")]
REDACTED = Redactor(NAMES, ["AB12345", "QX?9217"], packages=["opencv 4.11.0.86"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Elm-Street-1 runs", "(device) runs"),
        ("reads of mount aspen wait", "reads of (named) wait"),
        ("a read of ab12345, twice", "a read of (a plate), twice"),
        ("the pattern QX?9217", "the pattern (a plate)"),
        ("rtsp://viewer:x@192.0.2.17:554/s?t=1 refuses", "(an address) refuses"),
        ("192.0.2.17:554 does not answer", "(an address) does not answer"),
        (
            "opencv 5.0.0.93 and 4.11.0.86, opencv 4.11.0.86:554",
            "opencv (an address) and (an address), opencv (an address)",
        ),
        ("2001:db8:0:0:0:0:0:7 is away", "(an address) is away"),
        ("write to clerk@example.org", "write to (an address)"),
        (f"pinned {KEY}", "pinned (a key)"),
        ("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\nand on", "(a key)\nand on"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", "(a key)"),
    ],
)
def test_what_names_or_opens_something_is_taken_out(text: str, shown: str) -> None:
    assert REDACTED.holds(text)
    assert REDACTED(text) == shown
    assert not REDACTED.holds(shown)


@pytest.mark.parametrize(
    "text",
    [
        "broker lost, back after 212 s; valid until 2027-01-27 12:30:05",
        "detector plate-detector-640x384 " + "702e4b8c" * 8 + " unchanged",
        "opencv 4.11.0.86\nonnxruntime 1.30.0, numpy 2.4.1, while still will",
    ],
)
def test_what_says_what_is_wrong_stays(text: str) -> None:
    assert REDACTED(text) == text
    assert not REDACTED.holds(text)


def test_a_policy_folder_that_cannot_be_looked_into_takes_no_word_with_it(tmp_path: Path) -> None:
    written = EXAMPLE.read_text().replace('"/etc/homerule/policy"', f'"{"x" * 300}"')
    (tmp_path / "device.toml").write_text(written)
    assert redactor(load(tmp_path / "device.toml"))
