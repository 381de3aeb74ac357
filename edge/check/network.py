"""Whether cameras and broker can be reached. They are only greeted: a second login would end the daemon's."""

import shutil
import socket
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate

from edge.capture.address import escaped_login
from edge.capture.apart import DECODER_SOCKET, decoder_user, is_isolated
from edge.capture.program import program_of
from edge.check.finding import Finding, look, note, ok, wrong
from edge.clock import Clock
from edge.config import Broker, Camera
from edge.delivery.access import MosquittoRights
from edge.delivery.certificates import WARN_WITHIN, load_certificate
from edge.delivery.here import is_here, require_here
from edge.delivery.roles import DEVICE_ROLE
from edge.delivery.site import find_plugin
from edge.delivery.tls import Tls
from edge.delivery.walls import listening, listens_elsewhere
from edge.errors import BrokerError, CameraError, ConfigError
from edge.keys import first_line, load_password

_PATIENCE = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_MISSING = (
    ("apart", "the broker decides who may read which topic; this device's own check and sealing remain"),
    (
        "revocation",
        "what the broker holds for an agency that lost its right is not dropped; it runs out within 30 s over MQTT 5, "
        "never over 3.1.1, and a broker such as ejabberd keeps the one message under way for as long as the agency's "
        "session",
    ),
    ("retained", "whether the broker keeps messages, or their sessions on disk, is up to it"),
    ("status", "who may hear how this device stands is the broker's to say; no plates are in it"),
)


def camera(one: Camera) -> Finding:
    """Whether one camera is there; whether its pictures are any good, only the daemon can tell."""
    return look(f"camera {one.id}", lambda: _camera(one))


def decoder(wanted: bool | None) -> Finding:
    """As whom a camera's stream is decoded when this user runs the daemon."""
    if not is_isolated(wanted):
        mend = "deploy/install.sh makes a user for it" if wanted is None else "remove `isolate_decoder = false`"
        return note("decoder", f"the daemon itself decodes what cameras send, and it holds the keys; {mend}")
    if DECODER_SOCKET.exists() or decoder_user() is not None:
        return ok("decoder", "cameras are decoded as a user of its own, without keys")
    said = "cameras are decoded in a process of its own, but as the daemon's user, who can read the keys"
    return note("decoder", f"{said}; deploy/install.sh makes a user for it")


def broker_findings(broker: Broker, *, device_id: str, clock: Clock) -> list[Finding]:
    """Whether the broker answers, and which of its walls stand."""
    findings = [look("broker", lambda: _reach(broker, clock))]
    ours = broker.access == "mosquitto"
    home = broker.certificate.parent.parent if broker.certificate is not None else ""
    renew = f"run `homerule broker renew {home}`" if ours else "ask whoever runs the broker for a new one"
    again = "make another folder with `homerule broker setup` and enroll all again" if ours else renew
    for thing, path, mend in (("certificate", broker.certificate, renew), ("broker's authority", broker.ca, again)):
        if path is not None:
            findings.append(look(thing, partial(_certificate, thing, path, mend, clock)))
    if broker.access == "none":
        if broker.password_file is not None:
            findings.append(look("broker's password", partial(_password, broker.password_file)))
        return [
            *findings,
            *(note(f"wall: {wall}", f'missing with `access = "none"`, {said}') for wall, said in _MISSING),
        ]
    findings.append(look("broker's place", lambda: _place(broker)))
    findings.append(look("mosquitto", _mosquitto))
    findings.append(look("wall: broker rights", lambda: _rights(broker, device_id, clock)))
    findings.append(look("wall: control listener", lambda: _control_listener(broker)))
    return findings


def _camera(one: Camera) -> str:
    if one.credentials is not None:
        _login(one.credentials)
    place = urlsplit(one.url)
    if place.scheme in _PORTS:
        host, port = place.hostname or "", place.port or _PORTS[place.scheme]
        try:
            socket.create_connection((host, port), timeout=_PATIENCE).close()
        except UnicodeError:
            raise CameraError(f"`{host}` cannot be a computer's name, write its name or address") from None
        except OSError as error:
            raise CameraError(
                f"{host}:{port} does not answer ({_why(error)}), check its power, cable and address"
            ) from None
        return f"{host}:{port} answers"
    if one.is_raw:
        return _program(one)
    path = Path(f"/dev/video{place.path}") if place.scheme == "usb" else Path(one.url)
    if not path.exists():
        raise CameraError(f"{path}: no such camera, video or folder, check the plug and the spelling")
    with_frames = path.is_dir() or path.is_char_device() or path.stat().st_size > 0
    if not with_frames:
        raise CameraError(f"{path}: is empty, give a recording with pictures")
    return f"{path} is there"


