"""What is written on plates: the patterns of American and European registrations, and made-up vanity words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""Without I, O and Q, which most authorities leave out of their series."""
ALL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

# A is a letter, 0 a digit; a space is where the plate has a gap, a dash or an emblem.


def _spaced(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def _patterns(words: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in words.split())


# A is a letter, 0 a digit; a low line is where the plate has a gap, a dash or an emblem. Common ones stand here twice.
AMERICAN = _patterns(
    """AAA_0000 AAA_000 000_AAA AA_00000 0AAA000 AAA0000 AAA_00A AAA0000 AA0_0000 A00_0AA 000_AA0 00A_000 A000000 000000
    0000000 00000 AA_0000 A_00000 000A000 0AA_0000 AA00000 A00_000 000_0000 00_0000 A000_00A 00AA_000 AAA_0A0 0A00000
    00000A 00_A0000 AAAA_00 A0A_0A0 AA_000A 000_00A 0_AA000 AA0_00A 00000AA AA0000 000_AAA AAA_000 AAA_0000 AAA000
    000AAA 0_00000A 000000A AA_000 A0_0000 0000_AA 00_00000"""
)
EUROPEAN = _patterns(
    """A_00_AAA AA_00_AAA A_000_AAA AA_000_AA AA00_AAA AA_00000 AAA_0000 AAA_000 0A0_0000 0000_AAA A_AA_0000 AA_AA_000
    AAA_A_00 AAA_AA_00 AA_000_A AA_0000_AA AA_00_AA_0000 00_AAA_0 AA_00_00 AAA0000 AAA0A00 00_AA_00 0_AAA_000 AA_A_000
    AAA_00000 A0_AAA A000_AAA AA_00A00 A_0000_AA AAA_0AA0 AA00AAA"""
)
_ONSETS = _spaced("B C D F G H J K L M N P R S T V W Y Z BR CH CL CR DR FL FR GR KN PL PR SH SL SN SP ST TH TR WH X Q")
_HEARTS = _spaced("A E I O U A E I O EE OO AI OU Y A E I O U A E I O EE OO AI OU Y 4 4 0 1 3 3 U2 U2")
_ENDS = _spaced("N R S T L M D K P X Z CK LL NG RD ST CH GS 1 4U 2 8 NE SE")


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def filled(rng: np.random.Generator, pattern: str) -> str:
    """A registration of the given pattern; one in twelve may use the letters that are usually left out."""
    letters = ALL_LETTERS if rng.random() < 0.3 else LETTERS
    return "".join(
        _pick(rng, letters) if sign.isalpha() else _pick(rng, DIGITS) if sign == "0" else sign for sign in pattern
    )


def vanity(rng: np.random.Generator, longest: int = 8) -> str:
    """A made-up word or phrase of two to `longest` characters, sometimes with a space."""
    text = ""
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.8:
            text += _pick(rng, _ONSETS)
        text += _pick(rng, _HEARTS)
        if rng.random() < 0.55:
            text += _pick(rng, _ENDS)
        if rng.random() < 0.2:
            text += " "
    text = text.strip()[:longest].strip()
    if rng.random() < 0.15:
        text = (text[: longest - 2] + " " * int(rng.random() < 0.4) + str(rng.integers(1, 100)))[: longest + 1].strip()
    return text if len(text.replace(" ", "")) > 1 else filled(rng, "AAA 00")


def american(rng: np.random.Generator) -> str:
    """Text of an American plate; two thirds are series, the rest vanity or plain chance (no prior to lean on)."""
    draw = rng.random()
    if draw < 0.66:
        return filled(rng, _pick(rng, AMERICAN))
    if draw < 0.82:
        return vanity(rng)
    length = int(rng.choice([4, 5, 6, 6, 7, 7, 7, 8]))
    # Nothing around it tells a lone O from a zero: where one shape serves for both, the commoner one is the answer.
    letters = ALL_LETTERS if rng.random() < 0.1 else LETTERS + "Q"
    signs = "".join(_pick(rng, letters + DIGITS + DIGITS) for _ in range(length))
    gap = int(rng.integers(1, length)) if rng.random() < 0.6 else 0
    return (signs[:gap] + " " + signs[gap:]).strip()


def european(rng: np.random.Generator) -> str:
    """Text of a European (or Brazilian) plate."""
    if rng.random() < 0.12:
        return "".join(_pick(rng, LETTERS + DIGITS) for _ in range(int(rng.integers(5, 9))))
    return filled(rng, _pick(rng, EUROPEAN))
