"""How alike two plates' texts are."""

_LOOK_ALIKES = str.maketrans("OQDILZSBG", "000112586")


def align(text: str, other: str) -> list[int | None]:
    """For each character of `text` its counterpart's place in `other`, so that the fewest edits remain."""
    if len(text) == len(other):
        straight = sum(one != two for one, two in zip(text, other, strict=True))
        if straight <= 2:  # nothing that is moved and moved back could do with fewer
            return list(range(len(text)))
    table = _edits(text, other)
    places: list[int | None] = [None] * len(text)
    i, j = len(text), len(other)
    while i and j:
        if table[i][j] == table[i - 1][j - 1] + (text[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
            places[i] = j
        elif table[i][j] == table[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return places


def differences(one: str, other: str) -> int:
    """How many characters must be changed, added or removed, look-alikes (O and 0, B and 8, ...) counting as equal."""
    return _edits(one.translate(_LOOK_ALIKES), other.translate(_LOOK_ALIKES))[-1][-1]


def holds(text: str, part: str) -> bool:
    """Whether `part` is a piece of `text`, or all of it, look-alikes counting as equal."""
    return part.translate(_LOOK_ALIKES) in text.translate(_LOOK_ALIKES)


def _edits(one: str, other: str) -> list[list[int]]:
    """The table of edit distances between all beginnings of two texts (Wagner and Fischer, 1974)."""
    table = [list(range(len(other) + 1))]
    for i, left in enumerate(one, start=1):
        row, above = [i], table[-1]
        for j, right in enumerate(other, start=1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (left != right)))
        table.append(row)
    return table
