"""The law packs that come with the program. A bundle carries its own copy, so that an upgrade cannot change the law."""

from pathlib import Path

import edge.policy
from edge.desk.disk import get
from edge.errors import PolicyError
from edge.policy import law
from edge.policy.law import LawPack
from edge.policy.policy import Policy
from edge.policy.vocabulary import UNKNOWN_PLACE
from edge.written import nearest

GENERIC = "generic"


def law_text(name: str) -> bytes:
    """The file of the built-in law pack `name`. Raises PolicyError."""
    known = sorted(path.stem for path in _folder().glob("*.toml"))
    if name not in known:
        mend = nearest(name, known) or f"; there are {', '.join(known)}"
        raise PolicyError(f"there is no law pack `{name}`{mend}")
    return get(_folder() / f"{name}.toml", name=f"laws/{name}.toml")


def packs() -> tuple[LawPack, ...]:
    """Every law pack that comes with the program, by id."""
    names = sorted(path.stem for path in _folder().glob("*.toml"))
    return tuple(law.parse(law_text(name).decode(), file=f"laws/{name}.toml") for name in names)


def pack_for(state: str) -> str:
    """The id of the law pack for a state, or `generic` where there is none."""
    return next((pack.id for pack in packs() if pack.state == state), GENERIC)


def missing_pack(written: Policy) -> str | None:
    """The pack of the state where the camera stands, when the policy does not name it."""
    place = written.jurisdiction.state
    own = pack_for(place)
    return None if place == UNKNOWN_PLACE or own in written.law.packs else own


def _folder() -> Path:
    return Path(edge.policy.__file__).parent / "laws"
