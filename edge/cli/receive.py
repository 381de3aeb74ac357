"""`homerule keygen` and `homerule receive`: a subscriber's own keys, and the reference subscriber."""

import logging
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge import keys
from edge.clock import SystemClock, monotonic
from edge.delivery.broker import Broker, Tls
from edge.errors import BrokerError, ConfigError
from edge.receive import Commanded, LinesFile, Printed, Receiver, Store, Witness

_PATIENCE = 0.2
_PORT = re.compile("[0-9]{1,5}")


class KeyKind(StrEnum):
    """What a key is for."""

    SEALING = "sealing"
    SIGNING = "signing"


class Mqtt(StrEnum):
    """The versions of MQTT that are spoken."""

    FIVE = "5"
    THREE = "3.1.1"


_DeviceKey = Annotated[
    str | None, typer.Option(help="The device's public key: its .pub file, or the base64 in it. Needed but for --test.")
]
_Out = Annotated[
    Path | None, typer.Option(help="Append reads here as JSON lines (0600) and delete them in time; else print them.")
]
_Run = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Run this for each read, JSON on its standard input; exit code 0: stored."),
]
_Memory = Annotated[
    Path | None, typer.Option(help="With --run: remembers here (0600, no plates) which reads are stored.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the program."""
    app.command()(keygen)
    app.command()(receive)


def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; its public half goes to FILE.pub.")],
    kind: Annotated[
        KeyKind | None, typer.Option(help="sealing: a subscriber's, to open reads; signing: a device's.")
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="NAME", help="For the broker: a key, and a request for NAME in FILE.csr.")
    ] = None,
) -> None:
    """Makes a key pair, never over an existing one, and prints the public half, or where the request is."""
    if (kind is None) == (certificate is None):
        raise typer.BadParameter("give `--kind sealing`, `--kind signing` or `--certificate NAME`")
    if certificate is not None:
        print(_new_request(file, certificate))
        return
    make = keys.new_sealing_key if kind is KeyKind.SEALING else keys.new_signing_key
    print(keys.public_text(make(file)))


def _new_request(file: Path, name: str) -> Path:
    """A key for a certificate, and beside it the request that goes to whoever runs the broker."""
    from edge.delivery import certificates, madefiles

    keys.require_name(file)
    asked = file.with_name(f"{file.name}.csr")
    if asked.exists():
        raise ConfigError(f"{asked}: exists already and is not written over, choose another name or move it away")
    certificates.check_name(name)
    key = keys.new_certificate_key(file)
    with madefiles.whole_with(file):
        madefiles.put_new(asked, certificates.request(key, name))
    return asked


