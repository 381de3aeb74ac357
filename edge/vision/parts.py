"""Parts of a picture: which one holds what is to be seen. All are boxes in pixels of the picture."""

from collections.abc import Sequence

from edge.values import Box

Size = tuple[float, float]
"""Width and height in pixels."""
STRETCH = 1.25
"""What is a little too big for a part is seen a little smaller: what moves there is near, and its plate large."""
CUT = 0.1
"""What comes nearer to the edge of a part than this, in its own widths, may be cut off."""


def whole(size: Size) -> Box:
    """All of a picture of that size."""
    return Box(x1=0.0, y1=0.0, x2=float(size[0]), y2=float(size[1]))


def around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds them all; None for none."""
    if not boxes:
        return None
    return Box(
        x1=min(box.x1 for box in boxes),
        y1=min(box.y1 for box in boxes),
        x2=max(box.x2 for box in boxes),
        y2=max(box.y2 for box in boxes),
    )


def centre(box: Box) -> tuple[float, float]:
    """The middle of a box."""
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2


def middle(box: Box) -> Box:
    """The same as a box without size."""
    x, y = centre(box)
    return Box(x1=x, y1=y, x2=x, y2=y)


def with_room(box: Box) -> Box:
    """A box with its own width left free on all sides: a plate may be elsewhere than it should be by now."""
    free = box.width
    return Box(x1=box.x1 - free, y1=box.y1 - free, x2=box.x2 + free, y2=box.y2 + free)


def covers(reach: Size, box: Box) -> bool:
    """Whether a part of that size can hold a box."""
    return box.width <= reach[0] and box.height <= reach[1]


def wider(reach: Size) -> Size:
    """The most that a part may hold."""
    return STRETCH * reach[0], STRETCH * reach[1]


def inside(box: Box, size: Size) -> bool:
    """Whether the middle of a box lies in a picture of that size."""
    x, y = centre(box)
    return 0.0 <= x < size[0] and 0.0 <= y < size[1]


def part_around(box: Box, reach: Size, size: Size) -> Box:
    """A part of size `reach` with a box in its middle, moved into the picture of `size` where it would stick out."""
    stretched = max(1.0, box.width / reach[0], box.height / reach[1])
    wide, high = min(stretched * reach[0], size[0]), min(stretched * reach[1], size[1])
    left = min(max(0.0, (box.x1 + box.x2 - wide) / 2), size[0] - wide)
    top = min(max(0.0, (box.y1 + box.y2 - high) / 2), size[1] - high)
    return Box(x1=left, y1=top, x2=left + wide, y2=top + high)


def comes_near(box: Box, part: Box, margin: float) -> bool:
    """Whether a box comes nearer to an edge of the part than that, so that there may be more of it beyond."""
    return (
        box.x1 < part.x1 + margin or box.y1 < part.y1 + margin or box.x2 > part.x2 - margin or box.y2 > part.y2 - margin
    )


def is_cut(box: Box, part: Box, size: Size) -> bool:
    """Whether an edge of the part cuts a box off, and not that of the picture of that size."""
    margin = CUT * box.width
    return (
        (box.x1 < part.x1 + margin and part.x1 > 0)
        or (box.y1 < part.y1 + margin and part.y1 > 0)
        or (box.x2 > part.x2 - margin and part.x2 < size[0])
        or (box.y2 > part.y2 - margin and part.y2 < size[1])
    )


def is_in_sight(box: Box, part: Box, size: Size) -> bool:
    """Whether a look at the part says that a plate is not where it should be; beyond the picture's edge none is."""
    return not (inside(box, size) and is_cut(box, part, size))
