"""The ledger: audit log, outbox and accepted bundles in one SQLite file, each change in one durable transaction.

Nothing leaves unrecorded: when a method here raises LedgerError, nothing of what it was asked for has happened, and the
caller stops sharing. One connection behind one lock, used from several threads.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clock import Clock, from_milliseconds, milliseconds
from edge.errors import LedgerError
from edge.keys import public_text
from edge.ledger import recording
from edge.ledger.bundles import accepted
from edge.ledger.codec import decode
from edge.ledger.entries import ENTRY_VERSION, Begun, ClockStep, Entry, Logged
from edge.ledger.history import History
from edge.ledger.ledgerfile import Commit, LedgerFile, commit_now
from edge.ledger.outbox import Turn
from edge.ledger.pruning import Pruning
from edge.ledger.signer import Signer
from edge.policy.issued import ListVersion
from edge.values import Acknowledgement, BundleFiles, Checkpoint, Decision, Envelope, Recorded, TaggedRead, Waiting

LEDGER_NAME = "ledger.sqlite"
CHECKPOINT_ENTRIES = 1024  # at the latest after so many there is another checkpoint; by time, others ask for one
_NO_END = 2**63 - 1
_NOBODY_IS_SERVED = (_NO_END, 2**31)  # nothing is on its way but what has been sent


class Ledger:
    """See the module. Made with `Ledger.open`."""

    def __init__(self, *, file: LedgerFile, clock: Clock, key: Ed25519PrivateKey, begun: Begun) -> None:
        self._file, self._clock, self._begun = file, clock, begun
        self._log, self._outbox, self._bundles = file.log, file.outbox, file.bundles
        self._deliveries, self._recorder = file.deliveries, file.recorder
        self._signer = Signer(file, begun, key)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        key: Ed25519PrivateKey,
        device: str,
        test: bool = False,
        commit: Commit = commit_now,
    ) -> Self:
        """Opens the ledger of this device, or begins one. LedgerError if it is another's or damaged."""
        file = LedgerFile(path, commit)
        name, mode = clock.new_id(), "test" if test else "production"
        begun = Begun(version=ENTRY_VERSION, ledger_id=name, device=device, public_key=public_text(key), mode=mode)
        try:
            return cls(file=file, clock=clock, key=key, begun=file.begin(begun, milliseconds(clock.now().at)))
        except BaseException:
            file.abandon()
            raise

    def close(self) -> None:
        """Writes what is pending to the log and closes the file."""
        try:
            with self._writing() as at:
                self._deliveries.log_acknowledgements(at)
        finally:
            self._file.close()

    @property
    def ledger_id(self) -> str:
        """The random name that this ledger got when it was begun."""
        return self._begun.ledger_id

    @property
    def history(self) -> History:
        """The log as it was written, for those who copy or judge it."""
        return History(self._file, self._begun)

    @property
    def size(self) -> int:
        """Number of entries in the log."""
        with self._file.reading():
            return self._log.size

    def idle(self) -> bool:
        """Empties the write-ahead log, and with it the last bytes of deleted envelopes; False while somebody reads it.
        It may take as long as the disk takes."""
        return self._file.truncate()

    @property
    def unemptied_for(self) -> float:
        """Seconds for which bytes of deleted envelopes may have been in the write-ahead log."""
        return self._file.unemptied_for

    def accept_bundle(
        self,
        files: BundleFiles,
        *,
        digest: str,
        version: int,
        revision: int,
        signed: bool,
        notes: Sequence[Entry] = (),
        drops: Mapping[str, Sequence[str]] | None = None,
        ceiling: timedelta | None = None,
    ) -> None:
        """Puts a bundle in force, in one transaction with `notes` and with deleting the rows of each subscriber in
        `drops`, which gives the reasons. What waits then waits no longer than `ceiling` after its capture, the owner's
        too. The one in force already changes nothing. LedgerError if `digest` is wrong.
        """
        entry = accepted(files, version, revision, signed)
        if digest != entry.digest:
            raise LedgerError(f"bundle `{digest}`: that is not the sha256 of its manifest; it was not accepted")
        with self._writing() as at:
            last = self._bundles.last()
            if last is not None and last[1] == entry:
                return
            self._bundles.keep(self._log.append(entry, at), digest, files)
            for note in notes:
                self._log.append(note, at)
            for subscriber_id, reasons in sorted((drops or {}).items()):
                self._deliveries.drop(subscriber_id, reasons, at)
            if ceiling is not None:
                self._outbox.shorten(ceiling // timedelta(milliseconds=1))

    def bundle_in_force(self) -> tuple[BundleFiles, int, bool] | None:
        """The bundle that was accepted last, its revision, and whether it was signed."""
        with self._file.reading():
            last = self._bundles.last()
        return None if last is None else (last[0], last[1].revision, bool(last[1].signed))

    def look_for(self, lists: Iterable[ListVersion], *, unread: Collection[str] = ()) -> None:
        """Says in the log which hot lists are in force, before anybody looks a read up in them; what it says already
        since the last start is not said again. Nothing is known yet of those in `unread`: they stay as they were."""
        with self._file.reading():
            entry = self._recorder.unsaid(lists, unread)
        if entry is not None:
            self.note(entry)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that this thread does to the ledger inside is one transaction, on the disk when it is left."""
        with self._file.writing():
            yield

    def note(self, *entries: Entry) -> int:
        """Writes entries, all or none, and gives the position of the last.

        A clock that was moved back makes nothing wait longer: the time of all rows is moved with it.
        """
        with self._writing() as at:
            for entry in entries:
                if isinstance(entry, ClockStep) and entry.by < 0:
                    self._outbox.clock_moved_back(-entry.by)
            return [self._log.append(entry, at) for entry in entries][-1]

    def record(self, tagged: TaggedRead, decisions: Sequence[Decision], envelopes: Sequence[Envelope]) -> int:
        """`record_many` of one read; gives its entry's position."""
        read = Recorded(tagged=tagged, decisions=tuple(decisions), envelopes=tuple(envelopes))
        return self.record_many([read])[0]

    def record_many(self, reads: Sequence[Recorded]) -> list[int]:
        """Writes the decisions of reads to the log and their envelopes to the outbox, all or none, with one commit.

        Gives their entries' positions. The same again changes nothing, so that a caller who was told of a failure may
        retry. Superseded if a read was decided under another bundle than the one in force, or looked up in another
        version of a hot list than the log named last. LedgerError if the parts do not belong together or a read is
        known with another content.
        """
        for read in reads:
            recording.check(read.tagged, read.decisions, read.envelopes, test=self._begun.mode == "test")
        with self._writing() as at:
            return [self._recorder.record(read, at) for read in reads]

    def due(self, now: datetime, *, limit: int, turn: Turn = lambda _: _NOBODY_IS_SERVED) -> list[Waiting]:
        """At most `limit` rows to send now; oldest first, subscribers in turn.

        `turn` says for a subscriber up to which position its rows are on their way and how many more may go, None for
        none. Without it: what was never sent, or not acknowledged for too long.
        """
        with self._file.reading():
            return [self._deliveries.with_channel(row) for row in self._outbox.due(milliseconds(now), limit, turn)]

    def unsure(self, subscriber_id: str, digest: str, since: datetime) -> Iterator[Waiting]:
        """The rows of a subscriber, oldest first, but those decided under this bundle after that moment."""
        with self._file.reading():
            found = self._outbox.unsure(subscriber_id, digest, milliseconds(since))
        for message_id in found:  # others may write meanwhile
            with self._file.reading():
                waiting = self._outbox.get(message_id)
                known = None if waiting is None else self._deliveries.with_channel(waiting)
            if known is not None:
                yield known

    def mark_sent(self, rows: Sequence[Waiting], *, refused: Sequence[tuple[Waiting, Decision]] = ()) -> list[Waiting]:
        """Commits that these rows are handed to the broker, before they are. Only what it gives back may be published:
        rows that were settled, dropped or ran out meanwhile are missing from it. Those `refused` by the decision beside
        them are deleted with the same commit."""
        if not (rows or refused):
            return []
        with self._writing() as at:
            for row, decision in refused:
                self._refuse(row, decision, at)
            return self._deliveries.send(rows, at)

    def refuse(self, row: Waiting, decision: Decision) -> bool:
        """Deletes a row that was decided again and may no longer go; False if it was gone already."""
        with self._writing() as at:
            return self._refuse(row, decision, at)

    def acknowledge(self, subscriber_id: str, message_id: str, ack_token: str) -> bool:
        """`acknowledge_many` of one."""
        said = Acknowledgement(subscriber_id=subscriber_id, message_id=message_id, ack_token=ack_token)
        return self.acknowledge_many([said])[0]

    def acknowledge_many(self, said: Sequence[Acknowledgement]) -> list[bool]:
        """Settles rows by the tokens that only their subscribers can know, and deletes the envelopes' bytes.

        For each: True, again for the same one; False for a wrong token, another's message or an unknown one.
        """
        with self._writing() as at:
            settled = [self._deliveries.acknowledge(each, at) for each in said]
            self._deliveries.log_full_batches(at)
        return settled

    def expire(self, now: datetime, *, ahead: timedelta = timedelta(0)) -> int:
        """Deletes the rows whose time is over, or is so soon (or in its last tenth), and gives their number."""
        with self._writing() as at:
            return self._deliveries.expire(milliseconds(now), ahead // timedelta(milliseconds=1), at)

    def next_expiry(self) -> datetime | None:
        """When the time of the first waiting envelope is over."""
        with self._file.reading():
            return None if (found := self._outbox.next_expiry()) is None else from_milliseconds(found)

    def discard(self, now: datetime, *, older_than: timedelta, beyond: int) -> int:
        """Deletes the rows that were decided `older_than` ago, and the oldest `beyond` a number; gives how many."""
        with self._writing() as at:
            return self._deliveries.discard(milliseconds(now - older_than), beyond, at)

    def prune(self, cut: int | None, archives: Sequence[str] = ()) -> Iterator[int]:
        """Deletes, step by step, entries before `cut` that nothing refers to; gives how far it has come.

        `archives` (sha256) hold them: that is the caller's to see. With None it goes on where it was cut off.
        """
        pruning = Pruning(self._file, self.history.pruned if cut is None else cut)
        if cut is not None:
            pruning.begin(archives, milliseconds(self._clock.now().at))
        yield from pruning.steps()

    def drop_rows(self, subscriber_id: str, reasons: Sequence[str]) -> int:
        """Deletes all rows of a subscriber whose right was taken away and gives their number."""
        with self._writing() as at:
            return self._deliveries.drop(subscriber_id, reasons, at)

    def waiting(self) -> int:
        """Number of envelopes that are not acknowledged."""
        with self._file.reading():
            return self._outbox.count()

    def checkpoint(self) -> Checkpoint:
        """The signed state of the tree, with all acknowledgements in it; made and stored now if the tree has grown."""
        with self._writing() as at:
            return self._sign(at)

    def latest_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint that was made; signs and writes nothing."""
        return self._signer.latest()

    def entries(self, first: int = 0, last: int = _NO_END) -> Iterator[Logged]:
        """All entries from `first` up to, not with, `last`, in order; others may write meanwhile."""
        for position, raw in self._file.raw(first, last):
            at, entry = decode(raw)
            yield Logged(position=position, at=at, entry=entry)

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """One transaction, signed where it is time to, and its own time in milliseconds since 1970 UTC."""
        with self._file.writing():
            at = milliseconds(self._clock.now().at)
            yield at
            if self._log.size - self._signer.size >= CHECKPOINT_ENTRIES:
                self._sign(at)

    def _sign(self, at: int) -> Checkpoint:
        self._deliveries.log_acknowledgements(at)
        return self._signer.sign(at)

    def _refuse(self, row: Waiting, decision: Decision, at: int) -> bool:
        decided = recording.refusal(row.envelope.message_id, decision)
        self._bundles.require(decided.bundle)
        return self._deliveries.refuse(row.envelope.message_id, decided, at)
