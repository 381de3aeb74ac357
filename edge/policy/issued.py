"""The word of a hot list's source: which list, which version of it, when, and the sha256 of its file.

It stands in a file beside the list: one line of JSON, which are the bytes that are signed, and the signature (Ed25519,
base64) in a second one. The context string keeps it from passing for any other signature.
"""

import base64
import binascii
import hashlib
import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import PolicyError
from edge.policy.policy import HIGHEST, Id, Instant
from edge.policy.subscribers import Sha256

SUFFIX = ".sig"
"""What is added to the name of the list's file."""

ListVersion = tuple[str, int, str]
"""A version of a hot list, as the audit log has it: the list's id, the number that its source gave it, and the sha256
(hex) of the source's whole word, the file as it lies there. That word holds the sha256 of the list, and a signature
that nobody makes up: with the sha256 alone, a short list could be found out by trying plates. Of a list that the city
signs itself: 0, and the sha256 of the list, which stands in the manifest of the city's bundle."""

_CONTEXT: Literal["homerule hotlist v1"] = "homerule hotlist v1"
_LONGEST = 2048


class Issued(BaseModel):
    """What the source signed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    context: Literal["homerule hotlist v1"] = _CONTEXT
    id: Id
    version: Annotated[int, Field(ge=1, le=HIGHEST)]
    issued_at: Instant
    sha256: Sha256


def statement(list_id: str, *, version: int, issued_at: datetime, sha256: str) -> bytes:
    """The bytes that the source signs."""
    said = Issued(id=list_id, version=version, issued_at=issued_at.replace(microsecond=0), sha256=sha256)
    return json.dumps(said.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode("ascii")


def written(statement: bytes, signature: bytes) -> bytes:
    """The file that is put beside the list."""
    return statement + b"\n" + base64.b64encode(signature) + b"\n"


def version_of(said: Issued, content: bytes) -> ListVersion:
    """Which version of the list that is, for the audit log, of the file `content` that says it."""
    return said.id, said.version, hashlib.sha256(content).hexdigest()


def parse(content: bytes, *, file: str) -> tuple[Issued, bytes, bytes]:
    """What its source says, the bytes that were signed, and the signature, not verified yet. Raises PolicyError."""
    head, _, rest = content.partition(b"\n")
    try:
        signature = base64.b64decode(rest.strip(), validate=True)
        if len(signature) == 64 and len(content) <= _LONGEST:
            return Issued.model_validate_json(head), head, signature
    except ValidationError as wrong:
        if [one["type"] for one in wrong.errors()] == ["less_than_equal"]:
            raise PolicyError(
                f"{file}: its version is higher than {HIGHEST}, which is the last; remove that file, and have its "
                f"source sign a lower one"
            ) from None
    except (RecursionError, binascii.Error, ValueError):
        pass
    raise PolicyError(
        f"{file}: is not the word of a hot list's source, "
        "remove it and have the source sign with `homerule hotlist sign`"
    )
