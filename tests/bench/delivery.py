"""Delivery under load: a device, a real Mosquitto, and agencies that open, verify and acknowledge what they get.

    python tests/bench/delivery.py deliver [--seconds 60] [--agencies 10] [--reads-per-second 20]
    python tests/bench/delivery.py drain [--reads 400] [--agencies 10]

`deliver`: so many reads a second, each for every agency. `drain`: the broker comes back when so many have piled up.
The agencies have a process of their own; the figures are those of the device's process, of one core.
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import numpy as np
import tomlkit
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.capture import Plain
from edge.clock import SystemClock
from edge.daemon.memory import one_heap
from edge.delivery.broker import Broker
from edge.ledger import Ledger
from edge.pipeline import Pipeline
from edge.receive import Printed, Receiver
from edge.relay import Relay
from edge.values import Box, Frame, PlateRead
from tests.broker import Mosquitto, wait_until
from tests.ledger.counted import counted
from tests.policy.city import OWNER, owner, policy, texan
from tests.relay.house import Passing

DEVICE = "elm-street-1"


def sealing_key(name: str) -> X25519PrivateKey:
    """An agency's own, the same in both processes."""
    return X25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def reach(port: int, name: str) -> Broker:
    """A connection to be made."""
    return Broker(host="127.0.0.1", port=port, client_id=name, loopback_only=True)


class Device:
    """Ledger, pipeline and relay, under a policy that gives every read to every agency."""

    def __init__(self, folder: Path, port: int, agencies: int) -> None:
        self.clock, self.names = SystemClock(trusted=True), [OWNER, *(f"far-{one:02}" for one in range(1, agencies))]
        self.key = keys.new_signing_key(folder / "device.key")
        city = keys.new_signing_key(folder / "city.key")
        place = folder / "policy"
        place.mkdir()
        tables = [owner(sealing_key=self._public(OWNER))]
        tables += [texan(name, feed="all", sealing_key=self._public(name)) for name in self.names[1:]]
        until = (self.clock.now().at + timedelta(days=30)).replace(microsecond=0)
        written = policy({"valid_until": until, "sharing": {"full_feed": self.names[1:]}})
        (place / "policy.toml").write_text(tomlkit.dumps(written))
        (place / "subscribers.toml").write_text(tomlkit.dumps({"subscriber": tables}))
        desk.sign(place, key=city, now=self.clock.now().at, devices=[DEVICE])
        files, bundle = desk.load(place, pin=folder / "city.key.pub")
        self.ledger = Ledger.open(folder / "ledger.sqlite", clock=self.clock, key=self.key, device=DEVICE)
        self.ledger.accept_bundle(
            files, digest=bundle.digest, version=bundle.version, revision=bundle.revision, signed=bundle.signed
        )
        self.broker = reach(port, DEVICE)
        lists = desk.hotlists(place, bundle)
        self.relay = Relay(
            ledger=self.ledger,
            broker=self.broker,
            in_force=lambda: bundle,
            hotlists=lambda: lists,
            clock=self.clock,
            device_id=DEVICE,
            test=False,
        )
        self.eyes = Passing()
        self.pipeline = Pipeline(
            vision=self.eyes,
            in_force=lambda: bundle,
            hotlists=lambda: lists,
            ledger=self.ledger,
            clock=self.clock,
            device_id=DEVICE,
            device_key=self.key,
            test=False,
        )

    @staticmethod
    def _public(name: str) -> str:
        return keys.public_text(sealing_key(name))

    def passes(self) -> None:
        """One vehicle goes by."""
        at = self.clock.now().at
        self.eyes.seen = [
            PlateRead(
                read_id=self.clock.new_id(),
                camera_id="north",
                first_seen=at,
                best_seen=at,
                last_seen=at,
                box=Box(x1=0, y1=0, x2=90, y2=40),
                text="QXK9217",
                confidence=0.9,
                lowest_character_confidence=0.8,
                frames=9,
            )
        ]
        pixels = np.zeros((4, 4, 3), dtype=np.uint8)
        outcomes = self.pipeline.step(Frame(camera_id="north", sequence=0, captured_at=at, picture=Plain(pixels)))
        assert sum(each.effect == "share" for each in outcomes[0].decisions) == len(self.names)

    def listening(self) -> subprocess.Popen[bytes]:
        """The agencies, in a process of their own."""
        words = ["agencies", str(self.broker._address.port), keys.public_text(self.key), *self.names]
        return subprocess.Popen([sys.executable, __file__, *words])


