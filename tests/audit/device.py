"""A device's life for the audit's tests: a real ledger, real policies and decisions, time that is moved by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge.clock import milliseconds
from edge.control.changes import changes
from edge.ledger import Ledger
from edge.ledger.entries import Entry, Gap, Start, Stop
from edge.policy import bundle as bundles
from edge.policy.bundle import Bundle
from edge.policy.decide import decide
from edge.policy.manifest import Manifest, sha256, tightened
from edge.policy.tightening import Tightening, both
from edge.values import Acknowledgement, BundleFiles, Effect, Envelope, Hit, Recorded, TaggedRead, Waiting
from tests.ledger.builders import DEVICE, KEY, HandClock, seal, tagged_read, token_of
from tests.policy.city import files as policy_files
from tests.policy.city import hit, taken

Table = Mapping[str, Any]
MIDNIGHT = datetime(2026, 8, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Gave:
    """What one step gave to whom: agencies by id, in order."""

    read_id: str
    camera: str
    shared: tuple[str, ...]


class Device:
    """What a daemon does to its ledger, called by hand."""

    def __init__(self, path: Path, *, at: datetime = MIDNIGHT) -> None:
        self.path, self.clock = path, HandClock(at=at)
        self.ledger = Ledger.open(path, clock=self.clock, key=KEY, device=DEVICE)
        self.bundle: Bundle | None = None
        self._signed: BundleFiles | None = None
        self._by = Tightening()
        self._version = self._revision = 0

    def start(self, *before: Entry, after: str = "first") -> None:
        """The daemon begins."""
        self.ledger.note(*before, Start(software="0.1.0", after=after))

    def stop(self, why: str = "sigterm") -> None:
        """It ends on purpose."""
        self.ledger.note(Stop(why=why))

    def crash(self, off: timedelta) -> None:
        """The power goes, and comes back after `off`."""
        last = milliseconds(self.clock.at)
        self.clock.at += off
        self.start(Gap(what="daemon", began=last, ended=milliseconds(self.clock.at), why="crash"), after="crash")

    def sign(self, written: Table, agencies: Iterable[Table], *, by: str = "file") -> Bundle:
        """The city signs a policy, and the device takes it up."""
        self._version, self._revision, self._by = self._version + 1, 0, Tightening()
        made = policy_files(written, agencies)
        manifest = Manifest(
            version=self._version,
            replaces=None if self.bundle is None else self.bundle.digest,
            devices=(DEVICE,),
            ledgers=(self.ledger.ledger_id,),
            signed_at=self.clock.at,
            files={name: sha256(made[name]) for name in sorted(made)},
            hotlists={},
        )
        self._signed = BundleFiles(manifest=manifest.to_bytes(), signature=b"s" * 64, files=made)
        return self._accept(self._signed, by)

    def tighten(self, by: str = "file", **closed: Any) -> Bundle:
        """Somebody closes something by hand."""
        assert self._signed is not None
        self._revision += 1
        self._by = both(self._by, Tightening(**closed))
        return self._accept(tightened(self._signed, self._by), by)

    def opt_out(self, switch: str = "national_lookup", *, by: str = "file") -> Bundle:
        """The clerk turns a switch off."""
        return self.tighten(by, switches={switch: False})

    def passes(self, camera: str, *hits: Hit, old: float = 0.4) -> Gave:
        """A vehicle is read, decided and recorded; it was captured `old` seconds ago."""
        assert self.bundle is not None
        read = self.decided(camera, *hits, old=old)
        self.ledger.record_many([read])
        shared = tuple(one.subscriber_id for one in read.decisions if one.effect is Effect.SHARE)
        return Gave(read.tagged.tags.read_id, camera, shared)

    def decided(self, camera: str, *hits: Hit, old: float = 0.4) -> Recorded:
        """The same, not recorded yet."""
        assert self.bundle is not None
        bundle, now, read_id = self.bundle, self.clock.now(), self.clock.new_id()
        at = self.clock.at - timedelta(seconds=old)
        fresh = tuple(replace(one, expires_at=at + timedelta(days=3)) for one in hits)
        tags = replace(taken(bundle, *fresh, at=at), read_id=read_id, camera_id=camera)
        read = replace(tagged_read(read_id, at=at).read, camera_id=camera)
        decisions = tuple(decide(tags, bundle.subscribers[name], bundle, now) for name in sorted(bundle.subscribers))
        envelopes = tuple(
            self._seal(read_id, one.subscriber_id, tags.hits, at, tags)
            for one in decisions
            if one.effect is Effect.SHARE
        )
        return Recorded(tagged=TaggedRead(read=read, tags=tags), decisions=decisions, envelopes=envelopes)

    def send(self, limit: int = 1000) -> list[Waiting]:
        """Everything that is due is handed over."""
        return self.ledger.mark_sent(self.ledger.due(self.clock.at, limit=limit))

    def deliver(self, *silent: str) -> None:
        """Everything that is due is sent and acknowledged, but by agencies that are silent."""
        while rows := self.send():
            self.acknowledge([row for row in rows if row.envelope.subscriber_id not in silent])

    def acknowledge(self, rows: Sequence[Waiting]) -> None:
        """These agencies bring back their tokens."""
        self.ledger.acknowledge_many(
            [
                Acknowledgement(
                    subscriber_id=row.envelope.subscriber_id,
                    message_id=row.envelope.message_id,
                    ack_token=token_of(row.envelope.message_id),
                )
                for row in rows
            ]
        )

    def refuse_waiting(self) -> int:
        """What waits is decided again at the door, as the relay does it; gives how many rows were refused."""
        assert self.bundle is not None
        refused = 0
        for row in self.ledger.due(self.clock.at, limit=1000):
            agency = self.bundle.subscribers[row.envelope.subscriber_id]
            again = decide(row.envelope.tags, agency, self.bundle, self.clock.now())
            if again.effect is Effect.WITHHOLD:
                refused += self.ledger.refuse(row, again)
        return refused

    def close(self) -> None:
        """A checkpoint, and the file is let go."""
        self.ledger.checkpoint()
        self.ledger.close()

    def _accept(self, files: BundleFiles, by: str) -> Bundle:
        made = bundles.parse(files, signed=True, revision=self._revision)
        notes = tuple(changes(self.bundle, made, by))
        self.ledger.accept_bundle(
            files, digest=made.digest, version=made.version, revision=made.revision, signed=True, notes=notes
        )
        self.bundle = made
        return made

    def _seal(self, read_id: str, name: str, hits: tuple[Hit, ...], at: datetime, tags: Any) -> Envelope:
        return replace(seal(read_id, name, at=at, seconds=3600, size=64), tags=tags)


STOLEN = hit("stolen_vehicle")