def receive(
    broker: Annotated[str, typer.Option(help="The broker as HOST:PORT.")],
    subscriber: Annotated[str, typer.Option(help="Our id in the city's registry.")],
    key: Annotated[Path, typer.Option(help="Our private sealing key, from `homerule keygen --kind sealing`.")],
    device_key: _DeviceKey = None,
    device: Annotated[str | None, typer.Option(help="Take reads of this device only.")] = None,
    out: _Out = None,
    run: _Run = None,
    run_within: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that COMMAND has for a read.")] = 20.0,
    memory: _Memory = None,
    test: Annotated[bool, typer.Option("--test", help="Take test data, and nothing else.")] = False,
    protocol: Annotated[Mqtt, typer.Option(help="The version of MQTT that the broker speaks.")] = Mqtt.FIVE,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many reads.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0, help="End after so many seconds.")] = None,
    ca: Annotated[Path | None, typer.Option(help="The CA of the broker's certificate; turns TLS on.")] = None,
    cert: Annotated[Path | None, typer.Option(help="Our certificate.")] = None,
    cert_key: Annotated[Path | None, typer.Option(help="The private key of our certificate.")] = None,
    username: Annotated[str | None, typer.Option(help="Our name, where the broker asks for one.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="The file with our password, one line, 0600.")] = None,
) -> None:
    """Receives our reads: opens and verifies each, stores it, then acknowledges it.

    A read is deleted from --out when its time is over, and FILE.receipts says so. Checkpoints of the device's audit log
    are kept beside it; a fork in them, and a device that is lost or back, is said on stderr. Exit code 0: stopped or
    done; 1: a file, key or command is wrong, the broker was not reached, or fewer reads came than --count; 2: wrong
    usage.
    """
    tls, login = _tls(ca, cert, cert_key), _login(username, password_file)
    _require_one_store(out, run, memory)
    sealing_key, device_public_key = keys.load_sealing_key(key), _device_key(device_key, test=test)
    reach = _reach(broker, subscriber, protocol, login, tls)
    with _stopping() as stop, _said_on_stderr(), closing(reach), _store(out, run, memory, run_within) as store:
        receiver = Receiver(
            broker=reach,
            store=store,
            subscriber_id=subscriber,
            sealing_key=sealing_key,
            device_public_key=device_public_key,
            device_id=device,
            clock=SystemClock(trusted=True),
            test=test,
            witness=Witness(out or memory, device_public_key),
        )
        _run(receiver, reach, stop, count, seconds)


def _tls(ca: Path | None, cert: Path | None, cert_key: Path | None) -> Tls | None:
    if ca is not None:
        tls = Tls(ca=ca, cert=cert, key=cert_key)
        tls.context()  # whoever has just typed it is told now; later it may be away for a moment while it is renewed
        return tls
    if cert is not None or cert_key is not None:
        raise typer.BadParameter("--cert and --cert-key need --ca")
    return None


def _login(username: str | None, password_file: Path | None) -> tuple[str | None, str | None]:
    if password_file is None:
        return username, None
    if username is None:
        raise typer.BadParameter("--password-file needs --username")
    return username, keys.load_password(password_file)


def _reach(
    broker: str, subscriber: str, protocol: Mqtt, login: tuple[str | None, str | None], tls: Tls | None
) -> Broker:
    host, port = _host_port(broker)
    username, password = login
    return Broker(
        host=host,
        port=port,
        client_id=subscriber,
        protocol=protocol.value,
        username=username,
        password=password,
        tls=tls,
    )


def _require_one_store(out: Path | None, run: str | None, memory: Path | None) -> None:
    if run is not None and out is not None:
        raise typer.BadParameter("give --out or --run, not both")
    if (run is None) != (memory is None):
        raise typer.BadParameter("--run and --memory FILE go together: the file remembers what is stored after a crash")


def _run(receiver: Receiver, broker: Broker, stop: threading.Event, count: int | None, seconds: float | None) -> None:
    """Receives until it is told to stop, has `count` reads, or `seconds` are over."""
    until, got, connected = (None if seconds is None else monotonic() + seconds), 0, False
    while not stop.is_set() and (count is None or got < count) and (until is None or monotonic() < until):
        got += receiver.step(patience=_PATIENCE) is not None
        connected = connected or broker.connected
    tally = {"refused": receiver.refused, "not stored": receiver.failed, "deleted in time": receiver.deleted}
    more = "".join(f", {number} {what}" for what, number in tally.items() if number)
    print(f"homerule: {got} reads received{more}", file=sys.stderr)
    if not connected and not stop.is_set():
        raise BrokerError("the broker could not be reached in the time given")
    if count is not None and got < count and not stop.is_set():
        raise BrokerError(f"only {got} of {count} reads came in the time given")


def _host_port(text: str) -> tuple[str, int]:
    host, gap, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not gap or not host or not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"`{text}` is not HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


def _device_key(text: str | None, *, test: bool) -> Ed25519PublicKey:
    """The key that vouches for reads. The test device's is known to everybody, so it never vouches for a real one."""
    testing = keys.TEST_DEVICE_KEY.public_key()
    if text is None:
        if not test:
            raise typer.BadParameter("--device-key is needed: the device's .pub file, or the base64 in it")
        return testing
    if len(text) == 44 and text.endswith("="):
        key = keys.signing_public(text, where="--device-key")
    else:
        key = keys.load_public(Path(text))
    if not test and keys.public_bytes(key) == keys.public_bytes(testing):
        raise ConfigError("--device-key: everybody can sign with the test device's key, take it with --test only")
    if test and keys.public_bytes(key) != keys.public_bytes(testing):
        raise ConfigError("--device-key: a real device's key signs no test messages, leave it out with --test")
    return key


@contextmanager
def _store(out: Path | None, run: str | None, memory: Path | None, within: float) -> Iterator[Store]:
    path = out or memory
    if path is None:
        yield Printed(lambda line: print(line, end="", flush=True))
        return
    with closing(LinesFile(path, receipts=run is None)) as file:
        yield file if run is None else Commanded(run, file, within=within)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a read is either stored and acknowledged or neither."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _said_on_stderr() -> Iterator[None]:
    """What the rooms say goes to stderr, one line each, as this program's own words."""
    speaker, log = logging.StreamHandler(sys.stderr), logging.getLogger("edge")
    speaker.setFormatter(logging.Formatter("homerule: %(message)s"))
    log.addHandler(speaker)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(speaker)
