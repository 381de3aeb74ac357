"""What is lost, and how fast it comes back, on a real Mosquitto with the real daemon in a process of its own.

    python tests/bench/losses.py crashes [--kills 100] [--reads 10000]      kill -9 of daemon and broker in turn
    python tests/bench/losses.py outage [--reads 3000] [--limit 2000]       the broker away for the outbox's whole limit
    python tests/bench/losses.py outage --reads 34000 --limit 100000        the same with the limit that device.toml has

Reads flow all the while. The oracle of tests/leak judges: nothing that was recorded is lost, each agency has its reads
in their order, what comes twice has the same id and the same bytes. Exit code 1 when it finds anything.
"""

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import tomlkit

from edge.ledger.entries import Discarded, Expired
from tests.broker import wait_until
from tests.leak.agencies import MANNERS
from tests.leak.oracle import Oracle
from tests.leak.scene import Nursery, Scene, acted

HERE = {name: MANNERS[name] for name in ("returning",)}


def crashes(scene: Scene, kills: int, reads: int) -> dict[str, object]:
    """So many kill -9, spread over so many reads, at random moments."""
    chance, killed = Random(20261124), Counter[str]()
    scene.begin()
    scene.flow(60)
    for number in range(kills):
        due = reads * (number + 1) // kills
        wait_until(lambda due=due: scene.count_reads() >= due, what=f"{due} reads: {scene.said[-500:]}", within=120)
        sleep(chance.uniform(0, 0.3))
        victim = ("daemon", "broker")[number % 2]
        killed[victim] += 1
        scene.kill() if victim == "daemon" else scene.kill_broker()
        sleep(chance.uniform(0, 0.3))
        scene.revive()
    scene.drain()
    oracle = scene.oracle()
    return {"kills": dict(killed), **_counted(oracle)}


def outage(scene: Scene, reads: int, limit: int) -> dict[str, object]:
    """First some whose time runs out while the broker is away, then more than the outbox may hold, then it is back."""
    table = tomlkit.parse((scene.folder / "device.toml").read_text())
    table["limits"].update({"max_waiting_reads": limit, "max_age_hours": 48})  # type: ignore[union-attr]
    (scene.folder / "device.toml").write_text(tomlkit.dumps(table))
    scene.edit("policy.toml", lambda one: one["retention"].update(undelivered_hours=1))
    scene.sign()
    scene.shift(0)
    scene.begin()
    names = tuple(scene.agencies)
    scene.kill_broker()
    begun = scene.count_reads()
    _recorded(scene, begun + 200)
    scene.flow(0)
    sleep(1)
    scene.shift(3700)  # an hour has gone by
    wait_until(lambda: scene.count_waiting(*names) == 0, what="the first have run out", within=30)
    _recorded(scene, begun + 200 + reads)
    scene.flow(0)
    wait_until(lambda: scene.count_waiting(*names) <= limit, what="the limit is kept", within=30)
    left = scene.count_waiting(*names)
    scene.start_broker()
    wait_until(lambda: scene.serves(*names), what="all are served", within=60)
    scene.gather(*[name for name in names if not scene.agencies[name].manner.returns])
    began, used = monotonic(), _used(scene)
    wait_until(lambda: scene.count_waiting(*names) == 0, what="all is drained", within=600 + limit / 100)
    took, used, peak = monotonic() - began, _used(scene) - used, _peak(scene)
    oracle = scene.oracle()
    counted = _counted(oracle)
    logged = _in_the_log(scene)
    over = set(oracle.account.ended.values()) - {"expired", "discarded"}
    wrong = [one for one in oracle.findings() if "(expired)" not in one and "(discarded)" not in one]
    return {
        **counted,
        "findings": wrong,
        "waiting_when_it_came_back": left,
        "seconds": round(took, 1),
        "drained_per_second": round(left / took, 1),
        "drained_per_second_of_the_device_s_processor_time": round(left / used, 1),
        "peak_megabytes_of_the_device": peak,
        "in_the_audit_log": logged,
        "ended_otherwise": sorted(over),
    }


def _used(scene: Scene) -> float:
    """Seconds of processor time that the device has used."""
    assert scene.device is not None
    told = Path(f"/proc/{scene.device.number}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _peak(scene: Scene) -> int:
    assert scene.device is not None
    told = Path(f"/proc/{scene.device.number}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) // 1024


def _recorded(scene: Scene, number: int) -> None:
    scene.flow(100)
    while (count := scene.count_reads()) < number:  # for as long as it goes on
        wait_until(lambda count=count: scene.count_reads() > count, what=f"more than {count} reads", within=60)
        sleep(1)


def _in_the_log(scene: Scene) -> dict[str, int]:
    """How many envelopes the log says have run out, and were discarded."""
    found: Counter[str] = Counter()
    ledger = scene._ledger()
    for logged in ledger.entries():
        if isinstance(logged.entry, Expired | Discarded):
            for batch in (*logged.entry.unsent, *logged.entry.sent):
                found[type(logged.entry).__name__.lower()] += sum(batch[2::2])
    ledger.close()
    return dict(found)


def _counted(oracle: Oracle) -> dict[str, object]:
    receipts = [one.message_id for each in oracle.receipts.values() for one in each]
    allowed = set(oracle.account.decided)
    return {
        "reads": oracle.account.reads,
        "envelopes": len(allowed),
        "lost": len(allowed - set(receipts) - oracle.waiting - oracle.account.ended.keys()),
        "came_twice": len(receipts) - len(set(receipts)),
        "findings": oracle.findings(),
    }


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("crashes", "outage"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--reads", type=int)
    parser.add_argument("--limit", type=int, default=2000)
    asked = parser.parse_args()
    nursery = Nursery()
    try:
        with TemporaryDirectory() as folder, acted(Path(folder) / "scene", nursery, HERE) as scene:
            if asked.command == "crashes":
                figures = crashes(scene, asked.kills, asked.reads or 10_000)
            else:
                figures = outage(scene, asked.reads or 3000, asked.limit)
    finally:
        nursery.close()
    print(json.dumps(figures, indent=1))
    sys.exit(1 if figures["findings"] else 0)


if __name__ == "__main__":
    main()
