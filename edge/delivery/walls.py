"""The site's broker attacked as a stranger and as an agency without a right would: each wall stands or is missing.

Nothing is taken from the daemon's place: the attackers have names of their own, certificates that end within the hour,
and no right. What they should be refused they ask for, and what they are given is what anybody would be given.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from edge import keys
from edge.clock import Clock
from edge.delivery.access import MosquittoRights
from edge.delivery.certificates import Authority, pem
from edge.delivery.probe import Probe
from edge.delivery.roles import ANSWERS, COMMANDS, CONTROL_MARK, DEVICE_ROLE
from edge.delivery.tls import Tls
from edge.delivery.topics import ack_filter, ack_topic, notice_filters, read_topic, reads_filter
from edge.errors import BrokerError

_SOMEBODY = "somebody-else"
_LISTENING = "0A"
_LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The broker to attack. `folder` is what `homerule broker setup` made; `scratch` a private folder for our keys."""

    host: str
    port: int
    control_port: int
    credential: Path
    device_id: str
    folder: Path
    scratch: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What was tried, and what got through; None when nothing did."""

    name: str
    breach: str | None


def walls(target: Target, *, clock: Clock) -> Iterator[Wall]:
    """Attacks one wall after the other. ConfigError without the authority's key; BrokerError when nobody is let in."""
    attack = _Attack(target, clock)
    yield Wall(name="without a certificate", breach=attack.as_stranger(None))
    yield Wall(name="a certificate of another authority", breach=attack.as_stranger(_SOMEBODY))
    yield Wall(name="one named like the control account", breach=attack.as_stranger(f"{CONTROL_MARK}{clock.new_id()}"))
    yield Wall(name="TLS 1.2", breach=attack.with_old_tls())
    yield Wall(name="without TLS", breach=attack.without_tls(target.port))
    yield Wall(name="the control listener without a password", breach=attack.without_tls(target.control_port))
    yield Wall(name="the control listener from elsewhere", breach=_elsewhere(target.control_port))
    for topic_filter in _filters(target.device_id):
        yield Wall(name=f"subscribe to {topic_filter}", breach=attack.subscribing(topic_filter))
    for topic in _topics(target.device_id):
        yield Wall(name=f"publish to {topic}", breach=attack.publishing(topic))
    yield Wall(name="retained messages", breach=attack.retaining())
    yield Wall(name="take another's place by its client id", breach=attack.taking_a_place())
    yield Wall(name="each agency has its own topics alone", breach=_rights(target, clock))


def _filters(device_id: str) -> tuple[str, ...]:
    own = read_topic(device_id, _SOMEBODY, test=False)
    return (
        *("#", "+/#", "homerule/#", "homerule-test/#", "+/+/+/+", "+/+/+/+/+/+"),
        *(reads_filter(device_id, test=False), own, f"$share/check/{own}", "$share/check/#"),
        *notice_filters(device_id, test=False),
        *(ack_filter(device_id, test=False), "$SYS/#", "$CONTROL/#", ANSWERS),
    )


def _topics(device_id: str) -> tuple[str, ...]:
    return (
        read_topic(device_id, _SOMEBODY, test=False),
        ack_topic(device_id, _SOMEBODY, test=False),
        *notice_filters(device_id, test=False),
        COMMANDS,
        "$SYS/broker/version",
    )


