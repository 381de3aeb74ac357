"""Whether cameras and broker can be reached. They are only greeted: a second login would end the daemon's."""

import shutil
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from edge.check.finding import Finding, look, note, wrong
from edge.clock import Clock
from edge.config import Broker, Camera, is_loopback
from edge.delivery.tls import Tls
from edge.errors import BrokerError, CameraError, ConfigError

_PATIENCE = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_PLUGINS = "/usr/lib"
_DAYS = 7


def camera(one: Camera) -> Finding:
    """Whether one camera is there; whether its pictures are any good, only the daemon can tell."""
    return look(f"camera {one.id}", lambda: _camera(one))


def broker_findings(broker: Broker, *, clock: Clock) -> list[Finding]:
    """Whether the broker answers, and which of its walls stand."""
    findings = [look("broker", lambda: _reach(broker))]
    if broker.certificate is not None:
        certificate = broker.certificate
        findings.append(look("certificate", lambda: _certificate(certificate, clock)))
    if broker.access == "none":
        said = (
            '`access = "none"`: who may read which topic is up to the broker; this device\'s check and sealing remain'
        )
        findings.append(note("broker rights", said))
    elif is_loopback(broker.host):
        findings.append(look("mosquitto", _mosquitto))
    return findings


def _camera(one: Camera) -> str:
    if one.credentials is not None:
        _login(one.credentials)
    place = urlsplit(one.url)
    if place.scheme in _PORTS:
        host, port = place.hostname or "", place.port or _PORTS[place.scheme]
        try:
            socket.create_connection((host, port), timeout=_PATIENCE).close()
        except OSError as error:
            raise CameraError(
                f"{host}:{port} does not answer ({_why(error)}), check its power, cable and address"
            ) from None
        return f"{host}:{port} answers"
    path = Path(f"/dev/video{place.path}") if place.scheme == "usb" else Path(one.url)
    if not path.exists():
        raise CameraError(f"{path}: no such camera, video or folder, check the plug and the spelling")
    with_frames = path.is_dir() or path.is_char_device() or path.stat().st_size > 0
    if not with_frames:
        raise CameraError(f"{path}: is empty, give a recording with pictures")
    return f"{path} is there"


def _login(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file, write the camera's login there as one line `user:password`")
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others can read this login, run `chmod 600 {path}`")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) != 1 or ":" not in lines[0]:
        raise ConfigError(f"{path}: must be one line `user:password`")


def _reach(broker: Broker) -> str:
    context = None
    if broker.ca is not None:
        context = Tls(ca=broker.ca, cert=broker.certificate, key=broker.key).context()
    if broker.key is not None and broker.key.stat().st_mode & 0o077:
        raise ConfigError(f"{broker.key}: others can read this private key, run `chmod 600 {broker.key}`")
    where = f"{broker.host}:{broker.port}"
    try:
        with socket.create_connection((broker.host, broker.port), timeout=_PATIENCE) as line:
            if context is None:
                return f"{where} answers, without TLS on this device itself"
            with context.wrap_socket(line, server_hostname=broker.host) as wrapped:
                return f"{where} answers, {wrapped.version()}, its certificate holds"
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(f"{where} shows a certificate that does not hold ({error.verify_message.lower()})") from None
    except OSError as error:
        raise BrokerError(f"{where} does not answer ({_why(error)}), is the broker running?") from None


def _certificate(path: Path, clock: Clock) -> Finding | str:
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        raise ConfigError(f"{path}: is not a certificate, a PEM file is needed") from None
    days = (ends - clock.now().at).days
    if days < 0:
        return wrong("certificate", f"{path}: ended on {ends:%Y-%m-%d}, enroll this device again")
    said = f"{path} holds for {days} more days"
    return note("certificate", f"{said}, renew it") if days < _DAYS else said


def _mosquitto() -> str:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise BrokerError("mosquitto is not installed, run `apt-get install mosquitto`")
    if not any(Path(_PLUGINS).glob("**/mosquitto_dynamic_security.so")):
        raise BrokerError("mosquitto's dynamic security plugin is missing, install Debian's mosquitto package")
    return f"{program} with its dynamic security plugin"


def _why(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
