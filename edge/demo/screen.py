"""What the demo shows while it runs: one line a vehicle, one column an agency, and why the others get nothing.

In a terminal the picture is redrawn in place; elsewhere each vehicle is one plain line. All plates here are made up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.policy.reasons import sentence
from edge.values import Decision, Effect

_REDRAWN = 8
"""Times a second."""
_AROUND_THE_ROWS = 13
"""Lines of the terminal that everything but the rows and the news takes."""
_NEWS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An agency as the demo introduces it: its name in the registry, and in a few words what it is here."""

    agency: str
    name: str
    role: str


@dataclass(slots=True, kw_only=True)
class _Row:
    seconds: float
    text: str
    hit: bool
    decisions: Mapping[str, Decision]
    received: set[str] = field(default_factory=set)
    called_back: set[str] = field(default_factory=set)
    told: bool = False

    def open(self) -> bool:
        """Whether an agency that is allowed this read has not got it yet."""
        return any(
            one.effect is Effect.SHARE and agency not in self.received | self.called_back
            for agency, one in self.decisions.items()
        )


class Screen:
    """Used by one thread, as a context."""

    def __init__(self, *, console: Console, title: str, columns: Sequence[Column]) -> None:
        self._console, self._title, self._columns = console, title, columns
        self._rows: dict[str, _Row] = {}
        self._reasons: list[str] = []
        self._news: list[Text] = []
        self._switch = Text("")
        self._over = False
        self._live = Live(console=console, auto_refresh=False, get_renderable=self._picture)
        self._redraw_at = 0.0

    def __enter__(self) -> "Screen":
        if self._console.is_terminal:
            self._live.start()
        else:
            self._console.print(Text(self._title))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self._console.is_terminal:
            self._live.stop()
        for row in self._rows.values():
            self._tell(row, finished=True)

    def read(self, read_id: str, *, seconds: float, text: str, hit: bool, decisions: Sequence[Decision]) -> None:
        """A vehicle passed, and this was decided."""
        by_agency = {one.subscriber_id: one for one in decisions}
        self._rows[read_id] = _Row(seconds=seconds, text=text, hit=hit, decisions=by_agency)
        for one in decisions:
            if one.effect is Effect.WITHHOLD and one.reasons[0] not in self._reasons:
                self._reasons.append(one.reasons[0])

    def received(self, agency: str, read_id: str) -> None:
        """The agency's file now holds this read."""
        if read_id in self._rows:
            self._rows[read_id].received.add(agency)

    def called_back(self, agency: str, read_id: str) -> None:
        """The agency's right was taken away before this read was acknowledged."""
        if read_id in self._rows:
            self._rows[read_id].called_back.add(agency)

    def switch(self, text: str, *, on: bool) -> None:
        """The state of the switch that the demo turns."""
        self._switch = Text(text, style="bold green" if on else "bold red")

    def say(self, seconds: float, text: str) -> None:
        """Something that is not a read."""
        self._news.append(Text(f"{_clock(seconds)}  {text}"))
        if not self._console.is_terminal:
            self._console.print(self._news[-1], soft_wrap=True)

    def show(self, seconds: float) -> None:
        """Redraws, or prints what is complete by now."""
        if not self._console.is_terminal:
            for row in self._rows.values():
                self._tell(row, finished=False)
        elif seconds >= self._redraw_at:
            self._redraw_at = seconds + 1 / _REDRAWN
            self._live.refresh()

    def _tell(self, row: _Row, *, finished: bool) -> None:
        if self._console.is_terminal or row.told or (row.open() and not finished):
            return
        row.told = True
        said = "; ".join(f"{column.name}: {self._outcome(row, column.agency)}" for column in self._columns)
        line = f"{_clock(row.seconds)}  {row.text}{' (hot-list hit)' if row.hit else ''}  {said}"
        self._console.print(Text(line), soft_wrap=True)

    def _outcome(self, row: _Row, agency: str) -> str:
        decision = row.decisions.get(agency)
        if agency in row.received:
            return "received"
        if decision is None or decision.effect is Effect.WITHHOLD:
            return f"withheld. {sentence(decision.reasons[0])}" if decision else "withheld"
        return "called back" if agency in row.called_back else "allowed, on its way"

    def _cell(self, row: _Row, agency: str) -> Text:
        decision = row.decisions.get(agency)
        if agency in row.received:
            return Text("received", style="green")
        if decision is None:
            return Text("withheld", style="red")
        if decision.effect is Effect.WITHHOLD:
            return Text(f"withheld ({_letter(self._reasons.index(decision.reasons[0]))})", style="red")
        if agency in row.called_back:
            return Text("called back", style="red")
        return Text("on its way", style="yellow")

    def _picture(self) -> RenderableType:
        table = Table(expand=True, pad_edge=False, box=SIMPLE_HEAD)
        table.add_column("time", no_wrap=True)
        table.add_column("plate", no_wrap=True)
        for column in self._columns:
            table.add_column(Text.assemble((column.name, "bold"), "\n", (column.role, "dim")), ratio=1)
        room = len(self._rows) if self._over else max(self._console.height - _AROUND_THE_ROWS - _NEWS, 3)
        for row in list(self._rows.values())[-room:]:
            plate = Text.assemble((row.text, "bold"), (" hit" if row.hit else "", "yellow"))
            cells = [self._cell(row, column.agency) for column in self._columns]
            table.add_row(_clock(row.seconds), plate, *cells)
        reasons = [
            Text(f"({_letter(place)}) {sentence(code)}", style="dim") for place, code in enumerate(self._reasons)
        ]
        head = Text.assemble((self._title, "bold"), "\n", self._switch)
        news = Group(*(self._news[-_NEWS:] or [Text("")]))
        return Group(head, table, *reasons, Panel(news, title="what happened", title_align="left"))


def _letter(place: int) -> str:
    return chr(ord("a") + place)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