class _Attack:
    """One attacker after the other, each with a name that no registry knows."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target, self._clock = target, clock
        self._ca = target.folder / "ca" / "ca.crt"
        self._first, self._second = (f"check-{clock.new_id()}" for _ in range(2))
        ours = Authority.load(target.folder / "ca")
        self._certificates = {name: self._made(ours, name) for name in (self._first, self._second)}

    def as_stranger(self, name: str | None) -> str | None:
        """Without a certificate, or with one that an authority of the same name made for `name`."""
        shown = Tls(ca=self._ca)
        if name is not None:
            forger = self._target.scratch / self._clock.new_id()
            shown = self._made(Authority.new(forger, site=self._target.device_id, now=self._now), name)
        return self._let_in(Probe(client_id=_SOMEBODY, context=shown.context()), self._target.port)

    def with_old_tls(self) -> str | None:
        context = self._certificates[self._first].context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        return self._let_in(Probe(client_id=self._first, context=context), self._target.port)

    def without_tls(self, port: int) -> str | None:
        host = self._target.host if port == self._target.port else "127.0.0.1"
        return self._let_in(Probe(client_id=_SOMEBODY, context=None), port, host=host)

    def subscribing(self, topic_filter: str) -> str | None:
        return self._asking(lambda probe: probe.subscribe(topic_filter))

    def publishing(self, topic: str) -> str | None:
        return self._asking(lambda probe: probe.publish(topic))

    def retaining(self) -> str | None:
        with closing(self._inside(self._first)) as probe:
            return "the broker says that it keeps them" if probe.keeps_retained else None

    def taking_a_place(self) -> str | None:
        with closing(self._inside(self._first)) as first, closing(self._inside(self._second, as_=self._first)):
            return None if first.stands() else "the other one lost its connection"

    @property
    def _now(self) -> datetime:
        return self._clock.now().at

    def _asking(self, ask: Callable[[Probe], int | None]) -> str | None:
        """Asks as one whom dynamic security does not know, and as one whom it knows and who has no role.

        Only for the second it looks at what is allowed by default.
        """
        for inside in (partial(self._inside, self._first), self._without_a_role):
            with closing(inside()) as probe:
                code = ask(probe)
            if code is not None and code < 128:
                return "the broker granted it"
        return None

    def _inside(self, name: str, *, as_: str | None = None) -> Probe:
        """An agency of this site without a right: it is let in, and that is all."""
        probe = Probe(client_id=as_ or name, context=self._certificates[name].context())
        return self._welcome(probe, probe.connect(self._target.host, self._target.port))

    def _without_a_role(self) -> Probe:
        """The account that takes sessions over: it has no right, as an agency has none that lost its own."""
        # root tries the walls, for the authority's key is root's; this file is the daemon's, as its folder
        owner = self._target.credential.parent.stat().st_uid
        login = keys.load_logins(self._target.credential, owner=owner)[-1]
        probe = Probe(client_id=self._first, context=None, login=login)
        return self._welcome(probe, probe.connect("127.0.0.1", self._target.control_port))

    def _welcome(self, probe: Probe, code: int | None) -> Probe:
        if code != 0:
            probe.close()
            raise BrokerError(
                f"broker at {self._target.host}:{self._target.port} does not let in who it should, so its walls cannot "
                f"be tried from inside; see that it runs with {self._target.folder}/mosquitto/mosquitto.conf"
            )
        return probe

    def _let_in(self, probe: Probe, port: int, *, host: str | None = None) -> str | None:
        with closing(probe):
            code = probe.connect(host or self._target.host, port)
        return None if code is None or code >= 128 else "the broker let it in"

    def _made(self, authority: Authority, name: str) -> Tls:
        file = self._target.scratch / self._clock.new_id()
        key = keys.new_certificate_key(file)
        certificate = file.with_suffix(".crt")
        certificate.write_bytes(pem(authority.for_probe(name, key.public_key(), now=self._now)))
        return Tls(ca=self._ca, cert=certificate, key=file)


def listening(port: int) -> set[str]:
    """The addresses on which somebody here listens at `port`, as the kernel writes them."""
    return {
        row[1].rpartition(":")[0]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for row in (line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:])
        if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port
    }


def listens_elsewhere(port: int) -> bool:
    """Whether somebody here listens at `port` for other computers too."""
    return bool(listening(port) - _LOOPBACK)


def _rights(target: Target, clock: Clock) -> str | None:
    """What the broker holds, read back; what an agency with a right could do follows from that."""
    rights = MosquittoRights(
        control_port=target.control_port,
        credential=target.credential,
        device_id=target.device_id,
        clock=clock,
        owner=target.credential.parent.stat().st_uid,
    )
    with closing(rights):
        grants, found = rights.look()
    if found is None or (found == f"role `{DEVICE_ROLE}`" and not grants):  # no daemon has given rights yet
        return None
    return f"{found} is not as this device makes it, restart the daemon"


def _elsewhere(port: int) -> str | None:
    return "it listens on other addresses than 127.0.0.1 too" if listens_elsewhere(port) else None
