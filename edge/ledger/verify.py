"""Whether a ledger file still says what was written: every entry, bundle and checkpoint, byte for byte.

It trusts nothing in the file but what the public key vouches for, and changes nothing. Entries newer than the last
checkpoint that someone else holds could have been rewritten by whoever has the device's key: keep some elsewhere.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.errors import ConfigError, LedgerError
from edge.keys import public_text, signing_public
from edge.ledger import checkpoint
from edge.ledger.bundles import fits
from edge.ledger.codec import decode
from edge.ledger.database import LOOK, content, faults_named, open_readonly, pruned_upto
from edge.ledger.entries import Begun, Entry, Name, Opaque, Pattern, Pruned, Read
from edge.ledger.fault import Fault, Sort
from edge.ledger.log import TILE, mark, pattern_digest
from edge.ledger.references import References
from edge.ledger.tree import Frontier, Node, covering, leaf_hash
from edge.values import BundleFiles, Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked and what was found. `pinned` says whether the public key came from outside the file."""

    begun: Begun | None
    pinned: bool
    entries: int
    reads: int
    bundles: int
    checkpoints: int
    waiting: int
    unknown: int
    root: bytes
    faults: tuple[Fault, ...]


def verify(path: Path, public_key: Ed25519PublicKey | None, *, held: Sequence[str] = ()) -> Report:
    """Reads the whole ledger file, which may be in use. `held` are checkpoints (signed notes) kept elsewhere.

    LedgerError if the file cannot be read as a ledger at all; everything else is a fault in the report.
    """
    try:
        with closing(open_readonly(path)) as db, faults_named(path):
            db.text_factory = lambda raw: raw.decode("utf-8", "replace")
            db.execute("BEGIN")
            return _Verification(db, public_key).report(held)
    except LedgerError as error:
        # who asks this is not sent here once more
        raise LedgerError(str(error).replace(LOOK, _ARCHIVES)) from error
    except (TypeError, ValueError, AttributeError) as error:  # numbers where names should be, as no ledger writes them
        raise LedgerError(f"{path}: it is damaged; keep a copy, {_ARCHIVES}") from error


_ARCHIVES = "go by the newest of your archives"
_CHANGED = "its bytes were changed"


