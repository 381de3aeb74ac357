"""A bundle: everything that was signed together, checked against its manifest and against itself.

A file that the manifest does not name, or that differs by one byte, refuses the whole. What a rule needs is worked out
here once, so that a decision only compares.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from edge.errors import PolicyError
from edge.policy import law, policy, subscribers, tightening
from edge.policy.law import LawPack
from edge.policy.manifest import SIGNED_MANIFEST, SIGNED_SIGNATURE, Manifest, signed_part, tightened
from edge.policy.manifest import parse_manifest as parse_manifest
from edge.policy.manifest import sha256 as sha256
from edge.policy.manifest import unsigned as unsigned
from edge.policy.policy import Policy
from edge.policy.subscribers import Subscriber
from edge.policy.tightening import Tightening
from edge.policy.vocabulary import UNKNOWN_PLACE, Grade, Purpose, banned_closure
from edge.values import BundleFiles, Jurisdiction
from edge.written import nearest

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The policy in force. `signed` says that it rests on the city's signature, `revision` counts tightenings since.

    `rests_on` is the digest of the manifest that was signed: `digest` itself, unless `tightening` was laid over it.
    `files` are the bytes that all this was made of.
    `banned`, `allowed`, `grades`, `channels` and `ceiling` are what policy and law packs say together: bans and packs
    add up, the allow-lists and the grades are what all of them allow (None: no such list), the ceiling is the shortest.
    `signed_at` is when it was signed, by the clock of whoever did; None where no signature vouches for that.
    `moments` are all times at which an agreement begins or ends, in order. `memo` holds what was worked out of the
    rest. `held` is set while the files that should follow it cannot be taken up.
    """

    digest: str
    version: int
    revision: int
    replaces: str | None
    signed: bool
    device_ids: tuple[str, ...]
    policy: Policy
    subscribers: Mapping[str, Subscriber] = field(repr=False)
    packs: tuple[LawPack, ...] = field(repr=False)
    hotlist_digests: Mapping[str, str]
    banned: frozenset[Purpose]
    allowed: frozenset[Purpose] | None
    grades: frozenset[Grade] | None
    own_offences: bool
    channels: Mapping[str, bool]
    ceiling: timedelta
    signed_at: datetime | None
    moments: tuple[datetime, ...] = field(repr=False)
    rests_on: str
    tightening: Tightening
    files: BundleFiles = field(repr=False)
    held: bool = False
    memo: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def owner(self) -> str:
        """The subscriber id of the agency that owns the camera."""
        return self.policy.owner.subscriber

    @property
    def jurisdiction(self) -> Jurisdiction:
        """Where the camera stands."""
        place = self.policy.jurisdiction
        return Jurisdiction(state=place.state, county_fips=place.county_fips, place=place.place)

    @property
    def place_known(self) -> bool:
        """Whether the policy says where the camera stands."""
        return self.policy.jurisdiction.state != UNKNOWN_PLACE

    @property
    def begins(self) -> datetime | None:
        """Until then only the owner is served: it was signed by a clock that is ahead, or the one here is behind."""
        return None if self.signed_at is None else self.signed_at - policy.EARLY

    def has_begun(self, at: datetime) -> bool:
        """Whether it was signed before `at`, as far as two clocks agree; what nobody signed has no date."""
        return self.begins is None or self.begins <= at

    @property
    def valid_until(self) -> datetime:
        """From here on only the owner is served."""
        return self.policy.valid_until


def parse(files: BundleFiles, *, signed: bool, revision: int = 0) -> Bundle:
    """Makes a Bundle of files that match their manifest; `signed` is what the caller found out about the signature.

    Raises PolicyError with file, key and mend; then nothing of it counts.
    """
    manifest = parse_manifest(files.manifest)
    _match(files.files, manifest.files)
    texts = {name: text(content, name) for name, content in files.files.items()}
    by, rests_on = _over(files)
    for name in (SIGNED_MANIFEST, SIGNED_SIGNATURE, tightening.FILE):
        texts.pop(name, None)
    written = tightening.narrowed(policy.parse(texts.pop(policy.FILE)), by)
    registry = tightening.suspended(subscribers.parse(texts.pop(subscribers.FILE)), by)
    packs = _packs(written, texts)
    _agree(written, registry, manifest)
    purposes = written.purposes
    ceilings = [pack.retention for pack in packs if pack.retention is not None]
    return Bundle(
        digest=sha256(files.manifest),
        version=manifest.version,
        revision=revision,
        replaces=manifest.replaces,
        signed=signed,
        device_ids=manifest.devices,
        policy=written,
        subscribers=registry,
        packs=packs,
        hotlist_digests=dict(manifest.hotlists),
        banned=banned_closure(frozenset(written.purposes.banned).union(*(pack.banned for pack in packs))),
        allowed=_in_all(purposes.allowed, *(pack.allowed for pack in packs)),
        grades=_in_all(purposes.grades, *(pack.grades for pack in packs)),
        own_offences=any(pack.own_offences for pack in packs),
        channels=written.channels,
        ceiling=min([timedelta(hours=written.retention.undelivered_hours), *ceilings]),
        signed_at=manifest.signed_at if signed else None,
        moments=_moments(registry),
        rests_on=rests_on,
        tightening=by,
        files=files,
    )


