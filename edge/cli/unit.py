"""`homerule unit`: the part of the systemd unit that only this device's device.toml knows, for deploy/install.sh."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.config import Camera, Config

RESOLVERS = Path("/etc/resolv.conf")
_PLAIN = re.compile(r"""[^\s"'\\]*""")
_OWN_FOLDERS = (Path("/var/lib/homerule"), Path("/var/lib/homerule-floor"))


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the program."""
    app.command("unit")(unit)


def unit(
    file: Annotated[Path, typer.Option("--config", help="The device's device.toml.")] = Path(
        "/etc/homerule/device.toml"
    ),
    timers: Annotated[bool, typer.Option("--timers", help="For the services of the timers: folders and key.")] = False,
    decoder: Annotated[
        bool, typer.Option("--decoder", help="For homerule_decoder@.service: the cameras on the network.")
    ] = False,
) -> None:
    """Prints a drop-in for homerule.service: the addresses, cameras and folders of this device, and nothing else."""
    from edge.config import load

    config = load(file)
    folders = list(_folders(config))  # refused before a line is printed
    shown = "".join(sign if sign.isprintable() else "?" for sign in str(file))
    print(f"# made by `homerule unit` from {shown}; run deploy/install.sh again after a change there")
    if decoder:
        print("[Service]", *_network(_cameras(config), own=True), sep="\n")
        return
    if config.broker.access == "mosquitto" and not timers:
        print("[Unit]\nWants=mosquitto.service\n")
    print("[Service]")
    if not timers:
        cameras = {} if config.device.isolate_decoder is not False else _cameras(config)
        print(*_network({config.broker.host: "the broker"} | cameras), *_devices(config.camera), sep="\n")
    print(*folders, sep="\n")


def _cameras(config: "Config") -> dict[str, str]:
    """The hosts of cameras on the network."""
    hosts: dict[str, str] = {}
    for camera in config.camera:
        for url in (camera.url, camera.sub_url or ""):
            host = urlsplit(url).hostname if "://" in url else None
            if host is not None:
                hosts.setdefault(host, f"camera {camera.id}")
    return hosts


def _network(hosts: dict[str, str], *, own: bool = False) -> Iterator[str]:
    """Who may be spoken with, besides what the unit itself allows; `own`: it does not allow its own computer."""
    from edge.config import is_loopback

    named = False
    for host, what in hosts.items():
        if is_loopback(host) and not own:
            continue  # homerule.service itself allows that
        addresses = _addresses(host)
        named = named or addresses != [host]
        if not addresses:
            yield f"# {what}: `{host}` has no address now; write its address into device.toml, or run this again"
        for address in addresses:
            yield f"# {what}"
            yield f"IPAddressAllow={address}"
    if named:
        for server in _name_servers():
            yield "# names are looked up here; an address in device.toml needs no such hole"
            yield f"IPAddressAllow={server}"


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the second for what can be no name at all
        return []
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def _name_servers() -> list[str]:
    try:
        lines = RESOLVERS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [words[1] for words in map(str.split, lines) if len(words) > 1 and words[0] == "nameserver"]


def _devices(cameras: "tuple[Camera, ...]") -> Iterator[str]:
    """Cameras of its own, which it may open although it sees no other device."""
    from edge.capture.address import device_path

    kinds = {camera.url.partition(":")[0] for camera in cameras}
    devices = [path for path in map(device_path, cameras) if path is not None]
    if devices or kinds & {"picamera", "jetson"}:
        yield "# cameras at this computer; no other device is opened"
        yield "PrivateDevices=no"
        yield "SupplementaryGroups=video"
        yield from (f"DeviceAllow={_word(path)} rw" for path in devices)
    if "picamera" in kinds:
        yield "# a Raspberry's CSI camera: sensor and processor are several devices, found through udev"
        yield from (f"DeviceAllow=char-{group} rw" for group in ("video4linux", "media", "dma_heap"))
        yield "RestrictAddressFamilies=AF_NETLINK"
    if "jetson" in kinds:
        yield "# a Jetson's CSI camera: NVIDIA's service is asked for it in /tmp, and hands over memory of the GPU"
        yield "PrivateTmp=no"
        yield "DevicePolicy=auto"
    if "pipe" in kinds:
        yield "# a camera's `command` may do what the daemon may; what it needs besides is opened here by hand"


def _folders(config: "Config") -> Iterator[str]:
    """Folders that it writes, where they are not systemd's usual ones."""
    floor = config.device.floor
    folders = [config.device.ledger.parent, *([floor.parent] if floor is not None else [])]
    for folder in dict.fromkeys(folders):
        if not any(folder.is_relative_to(own) for own in _OWN_FOLDERS):
            yield "# the audit log, or its floor"
            yield f"ReadWritePaths={_word(folder)}"
    key = config.device.key
    if key != Path("/etc/homerule/device.key"):
        yield "# the device's key, not where it usually lies"
        yield "LoadCredential="
        yield f"LoadCredential={_credential(key)}"


def _word(path: str | Path) -> str:
    """A path as one word of a line: to systemd `%` begins a specifier, and a space ends a word outside of quotes."""
    text = str(path).replace("%", "%%")
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _credential(key: Path) -> str:
    """Name and path, of which this line takes no quotes; what it cannot say is refused, or the key would be missed."""
    name, path = (str(one).replace("%", "%%") for one in (key.name, key))
    if not name.isascii() or set(name) & set(":\\") or path != path.rstrip(" \\"):
        raise ConfigError(f"[device] key: systemd hands no `{key}` over, name the file with letters, digits and dots")
    return f"{name}:{path}"