def deliver(folder: Path, seconds: float, agencies: int, rate: float) -> dict[str, float]:
    """So many reads a second for a while."""
    broker = Mosquitto(folder)
    broker.start()
    device = Device(folder, broker.port, agencies)
    listening, over = device.listening(), threading.Event()

    def relaying() -> None:
        while not over.is_set():
            device.relay.step(patience=0.02)

    relay = threading.Thread(target=relaying)
    wait_until(lambda: broker.log.count("SUBACK") >= agencies, what="all listen", within=60)
    relay.start()
    began, used, count, early = monotonic(), _cpu(), 0, 0.0
    while (passed := monotonic() - began) < seconds:
        device.passes()
        count += 1
        if passed < seconds / 5:
            early = _megabytes()
        sleep(max(0.0, began + count / rate - monotonic()))
    behind = device.ledger.waiting()
    used = _cpu() - used
    wait_until(lambda: device.ledger.waiting() == 0, what="all is acknowledged", within=60)
    over.set()
    relay.join()
    taken = sum(tally["acknowledged"] for tally in counted(folder / "ledger.sqlite").values())
    listening.terminate()
    listening.wait()
    broker.stop()
    return {
        "reads_per_second": round(count / seconds, 1),
        "envelopes": count * agencies,
        "acknowledged": taken,
        "waiting_at_the_end": behind,
        "of_one_core_percent": round(100 * used / seconds, 1),
        "private_megabytes_after_a_fifth": round(early, 1),
        "private_megabytes_at_the_end": round(_megabytes(), 1),
    }


def drain(folder: Path, reads: int, agencies: int) -> dict[str, float]:
    """The broker was away."""
    broker = Mosquitto(folder)
    device = Device(folder, broker.port, agencies)
    began, used = monotonic(), _cpu()
    for _ in range(reads):
        device.passes()
    recorded, sealing = monotonic() - began, _cpu() - used
    broker.start()
    listening = device.listening()
    wait_until(lambda: broker.log.count("SUBACK") >= agencies, what="all listen", within=60)
    wait_until(device.broker.ready, what="the device is connected")
    began, used = monotonic(), _cpu()
    while device.ledger.waiting():
        device.relay.step(patience=0.01)
    took, used = monotonic() - began, _cpu() - used
    listening.terminate()
    listening.wait()
    broker.stop()
    count = reads * agencies
    return {
        "envelopes": count,
        "recorded_reads_per_second": round(reads / recorded, 1),
        "cpu_ms_to_decide_seal_and_record_an_envelope": round(1000 * sealing / count, 2),
        "drained_per_second": round(count / took, 1),
        "cpu_ms_to_send_and_settle_an_envelope": round(1000 * used / count, 2),
    }


def listen(port: int, device_key: str, names: list[str]) -> None:
    """Every agency in a thread, until the process is ended."""
    clock = SystemClock(trusted=True)

    def one(name: str) -> None:
        receiver = Receiver(
            broker=reach(port, name),
            store=Printed(lambda _: None),
            subscriber_id=name,
            sealing_key=sealing_key(name),
            device_public_key=keys.signing_public(device_key, where="the device"),
            device_id=DEVICE,
            clock=clock,
            test=False,
        )
        while True:
            receiver.step(patience=0.2)

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _megabytes() -> float:
    """Of our own: what of the libraries' code is in memory depends on who else needs room."""
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0]) / 1024


def main() -> None:
    """Prints the figures as JSON."""
    if sys.argv[1:2] == ["agencies"]:
        listen(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("deliver", "drain"))
    parser.add_argument("--agencies", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--reads-per-second", type=float, default=20)
    parser.add_argument("--reads", type=int, default=400)
    asked = parser.parse_args()
    one_heap()  # as in the daemon
    with TemporaryDirectory() as folder:
        if asked.command == "deliver":
            figures = deliver(Path(folder), asked.seconds, asked.agencies, asked.reads_per_second)
        else:
            figures = drain(Path(folder), asked.reads, asked.agencies)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
