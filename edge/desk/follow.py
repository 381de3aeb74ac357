"""What may follow the bundle in force: a newer signed one, or an edit that only takes away. All else is refused.

Given the bytes as they were read; nothing is read again after it was checked.
"""

from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel

from edge.desk.refused import Refused
from edge.errors import PolicyError
from edge.policy import bundle as bundles
from edge.policy import policy, subscribers, tighten, tightening
from edge.policy.bundle import Bundle
from edge.policy.manifest import Manifest, parse_manifest, sha256, signed_part, tightened, unsigned
from edge.policy.narrower import asks_for_less
from edge.values import BundleFiles

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
_SHOWN = 5


def verify(files: BundleFiles, *city_public_keys: Ed25519PublicKey) -> None:
    """Returns if one of the city's keys signed exactly these manifest bytes; PolicyError if not."""
    if not files.manifest or files.signature is None:
        raise PolicyError(f"{SIGNATURE}: the policy is not signed, sign it with `homerule sign`")
    for key in city_public_keys:
        try:
            key.verify(files.signature, files.manifest)
            return
        except InvalidSignature:
            continue
    raise PolicyError(
        f"{SIGNATURE}: is not the city's signature of this {MANIFEST}, sign again with the city's own key"
    )


def matches(files: BundleFiles, manifest: Manifest) -> bool:
    """Whether the manifest names exactly these files, byte for byte."""
    return dict(manifest.files) == {name: sha256(content) for name, content in files.files.items()}


def follow(
    files: BundleFiles,
    *,
    in_force: Bundle | None,
    key: Ed25519PublicKey,
    device: str | None = None,
    ledger: str | None = None,
) -> Bundle:
    """What comes into force: `in_force` itself when the files ask for nothing new. Raises Refused.

    `device` and `ledger` are what a signed bundle must be for; None (the demo) asks for neither.
    """
    try:
        manifest = _manifest(files)
        is_whole = matches(files, manifest)
        standing = files if is_whole else unsigned(files.files, hotlists=manifest.hotlists, like=manifest)
        asked = bundles.parse(standing, signed=is_whole)
    except PolicyError as error:
        raise Refused(str(error), why="unreadable", hold=True, digest=sha256(files.manifest)) from error
    try:
        if not is_whole:
            return _edited(files, manifest, asked, in_force)
        if in_force is not None and files == signed_part(in_force.files):
            return in_force  # the very bytes that were accepted, whoever's key counts now
        verify(files, key)
        return _signed(files, asked, in_force, device, ledger)
    except Refused as refusal:
        refusal.digest, refusal.version = sha256(files.manifest), manifest.version
        raise
    except PolicyError as error:
        raise _refusal(str(error), "signature", in_force, asked) from error


def for_this(manifest: Manifest, device: str | None, ledger: str | None) -> tuple[str, str] | None:
    """What keeps a signed bundle from counting on this device: a word and a sentence, or None."""
    if manifest.signed_at is None:  # then nothing would say when its `valid_until` is too far ahead
        return "undated", f"{MANIFEST}: does not say when it was signed, sign it with `homerule sign`"
    if device is not None and device not in manifest.devices:
        meant = ", ".join(f"`{one}`" for one in manifest.devices)
        return "device", (
            f"{MANIFEST}: version {manifest.version} is for {meant}, not for this device; "
            f"sign it with `homerule sign --device {device}`"
        )
    if ledger is not None and ledger not in manifest.ledgers:
        return "ledger", (
            f"{MANIFEST}: the audit log of this device is new, or another one than before, and the city has not "
            f"adopted it; if that is meant, sign with `homerule sign --adopt {ledger}`"
        )
    return None


def _manifest(files: BundleFiles) -> Manifest:
    if not files.manifest:
        raise PolicyError(f"{MANIFEST}: is missing, put it back or sign again with `homerule sign`")
    if files.signature is None:
        raise PolicyError(f"{SIGNATURE}: is missing, put it back or sign again with `homerule sign`")
    return parse_manifest(files.manifest)


