"""How likely a passage's text is right, from what its looks say: the mean over its characters alone misleads.

A logistic function, fitted by `tests/bench/passages.py --calibrate` to passages of known plates, on clips of
photographs that no figure is reported on. O and 0 count as one there, and I and 1.
"""

import math

CONSTANT, AGREEMENT, LOWEST, LENGTH = -6.2, 3.16, 4.13, 2.29


def confidence(*, agreement: float, lowest: float, length: float) -> float:
    """0..1, where three figures of 0..1 say what speaks for a text.

    `agreement` is what speaks for its characters on average, `lowest` for the least sure one, and `length` the share of
    the looks, by weight, that read so many characters.
    """
    return 1.0 / (1.0 + math.exp(-(CONSTANT + AGREEMENT * agreement + LOWEST * lowest + LENGTH * length)))
