"""Everything that must survive: the audit log, the outbox and the accepted bundles, in one SQLite file."""

from edge.ledger.store import LEDGER_NAME, Ledger

__all__ = ["LEDGER_NAME", "Ledger"]
