"""What a replay shows on the terminal while it runs and when it has ended."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from edge.capture import Recording
from edge.pipeline import Outcome
from edge.policy.reasons import sentence
from edge.replay import Result, Rules, Step
from edge.replay.publish import TEST_DEVICE_PUBLIC
from edge.values import Decision, Effect

SHOWN_PASSAGES = 12
"""The latest passages that are shown while it runs."""


class Screen:
    """A progress bar and a table of passages; on anything but a terminal, one line a passage."""

    def __init__(self, console: Console, *, recording: Recording, rules: Rules, start: datetime) -> None:
        self._console = console
        self._rules = rules
        self._start = start
        self._outcomes: list[Outcome] = []
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"),
            TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._task = self._progress.add_task(recording.path.name, total=recording.total or None)
        self._live = Live(self._progress, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Screen":
        self._console.print(Text(f"test mode, decided by {self._rules.said}", style="bold"))
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, step: Step) -> None:
        """Takes one step into account."""
        self._progress.advance(self._task, 0 if step.frame is None else 1)
        self._outcomes += step.outcomes
        if not step.outcomes:
            return
        if self._console.is_terminal:
            self._live.update(Group(self._passages(self._outcomes[-SHOWN_PASSAGES:]), self._progress))
        for outcome in step.outcomes if not self._console.is_terminal else ():
            read = outcome.tagged.read
            self._console.print(Text(f"{self._span(outcome)}  {read.text}  {read.confidence:.0%}"))

    def close(self, result: Result) -> None:
        """Shows the whole outcome."""
        self._live.stop()
        for warning in result.recording.warnings:
            self._console.print(Text(f"warning: {warning}", style="yellow"))
        if not result.outcomes:
            self._console.print("no plate was read in this recording")
        else:
            self._console.print(self._passages(result.vehicles))
            self._console.print(self._agencies(result))
        dropped = ", ".join(f"{number} {reason}" for reason, number in result.counts.rejected.items())
        self._console.print(
            Text(
                f"{result.counts.frames} frames, {len(result.vehicles)} vehicles read in {result.took_seconds:.1f} s"
                + (f"; candidates dropped: {dropped}" if dropped else ""),
                style="dim",
            )
        )

    def say_published(self, *, missing: int, taken: int) -> None:
        """Says what became of the envelopes that were sent."""
        self._console.print(
            f"published {taken} sealed test reads under homerule-test/, {missing} not acknowledged;"
            f" they are signed with the test device key {TEST_DEVICE_PUBLIC}"
        )

    def say_where(self, out: Path | None, annotated: Path | None) -> None:
        """Says where the files are, once they are."""
        if out:
            self._console.print(Text(f"report: {out / 'report.html'} (it holds plates; keep it as you keep the video)"))
        if annotated:
            self._console.print(Text(f"marked video: {annotated}"))
        if not out and not annotated:
            self._console.print(Text("nothing was kept; --out FOLDER writes the reads and a report", style="dim"))

    def _passages(self, outcomes: list[Outcome]) -> Table:
        table = Table(title="vehicles", title_justify="left", title_style="bold", expand=False)
        for heading in ("seen", "plate", "sure", "looks", "goes to"):
            table.add_column(heading, justify="right" if heading in ("sure", "looks") else "left")
        for outcome in outcomes:
            read = outcome.tagged.read
            takers = [one.subscriber_id for one in outcome.decisions if one.effect is Effect.SHARE]
            hit = " [hit]" if outcome.tagged.tags.hits else ""
            table.add_row(
                self._span(outcome),
                Text(read.text + hit, style="bold"),
                f"{read.confidence:.0%}",
                str(read.frames),
                Text(", ".join(takers) or "nobody"),
            )
        return table

    def _agencies(self, result: Result) -> Table:
        table = Table(title="agencies", title_justify="left", title_style="bold", expand=False)
        for heading in ("agency", "would receive", "why"):
            table.add_column(heading)
        for name, subscriber in sorted(result.rules.bundle.subscribers.items()):
            decisions = [one for outcome in result.outcomes for one in outcome.decisions if one.subscriber_id == name]
            shared = sum(one.effect is Effect.SHARE for one in decisions)
            table.add_row(
                Text(subscriber.name),
                Text(f"{shared} of {len(decisions)}", style="green" if shared else "red"),
                Text(_why(decisions)),
            )
        return table

    def _span(self, outcome: Outcome) -> str:
        read = outcome.tagged.read
        first, last = ((at - self._start).total_seconds() for at in (read.first_seen, read.last_seen))
        return f"{first:6.1f} s to {last:6.1f} s"


def _why(decisions: list[Decision]) -> str:
    """The primary reasons, the most frequent first."""
    reasons = Counter(decision.reasons[0] for decision in decisions if decision.reasons)
    return " ".join(sentence(code) for code, _ in reasons.most_common())