def _signed(
    files: BundleFiles, asked: Bundle, in_force: Bundle | None, device: str | None, ledger: str | None
) -> Bundle:
    """A bundle that the city has signed: for this device, and newer than what is in force."""
    foreign = for_this(parse_manifest(files.manifest), device, ledger)
    if foreign is not None:
        raise _refusal(foreign[1], foreign[0], in_force, asked)
    if in_force is None:
        return asked
    if asked.digest == in_force.rests_on:
        return in_force
    if asked.version < in_force.version:
        raise _refusal(
            f"{MANIFEST}: version {asked.version} is older than version {in_force.version} in force, "
            f"sign the files again to make a newer one",
            "older",
            in_force,
            asked,
        )
    if asked.version == in_force.version:
        raise _refusal(
            f"{MANIFEST}: version {asked.version} is in force with other bytes, sign a newer version",
            "same-version",
            in_force,
            asked,
        )
    if asked.replaces == in_force.digest:
        return asked
    return _laid_over(files, in_force.tightening, signed=True, revision=1) if in_force.tightening else asked


def _edited(files: BundleFiles, manifest: Manifest, asked: Bundle, in_force: Bundle | None) -> Bundle:
    """An edit of the signed files in force: what it takes away is laid over them, beside what was taken before."""
    if in_force is None or sha256(files.manifest) != in_force.rests_on:
        said = _first_changed(files, manifest, every=True)
        raise _refusal(said, "not-signed", in_force, asked)
    base = signed_part(in_force.files)
    before = bundles.parse(base, signed=in_force.signed) if in_force.tightening else in_force
    more = tightening.between(before.policy, asked.policy, before.subscribers, asked.subscribers)
    if not tighten.tightens(before, asked):
        said = _first_changed(files, manifest, every=False) or _more_than_closing(before, asked, more)
        raise _refusal(said, "gives", in_force, asked)
    by = tightening.both(in_force.tightening, more)
    if by == in_force.tightening:
        return in_force
    made = _laid_over(base, by, signed=in_force.signed, revision=in_force.revision + 1)
    if not (tighten.tightens(in_force, made) and tighten.tightens(asked, made)):
        raise _refusal(
            f"{policy.FILE}: the edit cannot be told apart into what it takes away, sign it with `homerule sign`",
            "gives",
            in_force,
            asked,
        )
    return made


def _laid_over(base: BundleFiles, by: tightening.Tightening, *, signed: bool, revision: int) -> Bundle:
    return bundles.parse(tightened(base, by), signed=signed, revision=revision)


def _first_changed(files: BundleFiles, manifest: Manifest, *, every: bool) -> str:
    """Why files that differ from what was signed are refused, by the first that does; laws may not differ at all."""
    people = (policy.FILE, subscribers.FILE)
    for name in sorted({*files.files, *manifest.files} - set(() if every else people)):
        if name not in files.files:
            return f"{name}: is missing, though the {MANIFEST} names it; put it back or sign again with `homerule sign`"
        if name not in manifest.files:
            return f"{name}: is not in the {MANIFEST}, remove it or sign again with `homerule sign`"
        if sha256(files.files[name]) != manifest.files[name]:
            return f"{name}: was changed since it was signed, put it back or sign again with `homerule sign`"
    return ""


def _more_than_closing(before: Bundle, asked: Bundle, more: tightening.Tightening) -> str:
    """Names what an edit does beyond taking away."""
    closed, agencies = tightening.narrowed(before.policy, more), tightening.suspended(before.subscribers, more)
    keys = list(_differing(closed, asked.policy))
    ids = [
        name for name in sorted({*agencies, *asked.subscribers}) if agencies.get(name) != asked.subscribers.get(name)
    ]
    named = [f"{policy.FILE}: "] if keys else [f"{subscribers.FILE}: "]
    found = [*keys, *(f"`{name}`" for name in ids)] or ["the hot lists"]
    shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    return f"{named[0]}the edit does more than take away ({shown}), sign it with `homerule sign`"


def _differing(old: BaseModel, new: BaseModel, table: str = "") -> Iterator[str]:
    """The keys that differ, such as `[sharing] direct`."""
    for name in type(old).model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if isinstance(was, BaseModel) and isinstance(now, BaseModel):
            yield from _differing(was, now, name)
        elif was != now:
            yield f"[{table}] {name}" if table else name


def _refusal(message: str, why: str, in_force: Bundle | None, asked: Bundle) -> Refused:
    return Refused(message, why=why, hold=in_force is None or asks_for_less(in_force, asked))
