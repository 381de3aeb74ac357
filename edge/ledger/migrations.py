"""The shape of the ledger file, as an ordered list of migrations: a released one is never edited, the next is appended,
together with its way back, for an update that is taken back must leave a ledger that the older program can read. A new
kind of entry is a migration too, if an empty one: an older program would keep what it does not know, and not count it.

`entries` is the audit log; its bytes are hashed into the tree. `names`, `patterns`, `reads`, `hotlists`, `subtrees`
and `tree` only make it quick to write and to prove, and can be rebuilt from it. `bundles`, `bundle_files` and `blobs`
hold accepted bundles whole. `outbox` and `settled` remember what still has to be delivered or acknowledged. Times are
milliseconds since 1970 UTC.
"""

from dataclasses import dataclass

APPLICATION_ID = 0x484F4D45  # "HOME", in the header of the file

_FIRST = (
    """
    CREATE TABLE entries (
        position INTEGER PRIMARY KEY,
        bytes    BLOB NOT NULL,
        mark     INTEGER NOT NULL           -- first four bytes of the leaf hash: finds the entry that was damaged
    ) STRICT
    """,
    """
    CREATE TABLE tree (                     -- the right edge of the tree: one row
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        size     INTEGER NOT NULL,
        frontier BLOB NOT NULL              -- hashes of 32 bytes, largest subtree first
    ) STRICT
    """,
    "INSERT INTO tree VALUES (1, 0, x'')",
    """
    CREATE TABLE subtrees (                 -- complete subtrees of 256, 65536, ... leaves
        level  INTEGER NOT NULL,
        number INTEGER NOT NULL,
        hash   BLOB NOT NULL,
        PRIMARY KEY (level, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE checkpoints (
        size    INTEGER PRIMARY KEY,
        note    TEXT NOT NULL,
        made_at INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE names (
        sort     TEXT NOT NULL,
        name     TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (sort, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE patterns (
        digest   BLOB PRIMARY KEY,          -- sha256 over the pattern without its time
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE reads (
        read_id  TEXT PRIMARY KEY,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE bundles (
        position  INTEGER PRIMARY KEY,      -- of the entry that accepted it
        digest    TEXT NOT NULL,
        manifest  BLOB NOT NULL,
        signature BLOB
    ) STRICT
    """,
    "CREATE INDEX bundles_by_digest ON bundles (digest)",
    """
    CREATE TABLE bundle_files (
        position INTEGER NOT NULL REFERENCES bundles (position),
        name     TEXT NOT NULL,
        sha256   BLOB NOT NULL REFERENCES blobs (sha256),
        PRIMARY KEY (position, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE blobs (
        sha256 BLOB PRIMARY KEY,
        bytes  BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE outbox (
        message_id    TEXT PRIMARY KEY,
        subscriber_id TEXT NOT NULL,
        position      INTEGER NOT NULL REFERENCES entries (position),   -- of the read
        topic         TEXT NOT NULL,
        header        BLOB NOT NULL,
        payload       BLOB NOT NULL,
        expires_at    INTEGER NOT NULL,
        ack_digest    BLOB NOT NULL,
        tags          TEXT NOT NULL,        -- the plate-free facts of the read, JSON
        obligations   TEXT NOT NULL,        -- JSON
        bundle_digest TEXT NOT NULL,
        decided_at    INTEGER NOT NULL,
        sent_at       INTEGER,
        attempts      INTEGER NOT NULL,
        next_send_at  INTEGER NOT NULL,
        wrong_acks    INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX outbox_due ON outbox (subscriber_id, next_send_at, position, expires_at)",
    "CREATE INDEX outbox_expiry ON outbox (expires_at)",
    """
    CREATE TABLE settled (                  -- was sent, is no longer waiting; no envelope bytes
        message_id    TEXT PRIMARY KEY,
        subscriber_id TEXT NOT NULL,
        position      INTEGER NOT NULL REFERENCES entries (position),
        ack_digest    BLOB NOT NULL,
        state         TEXT NOT NULL CHECK (state IN ('sent', 'acknowledged', 'logged')),
        forget_at     INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX settled_unlogged ON settled (subscriber_id, position) WHERE state = 'acknowledged'",
    "CREATE INDEX settled_forget ON settled (forget_at)",
)

_SECOND = (
    "DROP INDEX outbox_due",
    "ALTER TABLE outbox DROP COLUMN next_send_at",  # follows from sent_at and attempts
    "CREATE INDEX outbox_queue ON outbox (subscriber_id, position)",
    "CREATE INDEX outbox_age ON outbox (decided_at)",
)

# Before `upto` only what later entries refer to must still be there; before `swept` nothing else is. `subtrees` then
# also holds, below its stored levels, the largest subtrees gone from a block of 256 in which something stayed.
_THIRD = (
    """
    CREATE TABLE pruned (                   -- one row
        id    INTEGER PRIMARY KEY CHECK (id = 1),
        upto  INTEGER NOT NULL,
        swept INTEGER NOT NULL
    ) STRICT
    """,
    "INSERT INTO pruned VALUES (1, 0, 0)",
)

# Entries are written in version 2: the kinds `out` and `*.2` are new, and no table.
_FOURTH = ()

# Entries of the kind `hotlists` are new.
_FIFTH = (
    """
    CREATE TABLE hotlists (                 -- one row
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        position INTEGER                    -- of the last word for the hot lists since the last start, if there is one
    ) STRICT
    """,
    "INSERT INTO hotlists VALUES (1, NULL)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)

PRUNES_SINCE = 3
"""The first shape in which something may have been pruned."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """From a shape to the one before. No entry is touched; columns stand as they did, for rows are written by place."""

    statements: tuple[str, ...]
    barred_by: str | None = None
    """Finds a row where the older program would lose something or take it for damage; None: there can be none."""
    why: str = ""


WAYS_BACK = {
    3: WayBack(
        statements=("DROP TABLE pruned",),
        barred_by="SELECT 1 FROM pruned WHERE upto > 0",
        why="entries were pruned since, which an older one takes for damage",
    ),
    4: WayBack(
        statements=(),
        barred_by="""
            SELECT 1 FROM entries WHERE CAST(substr(bytes, 3, instr(bytes, x'222C') - 3) AS TEXT) IN
                ('out', 'ack.2', 'discarded.2', 'dropped.2', 'expired.2', 'sent-again.2', 'sent.2')
        """,
        why="reads were sent or settled since, which an older one would not count",
    ),
    # An older program keeps them and counts every read; its report says that there are entries which it does not know.
    # What it looks for itself it does not say: a start ends what was said, so nothing wrong is read out of its silence.
    5: WayBack(statements=("DROP TABLE hotlists",)),
}
"""By the shape that they lead away from. No program that knows less than shape 2 was ever installed on a device."""
