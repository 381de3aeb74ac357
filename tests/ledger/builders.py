"""Reads, decisions, envelopes and bundles for the ledger's tests, and a clock that is moved by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.ledger import Ledger
from edge.ledger.entries import Pattern, Read
from edge.ledger.ledgerfile import Commit, commit_now
from edge.values import (
    Box,
    BundleFiles,
    Decision,
    Effect,
    Envelope,
    Flag,
    Hit,
    Instant,
    Jurisdiction,
    PlateRead,
    TaggedRead,
    Tags,
)

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DEVICE = "pole-7"
PLATE = "ZQX8841"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BUNDLE = BundleFiles(
    manifest=b'{"version":1}', signature=b"s" * 64, files={"policy.toml": b"[sharing]\n", "laws/us-il.toml": b"x = 1\n"}
)
DEVICE_TOML = """
[device]
id     = "pole-7"
ledger = "ledger.sqlite"
key    = "{key}"
[[camera]]
id  = "north-1"
url = "/dev/video0"
[broker]
host   = "localhost"
access = "none"
[policy]
folder = "policy"
pin    = "city.pub"
[limits]
audit_years = 1
"""


def device_folder(folder: Path, *, credentials: Path | None = None) -> Path:
    """A device's folder without its ledger; the key is in it, or is handed over in `credentials` as systemd does it."""
    key = (credentials or folder) / "device.key"
    key.parent.mkdir(exist_ok=True)
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    named = "/etc/homerule/device.key" if credentials else "device.key"
    (folder / "device.toml").write_text(DEVICE_TOML.format(key=named))
    return folder


@dataclass
class HandClock:
    """A clock that stands still until it is moved, with names from a seed."""

    at: datetime = START
    chance: Random = field(default_factory=lambda: Random(1))
    trusted: bool = True

    def now(self) -> Instant:
        return Instant(at=self.at, trusted=self.trusted)

    def new_id(self) -> str:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return "".join(self.chance.choice(letters) for _ in range(22))

    def move(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


def digest_of(files: BundleFiles) -> str:
    return sha256(files.manifest).hexdigest()


def accept(ledger: Ledger, files: BundleFiles = BUNDLE, *, version: int = 1, revision: int = 0) -> str:
    digest = digest_of(files)
    ledger.accept_bundle(files, digest=digest, version=version, revision=revision, signed=True)
    return digest


def open_ledger(path: Path, clock: HandClock, *, commit: Commit = commit_now, test: bool = False) -> Ledger:
    """A ledger that holds the one bundle under which the builders decide."""
    ledger = Ledger.open(path, clock=clock, key=KEY, device=DEVICE, commit=commit, test=test)
    if ledger.bundle_in_force() is None:
        accept(ledger)
    return ledger


def tagged_read(read_id: str, *, at: datetime = START, replaces: str | None = None, test: bool = False) -> TaggedRead:
    tags = Tags(
        read_id=read_id,
        camera_id="north-1",
        captured_at=at,
        jurisdiction=Jurisdiction(state="US-IL", county_fips="17031", place="Mount Prospect"),
        owner="mount-prospect-pd",
        flags=frozenset({Flag.NO_NATIONAL_LOOKUP, Flag.NO_FEDERAL}),
        hits=(
            Hit(
                list_id="ncic",
                entry_id="e-17",
                source_agency="isp",
                purpose="stolen_vehicle",
                offence_grade=None,
                expires_at=at + timedelta(days=3, microseconds=1),
            ),
        ),
        retain_until=at + timedelta(days=30),
        test=test,
        replaces=replaces,
    )
    read = PlateRead(
        read_id=read_id,
        camera_id="north-1",
        first_seen=at,
        best_seen=at,
        last_seen=at,
        box=Box(x1=0, y1=0, x2=10, y2=5),
        text=PLATE,
        confidence=0.9,
        lowest_character_confidence=0.8,
        frames=5,
        replaces=replaces,
    )
    return TaggedRead(read=read, tags=tags)


def decide(
    read_id: str, subscribers: Sequence[str], shared: Sequence[str], files: BundleFiles = BUNDLE
) -> list[Decision]:
    """Shares with `shared`, withholds from the other `subscribers`."""
    digest = digest_of(files)
    return [
        Decision(
            read_id=read_id,
            subscriber_id=subscriber_id,
            effect=Effect.SHARE if subscriber_id in shared else Effect.WITHHOLD,
            channel="direct" if subscriber_id in shared else None,
            reasons=("hit",) if subscriber_id in shared else ("opted_out", "no_agreement"),
            obligations=("no_onward",) if subscriber_id in shared else (),
            bundle_digest=digest,
        )
        for subscriber_id in subscribers
    ]


def token_of(message_id: str) -> str:
    return f"token of {message_id}"


def seal(read_id: str, subscriber_id: str, *, at: datetime = START, seconds: float = 3600, size: int = 300) -> Envelope:
    message_id = f"{read_id}.{subscriber_id}"
    return Envelope(
        message_id=message_id,
        subscriber_id=subscriber_id,
        topic=f"homerule/v1/{DEVICE}/to/{subscriber_id}/read",
        header=b'{"wire":1}',
        payload=(f"sealed for {message_id}; " * size).encode()[:size],
        expires_at=at + timedelta(seconds=seconds),
        ack_digest=sha256(token_of(message_id).encode()).digest(),
        tags=tagged_read(read_id, at=at).tags,
    )


def record(
    ledger: Ledger,
    clock: HandClock,
    subscribers: Sequence[str],
    shared: Sequence[str],
    *,
    seconds: float = 3600,
    files: BundleFiles = BUNDLE,
) -> str:
    """Records one read and gives its id."""
    read_id = clock.new_id()
    envelopes = [seal(read_id, subscriber_id, at=clock.at, seconds=seconds) for subscriber_id in shared]
    ledger.record(tagged_read(read_id, at=clock.at), decide(read_id, subscribers, shared, files), envelopes)
    return read_id


def outcomes(ledger: Ledger) -> Iterator[tuple[str, tuple[Decision, ...]]]:
    """Every read's id and the decisions that were recorded for it, in order."""
    patterns: dict[int, Pattern] = {}
    for logged in ledger.entries():
        if isinstance(logged.entry, Pattern):
            patterns[logged.position] = logged.entry
        elif isinstance(logged.entry, Read):
            yield logged.entry.read_id, decisions(logged.entry.read_id, patterns[logged.entry.pattern])


def decisions(read_id: str, pattern: Pattern) -> tuple[Decision, ...]:
    """The inverse of `pattern`, for one read."""
    return tuple(
        Decision(
            read_id=read_id,
            subscriber_id=subscriber_id,
            effect=Effect(effect),
            channel=channel or None,
            reasons=reasons,
            obligations=obligations,
            bundle_digest=pattern.bundle,
        )
        for subscriber_id, effect, channel, reasons, obligations in pattern.outcomes
    )
