"""The city's files as the daemon sees them: what may come into force on this device, and whether anything has changed.

Nothing is believed for lying in a folder: it counts under the pinned key, for this device, for the audit log that the
city has adopted, above the floor. Where one of these is wrong nothing is shared, and the error says which and the mend.
"""

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.desk import floor as floors
from edge.desk import folder as folders
from edge.desk import pin as pins
from edge.desk.floor import Floor
from edge.desk.follow import MANIFEST, follow, for_this, verify
from edge.desk.refused import Refused
from edge.desk.shelf import Shelf
from edge.desk.watch import Seen, look
from edge.errors import PolicyError
from edge.keys import public_text
from edge.policy import bundle as bundles
from edge.policy import tightening
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.manifest import Manifest, parse_manifest, signed_part
from edge.values import BundleFiles

Stored = tuple[BundleFiles, int, bool]
Turned = tuple[BundleFiles, Bundle]


class City:
    """The policy folder, the pin and the floor of one device. Used by one thread at a time; `changed` by any."""

    def __init__(
        self,
        *,
        folder: Path,
        pin: Path,
        floor: Path | None,
        device_id: str,
        note_pin: Callable[[str], object] = lambda key: None,
        pin_owner: int | None = 0,
        secret: bytes = b"",
    ) -> None:
        """Touches no file. `pin_owner` is the user who must own the pin: root, but for a house that has none, and
        None (nobody is asked) for a show in a folder of whoever looks at it.

        `note_pin` writes the pinned key (base64) into the audit log, before anything comes into force under it: once
        after each start, and when another has taken its place. With a `secret` hits are marked (see `Shelf`).
        """
        self._folder, self._pin, self._floor = folder, pin, floor
        self._device_id, self._pin_owner = device_id, pin_owner
        heights = None if floor is None else floor.with_name(f"{floor.name}.hotlists")
        self._shelf = Shelf(folder, heights=heights, secret=secret)
        self._pinned: str | None = None
        self._note_pin = note_pin
        self._stored: Stored | None = None
        self._held = Floor(ledger="none", version=0, revision=0, tree_size=0)
        self._older: int | None = None  # entries of an older audit log when that was found; more make it no newer
        self._seen: Seen = ()
        self._look_again = False
        self._read: BundleFiles | None = None
        self._last: tuple[BundleFiles, bytes, str | None, Bundle | Refused] | None = None

    def changed(self) -> bool:
        """Whether a file was changed, swapped, removed or made unreadable since the last look; true at the first."""
        seen = look(self._folder, self._pin, pins.beside(self._pin))
        if seen != self._seen:
            self._seen, self._look_again = seen, True
            return True
        if self._look_again:
            self._look_again = False
            return self._reads_otherwise()
        return False

    def restore(self, stored: Stored | None, *, ledger_id: str, tree_size: int) -> Turned | None:
        """The bundle that the audit log holds, if it may be in force again; None when the log holds none yet.

        Raises Refused: then nothing is shared, and `take_up` tries again. Writes the floor of a new audit log.
        """
        self._stored, revision = stored, stored[1] if stored else 0
        version = _manifest(stored[0]).version if stored else 0
        size = tree_size if self._older is None else min(tree_size, self._older)
        self._held = Floor(ledger=ledger_id, version=version, revision=revision, tree_size=size)
        return self._restored()

    def take_up(self, in_force: Bundle | None, *, ledger_id: str) -> Turned:
        """What the folder asks for, if it may come into force; `in_force` itself when it asks for nothing new.

        Raises Refused; its `hold` says whether sharing must stop until somebody has looked.
        """
        key, is_new, unread = self._pinned_key(), in_force is None, None
        if in_force is None:
            try:
                restored = self._restored()
            except Unread as refusal:
                restored, unread = None, refusal
            in_force = None if restored is None else restored[1]
        try:
            files = self._read = folders.read(self._folder)
        except PolicyError as error:
            self._read = None
            raise Refused(str(error), why="unreadable", hold=True) from error
        taken = self._follow(files, in_force, key, ledger_id)
        if unread is not None and not unread.is_replaced_by(taken):
            raise unread
        if is_new:
            self._above_floor(taken, ledger_id)
        self._know(key)
        return taken.files, taken

    def hotlists(self, bundle: Bundle) -> HotLists:
        """The hot lists that the bundle names; those that are refused count as none, and say why."""
        return self._shelf.read(bundle)

    def keep_floor(self, version: int, revision: int, tree_size: int) -> None:
        """Raises the floor to what the audit log holds now. PolicyError if it cannot be written; Refused if it lies
        higher or cannot be read: then nothing is shared, as at a start.
        """
        if self._floor is None:
            return
        now = Floor(ledger=self._held.ledger, version=version, revision=revision, tree_size=tree_size)
        before = _read(self._floor)
        if before is not None and before.ledger != now.ledger and version <= before.version:
            return  # a new audit log that the city has not adopted: the old floor still guards
        if before is not None and before.ledger == now.ledger:
            wrong = floors.disagrees(self._floor, before, now, has_bundle=version > 0)
            if wrong is not None:
                self._older = tree_size
                raise Refused(wrong, why="floor", hold=True)
            if before == now:
                return
        floors.write(self._floor, now)

    def _reads_otherwise(self) -> bool:
        """Whether the files are others than those read last: a change in the very tick of the disk's clock hides."""
        try:
            return self._read is not None and folders.read(self._folder) != self._read
        except PolicyError:
            return True

    def _follow(self, files: BundleFiles, in_force: Bundle | None, key: Ed25519PublicKey, ledger_id: str) -> Bundle:
        """As `follow`; the same question again, as on hold, is answered from memory."""
        asked = (files, public_text(key).encode(), in_force.digest if in_force else None)
        if self._last is not None and self._last[:3] == asked:
            if isinstance(self._last[3], Refused):
                raise self._last[3]
            if in_force is None or self._last[3].digest != in_force.digest:
                return self._last[3]
            return in_force
        try:
            taken = follow(files, in_force=in_force, key=key, device=self._device_id, ledger=ledger_id)
        except Refused as refusal:
            self._last = (*asked, refusal)
            raise
        self._last = (*asked, taken)
        return taken

    def _restored(self) -> Turned | None:
        """As `restore`. Unread: nothing speaks against what the audit log holds, but that it cannot be read here."""
        key = self._pinned_key()
        if self._stored is None:
            self._check_floor()
            return None
        files, revision, _ = self._stored
        _manifest(files)  # which says what is held against the floor
        self._check_floor()
        try:
            signed = signed_part(files)
            self._vouched(signed, key)
        except PolicyError as error:
            raise Refused(
                f"{self._pin}: what is in force was not signed with the pinned key, so nothing is shared; put the "
                f"city's own key back, or change it with `homerule pin rotate` ({error})",
                why="pin",
                hold=True,
            ) from error
        manifest = _manifest(signed)
        foreign = for_this(manifest, self._device_id, self._held.ledger)
        if foreign is not None:
            digest = bundles.sha256(files.manifest)
            raise Refused(foreign[1], why=foreign[0], hold=True, digest=digest, version=manifest.version)
        try:
            bundle = bundles.parse(files, signed=True, revision=revision)
        except PolicyError as error:
            raise Unread(files, manifest.version, error) from error
        self._know(key)
        return files, bundle

    def _vouched(self, signed: BundleFiles, key: Ed25519PublicKey) -> None:
        """That the pinned key, or one that has vouched for it, has signed what the audit log holds."""
        try:
            verify(signed, key)
        except PolicyError:
            verify(signed, *pins.ancestors(self._pin, key))

    def _pinned_key(self) -> Ed25519PublicKey:
        """The pinned key, if it is the one that counted since the start, or one to which that one's word leads."""
        try:
            found = pins.load(self._pin, owner=self._pin_owner)
            if self._pinned not in (None, public_text(found)) and self._pinned not in self._ancestors(found):
                raise PolicyError(
                    f"{self._pin}: the city's key is not the one that this device knows, so nothing is shared; put "
                    f"that one back, or change it with `homerule pin rotate`, which the old key signs"
                )
        except PolicyError as error:
            raise Refused(str(error), why="pin", hold=True) from error
        return found

    def _ancestors(self, key: Ed25519PublicKey) -> list[str]:
        return [public_text(one) for one in pins.ancestors(self._pin, key)]

    def _know(self, key: Ed25519PublicKey) -> None:
        """From here on this key counts, and another one only with its word."""
        found = public_text(key)
        if found != self._pinned:
            self._note_pin(found)
            self._pinned = found

    def _check_floor(self) -> None:
        if self._floor is None:
            return
        floor, has_bundle = _read(self._floor), self._stored is not None
        wrong = floors.disagrees(self._floor, floor, self._held, has_bundle=has_bundle)
        self._older = None if wrong is None else self._held.tree_size
        if wrong is not None:
            raise Refused(wrong, why="floor", hold=True)
        if floor is None:
            _write(self._floor, self._held)

    def _above_floor(self, taken: Bundle, ledger_id: str) -> None:
        """A new audit log begins with a bundle newer than all that this device had before."""
        if self._floor is None:
            return
        floor = _read(self._floor)
        if floor is not None and floor.ledger != ledger_id and taken.version <= floor.version:
            raise Refused(
                f"{MANIFEST}: version {taken.version} is not newer than version {floor.version}, which was in "
                f"force here before the audit log was lost; sign with `homerule sign --version {floor.version + 1}`",
                why="floor",
                hold=True,
                digest=taken.digest,
                version=taken.version,
            )