def _program(one: Camera) -> str:
    """A CSI camera is not opened: it serves one program at a time, and that may be the daemon."""
    program = program_of(one)
    if shutil.which(program.words[0]) is None:
        raise CameraError(f"`{program.name}` is not installed, {program.missing}")
    return f"`{program.name}` is installed; whether it delivers pictures, only the daemon can tell"


def _login(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file, write the camera's login there as one line `user:password`")
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others can read this login, run `chmod 600 {path}`")
    # the first line, as the daemon takes it; whose file it is says nothing here, root asks for the daemon
    escaped_login(first_line(path.read_bytes()), path)


def _reach(broker: Broker, clock: Clock) -> Finding | str:
    tls = Tls.written(broker)
    context = None if tls is None else tls.context()
    if broker.key is not None and broker.key.stat().st_mode & 0o077:
        raise ConfigError(f"{broker.key}: others can read this private key, run `chmod 600 {broker.key}`")
    where = f"{broker.host}:{broker.port}"
    try:
        with socket.create_connection((broker.host, broker.port), timeout=_PATIENCE) as line:
            if context is None:
                return f"{where} answers, without TLS on this device itself"
            with context.wrap_socket(line, server_hostname=broker.host) as wrapped:
                days = _days_left(wrapped, clock)
                said = f"{where} answers, {wrapped.version()}, its certificate holds for {days} more days"
                return note("broker", f"{said}, it must be renewed there") if days < WARN_WITHIN.days else said
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(f"{where} shows a certificate that does not hold ({error.verify_message.lower()})") from None
    except OSError as error:
        raise BrokerError(f"{where} does not answer ({_why(error)}), is the broker running?") from None


def _days_left(wrapped: ssl.SSLSocket, clock: Clock) -> int:
    """How long the certificate holds that the other side has shown."""
    shown = wrapped.getpeercert(binary_form=True)
    if not shown:
        raise BrokerError("the broker shows no certificate")
    return (load_der_x509_certificate(shown).not_valid_after_utc - clock.now().at).days


def _certificate(thing: str, path: Path, mend: str, clock: Clock) -> Finding | str:
    ends = load_certificate(path).not_valid_after_utc
    days = (ends - clock.now().at).days
    if days < 0:
        return wrong(thing, f"{path}: ended on {ends:%Y-%m-%d}, {mend}")
    said = f"{path} holds for {days} more days"
    return note(thing, f"{said}, {mend}") if days < WARN_WITHIN.days else said


def _rights(broker: Broker, device_id: str, clock: Clock) -> Finding | str:
    """What the broker holds, read back; the daemon may be at work meanwhile."""
    if broker.control_port is None or broker.control_credential is None:  # the configuration has seen to it
        raise ConfigError("[broker] has no `control_port` and `control_credential`")
    rights = MosquittoRights(
        control_port=broker.control_port, credential=broker.control_credential, device_id=device_id, clock=clock
    )
    try:
        grants, difference = rights.look()
    finally:
        rights.close()
    if difference == f"role `{DEVICE_ROLE}`" and not grants:
        return note("wall: broker rights", "stands, nobody may read anything yet; the daemon gives the rights")
    if difference is not None:
        return wrong("wall: broker rights", f"{difference} is not as this device makes it, restart the daemon")
    return f"stands, all is denied that no role allows, and {len(grants)} subscribers have one"


def _control_listener(broker: Broker) -> str:
    """Whether what takes commands can be reached from elsewhere, as the kernel says."""
    port = broker.control_port or 0
    if listens_elsewhere(port):
        raise BrokerError(
            f"port {port} takes commands from other computers too, "
            f"write `listener {port} 127.0.0.1` into mosquitto.conf"
        )
    return "stands, only this computer reaches it" if listening(port) else "nobody listens there now"


def _place(broker: Broker) -> Finding | str:
    require_here(broker)
    if is_here(broker.host) is None:
        return note("broker's place", f'nobody knows `{broker.host}` now, write `host = "127.0.0.1"`')
    return f"{broker.host} is this computer"


def _password(path: Path) -> str:
    load_password(path)
    return f"{path} can be read"


def _mosquitto() -> str:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise BrokerError("mosquitto is not installed, run `apt-get install mosquitto`")
    return f"{program} with its dynamic security plugin {find_plugin()}"


def _why(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
