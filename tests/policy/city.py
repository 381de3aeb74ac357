"""A made-up city to decide about: its policy and agencies as plain tables, and the reads that are taken there."""

import base64
import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.desk.laws import law_text
from edge.policy import bundle as bundles
from edge.policy.bundle import Bundle
from edge.policy.decide import decide
from edge.policy.manifest import Manifest, sha256
from edge.policy.tag import flags
from edge.values import BundleFiles, Decision, Effect, Flag, Hit, Instant, Tags

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INSTANT = Instant(at=NOW, trusted=True)
OWNER = "village-pd"
DEVICE, LEDGER = "pole", "log"
CITY_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
Table = dict[str, Any]

POLICY: Table = {
    "valid_until": NOW + timedelta(days=30),
    "jurisdiction": {"state": "US-IL", "place": "Village"},
    "owner": {"subscriber": OWNER},
    "sharing": {
        "national_lookup": True,
        "statewide_lookup": True,
        "out_of_state": "agreement",
        "federal": "never",
        "private": "never",
        "foreign": "never",
    },
    "law": {"packs": ["us-il"], "reviewed_by": "counsel"},
    "purposes": {"banned": ["immigration_enforcement"]},
    "retention": {"undelivered_hours": 24},
}


def key(name: str) -> str:
    """A sealing key of its own for every agency; nobody needs its other half here."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def agency(name: str, /, **changes: Any) -> Table:
    """A local agency of this state on the statewide lookup, but for `changes`."""
    table: Table = {
        "id": name,
        "name": f"The {name}",
        "agency_id": name,
        "agency_id_scheme": "local",
        "kind": "local",
        "state": "US-IL",
        "channels": ["statewide-lookup"],
        "purposes": ["stolen_vehicle"],
        "feed": "hits",
        "certificate_name": name,
        "sealing_key": key(name),
    }
    table.update(changes)
    return {one: value for one, value in table.items() if value is not None}


def owner(**changes: Any) -> Table:
    """The agency that owns the camera."""
    return agency(OWNER, **{"channels": [], "feed": "all", **changes})


def agreement(name: str = "a-1", **changes: Any) -> Table:
    """A declaration in force, for stolen vehicles."""
    return {
        "id": name,
        "form": "declaration",
        "signed_by": "the chief",
        "signed_on": date(2026, 10, 1),
        "expires_on": date(2027, 10, 1),
        "document_sha256": "ab" * 32,
        "status": "active",
        "purposes": ["stolen_vehicle"],
        **changes,
    }


def texan(name: str = "texas-so", /, **changes: Any) -> Table:
    """An agency of another state on the national lookup, with its declaration in force."""
    return agency(name, **{"state": "US-TX", "channels": ["national-lookup"], "agreement": [agreement()], **changes})


def policy(changes: Mapping[str, Any] | None = None) -> Table:
    """The city's policy, with `changes` laid over it table by table."""
    return merged(POLICY, changes or {})


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """`over` laid over `under`, table by table; None takes a key away."""
    made = copy.deepcopy(dict(under))
    for name, value in over.items():
        if isinstance(value, Mapping) and isinstance(made.get(name), Mapping):
            made[name] = merged(made[name], value)
        elif value is None:
            made.pop(name, None)
        else:
            made[name] = copy.deepcopy(value)
    return made


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """A table as TOML. tomlkit would do it too, at a hundredth of the speed."""
    lines = [f"{name} = {_value(value)}" for name, value in table.items() if not _is_table(value)]
    for name, value in table.items():
        inner = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            lines += [f"[{inner}]", toml(value, inner)]
        elif _is_table(value):
            lines += [line for one in value for line in (f"[[{inner}]]", toml(one, inner))]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def bundle_of(
    written: Mapping[str, Any], agencies: Iterable[Mapping[str, Any]], *, signed: bool = True, laws: Any = None
) -> Bundle:
    """The bundle of a policy and its agencies; `laws` replaces the text of a law pack by name."""
    return bundles.parse(bundles.unsigned(files(written, agencies, laws=laws), hotlists={}), signed=signed)


def files(written: Mapping[str, Any], agencies: Iterable[Mapping[str, Any]], *, laws: Any = None) -> dict[str, bytes]:
    """The files of a policy and its agencies, with the law packs that it names."""
    made = {
        "policy.toml": toml(written).encode(),
        "subscribers.toml": toml({"subscriber": list(agencies)}).encode(),
    }
    for name in written["law"]["packs"]:
        made[f"laws/{name}.toml"] = (laws or {}).get(name) or law_text(name)
    return made


def signed_files(
    files: Mapping[str, bytes], *, version: int = 1, replaces: str | None = None, signed_at: datetime | None = NOW
) -> BundleFiles:
    """The files under the city's signature, for one device and its audit log."""
    manifest = Manifest(
        version=version,
        replaces=replaces,
        devices=(DEVICE,),
        ledgers=(LEDGER,),
        signed_at=signed_at,
        files={name: sha256(content) for name, content in files.items()},
        hotlists={},
    ).to_bytes()
    return BundleFiles(manifest=manifest, signature=CITY_KEY.sign(manifest), files=dict(files))


def signed(bundle: Bundle, at: datetime) -> Bundle:
    """The bundle as if the city had signed it at this time."""
    return replace(bundle, signed_at=at)


def city(*agencies: Mapping[str, Any], signed: bool = True, laws: Any = None, **changes: Any) -> Bundle:
    """A bundle of the owner and `agencies`, with `changes` laid over the policy."""
    return bundle_of(policy(changes), [owner(), *agencies], signed=signed, laws=laws)


def pack(old: str, new: str) -> dict[str, bytes]:
    """The Illinois pack with one passage changed."""
    text = law_text("us-il").decode()
    assert old in text
    return {"us-il": text.replace(old, new, 1).encode()}


def hit(purpose: str = "stolen_vehicle", **changes: Any) -> Hit:
    """An entry of a hot list that the read matched."""
    told = {
        "list_id": "list",
        "entry_id": f"e-{purpose}",
        "source_agency": "desk",
        "purpose": purpose,
        "offence_grade": None,
        "expires_at": NOW + timedelta(days=3),
    }
    return Hit(**{**told, **changes})


def taken(bundle: Bundle, *hits: Hit, at: datetime = NOW, test: bool = False, raised: Iterable[Flag] = ()) -> Tags:
    """The tags of a read taken at `at` under `bundle`, with further flags raised."""
    return Tags(
        read_id="read",
        camera_id="camera",
        captured_at=at,
        jurisdiction=bundle.jurisdiction,
        owner=bundle.owner,
        flags=flags(bundle, frames=2, test=test) | frozenset(raised),
        hits=hits,
        retain_until=at + bundle.ceiling,
        test=test,
    )


def asked(
    bundle: Bundle, name: str, tags: Tags | None = None, *, now: datetime = NOW, trusted: bool = True
) -> Decision:
    """The decision for the agency `name` on `tags` (a stolen vehicle when none are given)."""
    tags = tags or taken(bundle, hit(expires_at=now + timedelta(days=3)), at=now)
    return decide(tags, bundle.subscribers[name], bundle, Instant(at=now, trusted=trusted))


def receives(bundle: Bundle, tags: Tags, *, now: datetime = NOW) -> set[str]:
    """The ids of all who get the read."""
    instant = Instant(at=now, trusted=True)
    decisions = (decide(tags, one, bundle, instant) for one in bundle.subscribers.values())
    return {decision.subscriber_id for decision in decisions if decision.effect is Effect.SHARE}
