"""A site's Mosquitto, written out: authority, certificates, accounts and configuration, each file made once.

Nothing is written over: what is there stays, what is missing is made, and whoever runs it again loses nothing. The
authority's folder is for whoever enrolls, the broker's for Mosquitto, the device's for the daemon; each is private.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography import x509

import edge
from edge import disk, keys
from edge.delivery.certificates import (
    RENEW_WITHIN,
    Authority,
    Public,
    asked_for,
    check_host,
    check_name,
    common_name,
    holds_for,
    load_certificate,
    pem,
)
from edge.delivery.madefiles import Making, Written, folder, give, put, uid, user
from edge.delivery.roles import CALLER_MARK, CONTROL_MARK, CONTROL_ROLE, CONTROL_RULES, KINDS, create_role, device_name
from edge.delivery.topics import NAME
from edge.errors import ConfigError

AUTHORITY, BROKER, DEVICE = "ca", "mosquitto", "device"
"""The three folders."""
LOGINS, SETTINGS, UNIT = "control", "mosquitto.conf", "homerule.conf"
RIGHTS, FIRST_RIGHTS = "dynsec.json", "dynsec.first.json"
"""Dynamic security's file, and as it begins at each start of the broker."""

ITERATIONS = 20_000
"""PBKDF2 rounds for the control account, 200 times Mosquitto's own number. Both passwords are 256 random bits, so that
no number of rounds decides; and while it counts them, the broker serves nobody."""
_CALLER_ITERATIONS = 100
"""The caller connects once for each session it drops, while a clerk waits."""

