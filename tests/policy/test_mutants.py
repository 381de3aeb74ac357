"""The tests notice when the policy is broken."""

import re
import subprocess
import sys

import pytest

from tests.policy.mutants.spots import FOLDER


@pytest.mark.full
def test_of_a_hundred_ways_to_break_the_policy_ninety_five_turn_a_test_red() -> None:
    asked = [sys.executable, "-m", "tests.policy.mutants", "--most", "100", "--seconds", "3600", "--seed", "2026"]
    done = subprocess.run(asked, cwd=FOLDER.parents[1], capture_output=True, text=True, check=True)
    share = re.search(r"(\d+) of \d+ mutants tried, ([\d.]+) %", done.stdout)
    assert share is not None, done.stdout
    assert int(share[1]) >= 50
    assert float(share[2]) >= 95, done.stdout
