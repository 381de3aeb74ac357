"""Signing: one signature of the city over a manifest that names every file by its sha256.

Everything is checked before anything is written; a bundle that the camera would refuse is refused here first.
"""

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.desk.disk import alone, get, put_all
from edge.desk.folder import hotlist_digests, read
from edge.desk.follow import MANIFEST, SIGNATURE
from edge.desk.laws import law_text, missing_pack
from edge.desk.pin import ancestors
from edge.desk.shelf import find, load
from edge.errors import ConfigError, PolicyError
from edge.keys import load_public, public_text
from edge.policy import bundle as bundles
from edge.policy import policy
from edge.policy.bundle import Bundle, law_file, text
from edge.policy.manifest import LAST_VERSION, Manifest, parse_manifest, sha256
from edge.policy.policy import Policy
from edge.values import BundleFiles

CITY_KEY = "city.key"
"""Its name in a folder that `init` made; whose signature counts there lies beside it as `city.key.pub`."""

_LOG_ID = re.compile(r"[A-Za-z0-9_-]{22}")
"""How every device names its audit log; a manifest may hold others, of before."""
_HIGHEST_ASKED = 2_000_000_000
"""The last number that may be asked for: after it there are more than anybody will sign."""


def sign(
    folder: Path,
    *,
    key: Ed25519PrivateKey,
    now: datetime,
    devices: Sequence[str] = (),
    replaces: str | None = None,
    version: int | None = None,
    adopt: Sequence[str] = (),
) -> Bundle:
    """Signs the folder as it stands: writes manifest.json and manifest.sig, and law packs that it names and lacks.

    `devices`, `version` and `replaces` default to what follows from the manifest that is there; the audit logs that it
    adopted stay, those in `adopt` come to them. Who signs the same folder meanwhile has to wait, so that each builds on
    what the other has made. Raises PolicyError, and then nothing was written.
    """
    with alone(folder, "sign"):
        made, new = _made(folder, key, now, devices, replaces, version, adopt)
        put_all(folder, new)
    return made


def _made(
    folder: Path,
    key: Ed25519PrivateKey,
    now: datetime,
    devices: Sequence[str],
    replaces: str | None,
    version: int | None,
    adopt: Sequence[str],
) -> tuple[Bundle, dict[str, bytes]]:
    """The bundle as it is signed now, and the new files in the order in which they get their names."""
    before = read(folder, to_sign=True)
    _with_the_citys_key(folder, key.public_key(), before.manifest)
    last = _last(before, version, devices)
    written = policy.parse(text(before.files[policy.FILE], policy.FILE))
    added = {name: law_text(name) for name in written.law.packs if law_file(name) not in before.files}
    files = {**before.files, **{law_file(name): content for name, content in added.items()}}
    manifest = Manifest(
        version=_version(version, last),
        replaces=_replaced(replaces) or (sha256(before.manifest) if last else None),
        devices=_devices(devices, last),
        ledgers=_ledgers(adopt, last),
        signed_at=now.replace(microsecond=0),
        files={name: sha256(files[name]) for name in sorted(files)},
        hotlists=hotlist_digests(folder, written),
    )
    content = manifest.to_bytes()
    made = bundles.parse(BundleFiles(manifest=content, signature=None, files=files), signed=True)
    _worth_signing(folder, made, now)
    # The signature goes before the manifest: if the power fails between the two, neither pair fits and what is in
    # force stays.
    new = {law_file(name): pack for name, pack in added.items()}
    return made, {**new, SIGNATURE: base64.b64encode(key.sign(content)) + b"\n", MANIFEST: content}


def _with_the_citys_key(folder: Path, key: Ed25519PublicKey, manifest: bytes) -> None:
    """No camera takes up what another key has signed than the one that the folder goes by, or that one vouches for."""
    own = folder / f"{CITY_KEY}.pub"
    other = own if own.exists() else _signed_before(folder, manifest)
    if other is None or public_text(load_public(other)) in (public_text(key), *_vouched_for(folder, key)):
        return
    raise PolicyError(
        f"`{other}`: holds the city's key, and the key that was given is another one; name the city's own with "
        f"`--key`, or make a new one count with `homerule pin rotate {other} --key OLD.KEY --new NEW.KEY.pub` first"
    )


