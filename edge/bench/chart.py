"""The cost of a minute of video as bars, in one SVG file that needs nothing else."""

from html import escape

from edge.bench.result import Figure, Result

_WIDE, _ROW, _LEFT, _RIGHT, _TOP = 860, 34, 260, 150, 64
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#222}.t{font-size:17px;font-weight:600}.n{fill:#666}"
    ".b{fill:#9db4c8}.o{fill:#1f6f54}.s{stroke:#222;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.n{fill:#aaa}.s{stroke:#eee}.b{fill:#51687d}.o{fill:#4fb58f}}"
)

BEGINS = '<svg xmlns="http://www.w3.org/2000/svg" id="homerule-bench"'
"""By this an earlier chart is known again."""


def drawn(result: Result) -> str:
    """The whole file."""
    cost = result.cost
    most = max(figure.most for figure in cost.values()) or 1.0
    high = _TOP + _ROW * len(cost) + 20
    rows = "".join(_row(at, kind.value, figure, most) for at, (kind, figure) in enumerate(cost.items()))
    rounds = len(next(iter(result.outcomes.values())))
    return (
        f'{BEGINS} viewBox="0 0 {_WIDE} {high}" role="img">'
        f"<title>CPU seconds for a minute of video</title><style>{_STYLE}</style>"
        f'<text class="t" x="16" y="28">CPU seconds for a minute of video: {escape(result.clip)}</text>'
        f'<text class="n" x="16" y="48">median of {rounds} rounds; the line goes from the least to the most</text>'
        f"{rows}</svg>\n"
    )


def _row(at: int, name: str, figure: Figure, most: float) -> str:
    scale = (_WIDE - _LEFT - _RIGHT) / most
    top, middle = _TOP + at * _ROW, _TOP + at * _ROW + 12
    kind = "o" if name.startswith("homerule") else "b"
    return (
        f'<text x="{_LEFT - 10}" y="{top + 17}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{figure.median * scale:.1f}" height="24" rx="3"/>'
        f'<line class="s" x1="{_LEFT + figure.least * scale:.1f}" x2="{_LEFT + figure.most * scale:.1f}"'
        f' y1="{middle}" y2="{middle}"/>'
        f'<text x="{_LEFT + figure.most * scale + 8:.1f}" y="{top + 17}">{figure.median:.1f}</text>'
    )
