"""What is on its way when a right goes: on the line to the broker, in the device's client, in the broker's queues.

The line stands still with messages on it, or breaks; the right goes and comes back; only then does the line move again.
"""

from pathlib import Path

import pytest

from tests.leak.agencies import MANNERS
from tests.leak.events import EVENTS, let_in, shut_out
from tests.leak.scene import Nursery, acted

pytestmark = pytest.mark.needs("mosquitto")

FEW = {name: MANNERS[name] for name in ("live", "returning")}
OPT_OUT = EVENTS["socket"]


@pytest.mark.parametrize("how", ["stalled", pytest.param("cut", marks=pytest.mark.full)])
def test_what_was_on_the_line_is_not_delivered_with_the_new_right(tmp_path: Path, nursery: Nursery, how: str) -> None:
    with acted(tmp_path / "scene", nursery, FEW, wired=True) as scene:
        assert scene.line is not None
        scene.begin()
        scene.late = True
        scene.stand_still()
        shut_out(scene, OPT_OUT)
        scene.flow(0)
        let_in(scene, OPT_OUT, served=False)
        scene.gather(*FEW)
        if how == "cut":
            scene.line.cut()
        scene.line.release()
        scene.flow()
        scene.have_more(3, *scene.agencies)
        scene.drain()
        oracle = scene.oracle()
    assert oracle.findings() == []
