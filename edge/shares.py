"""A share of something counted, and how sure one may be of it: 86 of 99 is 0.87, but it might as well be 0.79."""

import math
from dataclasses import dataclass

_95_PER_CENT = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`right` out of `of` that were counted."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0..1; 0 where nothing was counted."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval after Wilson, 0..1; the whole of it where nothing was counted.

        Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
        """
        if not self.of:
            return 0.0, 1.0
        square = _95_PER_CENT**2
        middle = self.value + square / (2 * self.of)
        reach = _95_PER_CENT * math.sqrt(self.value * (1 - self.value) / self.of + square / (4 * self.of**2))
        whole = 1 + square / self.of
        return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
