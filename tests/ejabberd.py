"""A real ejabberd on a free loopback port, as a site may run one: TLS, passwords, rights that its administrator wrote.

It has two hosts: at `STRICT` each account has the topics that are its own, at `OPEN` everybody has all. One for a whole
file of tests, because it takes seconds to start.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge import keys
from edge.clock import SystemClock
from edge.delivery.broker import Broker, Protocol, Tls, Will
from edge.delivery.certificates import Authority, pem
from edge.delivery.foreign import Login
from tests.broker import free_port, listens, wait_until

STRICT, OPEN = "strict.example", "open.example"
PASSWORD = "of-this-test-only"


class Ejabberd:
    """One broker process. `device`, `agencies` and `strangers` have accounts at both hosts, the last have no topics."""

    def __init__(
        self, folder: Path, *, device: str, agencies: tuple[str, ...], strangers: tuple[str, ...] = ()
    ) -> None:
        self.folder, self.port, self.device_id, self.agencies = folder, free_port(), device, agencies
        self._strangers = strangers
        authority = Authority.new(folder / "ca.key", site="a site of others", now=SystemClock(trusted=True).now().at)
        (folder / "ca.crt").write_bytes(pem(authority.certificate))
        key = keys.new_certificate_key(folder / "broker.key")
        shown = authority.for_server(("127.0.0.1",), key.public_key(), now=SystemClock(trusted=True).now().at)
        (folder / "broker.pem").write_bytes(pem(shown) + (folder / "broker.key").read_bytes())
        (folder / "ejabberd.yml").write_text(self._settings())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens and knows its accounts."""
        libraries = next(Path("/usr/lib").glob("*/ejabberd-*")).parent
        users = ",".join(f'<<"{name}">>' for name in (self.device_id, *self.agencies, *self._strangers))
        hosts = ",".join(f'<<"{host}">>' for host in (STRICT, OPEN))
        begin = (
            "{ok,_}=application:ensure_all_started(ejabberd),"
            f'[ok=ejabberd_auth:try_register(U,H,<<"{PASSWORD}">>)||U<-[{users}],H<-[{hosts}]],'
            'ok=file:write_file("ready",<<>>).'
        )
        command = ["erl", "-noinput", "-noshell", "+S", "1:1", "+sbwt", "none", "-mnesia", "dir", '"db"']
        with (self.folder / "said").open("ab") as said:
            self._process = subprocess.Popen(
                [*command, "-eval", begin],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={
                    **os.environ,
                    "HOME": str(self.folder),
                    "ERL_LIBS": str(libraries),
                    "ERL_CRASH_DUMP": "/dev/null",
                    "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
                    "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
                },
            )
        wait_until(
            lambda: self._process.poll() is not None or ((self.folder / "ready").exists() and listens(self.port)),
            what="ejabberd listens",
            within=120,
        )
        assert self._process.poll() is None, (self.folder / "said").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    @property
    def ca(self) -> Path:
        """The authority of its certificate."""
        return self.folder / "ca.crt"

    def login(self, name: str, host: str = STRICT) -> Login:
        """What an account shows."""
        return Login(tls=Tls(ca=self.ca), name=f"{name}@{host}", password=PASSWORD)

    def password_file(self) -> Path:
        """The password, as it lies at every account's."""
        path = self.folder / "password"
        if not path.exists():
            path.touch(0o600)
            path.write_text(f"{PASSWORD}\n")
        return path

    def reach(self, name: str, *, host: str = STRICT, protocol: Protocol = "5", will: Will | None = None) -> Broker:
        """A line of one account, not connected yet."""
        login = self.login(name, host)
        return Broker(
            host="127.0.0.1",
            port=self.port,
            client_id=name,
            protocol=protocol,
            username=login.name,
            password=login.password,
            tls=login.tls,
            will=will,
        )

    def _settings(self) -> str:
        device = f"homerule/v1/{self.device_id}"
        publish = {f"{device}/to/+/read": self.device_id}
        publish |= {f"{device}/{word}": self.device_id for word in ("status", "checkpoint")}
        publish |= {f"{device}/from/{name}/ack": name for name in self.agencies}
        subscribe = {f"{device}/from/+/ack": [self.device_id]}
        subscribe |= {f"homerule/v1/+/to/{name}/read": [name] for name in self.agencies}
        subscribe |= {f"{device}/to/{name}/read": [name] for name in self.agencies}
        notices = [f"{each}/{word}" for each in (device, "homerule/v1/+") for word in ("status", "checkpoint")]
        subscribe |= {topic: list(self.agencies) for topic in notices}
        return "\n".join(
            [
                f"hosts: [{STRICT}, {OPEN}]",
                "loglevel: warning",
                "auth_method: internal",
                "certfiles: [broker.pem]",
                "listen:",
                f'  - {{port: {self.port}, ip: "127.0.0.1", module: mod_mqtt, tls: true}}',
                "host_config:",
                f"  {OPEN}:",
                "    modules: {mod_mqtt: {}}",
                f"  {STRICT}:",
                "    modules:",
                "      mod_mqtt:",
                "        access_publish:",
                *(f'          "{topic}": [{{allow: {{user: {name}@{STRICT}}}}}]' for topic, name in publish.items()),
                '          "#": [deny: all]',
                "        access_subscribe:",
                *(
                    f'          "{topic}": [{", ".join(f"{{allow: {{user: {name}@{STRICT}}}}}" for name in names)}]'
                    for topic, names in subscribe.items()
                ),
                '          "#": [deny: all]',
                "",
            ]
        )


@contextmanager
def running(
    folder: Path, *, device: str, agencies: tuple[str, ...], strangers: tuple[str, ...] = ()
) -> Iterator[Ejabberd]:
    """A started broker of others."""
    if shutil.which("ejabberdctl") is None:
        pytest.skip("`ejabberd` is missing, apt-get install ejabberd")
    made = Ejabberd(folder, device=device, agencies=agencies, strangers=strangers)
    try:
        made.start()
        yield made
    finally:
        made.kill()