class Unread(Refused):
    """What is in force was signed by the city, and not in the words of this version of the program.

    Nobody knows what it forbids, nor what was taken away by hand since: so only what names it takes its place.
    """

    def __init__(self, files: BundleFiles, version: int, error: PolicyError) -> None:
        digest = bundles.sha256(files.manifest)
        kept = ", with what was taken away by hand since in it" if tightening.FILE in files.files else ""
        super().__init__(
            f"version {version} of the policy, which the audit log holds as in force, cannot be read by this version "
            f"of the program, so nothing is shared; go back to the program of before, or sign a newer policy that "
            f"this one reads{kept}, with `homerule sign --replaces {digest}` ({error})",
            why="stored",
            hold=True,
            digest=digest,
            version=version,
        )

    def is_replaced_by(self, taken: Bundle) -> bool:
        """Whether the city has signed it in the knowledge of this one, and of all that was laid over it."""
        return taken.signed and taken.version > self.version and taken.replaces == self.digest


def _manifest(stored: BundleFiles) -> Manifest:
    """What the audit log holds; Refused where not even that can be read, so that nothing may take its place here."""
    try:
        return parse_manifest(stored.manifest)
    except PolicyError as error:
        raise Refused(
            f"what the audit log holds as in force cannot be read by this version of the program, so nothing is "
            f"shared; go back to the program of before, or begin a new audit log and have the city adopt it ({error})",
            why="stored",
            hold=True,
        ) from error


def _read(path: Path) -> Floor | None:
    try:
        return floors.read(path)
    except PolicyError as error:
        raise Refused(str(error), why="floor", hold=True) from error


def _write(path: Path, floor: Floor) -> None:
    try:
        floors.write(path, floor)
    except PolicyError as error:
        raise Refused(str(error), why="floor", hold=True) from error