class _Verification:
    def __init__(self, db: sqlite3.Connection, public_key: Ed25519PublicKey | None) -> None:
        self._db, self._pinned = db, public_key
        self._frontier = Frontier()
        self._upto = pruned_upto(db)
        self._references = References(self._upto)
        self._may_be_gone = 0
        self._below = 0
        self._roots: dict[int, bytes] = {}
        self._faults: list[Fault] = []
        self._unknown = 0
        self._derived = {"names": 0, "patterns": 0, "reads": 0}

    def report(self, held: Sequence[str]) -> Report:
        notes = [(size, note) for size, note in self._db.execute("SELECT size, note FROM checkpoints ORDER BY size")]
        self._walk({size for size, _ in notes} | set(map(checkpoint.size_of, held)))
        if not self._faults:
            self._check_pruned()
            self._check_rows()
            self._check_tree()
            self._check_notes(notes, held)
            self._check_bundles()
            self._check_waiting()
        found = self._references
        return Report(
            begun=found.begun,
            pinned=self._pinned is not None,
            entries=self._frontier.size,
            reads=found.reads,
            bundles=len(found.bundles),
            checkpoints=len(notes) + len(held),
            waiting=int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0]),
            unknown=self._unknown,
            root=self._frontier.root(),
            faults=tuple(self._faults),
        )

    def _walk(self, sizes: set[int | None]) -> None:
        """Every entry in order; stops at the first that is wrong, because nothing after it can be judged."""
        found = self._db.execute("SELECT position, bytes, mark FROM entries ORDER BY position")
        for position, raw, stored in found:
            try:
                leaf = leaf_hash(content(raw, _CHANGED))
                self._fill(min(position, self._upto))
                if position != self._frontier.size:
                    raise _Gap(f"entry {self._frontier.size} is missing")
                if mark(leaf) != stored:
                    raise LedgerError(_CHANGED)
                _, entry = decode(raw)
                self._take(position, entry)
                self._check_derived(position, entry)
                self._grow(leaf, 0)
            except LedgerError as error:
                self._fault(position, str(error), Sort.GAP if isinstance(error, _Gap) else Sort.EDIT)
                return
            if self._frontier.size in sizes:
                self._roots[self._frontier.size] = self._frontier.root()

    def _take(self, position: int, entry: Entry) -> None:
        """That the entry makes sense where it stands."""
        if position < self._upto:
            self._references.carry(position, entry)
        else:
            self._references.check(entry)
        if isinstance(entry, Pruned):
            self._may_be_gone = max(self._may_be_gone, entry.last)

    def _fill(self, position: int) -> None:
        """Puts the hashes that are kept of pruned entries in the place of those before `position`."""
        for level, number in covering(self._frontier.size, position):
            self._stored(level, number)

    def _stored(self, level: int, number: int) -> None:
        """The stored hash of one subtree that is gone, or those of its parts."""
        row = self._db.execute("SELECT hash FROM subtrees WHERE level = ? AND number = ?", (level, number)).fetchone()
        if row is not None and level <= TILE:
            self._below += level < TILE
            self._grow(content(row[0], _CHANGED), level)
        elif level == 0:
            raise _Gap(f"entry {number} is missing")
        else:
            self._stored(level - 1, 2 * number)
            self._stored(level - 1, 2 * number + 1)

    def _grow(self, digest: bytes, level: int) -> None:
        self._frontier, completed = self._frontier.append(digest, level)
        self._check_subtrees(self._frontier.size - 1, completed)

    def _check_derived(self, position: int, entry: Entry) -> None:
        """That the tables beside the log lead to this entry."""
        row: tuple[int] | None = None
        if isinstance(entry, Read):
            table = "reads"
            row = self._db.execute("SELECT position FROM reads WHERE read_id = ?", (entry.read_id,)).fetchone()
        elif isinstance(entry, Name):
            table = "names"
            values = (entry.sort, entry.name)
            row = self._db.execute("SELECT position FROM names WHERE sort = ? AND name = ?", values).fetchone()
        elif isinstance(entry, Pattern):
            table = "patterns"
            digest = pattern_digest(entry)
            row = self._db.execute("SELECT position FROM patterns WHERE digest = ?", (digest,)).fetchone()
            if position < self._upto and (row is None or row[0] != position):
                return  # no later entry names it, and it is about to go
        else:
            self._unknown += isinstance(entry, Opaque)
            return
        self._derived[table] += 1
        if row is None or row[0] != position:
            raise LedgerError(f"the table `{table}` does not lead to it")

    def _check_subtrees(self, position: int, completed: list[Node]) -> None:
        for node in completed:
            if node.level % TILE:
                continue
            query = "SELECT hash FROM subtrees WHERE level = ? AND number = ?"
            row = self._db.execute(query, (node.level, node.number)).fetchone()
            if row is None or row[0] != node.digest:
                first = position + 1 - (1 << node.level)
                raise LedgerError(f"one of the entries {first} to {position} was changed")

    def _check_pruned(self) -> None:
        """That the log itself says that what is gone may be."""
        if self._upto > self._may_be_gone:
            self._fault(self._may_be_gone, f"entries before {self._upto} are missing, and were not pruned", Sort.GAP)

    def _check_rows(self) -> None:
        """That no table has lost the one row that the device does not start without."""
        query = "SELECT name FROM sqlite_master WHERE name IN ('tree', 'hotlists')"  # the second is younger than some
        for (table,) in self._db.execute(query).fetchall():
            if not self._db.execute(f"SELECT 1 FROM {table}").fetchone():  # noqa: S608 - fixed names  # nosec B608
                self._fault(None, f"the table `{table}` has lost its row")

    def _check_tree(self) -> None:
        frontier = self._frontier
        size, hashes = self._db.execute("SELECT size, frontier FROM tree").fetchone() or (0, b"")
        if size > frontier.size:
            self._fault(frontier.size, f"the log ends here, but {size} entries had been written", Sort.TRUNCATION)
        elif (size, hashes) != (frontier.size, b"".join(frontier.hashes)):
            self._fault(frontier.size & ~255, "one of the entries from here to the end was changed")
        tiles = self._below + sum(frontier.size >> level for level in range(TILE, 64, TILE))
        for table, count in (*self._derived.items(), ("subtrees", tiles)):
            rows = self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - fixed names  # nosec B608
            if rows != count:
                self._fault(None, f"the table `{table}` has {rows} rows where the log asks for {count}")

    def _check_notes(self, notes: Sequence[tuple[int, str]], held: Sequence[str]) -> None:
        begun = self._references.begun
        if begun is None:
            self._fault(None, "the ledger has no entries")
            return
        try:
            key = signing_public(begun.public_key, where="the ledger's first entry")
        except ConfigError as error:
            self._fault(0, str(error))
            return
        if self._pinned is not None and public_text(self._pinned) != begun.public_key:
            self._fault(0, "the ledger was begun with another key than the one that was given", Sort.STRANGER)
            key = self._pinned
        name = checkpoint.origin(begun.device, begun.ledger_id)
        for where, size, note in (*(("a", *row) for row in notes), *(("a held", None, note) for note in held)):
            try:
                opened = checkpoint.open_note(note, key, expected_origin=name)
                if size not in (None, opened.size):
                    raise LedgerError(f"it is of {opened.size} entries")
                self._check_root(opened)
            except LedgerError as error:
                sort = error.sort if isinstance(error, _Misfit) else Sort.EDIT
                self._fault(None, f"{where} checkpoint{'' if size is None else f' at {size} entries'}: {error}", sort)

    def _check_root(self, opened: Checkpoint) -> None:
        if opened.size > self._frontier.size:
            raise _Misfit(
                Sort.TRUNCATION,
                f"it vouches for {opened.size} entries, the log has {self._frontier.size}: it was cut short",
            )
        if opened.size < self._upto:
            return  # of what was pruned only the whole can be checked
        root = self._roots.get(opened.size, Frontier().root() if opened.size == 0 else b"")
        if root != opened.root:
            raise _Misfit(Sort.FORK, f"its root is not that of the first {opened.size} entries: the log was rewritten")

    def _check_bundles(self) -> None:
        rows = self._db.execute(
            "SELECT position, digest, manifest, signature FROM bundles ORDER BY position"
        ).fetchall()
        if {row[0] for row in rows} != set(self._references.bundles):
            self._fault(None, "the bundles that are kept are not those that the log accepted")
        for position, digest, manifest, signature in rows:
            query = (
                "SELECT name, bytes FROM bundle_files LEFT JOIN blobs USING (sha256) WHERE position = ? ORDER BY name"
            )
            files = {name: content or b"" for name, content in self._db.execute(query, (position,))}
            entry = self._references.bundles.get(position)
            if entry is None or digest != entry.digest or not fits(entry, _bundle(manifest, signature, files)):
                self._fault(position, "the bundle's bytes are not those that were accepted here")

    def _check_waiting(self) -> None:
        """That each envelope beside the log is one of a read that was shared, and where the log says that it is."""
        for table, state in (("outbox", "'waiting'"), ("settled", "state")):
            query = f"SELECT message_id, subscriber_id, position, {state} FROM {table} ORDER BY position"  # noqa: S608  # nosec B608
            for message_id, subscriber_id, position, found in self._db.execute(query):
                read_id = message_id.removesuffix(f".{subscriber_id}")
                read = self._db.execute("SELECT position FROM reads WHERE read_id = ?", (read_id,)).fetchone()
                if not self._references.shares(position, subscriber_id) or read != (position,):
                    self._fault(position, f"`{table}` holds an envelope that the log does not share: `{message_id}`")
                elif not self._references.may_be(found, position, subscriber_id):
                    self._fault(position, f"`{table}` says `{found}` of `{message_id}`, and the log does not")

    def _fault(self, position: int | None, what: str, sort: Sort = Sort.EDIT) -> None:
        self._faults.append(Fault(position=position, what=what, sort=sort))


class _Gap(LedgerError):
    """Entries are missing."""


class _Misfit(LedgerError):
    """A checkpoint that is the device's own, and of another log."""

    def __init__(self, sort: Sort, said: str) -> None:
        super().__init__(said)
        self.sort = sort


def _bundle(manifest: bytes, signature: bytes | None, files: dict[str, bytes]) -> BundleFiles:
    return BundleFiles(manifest=manifest, signature=signature, files=files)
