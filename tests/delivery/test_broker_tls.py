"""TLS to a real Mosquitto: our own certificate is our name, and a broker whose name does not fit is not spoken to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge.clock import SystemClock, monotonic
from edge.delivery.broker import Broker, Handover, Tls
from edge.errors import BrokerError, ConfigError
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.delivery.reads import DEVICE, NEIGHBOUR, NOON, sealed

__all__ = ["mosquitto"]

SETTINGS = """
listener {{port}} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
acl_file {folder}/acl
"""


class Authority:
    """A CA that writes certificates with their keys into a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        made = (
            self._begun(self._name, self._key)
            .add_extension(constraints, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, address: str | None = None) -> tuple[Path, Path]:
        """Certificate and key of `name`; with an address it is good for a server there."""
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = self._begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        if address is not None:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
            wanted = wanted.add_extension(names, critical=False)
        cert, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert.write_bytes(wanted.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cert, secret

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = SystemClock(trusted=True).now().at  # the real time, because the library looks at it too
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def start(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., Mosquitto]]:
    brokers: list[Mosquitto] = []

    def start(address: str = "127.0.0.1") -> Mosquitto:
        authority.issue("broker", address=address)
        (tmp_path / "acl").write_text(
            f"user {DEVICE}\ntopic write homerule/v1/{DEVICE}/to/+/read\n"
            "pattern read homerule/v1/+/to/%u/read\npattern write homerule/v1/+/from/%u/ack\n"
        )
        brokers.append(Mosquitto(tmp_path, SETTINGS.format(folder=tmp_path)))
        brokers[-1].start()
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.kill()


def reach(port: int, name: str, tls: Tls) -> Broker:
    return Broker(host="127.0.0.1", port=port, client_id=name, tls=tls)


def as_(authority: Authority, name: str) -> Tls:
    cert, key = authority.issue(name)
    return Tls(ca=authority.folder / "ca.pem", cert=cert, key=key)


def test_a_read_travels_between_two_certificates(start: Callable[..., Mosquitto], authority: Authority) -> None:
    broker = start()
    device = reach(broker.port, "device", as_(authority, DEVICE))
    neighbour = reach(broker.port, "neighbour", as_(authority, NEIGHBOUR))
    envelope = sealed()
    neighbour.subscribe(envelope.topic)
    neighbour.connect()
    device.connect()
    assert device.publish(envelope, now=NOON) is Handover.TAKEN
    assert neighbour.take(5).payload == envelope.payload
    device.close()
    neighbour.close()


def test_a_subscriber_may_not_speak_as_the_device(start: Callable[..., Mosquitto], authority: Authority) -> None:
    broker = start()
    neighbour = reach(broker.port, "neighbour", as_(authority, NEIGHBOUR))
    neighbour.connect()
    assert neighbour.publish(sealed(), now=NOON) is Handover.DENIED
    neighbour.close()


def test_without_a_certificate_nobody_gets_in(start: Callable[..., Mosquitto], authority: Authority) -> None:
    broker = start()
    with pytest.raises(BrokerError, match="hangs up at once, see that it accepts our certificate"):
        reach(broker.port, "device", Tls(ca=authority.folder / "ca.pem")).connect()


def test_a_broker_of_another_authority_is_not_spoken_to(start: Callable[..., Mosquitto], tmp_path: Path) -> None:
    broker = start()
    Authority(tmp_path, "stranger")
    with pytest.raises(BrokerError, match="certificate verify failed"):
        reach(broker.port, "device", Tls(ca=tmp_path / "stranger.pem")).connect()


def test_a_broker_of_another_name_is_not_spoken_to(start: Callable[..., Mosquitto], authority: Authority) -> None:
    broker = start("192.0.2.7")
    with pytest.raises(BrokerError, match="certificate verify failed"):
        reach(broker.port, "device", as_(authority, DEVICE)).connect()


def test_a_plain_broker_is_not_spoken_to_when_tls_is_asked_for(mosquitto: Mosquitto, authority: Authority) -> None:
    with pytest.raises(BrokerError, match=r"cannot be reached"):
        reach(mosquitto.port, "device", Tls(ca=authority.folder / "ca.pem")).connect()


@pytest.mark.parametrize("name", ["device.pem", "device.key", "ca.pem"])
def test_a_file_that_is_not_there_for_a_moment_is_waited_for_and_said_once(
    start: Callable[..., Mosquitto], authority: Authority, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    broker = start()
    authority.issue("device")
    tls = Tls(ca=authority.folder / "ca.pem", cert=authority.folder / "device.pem", key=authority.folder / "device.key")
    device, file = reach(broker.port, "device", tls), authority.folder / name
    assert device.ready()
    aside = file.rename(file.with_suffix(".aside"))
    device.cut()
    until = monotonic() + 1.0
    while monotonic() < until:
        assert not device.ready()
    aside.rename(file)
    wait_until(device.ready, what="it is connected again")
    device.close()
    assert sum(name in said and "no such file" in said for said in caplog.messages) == 1


def test_a_certificate_without_its_key_is_named(authority: Authority) -> None:
    cert, _ = authority.issue("device")
    with pytest.raises(ConfigError, match="belong together"):
        Tls(ca=authority.folder / "ca.pem", cert=cert).context()


def test_a_certificate_with_another_key_is_named(authority: Authority) -> None:
    cert, _ = authority.issue("device")
    _, other = authority.issue("other")
    with pytest.raises(ConfigError, match=r"device.pem with .*other.key: no certificate and key"):
        Tls(ca=authority.folder / "ca.pem", cert=cert, key=other).context()
