"""What a device needs on top, as its device.toml says: disk, ledger, keys, clock, policy, cameras, broker."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from edge import desk, disk
from edge.check.finding import Finding, look, note, wrong
from edge.check.network import broker_findings, camera, decoder
from edge.clock import Clock
from edge.config import Config
from edge.desk import floor as floors
from edge.desk import pin as pins
from edge.desk.floor import Floor
from edge.errors import ConfigError, LedgerError, PolicyError
from edge.heat import temperature, throttled
from edge.keys import load_signing_key
from edge.ledger.entries import Begun, BundleAccepted
from edge.ledger.look import look as entries
from edge.ledger.look import looking
from edge.policy.bundle import HOTLISTS, Bundle
from edge.policy.manifest import parse_manifest
from edge.policy.tightening import words
from edge.timekeeping import Timekeepers
from edge.values import BundleFiles


def device(config: Config, *, clock: Clock) -> list[Finding]:
    """Checks one device against its configuration. The ledger may be in use; a broker is only greeted."""
    own = config.device
    findings = [
        look("clock", _clock),
        look("processor", _processor),
        look("disk", lambda: _disk(own.ledger.parent, config.limits.min_free_megabytes)),
        look("ledger folder", lambda: _writable(own.ledger.parent)),
        look("ledger", lambda: _ledger(own.ledger)),
    ]
    if own.floor is not None:
        floor = own.floor
        findings.append(look("floor folder", lambda: _writable(floor.parent)))
        findings.append(look("floor", lambda: _floor(floor, own.ledger)))
    findings.append(look("device key", lambda: _key(own.key)))
    findings.append(look("pin", lambda: _pin(config.policy.pin)))
    findings.append(look("policy", lambda: _policy(config, clock)))
    findings.append(look("hot lists", lambda: _hotlists(config.policy.folder / HOTLISTS)))
    findings += [camera(one) for one in config.camera]
    if any("://" in one.url for one in config.camera):
        findings.append(decoder(own.isolate_decoder))
    findings += broker_findings(config.broker, device_id=own.id, clock=clock)
    return findings


def _clock() -> Finding | str:
    vouched = Timekeepers()()
    if vouched is not None:
        return f"synchronised, says {vouched.by}"
    return wrong(
        "clock",
        "not synchronised, so that only the owner is served; start systemd-timesyncd or chrony and wait a minute",
    )


def _processor() -> Finding | str:
    said = throttled()
    if said is not None:
        return wrong("processor", said)
    degrees = temperature()
    return "nobody measures its heat here" if degrees is None else f"{degrees:.0f} degrees, at its full pace"


def _disk(folder: Path, least: int) -> Finding | str:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder, make it and give it to this user")
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < least:
        return wrong("disk", f"{folder}: {free} MB free, {least} are asked for; free some space")
    return f"{free} MB free for {folder}"


def _writable(folder: Path) -> str:
    """Writes and syncs a file as the ledger does; a disk that cannot sync loses what it promised to keep."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder, make it and give it to this user")
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".homerule-check-") as file:
            file.write(b"homerule check\n")
            file.flush()
            os.fsync(file.fileno())
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        why = disk.why(error)
        raise ConfigError(
            f"{folder}: cannot be written and synced ({why}), mend the disk or the folder's owner"
        ) from None
    return f"{folder} can be written and synced"


def _ledger(path: Path) -> Finding | str:
    if not path.exists():
        return note("ledger", f"{path}: not there yet, the daemon makes it; a new ledger shares nothing until signed")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path}: others can read this ledger, run `chmod 600 {path}`")
    with looking(path) as log:
        log.last_bundle()
        size = log.size
    return f"{path} is a ledger of this version, with {size:,} entries"


