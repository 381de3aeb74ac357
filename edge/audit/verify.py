"""Whether an archive still says what was written on the device: every byte, every entry, bundle and checkpoint.

It needs nothing but the archive and keys that were pinned elsewhere. Entries newer than the last checkpoint that
someone else holds could have been rewritten by whoever has the device's key: give it the checkpoints of a receiver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.audit import manifest
from edge.audit.archive import Archive, CutShort, open_archive
from edge.audit.citybundles import checked
from edge.audit.frame import first_fault
from edge.audit.held import Held, judged
from edge.audit.manifest import MANIFEST, Manifest
from edge.audit.segments import BLOCK, files, index_name, index_of, lines_name
from edge.errors import ConfigError, LedgerError
from edge.keys import public_text, signing_public
from edge.ledger import checkpoint
from edge.ledger.checkpoint import size_of
from edge.ledger.codec import decode
from edge.ledger.entries import Opaque, Pinned, Pruned
from edge.ledger.fault import Fault, Sort
from edge.ledger.references import References
from edge.ledger.tree import Frontier, leaf_hash, subtree


@dataclass(slots=True, kw_only=True)
class Report:
    """What was found: `faults`, none if all is as it was written; `notes` are what else an auditor should know."""

    manifest: Manifest | None = None
    entries: int = 0
    reads: int = 0
    bundles: int = 0
    checkpoints: int = 0
    held: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_archive(
    path: Path,
    *,
    device_key: Ed25519PublicKey | None = None,
    city_keys: Sequence[Ed25519PublicKey] = (),
    held: Sequence[Held] = (),
) -> Report:
    """Reads the whole archive. LedgerError only if the file cannot be read at all; all else is a fault in the report.

    Without `device_key` or `city_keys` the archive's own word is taken for whose they are, and a note says so.
    """
    report = Report()
    try:
        with open_archive(path) as archive:
            _Verification(archive, report, device_key, city_keys).run(held)
    except CutShort as error:
        report.faults.append(Fault(position=None, what=_after(path, error), sort=Sort.TRUNCATION))
    except LedgerError as error:
        if not path.is_file():
            raise
        report.faults.append(Fault(position=None, what=_after(path, error), place=(0, path.stat().st_size)))
    return report


class _Verification:
    def __init__(
        self, archive: Archive, report: Report, device_key: Ed25519PublicKey | None, city: Sequence[Ed25519PublicKey]
    ) -> None:
        self._archive, self._report, self._said = archive, report, archive.manifest
        self._pinned, self._city = device_key, city
        self._frontier, self._references = Frontier(), References(archive.first)
        self._pins: list[Pinned] = []
        self._pruned = 0
        self._roots: dict[int, bytes] = {0: Frontier().root()}

    def run(self, held: Sequence[Held]) -> None:
        key = self._device_key()
        if key is None or not self._signed(key):
            return
        fault = first_fault(self._archive)
        if fault is not None:
            self._report.faults.append(fault)
            return
        self._report.manifest = self._said
        notes = self._archive.notes()
        if self._walk({size for note in (*notes, *(one.note for one in held)) if (size := size_of(note)) is not None}):
            self._check_coverage()
            self._check_device(key)
            self._check_notes(notes, key)
            self._check_bundles()
            self._check_held(held, key)
        found = self._references
        self._report.entries, self._report.reads = self._said.last - self._said.first, found.reads
        self._report.bundles, self._report.checkpoints = len(found.bundles), len(notes)
        self._report.held = len(held)

    def _device_key(self) -> Ed25519PublicKey | None:
        """The key that was given, else the archive's own."""
        if self._pinned is not None:
            return self._pinned
        self._report.notes.append(
            "the device's key was taken from the archive itself; give --device-key FILE to check whose it is"
        )
        try:
            written = self._archive.content("keys/device.pub").decode("ascii", "replace")
            return signing_public(written, where="keys/device.pub")
        except (LedgerError, ConfigError) as error:
            self._fault(_plain(error))
            return None

    def _signed(self, key: Ed25519PublicKey) -> bool:
        """Whether the device signed the manifest; says what is wrong if not."""
        try:
            manifest.opened(self._archive.signed, key)
        except (LedgerError, ValueError) as error:
            self._fault(
                f"{MANIFEST}: {_plain(error)}",
                sort=Sort.STRANGER if self._vouches_for_itself() else Sort.EDIT,
                place=(self._archive.place(MANIFEST), self._archive.place(MANIFEST) + len(self._archive.signed)),
            )
            return False
        return True

    def _vouches_for_itself(self) -> bool:
        """Whether the key inside the archive signed it."""
        try:
            written = self._archive.content("keys/device.pub").decode("ascii", "replace")
            manifest.opened(self._archive.signed, signing_public(written, where="keys/device.pub"))
        except (LedgerError, ConfigError, ValueError):
            return False
        return True

    def _walk(self, sizes: set[int]) -> bool:
        """Every entry in order; False at the first that is wrong, because nothing after it can be judged."""
        said, position = self._said, 0
        try:
            position = self._around("before.jsonl", said.first)
            for first, count in files(said.first, said.last):
                lines = self._archive.content(lines_name(first)).split(b"\n")[:-1]
                leaves = list(map(leaf_hash, lines))
                if len(lines) != count or self._archive.content(index_name(first)) != index_of(lines, leaves):
                    raise LedgerError(f"{index_name(first)} is not the index of its entries")
                for position, raw in enumerate(lines, first):
                    self._take(position, raw, carried=False)
                self._grow(first, leaves, sizes)
            position = said.last
            self._around("after.jsonl", said.size)
            if self._frontier.root().hex() != said.root:
                raise LedgerError("the entries do not give the root that the manifest names")
        except _Gap as error:
            self._fault(str(error), sort=Sort.GAP, position=position)
        except LedgerError as error:
            self._fault(_plain(error), position=position)
        self._roots[said.size] = self._frontier.root()
        return not self._report.faults

    def _around(self, name: str, end: int) -> int:
        """What stands for the entries up to `end` that are not here, or only one by one; gives where it ends."""
        for level, number, content in self._archive.around(name):
            self._roots[self._frontier.size] = self._frontier.root()
            position = number if level < 0 else number << level
            if position != self._frontier.size or (level < 0 and end != self._said.first):
                raise _Gap(f"{name} leaves out the entries from {self._frontier.size} on")
            if level < 0:
                self._take(position, content, carried=True)
                self._frontier, _ = self._frontier.append(leaf_hash(content))
            else:
                self._frontier, _ = self._frontier.append(content, level)
        if self._frontier.size != end:
            raise _Gap(f"{name} ends at entry {self._frontier.size}, not at {end}")
        self._roots[end] = self._frontier.root()
        return end

    def _grow(self, first: int, leaves: list[bytes], sizes: set[int]) -> None:
        """The tree over one file of entries, a block of 256 at a time, and the roots at `sizes`."""
        wanted = sorted(size for size in sizes if first < size <= first + len(leaves))
        for at in range(0, len(leaves), BLOCK):
            block = leaves[at : at + BLOCK]
            whole = len(block) == BLOCK and not any(first + at < size < first + at + BLOCK for size in wanted)
            for digest, level in [(subtree(block), BLOCK.bit_length() - 1)] if whole else [(leaf, 0) for leaf in block]:
                self._frontier, _ = self._frontier.append(digest, level)
                if self._frontier.size in sizes:
                    self._roots[self._frontier.size] = self._frontier.root()

    def _take(self, position: int, raw: bytes, *, carried: bool) -> None:
        _, entry = decode(raw)
        if carried:
            self._references.carry(position, entry)
        else:
            self._references.check(entry)
        match entry:
            case Pinned():
                self._pins.append(entry)
            case Pruned(last=last):
                self._pruned = max(self._pruned, last)
            case Opaque() if not any("does not know" in note for note in self._report.notes):
                self._report.notes.append("some entries are of kinds that this version does not know; they are intact")

    def _check_coverage(self) -> None:
        """That what is left out at the beginning or the end was asked for or pruned, and is said."""
        said = self._said
        if said.first:
            why = "were pruned on the device" if said.first <= self._pruned else "were not asked for"
            self._report.notes.append(f"the entries before {said.first} are not in it: they {why}")
            if said.first > self._pruned and not said.since:
                self._fault(f"the entries before {said.first} are missing", sort=Sort.GAP, position=0)
        if said.last < said.size:
            self._report.notes.append(f"the entries from {said.last} to {said.size - 1} are not in it")
            if not said.until:
                self._fault(f"the entries from {said.last} on are missing", sort=Sort.TRUNCATION, position=said.last)

    def _check_device(self, key: Ed25519PublicKey) -> None:
        """That the log says of itself what the manifest says of it."""
        begun, said = self._references.begun, self._said
        own = None if begun is None else (begun.device, begun.ledger_id, begun.mode)
        if begun is None or own != (said.device, said.ledger, said.mode):
            self._fault("the manifest is of another log than its first entry", position=0)
        elif begun.public_key != public_text(key):
            self._fault("the log was begun with another key than the one that was given", Sort.STRANGER, position=0)
        elif self._archive.content("keys/device.pub") != f"{begun.public_key}\n".encode():
            self._fault("keys/device.pub is not the key in the log's first entry")

    def _check_notes(self, notes: Sequence[str], key: Ed25519PublicKey) -> None:
        for note in notes:
            where = f"the checkpoint of {size_of(note)} entries"
            try:
                found = checkpoint.open_note(note, key, expected_origin=self._said.origin)
            except LedgerError as error:
                self._fault(f"{where}: {_plain(error)}")
                continue
            if self._roots.get(found.size) != found.root:
                self._fault(f"{where} has another root than these entries: the log was rewritten", Sort.FORK)
        if not notes or size_of(notes[-1]) != self._said.size:
            self._fault("no checkpoint of the whole log is in it")

    def _check_bundles(self) -> None:
        pins = [pin.key for pin in self._pins]
        faults, notes = checked(self._archive, self._references.bundles, pins=pins, given=self._city)
        self._report.faults += faults
        self._report.notes += notes

    def _check_held(self, held: Sequence[Held], key: Ed25519PublicKey) -> None:
        for one in held:
            sort, said = judged(one, key, self._said, self._roots)
            if sort is not None:
                self._fault(f"{one.where}: {said}", sort)
            elif said:
                self._report.notes.append(f"{one.where}: {said}")

    def _fault(
        self, what: str, sort: Sort = Sort.EDIT, position: int | None = None, place: tuple[int, int] | None = None
    ) -> None:
        self._report.faults.append(Fault(position=position, what=what, sort=sort, place=place))


class _Gap(LedgerError):
    """Entries are missing."""


def _after(path: Path, error: LedgerError) -> str:
    return str(error).removeprefix(f"{path}: ")


def _plain(error: Exception) -> str:
    return str(error).split("; run `homerule audit verify`")[0]
