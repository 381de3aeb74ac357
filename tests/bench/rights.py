"""How long rights take on a real Mosquitto: `python tests/bench/rights.py [AGENCIES] [ROUNDS] [stubborn]`.

A stubborn agency connects again at the very moment at which its connection is cut; others pause for a quarter second.
All agencies lose their rights at once, as when the city switches a channel off, and have them again, round after round.
Each is connected and has a session, and messages wait for it. Figures are of this machine and what else runs on it.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from time import monotonic

from edge.delivery.broker import Broker
from tests.access.agency import Agency
from tests.site import running


def main(agencies: int = 20, rounds: int = 25, *, stubborn: bool = False) -> None:
    names = [f"agency-{number}" for number in range(agencies)]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "site", *names) as site:
        rights = site.rights()
        began = monotonic()
        rights.apply(site.grants())
        print(f"apply, {agencies} agencies, from nothing: {1000 * (monotonic() - began):.0f} ms")
        began = monotonic()
        rights.apply(site.grants())
        print(f"apply again, nothing to do: {1000 * (monotonic() - began):.0f} ms")
        device: Broker = site.device()
        device.connect()
        clients = [Agency(site, name, returns=(site.topic(name),) if stubborn else ()) for name in names]
        losing, single, giving = [], [], []
        for _ in range(rounds):
            for name, client in zip(names, clients, strict=True):
                if not stubborn:
                    client.connect()
                    client.subscribe(site.topic(name))
                device.send(site.topic(name), bytes(1100), seconds=30)
            began = monotonic()
            for name in names:
                alone = monotonic()
                rights.revoke(site.grant(name))
                single.append(1000 * (monotonic() - alone))
            losing.append(1000 * (monotonic() - began))
            began = monotonic()
            for name in names:
                rights.grant(site.grant(name))
            giving.append(1000 * (monotonic() - began))
        tell("one revocation", single)
        tell(f"all {agencies} revoked, one after the other", losing)
        tell(f"all {agencies} given again", giving)


def tell(what: str, took: list[float]) -> None:
    ordered = sorted(took)
    worst = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(f"{what}: median {statistics.median(ordered):.0f} ms, p99 {worst:.0f} ms, worst {ordered[-1]:.0f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:] if word.isdigit()), stubborn="stubborn" in sys.argv)
