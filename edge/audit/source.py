"""Where entries and bundles come from: a ledger file, also one in use, or an archive that was exported from one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from zipfile import is_zipfile

from edge.audit.archive import open_archive
from edge.ledger import LEDGER_NAME
from edge.ledger.look import looking
from edge.values import BundleFiles


class Source(Protocol):
    """One audit log at one state. Every method raises LedgerError when what is asked for cannot be read."""

    @property
    def where(self) -> str:
        """The file, for a person."""
        ...

    @property
    def first(self) -> int:
        """From this position on the log is whole; what stands before it is only what later entries name."""
        ...

    @property
    def last(self) -> int | None:
        """One past the last entry of what was asked for; None where that is the whole log."""
        ...

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Position and canonical bytes of each entry, ascending; one that is not here is left out."""
        ...

    def bundle(self, position: int) -> BundleFiles:
        """The files that the entry at `position` accepted, byte for byte."""
        ...

    def unlogged(self) -> Mapping[str, Sequence[int]]:
        """Acknowledgements that came and are in no entry yet: positions of reads by subscriber."""
        ...

    def notes(self) -> Sequence[str]:
        """Checkpoints, signed notes, by their size."""
        ...


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Opens a ledger file, the folder that it is in, or an archive. LedgerError if it is none of them."""
    if path.is_dir():
        path = path / LEDGER_NAME
    if is_zipfile(path):
        with open_archive(path) as archive:
            yield archive
        return
    with looking(path) as found:
        yield found
