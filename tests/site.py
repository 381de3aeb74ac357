"""A site's real Mosquitto as `homerule broker setup` writes it: certificates, control listener, enrolled subscribers.

with running(tmp_path, "owner", "neighbour") as site:      # or the fixture `site`, with NAMES
    rights = site.rights()
    rights.apply(site.grants())
    owner = site.subscriber("owner")                       # a Broker with the certificate of `owner`
"""

import os
import pwd
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge import keys
from edge.clock import SystemClock
from edge.config import Broker as BrokerTable
from edge.delivery import site as sites
from edge.delivery.access import MosquittoRights
from edge.delivery.broker import Broker, Protocol, Tls
from edge.delivery.certificates import Authority, pem, request
from edge.delivery.topics import read_topic
from edge.values import Grant
from tests.broker import Mosquitto, free_port, listens, wait_until

DEVICE = "elm-street-1"
OWNER, NEIGHBOUR, OPTED_OUT = NAMES = ("prospect-grove-pd", "cook-auto-theft", "brazos-bend-so")


class Site(Mosquitto):
    """The files of a site in `folder`, and its broker. Start, stop, kill, freeze and thaw are Mosquitto's."""

    def __init__(self, folder: Path, *names: str, device: str = DEVICE) -> None:
        self.folder, self.device_id = folder.resolve(), device
        self.port, self.control_port = free_port(), free_port()
        # the real time, because the TLS library looks at it too
        self.clock = SystemClock(trusted=True)
        ourselves = pwd.getpwuid(os.geteuid()).pw_name
        self.plan = sites.Site(
            folder=self.folder,
            device_id=device,
            hosts=("127.0.0.1",),
            port=self.port,
            control_port=self.control_port,
            bind="127.0.0.1",
            broker_user=ourselves,
            device_user=ourselves,
        )
        self.setup()
        self._settings = self.folder / sites.BROKER / sites.SETTINGS
        self._log = self.folder / "mosquitto.log"
        self._process = None
        self._ends: list[Callable[[], object]] = []
        self.names = tuple(names)
        for name in names:
            self.enroll(name)

    def setup(self) -> None:
        """`homerule broker setup`, also once more."""
        sites.setup(self.plan, now=self.clock.now().at)

    def start(self) -> None:
        """Starts the broker and waits until both listeners are there."""
        super().start()
        wait_until(lambda: listens(self.control_port), what="the control listener is there")

    def reload(self) -> None:
        """`systemctl reload mosquitto`: it reads its certificates again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def dynsec(self) -> Path:
        """Dynamic security's own file."""
        return self.folder / sites.BROKER / sites.RIGHTS

    @property
    def credential(self) -> Path:
        """The file with the passwords of the control accounts."""
        return self.folder / sites.DEVICE / sites.LOGINS

    @property
    def ca(self) -> Path:
        """The authority that everybody trusts."""
        return self.folder / sites.DEVICE / "ca.crt"

    @property
    def table(self) -> BrokerTable:
        """[broker] of device.toml."""
        return BrokerTable(
            host="127.0.0.1",
            port=self.port,
            access="mosquitto",
            ca=self.ca,
            certificate=self.folder / sites.DEVICE / "device.crt",
            key=self.folder / sites.DEVICE / "device.key",
            control_port=self.control_port,
            control_credential=self.credential,
        )

    @property
    def toml(self) -> str:
        """[broker] of device.toml, as text."""
        written = self.table.model_dump(mode="json", exclude_none=True)
        lines = [
            f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in written.items()
        ]
        return "\n".join(["[broker]", *lines, ""])

    def enroll(self, name: str) -> Tls:
        """A key and a certificate for `name`, in `folder`/`name`.key and .crt; a second time a new pair of both."""
        key_file, cert_file = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        for old in (key_file, cert_file):
            old.unlink(missing_ok=True)
        asked = request(keys.new_certificate_key(key_file), name)
        made = sites.enroll(self.folder, asked, where="the request", name=name, now=self.clock.now().at)
        cert_file.write_bytes(made)
        return self.tls(name)

    def forge(self, name: str) -> Tls:
        """As `enroll`, but of an authority that calls itself as ours does and is another."""
        folder = self.folder / "forger"
        folder.mkdir(exist_ok=True)
        (folder / "ca.key").unlink(missing_ok=True)
        forger = Authority.new(folder / "ca.key", site=self.device_id, now=self.clock.now().at)
        (folder / f"{name}.key").unlink(missing_ok=True)
        key = keys.new_certificate_key(folder / f"{name}.key")
        made = forger.for_client(name, key.public_key(), now=self.clock.now().at)
        (folder / f"{name}.crt").write_bytes(pem(made))
        return Tls(ca=self.ca, cert=folder / f"{name}.crt", key=folder / f"{name}.key")

    def tls(self, name: str) -> Tls:
        """What an enrolled subscriber shows."""
        return Tls(ca=self.ca, cert=self.folder / f"{name}.crt", key=self.folder / f"{name}.key")

    def grant(self, name: str) -> Grant:
        """The right of an agency whose id is its certificate's name."""
        return Grant(subscriber_id=name, certificate_name=name)

    def grants(self, *names: str) -> list[Grant]:
        """The rights of these, or of all that were enrolled."""
        return [self.grant(name) for name in names or self.names]

    def rights(self) -> MosquittoRights:
        """A control connection of the daemon; closed at the end of the test."""
        made = MosquittoRights(
            control_port=self.control_port, credential=self.credential, device_id=self.device_id, clock=self.clock
        )
        self.at_end(made.close)
        return made

    def device(self) -> Broker:
        """The device's publishing line, not connected yet; closed at the end of the test."""
        table = self.table
        return self.reach(Tls(ca=self.ca, cert=table.certificate, key=table.key), client_id=self.device_id)

    def subscriber(self, name: str, *, protocol: Protocol = "5", subscribed: bool = True) -> Broker:
        """An agency's line with its own certificate, its own topic asked for, not connected yet."""
        made = self.reach(self.tls(name), client_id=name, protocol=protocol)
        if subscribed:
            made.subscribe(self.topic(name))
        return made

    def topic(self, name: str) -> str:
        """Where reads for `name` go."""
        return read_topic(self.device_id, name, test=False)

    def reach(self, tls: Tls | None, *, client_id: str, protocol: Protocol = "5", port: int | None = None) -> Broker:
        """Any line to this broker."""
        made = Broker(host="127.0.0.1", port=port or self.port, client_id=client_id, protocol=protocol, tls=tls)
        self.at_end(made.close)
        return made

    def close(self) -> None:
        """Ends the broker and every line."""
        self.kill()
        self.hang_up()

    def hang_up(self) -> None:
        """Ends every line, and the broker goes on."""
        while self._ends:
            self._ends.pop()()

    def afresh(self) -> None:
        """As after `broker setup`, for the next test: no rights, and the broker runs."""
        self.hang_up()
        if self._process is None:
            shutil.rmtree(self.dynsec, ignore_errors=True)
            shutil.copy(self.dynsec.with_name(sites.FIRST_RIGHTS), self.dynsec)
            self.start()

    def at_end(self, end: Callable[[], object]) -> None:
        """Calls `end` when the test is over and the broker is gone."""
        self._ends.append(end)


@contextmanager
def running(folder: Path, *names: str, device: str = DEVICE) -> Iterator[Site]:
    """A started site with these subscribers enrolled, and no right given to anybody yet."""
    made = Site(folder, *names, device=device)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A started site with owner, neighbour and the agency that the opt-out cuts off; no rights given yet."""
    with running(tmp_path / "site", *NAMES) as made:
        yield made
