"""What `homerule models list | fetch | verify | use` do; loads the models' runtime."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge import config
from edge.cli.models import DEVICE
from edge.clock import SystemClock
from edge.config import ModelChoice
from edge.desk.device import set_models
from edge.errors import ModelError
from edge.hub import FOLDER, Catalogue, Fetched, Published, Source, accept, read_catalogue
from edge.hub import fetch as fetch_model
from edge.hub import verify as verify_folder
from edge.selftest import SelfTest
from edge.vision import Models, models_folder, read_manifest
from edge.vision.models import MANIFEST, ModelEntry
from edge.written import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The folder for fetched models, and what the device says of its models."""

    folder: Path
    choice: ModelChoice

    @classmethod
    def of(cls, file: Path | None, folder: Path | None) -> "Here":
        """From what was typed; /etc/homerule/device.toml counts where there is one. Raises ConfigError."""
        known = file if file is not None else DEVICE
        choice = config.load(known).models if file is not None or known.is_file() else ModelChoice()
        return cls(folder=folder or choice.folder or FOLDER, choice=choice)

    def stored(self) -> Iterator[tuple[Path, ModelEntry]]:
        """Every model that lies here: the folder's own, then the built-in ones."""
        for place in dict.fromkeys((self.folder, models_folder())):
            if (place / MANIFEST).is_file():
                for entry in read_manifest(place):
                    yield place, entry


def show(file: Path | None, folder: Path | None, *, as_json: bool) -> None:
    """`homerule models list`."""
    here = Here.of(file, folder)
    stored, catalogue = list(here.stored()), read_catalogue()
    lying = {entry.name for _, entry in stored}
    rows = [_stored_row(here, place, entry) for place, entry in stored]
    rows += [_published_row(one, catalogue) for one in catalogue.model if one.name not in lying]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{'*' if row['used'] else ' '} {row['name']:<38} {row['kind']:<9} {row['state']:<34} {row['licence']}")
    print(f"\nfetched models lie in {here.folder}; `*` is what {file or DEVICE} says, or the default")


def _stored_row(here: Here, place: Path, entry: ModelEntry) -> dict[str, object]:
    if place == models_folder():
        state = "built in"
    elif entry.source is None:
        state = "your own"
    else:
        state = "fetched" if entry.accepted else "fetched, licence not accepted yet"
    chosen = here.choice.detector if entry.kind == "detector" else here.choice.reader
    return {
        "name": entry.name,
        "kind": entry.kind,
        "state": state,
        "licence": entry.licence,
        "sha256": entry.sha256,
        "locked": entry.locked,
        "folder": str(place),
        "used": entry.default if chosen is None else entry.name == chosen,
    }


def _published_row(one: Published, catalogue: Catalogue) -> dict[str, object]:
    return {
        "name": one.name,
        "kind": one.kind,
        "state": "to fetch" + (", sha256 known" if one.sha256 else ", locked at first fetch"),
        "licence": catalogue.publisher_of(one).licence,
        "sha256": one.sha256,
        "locked": None,
        "folder": None,
        "used": False,
    }


def fetch(name: str, file: Path | None, folder: Path | None, source: str | None, *, accepted: bool) -> None:
    """`homerule models fetch`."""
    catalogue, place = read_catalogue(), Here.of(file, folder).folder
    _show_licence(catalogue.named(name), catalogue)
    fetched = fetch_model(
        name,
        catalogue=catalogue,
        folder=place,
        today=SystemClock().now().at.date(),
        source=Source(source) if source is not None else None,
        accepted=accepted,
        progress=_progress,
    )
    _say(fetched)


def _show_licence(one: Published, catalogue: Catalogue) -> None:
    publisher = catalogue.publisher_of(one)
    print(f"{one.name}: a plate {one.kind}, published at {publisher.page}")
    print(f"licence: {publisher.licence}")
    print(publisher.notice.strip() + "\n")


def _progress(file: str, done: int) -> None:
    """A line that counts, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{file}: {done / 1e6:.1f} MB ", end="", file=sys.stderr)


def _say(fetched: Fetched) -> None:
    entry = fetched.entry
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    if not fetched.fresh:
        print(f"{entry.name} lies in {fetched.folder} already, unchanged")
    for file, sha256 in ((entry.file, entry.sha256), (entry.config, entry.config_sha256)):
        if fetched.fresh and file is not None:
            first = file in fetched.trusted_first
            how = "nobody knew it before: locked from now on" if first else "as it must be"
            print(f"{fetched.folder / file}\n  sha256 {sha256}, {how}")
    if fetched.trusted_first:
        print(
            f"The lock is {fetched.folder / MANIFEST}. It cannot tell whether the first file was the publisher's own: "
            "compare the sha256 with that of a second device or network."
        )
    if entry.accepted:
        print(f"next: `homerule models use {entry.name}`")
    else:
        print(f"It is loaded once its licence is accepted: `homerule models use {entry.name} --accept-licence`")


def verify(file: Path | None, folder: Path | None) -> bool:
    """`homerule models verify`; whether all is well."""
    here, catalogue = Here.of(file, folder), read_catalogue()
    verdicts = []
    for place in dict.fromkeys((here.folder, models_folder())):
        if place == models_folder() or (place / MANIFEST).exists() or folder is not None:
            verdicts += verify_folder(place, catalogue)
    for verdict in verdicts:
        print(f"{'WRONG' if verdict.wrong else 'ok':<6}{verdict.name}: {verdict.wrong or verdict.said}")
        for note in verdict.notes:
            print(f"note  {verdict.name}: {note}")
    return not any(verdict.wrong for verdict in verdicts)


def use(name: str, file: Path, folder: Path | None, *, accepted: bool) -> None:
    """`homerule models use`."""
    here, catalogue = Here.of(file, folder), read_catalogue()
    place, entry = _lying(name, here, catalogue)
    if entry.source is not None and entry.accepted is None:
        published = next((one for one in catalogue.model if one.name == name), None)
        if published is not None:
            _show_licence(published, catalogue)
        if accepted:
            accept(place, name, today=SystemClock().now().at.date())
    changes: dict[str, str | int | None] = {entry.kind: name}
    if place != models_folder():
        changes["folder"] = str(place.resolve())
    chosen = here.choice.model_copy(update={**changes, "folder": place if "folder" in changes else here.choice.folder})
    passed = SelfTest().run(Models.load(chosen.folder, chosen.detector, chosen.reader, chosen.threads, chosen.provider))
    print(f"the self-test's plate is found at {passed.found:.2f} and read at {passed.read:.2f}")
    if set_models(file, changes):
        print(f"{file}: the {entry.kind} is now {name}; a restart brings it into force")
    else:
        print(f"{file}: says so already")


def _lying(name: str, here: Here, catalogue: Catalogue) -> tuple[Path, ModelEntry]:
    """Where a model lies, the folder before the built-in ones. Raises ModelError."""
    stored = list(here.stored())
    for place, entry in stored:
        if entry.name == name:
            return place, entry
    if any(one.name == name for one in catalogue.model):
        raise ModelError(f"`{name}` is not here yet, run `homerule models fetch {name}`")
    known = [entry.name for _, entry in stored] + [one.name for one in catalogue.model]
    raise ModelError(f"there is no model `{name}`{nearest(name, known) or ', see `homerule models list`'}")
