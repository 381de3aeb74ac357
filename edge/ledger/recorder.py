"""Reads into the log and the outbox: under what is in force, once, and with the read that each corrects."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from edge.clock import milliseconds
from edge.errors import LedgerError, Superseded
from edge.ledger import recording
from edge.ledger.bundles import Bundles
from edge.ledger.entries import HotListsInForce, Pattern, Read
from edge.ledger.log import Log
from edge.ledger.outbox import Outbox
from edge.policy.issued import ListVersion
from edge.values import Recorded


class Recorder:
    """Used only inside a transaction; `at` is its time in milliseconds since 1970 UTC."""

    def __init__(self, log: Log, outbox: Outbox, bundles: Bundles) -> None:
        self._log, self._outbox, self._bundles = log, outbox, bundles

    def unsaid(self, lists: Iterable[ListVersion], unread: Collection[str]) -> HotListsInForce | None:
        """What the log has still to be told of these hot lists, None if it says just that since the last start.

        Not even that there are none may be left out after a start: what the run before it said would seem to go on.
        """
        before = self._log.hotlists()
        kept = [one for one in before.lists if one[0] in unread] if before is not None else []
        entry = HotListsInForce(lists=tuple(sorted({*lists, *kept})))
        return None if entry == before else entry

    def record(self, read: Recorded, at: int) -> int:
        """Writes one read and gives its entry's position; see `Ledger.record_many`."""
        tags, decided = read.tagged.tags, recording.pattern(read.decisions)
        known = self._log.find_read(tags.read_id)
        if known is None:
            self._check_in_force(decided)
            self._check_hotlists(read.hotlists)
        entry = Read(
            read_id=tags.read_id,
            camera=self._log.name("camera", tags.camera_id, at),
            pattern=self._log.pattern(decided, at),
            age=at - milliseconds(tags.captured_at),
            replaces=self._replaced(tags.replaces),
            payloads=recording.payloads_digest(read.envelopes),
        )
        if known is not None:
            self._check_same(known, entry)
            return known
        position = self._log.add_read(entry, at)
        of = {decision.subscriber_id: decision for decision in read.decisions}
        for envelope in read.envelopes:
            self._outbox.add(envelope, of[envelope.subscriber_id], position, at)
        return position

    def _check_in_force(self, decided: Pattern) -> None:
        """That nobody accepted another bundle since these decisions were made."""
        if not decided.outcomes or decided.bundle == self._bundles.in_force():
            return
        self._bundles.require(decided.bundle)
        raise Superseded(f"bundle `{decided.bundle}` is no longer in force; decide again")

    def _check_hotlists(self, lists: Collection[ListVersion]) -> None:
        """That the log last named these versions: each hit stands behind the word for the version that it is on."""
        word = self._log.hotlists() if lists else None
        if not set(lists) <= set(word.lists if word is not None else ()):
            raise Superseded("a hot list was replaced; decide again")

    def _replaced(self, read_id: str | None) -> int:
        """Position of the read that is corrected, 0 for none."""
        position = self._log.find_read(read_id) if read_id is not None else 0
        if position is None:
            raise LedgerError(f"read `{read_id}` is not in the ledger; its correction was not recorded")
        return position

    def _check_same(self, position: int, entry: Read) -> None:
        """That the entry at `position` says what is said now, apart from the time."""
        known = self._log.entry(position).entry
        if not isinstance(known, Read) or replace(known, age=entry.age) != entry:
            raise LedgerError(f"read `{entry.read_id}` is in the ledger with other decisions; not recorded again")
