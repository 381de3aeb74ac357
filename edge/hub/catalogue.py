"""The models of other people that are known by name: where they are published, under which licence, and their sha256.

It is data, in catalogue.toml beside this file; nothing in it is fetched unless somebody asks for it by name.
"""

from pathlib import Path

from pydantic import Field, model_validator

from edge.errors import ModelError
from edge.vision.models import Kind
from edge.written import Written, nearest, parse_toml

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_SHA256 = r"^[0-9a-f]{64}$"


class Publisher(Written):
    """Who publishes models: the address that their files lie under, a page to read, and the licence."""

    address: str = Field(pattern=r"^https://[^?#]+/$")
    page: str
    licence: str
    notice: str


class Published(Written):
    """One model: its files, and their sha256 where these are known."""

    name: str = Field(pattern=_NAME)
    kind: Kind
    publisher: str
    file: str = Field(pattern=_NAME)
    sha256: str | None = Field(default=None, pattern=_SHA256)
    config: str | None = Field(default=None, pattern=_NAME)
    config_sha256: str | None = Field(default=None, pattern=_SHA256)
    margin: float = Field(default=0.0, ge=0.0, le=0.5)

    @property
    def files(self) -> dict[str, str | None]:
        """The files to fetch, each with its sha256 or None."""
        files = {self.file: self.sha256}
        if self.config is not None:
            files[self.config] = self.config_sha256
        return files

    @property
    def pinned(self) -> bool:
        """Whether the sha256 of each of its files is known."""
        return None not in self.files.values()

    @model_validator(mode="after")
    def _whole(self) -> "Published":
        if (self.kind == "reader") != (self.config is not None):
            raise ValueError("a reader has a `config` and a detector has none")
        return self


class Catalogue(Written):
    """catalogue.toml as it is written."""

    publisher: dict[str, Publisher]
    model: tuple[Published, ...]

    def named(self, name: str) -> Published:
        """The model of that name. Raises ModelError with what was probably meant."""
        for one in self.model:
            if one.name == name:
                return one
        mend = nearest(name, [one.name for one in self.model]) or ", `homerule models list` shows which there are"
        raise ModelError(f"there is no model `{name}` in the catalogue{mend}")

    def publisher_of(self, one: Published) -> Publisher:
        """Who publishes it."""
        return self.publisher[one.publisher]


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue that comes with homerule, or another one of that form. Raises ModelError."""
    place = path or Path(__file__).with_name("catalogue.toml")
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"`{place}`: the catalogue cannot be read, install homerule again") from error
    catalogue = parse_toml(text, Catalogue, file=place.name, error=ModelError)
    for one in catalogue.model:
        if one.publisher not in catalogue.publisher:
            raise ModelError(f"{place.name}: model `{one.name}` names the publisher `{one.publisher}`, which is none")
    return catalogue