def _signed_before(folder: Path, manifest: bytes) -> Path | None:
    """The public key in the folder whose signature is under the manifest that is there."""
    for path in sorted(folder.glob("*.pub")):
        try:
            signature = base64.b64decode(get(folder / SIGNATURE, name=SIGNATURE))
            load_public(path).verify(signature, manifest)
            return path
        except (PolicyError, ConfigError, ValueError, InvalidSignature):
            continue  # whatever is damaged here vouches for nobody, and the signature is made anew
    return None


def _vouched_for(folder: Path, key: Ed25519PublicKey) -> list[str]:
    """The keys that have said, in a statement that lies in the folder, that this one takes their place."""
    found = (ancestors(path.with_suffix(""), key) for path in folder.glob("*.rotation"))
    return [public_text(one) for chain in found for one in chain]


def _last(before: BundleFiles, version: int | None, devices: Sequence[str]) -> Manifest | None:
    """The manifest that is there; a damaged one may be replaced by whoever says what it said."""
    try:
        return parse_manifest(before.manifest) if before.manifest else None
    except PolicyError:
        if version is not None and devices:
            return None
        raise PolicyError(
            f"{MANIFEST}: is damaged; put it back, or say what it said with `--version` (one more than is in force), "
            f"`--device` and `--adopt`"
        ) from None


def _version(asked: int | None, last: Manifest | None) -> int:
    next_one = last.version + 1 if last else 1
    if asked is not None and asked < next_one:
        raise PolicyError(
            f"{MANIFEST}: version {asked} is not newer than {next_one - 1}, take {next_one} or leave it out"
        )
    if next_one > LAST_VERSION:
        raise PolicyError(
            f"{MANIFEST}: version {LAST_VERSION} is the last that there can be; put back the {MANIFEST} of before it, "
            f"or make a new folder with `homerule init` for devices that begin anew"
        )
    if asked is not None and asked > max(next_one, _HIGHEST_ASKED):
        raise PolicyError(f"`--version {asked}` leaves no room for later ones, take at most {_HIGHEST_ASKED}")
    return asked or next_one


def _devices(asked: Sequence[str], last: Manifest | None) -> tuple[str, ...]:
    devices = tuple(sorted(set(asked))) or (last.devices if last else ())
    if not devices:
        raise PolicyError("the bundle is for no device yet, name each with `--device ID` as in its device.toml")
    for one in asked:
        if re.fullmatch(policy.ID, one) is None:
            raise PolicyError(f"`--device {one}` is no device's id, write 1 to 64 small letters, digits and -")
    return devices


def _replaced(asked: str | None) -> str | None:
    if asked is not None and re.fullmatch("[0-9a-f]{64}", asked) is None:
        raise PolicyError(f"`--replaces {asked}` is no digest, take the 64 digits and letters from `homerule status`")
    return asked


def _ledgers(adopt: Sequence[str], last: Manifest | None) -> tuple[str, ...]:
    for one in adopt:
        if _LOG_ID.fullmatch(one) is None:
            raise PolicyError(f"`--adopt {one}` is no audit log's name, take it from `homerule status` on the device")
    kept = last.ledgers if last else ()
    return (*kept, *(one for one in dict.fromkeys(adopt) if one not in kept))


def _worth_signing(folder: Path, made: Bundle, now: datetime) -> None:
    if made.valid_until <= now:
        raise PolicyError(
            f"{policy.FILE}: `valid_until` has passed already, write a date within {policy.LONGEST_DAYS} days"
        )
    _own_pack(made.policy)
    for source in made.policy.hotlist:
        if source.source_key is None:
            name = find(folder, source.id)
            load(folder / name, name, source, banned=made.banned, wanted=made.hotlist_digests[name])


def _own_pack(written: Policy) -> None:
    if (own := missing_pack(written)) is not None:
        raise PolicyError(
            f"{policy.FILE}: [law] `packs` must name `{own}`, the pack for `{written.jurisdiction.state}`"
        )