def _floor(path: Path, ledger: Path) -> Finding | str:
    """What the daemon says of it at the next start; it is read first, because the audit log only grows."""
    floor, adopted = floors.read(path), _ledger_id(ledger)
    if adopted is None or (held := _held(ledger, adopted)) is None:
        return "nothing is in force yet that it could be about"
    said = floors.disagrees(path, floor, held, has_bundle=True)
    return f"{path} agrees with the audit log" if said is None else wrong("floor", said)


def _held(ledger: Path, ledger_id: str) -> Floor | None:
    """How far the audit log has come; None without a bundle. Raises LedgerError."""
    with looking(ledger) as log:
        last = log.last_bundle()
        size = log.size
    if last is None:
        return None
    return Floor(ledger=ledger_id, version=last[1].version, revision=last[1].revision, tree_size=size)


def _key(path: Path) -> str:
    load_signing_key(path)
    return f"{path} is an Ed25519 key that only its owner can read"


def _pin(path: Path) -> str:
    pins.load(path, owner=0)  # as the daemon does
    return f"{path} holds the city's key and is root's"


def _policy(config: Config, clock: Clock) -> Finding | str:
    files = desk.read(config.policy.folder)
    bundle = _standing(config)
    desk.hotlists(config.policy.folder, bundle)
    if config.device.id not in bundle.device_ids:
        return wrong(
            "policy",
            f"version {bundle.version} is for {', '.join(bundle.device_ids)}, not for `{config.device.id}`; "
            f"sign it with `--device {config.device.id}`",
        )
    own = _ledger_id(config.device.ledger)
    if own is not None and own not in parse_manifest(files.manifest).ledgers:
        return wrong(
            "policy",
            f"version {bundle.version} does not name this device's audit log, so nothing is shared; "
            f"sign it with `--adopt {own}`",
        )
    if bundle.valid_until <= clock.now().at:
        return wrong("policy", f"`valid_until` has passed on {bundle.valid_until:%Y-%m-%d}, sign a new version")
    if not bundle.has_begun(clock.now().at):
        return wrong("policy", "was signed at a time still to come; set the clock right that is wrong, and sign again")
    if bundle.tightening:
        said = f"version {bundle.version}, closed by hand since the city signed: {', '.join(words(bundle.tightening))}"
        return note("policy", f"{said}; that needs no signature, and stays until the city signs with `--replaces`")
    return f"version {bundle.version}, signed by the city, valid until {bundle.valid_until:%Y-%m-%d}"


def _hotlists(folder: Path) -> Finding | str:
    """Who can read the plates that are looked for; that the lists are what was signed, the policy's check says."""
    if not folder.is_dir():
        return "there are none"
    open_ones = [path for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o004]
    if open_ones and stat.S_IMODE(folder.stat().st_mode) & 0o001:
        mend = f"run `chgrp -R homerule {folder} && chmod -R o= {folder}`"
        return note("hot lists", f"{folder}: every user of this computer can read which plates are looked for, {mend}")
    return f"{folder} is closed to other users"


def _standing(config: Config) -> Bundle:
    """The folder as the city signed it, or with what was taken away by hand since, as the daemon takes it up."""
    folder, pin = config.policy.folder, config.policy.pin
    try:
        return desk.open_bundle(folder, pin=pin)
    except PolicyError:
        if (last := _in_force(config.device.ledger)) is None:
            raise
    return desk.closed_further(folder, pin=pin, last=last[0], revision=last[1].revision)


def _in_force(path: Path) -> tuple[BundleFiles, BundleAccepted] | None:
    """What the audit log holds as in force; None when it holds nothing, or cannot be read."""
    try:
        with looking(path) as log:
            return log.last_bundle()
    except LedgerError:
        return None  # its own finding says so


def _ledger_id(path: Path) -> str | None:
    """The id under which the city adopts the audit log; None before the first start, or when it cannot be read."""
    try:
        first = next(entries(path, frozenset({Begun.kind})), None)
    except LedgerError:
        return None  # its own finding says so
    return first.entry.ledger_id if first is not None and isinstance(first.entry, Begun) else None
