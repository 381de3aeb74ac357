"""A broker that others run, attacked as a stranger, with the device's own login and, if one is given, as an agency.

What only its administrator could do is not tried but named: those walls are missing by `access = "none"` alone.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from edge.clock import Clock
from edge.delivery.probe import Probe
from edge.delivery.tls import Tls
from edge.delivery.topics import ack_filter, ack_topic, notice_filters, read_topic, reads_filter
from edge.delivery.walls import Wall
from edge.errors import BrokerError

_SOMEBODY = "somebody-else"
_GRANTED = "the broker granted it"
_UNTRIED = (
    (
        "an opt-out takes the right away at the broker",
        'with `access = "none"` this device gives and takes no rights there; its own check before each send remains',
    ),
    (
        "what waits for an agency is dropped with its right",
        "the broker keeps it until it runs out after 30 s, over MQTT 3.1.1 until the agency takes it; some keep the "
        "one message under way for longer",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What somebody shows to the broker: a certificate, a name and a password, both, or neither."""

    tls: Tls | None = None
    name: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """The broker, the device's login there, and that of an agency that has no right to this device's reads."""

    host: str
    port: int
    device_id: str
    device: Login
    agency: Login | None


def foreign_walls(at: Foreign, *, clock: Clock) -> Iterator[Wall]:
    """Attacks one wall after the other. BrokerError when the device itself is not let in."""
    attack = _Attack(at, clock)
    yield Wall(name="without a certificate and a password", breach=attack.as_stranger())
    if at.device.tls is not None:
        yield Wall(name="TLS 1.2", breach=attack.with_old_tls())
        yield Wall(name="without TLS", breach=attack.without_tls())
    yield Wall(name="retained messages", breach=attack.retaining())
    for topic in ("#", "$SYS/#", reads_filter(_SOMEBODY, test=False), ack_filter(_SOMEBODY, test=False)):
        yield Wall(name=f"the device subscribes to {topic}", breach=attack.subscribing(at.device, topic))
    for topic in _foreign_topics(at.device_id):
        yield Wall(name=f"the device publishes to {topic}", breach=attack.publishing(at.device, topic))
    if at.agency is None:
        yield Wall(
            name="agencies are kept apart", breach="not tried, name the login of one without a right with --as-username"
        )
    else:
        yield from _as_agency(attack, at.agency, at.device_id)
    yield from (Wall(name=name, breach=breach) for name, breach in _UNTRIED)


def _as_agency(attack: "_Attack", agency: Login, device_id: str) -> Iterator[Wall]:
    own = read_topic(device_id, _SOMEBODY, test=False)
    said = notice_filters(device_id, test=False)
    for topic in ("#", "+/+/+/+/+/+", "$SYS/#", reads_filter(device_id, test=False), own, f"$share/check/{own}", *said):
        yield Wall(name=f"an agency subscribes to {topic}", breach=attack.subscribing(agency, topic))
    for topic in (own, ack_topic(device_id, _SOMEBODY, test=False), *said):
        yield Wall(name=f"an agency publishes to {topic}", breach=attack.publishing(agency, topic))


def _foreign_topics(device_id: str) -> tuple[str, ...]:
    return (
        read_topic(_SOMEBODY, _SOMEBODY, test=False),
        ack_topic(device_id, _SOMEBODY, test=False),
        "$SYS/broker/version",
    )


class _Attack:
    """One connection for each question, each with a client id that nobody has."""

    def __init__(self, at: Foreign, clock: Clock) -> None:
        self._at, self._clock = at, clock

    def as_stranger(self) -> str | None:
        tls = self._at.device.tls
        return self._let_in(self._probe(Login(tls=None if tls is None else Tls(ca=tls.ca))))

    def with_old_tls(self) -> str | None:
        context = self._context(self._at.device)
        if context is None:
            return None
        # what a broker offers to old clients is the question, so ours must not be the one that refuses
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        return self._let_in(self._probe(self._at.device, context=context))

    def without_tls(self) -> str | None:
        plain = Login(name=self._at.device.name, password="" if self._at.device.name else None)
        return self._let_in(self._probe(plain))

    def retaining(self) -> str | None:
        with closing(self._inside(self._at.device)) as probe:
            return "the broker says that it keeps them" if probe.keeps_retained else None

    def subscribing(self, who: Login, topic: str) -> str | None:
        return self._asking(who, lambda probe: probe.subscribe(topic))

    def publishing(self, who: Login, topic: str) -> str | None:
        return self._asking(who, lambda probe: probe.publish(topic))

    def _asking(self, who: Login, ask: Callable[[Probe], int | None]) -> str | None:
        with closing(self._inside(who)) as probe:
            code = ask(probe)
        return None if code is None or code >= 128 else _GRANTED

    def _inside(self, who: Login) -> Probe:
        probe = self._probe(who, context=self._context(who))
        if probe.connect(self._at.host, self._at.port) != 0:
            probe.close()
            whose = "the device's" if who is self._at.device else "the agency's"
            raise BrokerError(
                f"broker at {self._at.host}:{self._at.port} does not let in {whose} login, so its walls cannot be "
                "tried from inside; see name, password and certificate"
            )
        return probe

    def _let_in(self, probe: Probe) -> str | None:
        with closing(probe):
            code = probe.connect(self._at.host, self._at.port)
        return None if code is None or code >= 128 else "the broker let it in"

    def _probe(self, who: Login, *, context: ssl.SSLContext | None = None) -> Probe:
        login = None if who.name is None else (who.name, who.password or "")
        shown = context or self._context(who)
        return Probe(client_id=f"check-{self._clock.new_id()}", context=shown, login=login)

    @staticmethod
    def _context(who: Login) -> ssl.SSLContext | None:
        return None if who.tls is None else who.tls.context()