def _in_all(*lists: Iterable[T] | None) -> frozenset[T] | None:
    """What stands in every list; None where there is none at all."""
    there = [frozenset(one) for one in lists if one is not None]
    return frozenset.intersection(*there) if there else None


def _moments(registry: Mapping[str, Subscriber]) -> tuple[datetime, ...]:
    held = [one for subscriber in registry.values() for one in subscriber.agreements]
    return tuple(sorted({moment for one in held for moment in (one.begins, one.ends)}))


def _over(files: BundleFiles) -> tuple[Tightening, str]:
    """What was laid over the signed files, and the digest of the manifest that was signed."""
    if tightening.FILE not in files.files:
        return tightening.NOTHING, sha256(files.manifest)
    signed, by = signed_part(files), tightening.parse(files.files[tightening.FILE])
    _match(signed.files, parse_manifest(signed.manifest).files)
    if tightened(signed, by).manifest != files.manifest:
        raise PolicyError(f"{tightening.FILE}: does not fit what it was laid over, sign the policy again")
    return by, sha256(signed.manifest)


def _match(files: Mapping[str, bytes], named: Mapping[str, str]) -> None:
    for name in (policy.FILE, subscribers.FILE):
        if name not in files:
            raise PolicyError(f"{name}: is missing, put it back or make a new folder with `homerule init`")
    for name in sorted(named.keys() - files.keys()):
        raise PolicyError(f"{name}: is missing, though the manifest names it; put it back or sign again")
    for name in sorted(files.keys() - named.keys()):
        raise PolicyError(f"{name}: is not in the manifest, remove it or sign again with `homerule sign`")
    for name in sorted(files):
        if sha256(files[name]) != named[name]:
            raise PolicyError(
                f"{name}: was changed since it was signed, put it back or sign again with `homerule sign`"
            )


def text(content: bytes, name: str) -> str:
    """The text of a file that a person wrote, which is UTF-8. Raises PolicyError."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as broken:
        line = content[: broken.start].count(b"\n") + 1
        raise PolicyError(f"{name}: line {line} is not UTF-8 text, save the file as UTF-8") from None


def _packs(written: Policy, texts: Mapping[str, str]) -> tuple[LawPack, ...]:
    packs = {}
    for file in sorted(texts):
        pack = law.parse(texts[file], file=file)
        if file != law_file(pack.id):
            raise PolicyError(f"{file}: holds the law pack `{pack.id}`, name it `{law_file(pack.id)}`")
        packs[pack.id] = pack
    for name in written.law.packs:
        if name not in packs:
            raise PolicyError(f"{policy.FILE}: [law] names the pack `{name}`, but `{law_file(name)}` is missing")
    for name in packs:
        if name not in written.law.packs:
            raise PolicyError(f"{law_file(name)}: is not named in [law] `packs` of {policy.FILE}, name it or remove it")
    return tuple(packs[name] for name in sorted(packs))


def law_file(name: str) -> str:
    """The file of a law pack inside a bundle."""
    return f"laws/{name}.toml"


HOTLISTS = "hotlists"
"""The folder of hot lists beside a bundle; their plates are never part of the bundle itself."""


def hotlist_files(name: str) -> tuple[str, str]:
    """The file of a hot list, which is one of these."""
    return f"{HOTLISTS}/{name}.toml", f"{HOTLISTS}/{name}.csv"


def _agree(written: Policy, registry: Mapping[str, Subscriber], manifest: Manifest) -> None:
    """What the files say about one another."""
    named = {
        "[owner] subscriber": (written.owner.subscriber,),
        "[sharing] direct": written.sharing.direct,
        "[sharing] full_feed": written.sharing.full_feed,
    }
    for where, ids in named.items():
        for one in ids:
            if one not in registry:
                known = nearest(one, sorted(registry)) or f", write it into {subscribers.FILE} first"
                raise PolicyError(f"{policy.FILE}: {where} names `{one}`, which is not in the registry{known}")
    _fit_to_own(written, registry[written.owner.subscriber])
    if manifest.signed_at is not None:
        latest = manifest.signed_at + timedelta(days=policy.LONGEST_DAYS)
        if written.valid_until > latest:
            raise PolicyError(
                f"{policy.FILE}: `valid_until` is more than {policy.LONGEST_DAYS} days after the signature, "
                f"write {latest:%Y-%m-%dT%H:%M:%SZ} or earlier"
            )
    pinned = {file for one in written.hotlist if one.source_key is None for file in hotlist_files(one.id)}
    for file in sorted(manifest.hotlists.keys() - pinned):
        raise PolicyError(f"{file}: is no hot list of {policy.FILE}, name it under [[hotlist]] or remove it")


def _fit_to_own(written: Policy, owner: Subscriber) -> None:
    if owner.kind.value in ("federal", "private", "vendor_processor", "foreign", "task_force", "other"):
        raise PolicyError(
            f"{policy.FILE}: [owner] `{owner.id}` is of kind `{owner.kind}`, which cannot own a city's camera"
        )
    state = written.jurisdiction.state
    if state not in (UNKNOWN_PLACE, owner.state):
        raise PolicyError(
            f"{policy.FILE}: [owner] `{owner.id}` is of `{owner.state}`, the camera stands in `{state}`; mend either"
        )
