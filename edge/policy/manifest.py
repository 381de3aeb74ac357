"""The manifest: what the city's one signature covers, and what stands beside it once something was taken away by hand.

Files that differ from it by one byte are not the signed ones.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import PolicyError
from edge.policy import tightening
from edge.policy.policy import Id, Instant
from edge.policy.subscribers import Sha256
from edge.policy.tightening import Tightening
from edge.values import BundleFiles

SIGNED_MANIFEST = "signed/manifest.json"
SIGNED_SIGNATURE = "signed/manifest.sig"
"""Where a tightened bundle carries the manifest that the city signed, and the signature (base64)."""

CONTEXT: Literal["homerule bundle v1"] = "homerule bundle v1"
"""The first thing in every manifest, so that the city's signature under a bundle can never pass for another one."""


LAST_VERSION = 2**31 - 1
"""The last version there can be."""
LEDGER_ID = r"^[A-Za-z0-9_-]{1,64}$"
FILE_NAME = r"^[A-Za-z0-9._/-]{1,128}$"
FileName = Annotated[str, Field(pattern=FILE_NAME)]
LedgerId = Annotated[str, Field(pattern=LEDGER_ID)]


class Manifest(BaseModel):
    """What the city's signature covers. `version` 0 and no `signed_at` mean that nobody has signed these files.

    `ledgers` are the audit logs that the city has adopted: a device whose own is not among them shares nothing.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    context: Literal["homerule bundle v1"] = CONTEXT
    version: Annotated[int, Field(ge=0, le=LAST_VERSION)]
    replaces: Sha256 | None
    devices: tuple[Id, ...]
    ledgers: tuple[LedgerId, ...] = ()
    signed_at: Instant | None
    files: dict[FileName, Sha256]
    hotlists: dict[FileName, Sha256]

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed: JSON with sorted keys."""
        return (json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1) + "\n").encode()


def sha256(content: bytes) -> str:
    """The sha256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def parse_manifest(content: bytes) -> Manifest:
    """Reads the bytes of manifest.json. Raises PolicyError."""
    try:
        return Manifest.model_validate_json(content)
    except (ValidationError, RecursionError):
        raise PolicyError(
            "manifest.json: is not a manifest of this version, make it again with `homerule sign`"
        ) from None


def unsigned(files: Mapping[str, bytes], *, hotlists: Mapping[str, str], like: Manifest | None = None) -> BundleFiles:
    """The files as they stand, under a manifest that nobody signed; `like` gives version, devices and times to keep."""
    manifest = Manifest(
        version=like.version if like else 0,
        replaces=like.replaces if like else None,
        devices=like.devices if like else (),
        ledgers=like.ledgers if like else (),
        signed_at=like.signed_at if like else None,
        files={name: sha256(files[name]) for name in sorted(files)},
        hotlists=dict(hotlists),
    )
    return BundleFiles(manifest=manifest.to_bytes(), signature=None, files=dict(files))


def signed_part(files: BundleFiles) -> BundleFiles:
    """The bundle as the city signed it: of a tightened one what the tightening was laid over. Raises PolicyError."""
    if tightening.FILE not in files.files:
        return files
    inner = dict(files.files)
    try:
        manifest, written = inner.pop(SIGNED_MANIFEST), inner.pop(SIGNED_SIGNATURE)
        signature = base64.b64decode(written, validate=True)
    except (KeyError, binascii.Error, ValueError):
        raise PolicyError(f"{tightening.FILE}: does not say what it was laid over, sign the policy again") from None
    del inner[tightening.FILE]
    return BundleFiles(manifest=manifest, signature=signature or None, files=inner)


def tightened(signed: BundleFiles, by: Tightening) -> BundleFiles:
    """A signed bundle with a tightening laid over it, under a manifest of its own; with nothing to lay, itself.

    Nothing of what was signed is lost: its files are in it unchanged, its manifest and signature beside them.
    """
    if not by:
        return signed
    files = {
        **signed.files,
        SIGNED_MANIFEST: signed.manifest,
        SIGNED_SIGNATURE: base64.b64encode(signed.signature or b""),
        tightening.FILE: by.to_bytes(),
    }
    like = parse_manifest(signed.manifest)
    return unsigned(files, hotlists=like.hotlists, like=like)
