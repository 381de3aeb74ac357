"""device.toml: what police IT writes about one device. Read once at the start; it names files, and holds no secrets.

Nothing here widens what is shared: that is the policy's, and the policy is the city's.
"""

import ipaddress
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from edge import disk
from edge.camera import Camera as Camera
from edge.camera import Id
from edge.errors import ConfigError
from edge.written import Setting, parse_toml

CONTROL_SOCKET = Path("/run/homerule/control.sock")
"""Where the daemon is asked, unless device.toml says otherwise."""

_LONGEST_SOCKET = 100  # bytes; the kernel takes 107
LogFormat = Literal["plain", "logfmt", "json"]
Provider = Literal["cpu", "cuda", "tensorrt"]
M = TypeVar("M", bound=BaseModel)


class Device(Setting):
    """Who this device is, and where it keeps what it may not lose.

    `socket` is where its daemon is asked. `collection_exception` names the exception under which it collects although a
    law pack forbids it. With `isolate_decoder` what a camera on the network sends is decoded by another process; when
    nothing is said, where that can be another user's. `metrics_port` on 127.0.0.1 tells numbers to a Prometheus.
    `log_format`: logfmt for systemd's journal and plain elsewhere, unless it is said here.
    """

    id: Id
    ledger: Path
    key: Path
    floor: Path | None = None
    socket: Path = CONTROL_SOCKET
    isolate_decoder: bool | None = None
    metrics_port: int | None = Field(default=None, ge=1024, le=65535)
    log_format: LogFormat | None = None
    collection_exception: str | None = Field(default=None, min_length=8, max_length=200)

    @field_validator("socket")
    @classmethod
    def _short(cls, socket: Path) -> Path:
        if len(bytes(socket)) > _LONGEST_SOCKET:
            raise ValueError(f"must be a path of at most {_LONGEST_SOCKET} bytes")
        return socket


class ModelChoice(Setting):
    """Which models read the plates; the built-in ones when nothing is said. `threads`: how many an inference uses.

    `provider` is what runs them; one that is missing stops the start, nothing else takes its place.
    """

    folder: Path | None = None
    detector: str | None = None
    reader: str | None = None
    threads: int = Field(default=1, ge=1, le=16)
    provider: Provider = "cpu"
    min_confidence: float | None = Field(default=None, ge=0, le=1)


class Broker(Setting):
    """The MQTT broker. Across a network it is spoken to with TLS, and the device shows its certificate.

    With access = "mosquitto" it runs on this device, which gives and takes rights on 127.0.0.1 at `control_port`. One
    that others run may ask for a name and a password, beside the certificate or in its place.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=8883, ge=1, le=65535)
    access: Literal["mosquitto", "none"]
    protocol: Literal["5", "3.1.1"] = "5"
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    username: str | None = Field(default=None, min_length=1, max_length=255)
    password_file: Path | None = None
    control_port: int | None = Field(default=None, ge=1, le=65535)
    control_credential: Path | None = None

    @field_validator("host")
    @classmethod
    def _a_name(cls, host: str) -> str:
        try:
            host.encode("idna")
        except UnicodeError:
            raise ValueError("cannot be a computer's name, write it as broker.example.org, or an address") from None
        return host

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.ca is not None

    @model_validator(mode="after")
    def _encrypted_or_at_home(self) -> "Broker":
        files = (self.ca, self.certificate, self.key)
        login = (self.username, self.password_file)
        if any(login) and not all(login):
            raise ValueError("`username` and `password_file` belong together, write both")
        by_password = all(login) and files == (self.ca, None, None)
        if any(files) and not all(files) and not by_password:
            raise ValueError("`ca`, `certificate` and `key` belong together, write all three")
        if self.ca is None and not is_loopback(self.host):
            raise ValueError(
                "`ca`, `certificate` and `key` are needed for a broker that is not on this device; one that asks for a "
                "password wants `ca`, `username` and `password_file`"
            )
        return self

    @model_validator(mode="after")
    def _administered_or_not(self) -> "Broker":
        control = (self.control_port, self.control_credential)
        if self.access == "mosquitto" and self.username is not None:
            raise ValueError(
                '`username` and `password_file` are for a broker that others run, `access = "none"`; the one that '
                "`homerule broker setup` makes knows the device by its certificate, remove them"
            )
        if self.access == "mosquitto" and None in control:
            raise ValueError(
                "`control_port` and `control_credential` are needed to give and take rights, `homerule broker setup` "
                'prints them; a broker that this device may not administer is `access = "none"`'
            )
        if self.access == "none" and control != (None, None):
            raise ValueError('`control_port` and `control_credential` go with `access = "mosquitto"`, remove them')
        if self.control_port is not None and self.control_port == self.port:
            raise ValueError("`control_port` is the same as `port`, the control listener has one of its own")
        return self


class PolicyPlace(Setting):
    """Where the city's files arrive, and the root-owned file that pins the city's public key."""

    folder: Path
    pin: Path


class Limits(Setting):
    """When the device gives up; each has its unit in its name."""

    max_age_hours: int = Field(default=24, ge=1, le=24 * 30)
    max_waiting_reads: int = Field(default=100_000, ge=100, le=1_000_000_000)
    min_free_megabytes: int = Field(default=200, ge=10, le=1_000_000_000)
    audit_years: int = Field(default=4, ge=1, le=100)


class Config(Setting):
    """device.toml, whole."""

    device: Device
    camera: tuple[Camera, ...]
    models: ModelChoice = ModelChoice()
    broker: Broker
    policy: PolicyPlace
    limits: Limits = Limits()

    @field_validator("camera")
    @classmethod
    def _told_apart(cls, cameras: tuple[Camera, ...]) -> tuple[Camera, ...]:
        if not cameras:
            raise ValueError("names no camera, write one `[[camera]]` for each")
        ids = [camera.id for camera in cameras]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice:
            raise ValueError(f"has two cameras with the id `{twice}`, rename one")
        return cameras


def load(path: Path) -> Config:
    """Reads device.toml. Raises ConfigError with file, table, key and the mend.

    A relative path is meant from where device.toml lies, not from where somebody happens to stand.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({disk.why(error)}), name the file with `--config`") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text, save it as UTF-8") from error
    return _from(path.resolve().parent, parse_toml(text, Config, file=str(path), error=ConfigError))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by its name or its address alone, so that no resolver can say otherwise."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _from(folder: Path, written: M) -> M:
    """The same table with every path in it made absolute."""

    def rooted(value: Any) -> Any:
        if isinstance(value, Path):
            return folder / value
        if isinstance(value, BaseModel):
            return _from(folder, value)
        return tuple(map(rooted, value)) if isinstance(value, tuple) else value

    return written.model_copy(update={name: rooted(getattr(written, name)) for name in type(written).model_fields})
