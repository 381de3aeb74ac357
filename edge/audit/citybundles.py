"""The bundles in an archive: each byte is what the log accepted, and the city signed it, or what was laid over it."""

from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.audit.archive import Archive
from edge.errors import ConfigError, LedgerError, PolicyError
from edge.keys import public_text, signing_public
from edge.ledger.bundles import fits
from edge.ledger.entries import BundleAccepted
from edge.ledger.fault import Fault, Sort
from edge.policy.manifest import signed_part
from edge.values import BundleFiles


def checked(
    archive: Archive,
    accepted: Mapping[int, BundleAccepted],
    *,
    pins: Sequence[str],
    given: Sequence[Ed25519PublicKey],
) -> tuple[list[Fault], list[str]]:
    """Faults and notes on the bundles `accepted` at these positions. `pins` are the city's keys that the log came to
    trust, `given` those that the auditor has from elsewhere.
    """
    notes = []
    if not given and accepted:
        said = "were taken from the archive itself" if pins else "are not in the log, so no signature was checked"
        notes.append(f"the city's keys {said}; give --city-key FILE to check whose bundles these are")
    known = {public_text(key) for key in given}
    faults = [
        Fault(position=None, what=f"the log came to trust a city key that was not given: {pin}", sort=Sort.STRANGER)
        for pin in dict.fromkeys(pins)
        if given and pin not in known
    ]
    try:
        keys = given or [signing_public(pin, where="a pinned key") for pin in dict.fromkeys(pins)]
    except ConfigError as error:
        return [*faults, Fault(position=None, what=str(error))], notes
    for position, entry in accepted.items():
        fault = _fault(archive, position, entry, keys)
        if fault is not None:
            faults.append(fault)
    return faults, notes


def _fault(archive: Archive, position: int, entry: BundleAccepted, keys: Sequence[Ed25519PublicKey]) -> Fault | None:
    try:
        files = archive.bundle(position)
        if not fits(entry, files):
            return Fault(position=position, what="the bundle's bytes are not those that were accepted here")
        signed = signed_part(files)
    except LedgerError as error:
        return Fault(position=position, what=str(error), sort=Sort.GAP)
    except PolicyError as error:
        return Fault(position=position, what=f"the bundle does not say what the city signed of it: {error}")
    if keys and not any(_signs(key, signed) for key in keys):
        return Fault(position=position, what="the bundle is not signed by the city", sort=Sort.STRANGER)
    return None


def _signs(key: Ed25519PublicKey, files: BundleFiles) -> bool:
    try:
        key.verify(files.signature or b"", files.manifest)
    except InvalidSignature:
        return False
    return True