_LONGEST_DEVICE = 64 - len(device_name(""))
_HOME = ("localhost", "127.0.0.1", "::1")
_PLUGINS = ("/usr/lib", "/usr/local/lib", "/usr/lib64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What only the site knows. `hosts` are the names and addresses by which subscribers reach the broker."""

    folder: Path
    device_id: str
    hosts: tuple[str, ...]
    port: int = 8883
    control_port: int = 1884
    bind: str | None = None
    broker_user: str | None = None
    device_user: str | None = None


def setup(site: Site, *, now: datetime) -> tuple[Written, ...]:
    """Makes what is missing of a site's files, all private. ConfigError with the mend; what was made until then stays.

    Folders are given to `broker_user` and `device_user` when we are root.
    """
    home, plugin = _checked(site), find_plugin()
    broker_user = user(site.broker_user, "mosquitto")
    owners = {AUTHORITY: None, BROKER: broker_user, DEVICE: user(site.device_user, "homerule")}
    _same_as_before(site, home)
    for name, owner in owners.items():
        folder(home / name, owner)
    making = Making()
    authority = _authority(making, home / AUTHORITY, site, now)
    for name in (BROKER, DEVICE):
        making.file(home / name / "ca.crt", lambda: pem(authority.certificate), mode=0o644, owner=owners[name])
    hosts = tuple(dict.fromkeys((*site.hosts, *_HOME, *(() if site.bind is None else (site.bind,)))))
    as_server = partial(authority.for_server, hosts, now=now)
    _pair(making, home / BROKER / "broker", as_server, owners[BROKER])
    as_device = partial(authority.for_client, device_name(site.device_id), now=now)
    _pair(making, home / DEVICE / "device", as_device, owners[DEVICE])
    logins = _logins(making, home / DEVICE / LOGINS, owners[DEVICE])
    first = home / BROKER / FIRST_RIGHTS
    making.file(first, lambda: _rights(logins), mode=0o600, owner=owners[BROKER])
    making.file(home / BROKER / RIGHTS, first.read_bytes, mode=0o600, owner=owners[BROKER])
    for name in (SETTINGS, UNIT):
        making.text(home / BROKER / name, _filled(name, site, home, broker_user, plugin), owner=owners[BROKER])
    return tuple(making.written)


def enroll(folder: Path, content: bytes, *, where: str, name: str, now: datetime) -> bytes:
    """A certificate (PEM) for `name`, from a request that asks for just that name. ConfigError with the mend.

    Another certificate of the same name stays good until it ends, so nobody is cut off while one replaces the other.
    """
    check_name(name)
    asked, public = asked_for(content, where=where)
    if asked != name:
        raise ConfigError(f"{where}: asks for the name `{asked}`, the registry's `certificate_name` is `{name}`")
    return pem(Authority.load(folder / AUTHORITY).for_client(name, public, now=now))


def renew(folder: Path, *, now: datetime, always: bool = False) -> tuple[tuple[Path, x509.Certificate, bool], ...]:
    """Renews the broker's and the device's own certificate when they end within 15 days; the keys stay.

    Gives each file, its certificate as it is now, and whether it is new. ConfigError with the mend.
    """
    authority = Authority.load(folder / AUTHORITY)
    renewed = []
    for path in (folder / BROKER / "broker.crt", folder / DEVICE / "device.crt"):
        old = load_certificate(path)
        due = always or old.not_valid_after_utc - now < RENEW_WITHIN
        if due:
            put(path, pem(authority.again(old, now=now)))
        renewed.append((path, load_certificate(path), due))
    return tuple(renewed)


def find_plugin() -> Path:
    """Where Mosquitto's dynamic security lies. ConfigError says what to install."""
    for place in _PLUGINS:
        for pattern in ("mosquitto_dynamic_security.so", "*/mosquitto_dynamic_security.so"):
            found = next(Path(place).glob(pattern), None)
            if found is not None:
                return found
    raise ConfigError("mosquitto's dynamic security plugin is missing, run `apt-get install mosquitto`")


def _authority(making: Making, folder: Path, site: Site, now: datetime) -> Authority:
    key, certificate = folder / "ca.key", folder / "ca.crt"
    if making.noted(key):
        making.noted(certificate)
        return Authority.load(folder)
    if certificate.exists():
        raise ConfigError(f"{certificate}: is there without its ca.key, put that back or move the certificate away")
    made = Authority.new(key, site=site.device_id, now=now)
    making.file(certificate, lambda: pem(made.certificate), mode=0o644, owner=None)
    return made


def _pair(making: Making, stem: Path, certify: Callable[[Public], x509.Certificate], owner: str | None) -> None:
    """A key and its certificate, `stem`.key and `stem`.crt."""
    key, certificate = stem.with_name(f"{stem.name}.key"), stem.with_name(f"{stem.name}.crt")
    if certificate.exists() and not key.exists():
        raise ConfigError(f"{certificate}: is there without {key.name}, put that back or move the certificate away")
    if making.noted(key):
        made = keys.load_certificate_key(key, owner=uid(owner))
    else:
        made = keys.new_certificate_key(key)
        give(key, owner)
    making.file(certificate, lambda: pem(certify(made.public_key())), mode=0o644, owner=owner)


def _logins(making: Making, path: Path, owner: str | None) -> tuple[tuple[str, str], ...]:
    if making.noted(path):
        return keys.load_logins(path, owner=uid(owner))
    names = [mark + secrets.token_hex(12) for mark in (CONTROL_MARK, CALLER_MARK)]
    made = keys.new_logins(path, names)
    give(path, owner)
    return made


def _rights(logins: Sequence[tuple[str, str]]) -> bytes:
    """Dynamic security's file as it begins: everything denied, the control account, and one that may do nothing."""
    (control, password), (caller, word) = logins
    acls = create_role(CONTROL_ROLE, CONTROL_RULES)["acls"]
    begun = {
        "defaultACLAccess": dict.fromkeys(KINDS, False),
        "clients": [
            {"username": control, **_hashed(password, ITERATIONS), "roles": [{"rolename": CONTROL_ROLE}]},
            {"username": caller, **_hashed(word, _CALLER_ITERATIONS), "roles": []},
        ],
        "groups": [],
        "roles": [{"rolename": CONTROL_ROLE, "acls": acls}],
    }
    return (json.dumps(begun, indent=2) + "\n").encode("ascii")


def _hashed(password: str, iterations: int) -> dict[str, object]:
    """A password as Mosquitto keeps it: PBKDF2 with SHA-512, 12 bytes of salt, 64 of hash."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return {
        "password": base64.b64encode(digest).decode("ascii"),
        "salt": base64.b64encode(salt).decode("ascii"),
        "iterations": iterations,
    }


def _checked(site: Site) -> Path:
    """The whole path of the site's folder. ConfigError for what cannot stand in its files."""
    if len(site.device_id) > _LONGEST_DEVICE:
        raise ConfigError(f"`{site.device_id}` is too long for a certificate, at most {_LONGEST_DEVICE} characters fit")
    if not NAME.fullmatch(site.device_id):
        raise ConfigError(f"`{site.device_id}` cannot be a device's id, use a-z, 0-9 and -")
    for host in (*site.hosts, *(() if site.bind is None else (site.bind,))):
        check_host(host)
    home = site.folder.resolve()
    if any("\ud800" <= sign <= "\udfff" for sign in str(home)):  # bytes that are no letters
        raise ConfigError(f"`{home}`: is not UTF-8 and cannot stand in mosquitto.conf, choose a plain one")
    if any(sign.isspace() or sign in "@%$\"'\\" for sign in str(home)):
        raise ConfigError(f"`{home}`: such a path cannot stand in mosquitto.conf or in a unit, choose a plain one")
    return home


def _same_as_before(site: Site, home: Path) -> None:
    """What is there is kept, so it must be what these options would make. ConfigError, and then nothing is changed."""
    own, broker, settings = home / DEVICE / "device.crt", home / BROKER / "broker.crt", home / BROKER / SETTINGS
    if own.exists() and (made := common_name(load_certificate(own))) != device_name(site.device_id):
        raise ConfigError(f"{own}: is for `{made}`, not for `{site.device_id}`; name another folder for that device")
    again = "name another folder, or move the file away to have it made again"
    kept = load_certificate(broker) if broker.exists() else None
    for host in site.hosts:
        if kept is not None and not holds_for(kept, host):
            raise ConfigError(f"{broker}: does not hold for `{host}`; {again}")
    ports = _ports(settings)
    for port in (site.port, site.control_port):
        if ports and str(port) not in ports:
            raise ConfigError(f"{settings}: listens at {' and '.join(ports)}, not at {port}; give these ports, {again}")


def _ports(settings: Path) -> list[str]:
    """Where the broker listens that was set up before; nowhere if none was, or the file is not of this kind."""
    try:
        return re.findall(r"^listener (\d+)", settings.read_text("utf-8", "replace"), re.MULTILINE)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{settings}: cannot be read, {disk.why(error)}") from error


def _filled(name: str, site: Site, home: Path, broker_user: str, plugin: Path) -> bytes:
    """One template, with this site's values in it."""
    values = {
        "USER": broker_user,
        "PLUGIN": str(plugin),
        "FOLDER": str(home / BROKER),
        "PORT": str(site.port),
        "BIND": "" if site.bind is None else f" {site.bind}",
        "CONTROL_PORT": str(site.control_port),
    }
    text = (_templates() / name).read_text(encoding="ascii")
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    return text.encode()


def _templates() -> Path:
    """The folder of the templates, in a checkout or in an installed wheel."""
    package = Path(edge.__file__).parent
    for place in (package / "site", package.parent / "deploy" / "mosquitto"):
        if (place / SETTINGS).is_file():
            return place
    raise ConfigError("the broker's templates did not come with this installation, install the package again")
