"""A device of a made-up city: its policy folder, the pin, the floor, and an audit log that keeps what is accepted."""

import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from edge import desk
from edge.desk.city import Stored
from edge.keys import load_signing_key, new_signing_key
from edge.policy.bundle import Bundle
from edge.values import BundleFiles

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEVICE = "pole-1"
LEDGER = "log-one-AAAAAAAAAAAAAA"
OTHER_LEDGER = "log-two-AAAAAAAAAAAAAA"
AGREEMENT: dict[str, Any] = {
    "id": "cook-2026",
    "form": "mou",
    "signed_by": "the chief",
    "signed_on": date(2026, 11, 1),
    "expires_on": date(2027, 11, 1),
    "document_sha256": "ab" * 32,
    "status": "active",
    "purposes": ["stolen_vehicle"],
}


@dataclass
class House:
    """What lies on one device, and the bundle in force; `accept` is what the daemon does with what the desk gives."""

    root: Path
    pin: Path = field(init=False)
    city: desk.City = field(init=False)
    in_force: Bundle | None = None
    stored: tuple[BundleFiles, int, bool] | None = None
    size: int = 10
    pinned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pin = self.root / "etc" / "city.pub"
        desk.copy_examples(self.folder, now=NOW)
        new_signing_key(self.root / "city.key")
        self.pin.parent.mkdir(mode=0o755)
        shutil.copy(self.root / "city.key.pub", self.pin)
        self.sign(adopt=(LEDGER,))
        self.boot()

    @property
    def folder(self) -> Path:
        return self.root / "policy"

    @property
    def floor(self) -> Path:
        return self.root / "floor.json"

    def sign(
        self,
        *,
        folder: Path | None = None,
        key: str = "city.key",
        replaces: str | None = None,
        devices: tuple[str, ...] = (DEVICE,),
        adopt: tuple[str, ...] = (),
        version: int | None = None,
    ) -> Bundle:
        return desk.sign(
            folder or self.folder,
            key=load_signing_key(self.root / key),
            now=NOW,
            devices=devices,
            replaces=replaces,
            adopt=adopt,
            version=version,
        )

    def copied(self, name: str = "elsewhere") -> Path:
        """The folder as it lies there, copied, so that it can be signed somewhere else."""
        return Path(shutil.copytree(self.folder, self.root / name))

    def put(self, folder: Path) -> None:
        """Another folder's files in the place of the ones here."""
        shutil.rmtree(self.folder)
        shutil.copytree(folder, self.folder)

    def edit(self, before: str, after: str, name: str = "policy.toml", folder: Path | None = None) -> None:
        path = (folder or self.folder) / name
        written = path.read_text()
        assert before in written
        path.write_text(written.replace(before, after, 1))

    def boot(self, *, ledger: str = LEDGER, stored: Stored | None = None) -> Bundle | None:
        """A new start with what the audit log holds."""
        self.city = desk.City(
            folder=self.folder,
            pin=self.pin,
            floor=self.floor,
            device_id=DEVICE,
            note_pin=self.pinned.append,
            pin_owner=os.geteuid(),
        )
        self.ledger, self.in_force = ledger, None
        turned = self.city.restore(stored or self.stored, ledger_id=ledger, tree_size=self.size)
        self.in_force = turned[1] if turned else None
        return self.in_force

    def take_up(self) -> Bundle:
        """The folder as it lies there comes into force, and the audit log keeps it."""
        files, taken = self.city.take_up(self.in_force, ledger_id=self.ledger)
        if taken is not self.in_force:
            self.in_force, self.stored = taken, (files, taken.revision, taken.signed)
            self.size += 1
            self.city.keep_floor(taken.version, taken.revision, self.size)
        return taken
