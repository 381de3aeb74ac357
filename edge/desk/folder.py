"""A policy folder, read whole: nothing counts until every file in it is there, matches and parses.

Trust: the folder may be written by anyone; what it says counts only as far as the pinned city key vouches for it, or as
it tightens what is in force.
"""

import base64
import binascii
import os
import re
from pathlib import Path

from edge.desk.disk import foreign, get, why
from edge.desk.follow import MANIFEST, SIGNATURE, follow, matches, verify
from edge.desk.laws import law_text
from edge.desk.shelf import Shelf, digest, find
from edge.errors import PolicyError
from edge.keys import load_public
from edge.policy import bundle as bundles
from edge.policy import policy, subscribers
from edge.policy.bundle import Bundle, law_file
from edge.policy.hotlists import HotLists
from edge.policy.manifest import FILE_NAME, parse_manifest, signed_part, unsigned
from edge.values import BundleFiles

_SIGNATURE_BYTES = 64
MOST_LAWS = 100
"""Law packs in one folder."""


def read(folder: Path, *, to_sign: bool = False) -> BundleFiles:
    """The files of a policy folder as they stand. Without a manifest its bytes are empty; hot lists are not part of it.

    `to_sign` leaves the signature out, which may be damaged then. Raises PolicyError when the folder or one of its
    files cannot be read.
    """
    try:
        there = folder.is_dir()  # raises where a folder above may not be searched
    except OSError as error:
        raise PolicyError(
            f"`{folder}`: the policy folder cannot be looked into, {why(error)}; "
            f"give this user the right to it and to the folders above it"
        ) from error
    if not there:
        raise PolicyError(f"`{folder}`: no such policy folder, make one with `homerule init {folder}`")
    names = [policy.FILE, subscribers.FILE, *_laws(folder)]
    return BundleFiles(
        manifest=_if_there(folder, MANIFEST) or b"",
        signature=None if to_sign else _signature(folder),
        files={name: get(folder / name, name=name) for name in names},
    )


def load(folder: Path, *, pin: Path | None) -> tuple[BundleFiles, Bundle]:
    """Reads a folder into its files and the Bundle they make.

    With `pin` (the city's public key) the signature must hold. Without, any folder that parses is taken, as unsigned:
    that is for test mode and for looking. Raises PolicyError, and ConfigError for the pin.
    """
    files = read(folder)
    if pin is not None:
        verify(files, load_public(pin))
        return files, bundles.parse(files, signed=True)
    files = _as_it_stands(folder, files)
    return files, bundles.parse(files, signed=False)


def open_bundle(folder: Path, *, pin: Path | None) -> Bundle:
    """The Bundle of a folder; see `load`."""
    return load(folder, pin=pin)[1]


def closed_further(folder: Path, *, pin: Path, last: BundleFiles, revision: int) -> Bundle:
    """The Bundle of a folder that was edited since `last` came into force, if that only took something away.

    `last` must rest on the pinned key's signature. Raises Refused (a PolicyError), and ConfigError for the pin.
    """
    verify(signed_part(last), load_public(pin))
    return take_up(folder, in_force=bundles.parse(last, signed=True, revision=revision), pin=pin)[1]


def take_up(folder: Path, *, in_force: Bundle, pin: Path) -> tuple[BundleFiles, Bundle]:
    """What the folder asks for, if it may come into force after `in_force`; Refused (a PolicyError) if it may not.

    For a house without a device of its own: see `City` for the one that has. The same again is returned as it is.
    """
    taken = follow(read(folder), in_force=in_force, key=load_public(pin))
    return taken.files, taken


def hotlists(folder: Path, bundle: Bundle) -> HotLists:
    """The hot lists that the bundle names; PolicyError for one that is refused (a device goes on without)."""
    found = Shelf(folder).read(bundle)
    for said in found.refused.values():
        raise PolicyError(said)
    return found


def hotlist_digests(folder: Path, written: policy.Policy) -> dict[str, str]:
    """The sha256 of each hot list that the city itself signs, as it lies in the folder. Raises PolicyError."""
    names = sorted(find(folder, source.id) for source in written.hotlist if source.source_key is None)
    return {name: digest(folder / name, name) for name in names}


def _as_it_stands(folder: Path, files: BundleFiles) -> BundleFiles:
    """The files under a manifest that fits them: their own if it does, else one that nobody signed."""
    manifest = None
    if files.manifest:
        manifest = parse_manifest(files.manifest)
        if matches(files, manifest):
            return files
    written = policy.parse(bundles.text(files.files[policy.FILE], policy.FILE))
    built_in = {law_file(name): law_text(name) for name in written.law.packs if law_file(name) not in files.files}
    return unsigned({**files.files, **built_in}, hotlists=hotlist_digests(folder, written), like=manifest)


def _laws(folder: Path) -> list[str]:
    try:
        with os.scandir(folder / "laws") as entries:
            found = sorted(f"laws/{one.name}" for one in entries if one.name.endswith(".toml") and one.name[0] != ".")
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise PolicyError(foreign("laws", folder, error)) from error
    except OSError as error:
        raise PolicyError(f"laws: cannot be read, {why(error)}; put the folder back") from error
    if not all(re.fullmatch(FILE_NAME, name) for name in found):
        raise PolicyError("laws: holds a file whose name no law pack has, remove what the policy does not name")
    if len(found) > MOST_LAWS:
        raise PolicyError(f"laws: holds more than {MOST_LAWS} law packs, remove those that the policy does not name")
    return found


def _if_there(folder: Path, name: str) -> bytes | None:
    return get(folder / name, name=name) if os.path.lexists(folder / name) else None


def _signature(folder: Path) -> bytes | None:
    written = _if_there(folder, SIGNATURE)
    if written is None:
        return None
    try:
        signature = base64.b64decode(written.strip(), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if len(signature) != _SIGNATURE_BYTES:
        raise PolicyError(f"{SIGNATURE}: is not a signature in base64, sign again with `homerule sign`")
    return signature
