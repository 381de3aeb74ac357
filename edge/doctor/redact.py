"""Takes out of a text whatever points to a person, a place, an agency or an address, or opens anything.

What the device knows of such words is learnt from its own files and taken out by name; what has the form of an address,
a key or a login is taken out by its form. PURE.
"""

import re
from collections.abc import Iterable
from functools import partial

_SHORTEST = 3
"""Letters; a shorter word would tear holes into every sentence."""
_NUMBERS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?")
_FORMS = (
    (re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL), "(a key)"),
    (re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=?(?![A-Za-z0-9+/_=-])"), "(a key)"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'`,;)]+"), "(an address)"),
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "(an address)"),
    (_NUMBERS, "(an address)"),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE), "(an address)"),
)
_WORD = re.compile(r"(?<![A-Za-z0-9?])[A-Za-z0-9?]{5,10}(?![A-Za-z0-9?])")


class Redactor:
    """`names` are words and what stands for each; `plates` those of the hot lists, of which there may be a million.

    `packages` are names with their versions: one of four numbers is no address right behind that name.
    """

    def __init__(
        self, names: Iterable[tuple[str, str]], plates: Iterable[str] = (), *, packages: Iterable[str] = ()
    ) -> None:
        self._packages = tuple(packages)
        known = {name.casefold(): shown for name, shown in names if len(name) >= _SHORTEST}
        self._known = known
        longest_first = sorted(map(re.escape, known), key=len, reverse=True)
        self._names = re.compile("|".join(longest_first) or r"(?!)", re.IGNORECASE)
        self._plates = frozenset(plate.upper() for plate in plates)

    def __call__(self, text: str) -> str:
        """The text without them."""
        text = self._names.sub(lambda found: self._known[found[0].casefold()], text)
        for form, shown in _FORMS:
            text = form.sub(partial(self._shown, form, shown), text)
        return _WORD.sub(lambda found: "(a plate)" if found[0].upper() in self._plates else found[0], text)

    def _shown(self, form: re.Pattern[str], shown: str, found: re.Match[str]) -> str:
        is_version = form is _NUMBERS and found.string.endswith(self._packages, 0, found.end())
        return found[0] if is_version else shown

    def holds(self, text: str) -> bool:
        """Whether something is left that should not be: the last look before anything is written."""
        return self(text) != text
