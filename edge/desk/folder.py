"""A policy folder, read whole: nothing counts until every file in it is there, matches and parses.

Trust: the folder may be written by anyone; what it says counts only as far as the pinned city key vouches for it, or as
it tightens what is in force.
"""

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.desk.disk import get, why
from edge.desk.laws import law_text
from edge.errors import PolicyError
from edge.keys import load_public
from edge.policy import bundle as bundles
from edge.policy import hotlists as lists
from edge.policy import policy, subscribers, tighten
from edge.policy.bundle import Bundle, Manifest, hotlist_file, law_file, parse_manifest, sha256
from edge.policy.hotlists import HotLists
from edge.values import BundleFiles

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"


def read(folder: Path) -> BundleFiles:
    """The files of a policy folder as they stand. Without a manifest its bytes are empty; hot lists are not part of it.

    Raises PolicyError when the folder or one of its files cannot be read.
    """
    if not folder.is_dir():
        raise PolicyError(f"`{folder}`: no such policy folder, make one with `homerule init {folder}`")
    names = [policy.FILE, subscribers.FILE, *_names(folder, "laws")]
    return BundleFiles(
        manifest=get(folder / MANIFEST, name=MANIFEST) if (folder / MANIFEST).exists() else b"",
        signature=_signature(folder),
        files={name: get(folder / name, name=name) for name in names},
    )


def verify(files: BundleFiles, city_public_key: Ed25519PublicKey) -> None:
    """Returns if the city's key signed exactly these manifest bytes; PolicyError if not."""
    if not files.manifest or files.signature is None:
        raise PolicyError(f"{SIGNATURE}: the policy is not signed, sign it with `homerule sign`")
    try:
        city_public_key.verify(files.signature, files.manifest)
    except InvalidSignature:
        raise PolicyError(
            f"{SIGNATURE}: is not the city's signature of this {MANIFEST}, sign again with the city's own key"
        ) from None


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


def take_up(folder: Path, *, in_force: Bundle, pin: Path | None) -> tuple[BundleFiles, Bundle]:
    """What the folder asks for, if it may come into force after `in_force`; PolicyError (hold) if it may not.

    A signed bundle must be newer, and must name the digest in force if that was tightened by hand. An edit without a
    signature must tighten. The same bundle again is returned as it is in force.
    """
    files = read(folder)
    manifest = parse_manifest(files.manifest) if files.manifest else None
    if manifest is not None and _matches(files, manifest):
        if pin is not None:
            verify(files, load_public(pin))
        fresh = bundles.parse(files, signed=pin is not None)
        return files, _follow(fresh, in_force)
    if manifest is None and in_force.version > 0:
        raise PolicyError(f"{MANIFEST}: is missing, put it back or sign again with `homerule sign`")
    files = bundles.unsigned(files.files, hotlists=in_force.hotlist_digests, like=manifest)
    edited = bundles.parse(files, signed=in_force.signed, revision=in_force.revision + 1)
    if edited.digest == in_force.digest:
        return files, in_force
    if not tighten.tightens(in_force, edited):
        raise PolicyError(f"`{folder}`: the edit gives a right that is not in force, sign it with `homerule sign`")
    return files, edited


def hotlists(folder: Path, bundle: Bundle) -> HotLists:
    """The hot lists that the bundle names, each checked against its sha256; PolicyError, and then none counts."""
    parsed = []
    for source in bundle.policy.hotlist:
        name = hotlist_file(source.id)
        content = get(folder / name, name=name)
        if sha256(content) != bundle.hotlist_digests.get(name):
            raise PolicyError(
                f"{name}: is not the list that was signed, put it back or sign again with `homerule sign`"
            )
        parsed.append(lists.parse(bundles.text(content, name), source, banned=bundle.banned, file=name))
    return lists.gather(parsed)


def hotlist_digests(folder: Path, written: policy.Policy) -> dict[str, str]:
    """The sha256 of each hot list that a policy names, as it lies in the folder. Raises PolicyError."""
    names = sorted(hotlist_file(source.id) for source in written.hotlist)
    return {name: sha256(get(folder / name, name=name)) for name in names}


def _follow(fresh: Bundle, in_force: Bundle) -> Bundle:
    if fresh.digest == in_force.digest:
        return in_force
    if fresh.version < in_force.version:
        raise PolicyError(
            f"{MANIFEST}: version {fresh.version} is older than version {in_force.version} in force, "
            f"sign the files again to make a newer one"
        )
    if fresh.version == in_force.version and in_force.revision == 0:
        raise PolicyError(f"{MANIFEST}: version {fresh.version} is in force with other bytes, sign a newer version")
    if in_force.revision > 0 and fresh.replaces != in_force.digest:
        raise PolicyError(
            f"{MANIFEST}: was signed without the change made here since, "
            f"take that over and sign with `--replaces {in_force.digest}`"
        )
    return fresh


def _as_it_stands(folder: Path, files: BundleFiles) -> BundleFiles:
    """The files under a manifest that fits them: their own if it does, else one that nobody signed."""
    manifest = None
    if files.manifest:
        manifest = parse_manifest(files.manifest)
        if _matches(files, manifest):
            return files
    written = policy.parse(bundles.text(files.files[policy.FILE], policy.FILE))
    built_in = {law_file(name): law_text(name) for name in written.law.packs if law_file(name) not in files.files}
    return bundles.unsigned({**files.files, **built_in}, hotlists=hotlist_digests(folder, written), like=manifest)


def _matches(files: BundleFiles, manifest: Manifest) -> bool:
    return dict(manifest.files) == {name: sha256(content) for name, content in files.files.items()}


def _names(folder: Path, inner: str) -> list[str]:
    try:
        return sorted(f"{inner}/{path.name}" for path in (folder / inner).glob("*.toml"))
    except OSError as error:
        raise PolicyError(f"{inner}: cannot be read, {why(error)}") from error


def _signature(folder: Path) -> bytes | None:
    if not (folder / SIGNATURE).exists():
        return None
    try:
        return base64.b64decode(get(folder / SIGNATURE, name=SIGNATURE).strip(), validate=True)
    except (binascii.Error, ValueError):
        raise PolicyError(f"{SIGNATURE}: is not a signature in base64, sign again with `homerule sign`") from None
