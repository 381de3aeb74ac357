"""Memory that only the start needed goes back to the system, and everything works as before."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.daemon import memory
from edge.daemon.memory import Thrift

LOOKS = """
from pathlib import Path
from edge.daemon.memory import give_back, one_heap
one_heap()
from edge.selftest import SelfTest
from edge.vision import Models

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

models, picture = Models.load(), SelfTest()
before = picture.run(models)
held = resident()
give_back()
print(held - resident(), picture.run(models) == before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells where files lie in memory")
def test_half_of_the_libraries_pages_go_back_and_the_models_see_the_same_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True, timeout=120)
    megabytes, same = done.stdout.split()
    assert float(megabytes) > 25
    assert same == "True"


def test_it_is_given_back_often_at_first_and_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = [1000.0], list[float]()
    monkeypatch.setattr(memory, "monotonic", lambda: now[0])
    monkeypatch.setattr(memory, "give_back", lambda: given.append(now[0] - 1000.0))
    thrift = Thrift()
    for _ in range(3600):
        thrift.look()
        now[0] += 1.0
    assert given[:5] == [0.0, 2.0, 6.0, 14.0, 30.0]
    assert given[-1] - given[-2] == 600.0
