"""How long the clerk waits for "in force": National Lookup off, many agencies losing by it, on a real Mosquitto.

    python tests/bench/toggle.py [--subscribers 20] [--rounds 100] [--command 10] [--by-file 100] [--reads-per-second 5]

From the moment at which the file is in place to the answer on the control socket; with --command also the whole command
`homerule policy opt-out`, its start included; with --by-file until the next decision goes by it when nobody asks the
daemon to look. Between two rounds the city signs everything open again.
"""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from edge import desk
from edge.control.client import ask_take_up
from edge.ledger.entries import Revoked
from tests.control.town import Town, town


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--command", type=int, default=0)
    parser.add_argument("--by-file", type=int, default=0)
    parser.add_argument("--reads-per-second", type=float, default=0.0)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder, town(Path(folder), far=asked.subscribers - 2) as place:
        listening = [place.subscriber(name) for name in place.far]
        over = threading.Event()
        flow = threading.Thread(target=_flow, args=(place, over, asked.reads_per_second))
        flow.start()
        try:
            waited = [_round(place, lambda: _ask(place)) for _ in range(asked.rounds)]
            typed = [_round(place, lambda: _type(place)) for _ in range(asked.command)]
            seen = [_round(place, lambda: _see(place)) for _ in range(asked.by_file)]
        finally:
            over.set()
            flow.join()
        steps = [one.entry.steps for one in place.ledger.entries() if isinstance(one.entry, Revoked)]
        del listening
    figures = {
        "subscribers": asked.subscribers,
        "losing": asked.subscribers - 2,
        "reads_per_second": asked.reads_per_second,
        "answer_ms": _figures(waited),
        "command_ms": _figures(typed),
        "by_file_ms": _figures(seen),
        "steps_ms": {name: round(sum(took) / len(took), 2) for name, took in _by_name(steps).items()},
    }
    print(json.dumps(figures, indent=1))


def _round(place: Town, toggle: Callable[[], float]) -> float:
    took = toggle()
    assert not set(place.far) & place.open()
    place.opt_in()
    ask_take_up(place.socket, patience=30)
    assert set(place.far) <= place.open()
    return took


def _ask(place: Town) -> float:
    desk.opt_out(place.policy, "national-lookup")
    began = perf_counter()
    ask_take_up(place.socket, patience=30)
    return 1000 * (perf_counter() - began)


def _type(place: Town) -> float:
    words = ["policy", "opt-out", str(place.policy), "national-lookup", "--socket", str(place.socket)]
    began = perf_counter()
    subprocess.run([sys.executable, "-m", "edge", *words], check=True, capture_output=True)
    return 1000 * (perf_counter() - began)


def _see(place: Town) -> float:
    desk.opt_out(place.policy, "national-lookup")
    began = perf_counter()
    while place.control.in_force().channels["national-lookup"]:
        sleep(0.001)
    return 1000 * (perf_counter() - began)


def _flow(place: Town, over: threading.Event, rate: float) -> None:
    while rate and not over.wait(1 / rate):
        place.passes()


def _figures(took: list[float]) -> dict[str, float]:
    if not took:
        return {}
    ordered = sorted(took)
    return {
        "rounds": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 1),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1),
        "max": round(ordered[-1], 1),
    }


def _by_name(steps: list[tuple[tuple[str, int], ...]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in steps:
        for name, took in one:
            found.setdefault(name, []).append(took)
    return found


if __name__ == "__main__":
    main()
