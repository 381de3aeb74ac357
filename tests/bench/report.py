"""An audit report over a long log. Process CPU time beside the clock's, and the most memory held.

    python tests/bench/report.py build LEDGER [--reads 1000000] [--subscribers 50]
    python tests/bench/report.py report LEDGER          # a ledger or an archive; alone in its process

`build` writes entries through the ledger's own Log, because outbox and sealing are not what is measured here: a year of
three cameras, a policy each quarter, 24 kinds of decision under each; each read is sent to the owner, each tenth to a
neighbour, some to a dozen, with one entry for each read's sends and acknowledgements in batches of 256 reads.
"""

import argparse
from datetime import timedelta
from pathlib import Path
from random import Random

from edge.audit.asked import Asked
from edge.audit.make import assemble
from edge.audit.page import render
from edge.audit.source import open_source
from edge.audit.table import csv_text, json_text
from edge.clock import milliseconds
from edge.ledger.database import open_writable
from edge.ledger.entries import Acknowledged, Outcome, Pattern, Read, Sent, Start, runs
from edge.ledger.log import Log
from edge.values import BundleFiles
from tests.bench.ledger import _timed, agencies, cpu, measured, megabytes
from tests.ledger.builders import START, HandClock, accept, open_ledger

_CAMERAS = ("north-1", "south-2", "bridge-3")
_KINDS, _QUARTERS, _TOGETHER, _BATCH = 24, 4, 20_000, 256
_YEAR = 365 * 86_400_000


def outcomes(names: list[str], kind: int) -> tuple[Outcome, ...]:
    """What the agencies get by one kind of decision."""
    chance = Random(kind)
    shared = {names[0], *(names[1:2] if kind in (3, 9) else ()), *(names[2:14] if kind == 7 else ())}
    refusals = (("deny_optout_national_lookup", "deny_non_hit"), ("deny_non_hit",), ("deny_agreement_expired",))
    return tuple(
        (name, "share", "direct", ("allow_in_state",), ("no_onward",))
        if name in shared
        else (name, "withhold", "", refusals[chance.randrange(3)], ())
        for name in names
    )


def build(path: Path, reads: int, subscribers: int) -> None:
    """A year, quarter by quarter."""
    names, clock = agencies(subscribers), HandClock(at=START - timedelta(days=365))
    with measured(f"built {reads} reads x {subscribers} subscribers", reads):
        for quarter in range(_QUARTERS):
            ledger = open_ledger(path, clock)
            files = BundleFiles(manifest=b'{"version":%d}' % (quarter + 2), signature=b"s", files={"policy.toml": b""})
            digest = accept(ledger, files, version=quarter + 2)
            if quarter == 0:
                ledger.note(Start(software="bench", after="first"))
            ledger.checkpoint()
            ledger.close()
            db = open_writable(path)
            _Quarter(Log(db), names, digest, milliseconds(clock.at), _YEAR // reads).write(db, reads // _QUARTERS)
            db.close()
            clock.move(_YEAR / _QUARTERS / 1000)
    ledger = open_ledger(path, clock)
    ledger.checkpoint()
    ledger.close()


class _Quarter:
    def __init__(self, log: Log, names: list[str], digest: str, at: int, apart: int) -> None:
        self._log, self._names, self._at, self._apart = log, names, at, apart
        self._patterns = [Pattern(bundle=digest, outcomes=outcomes(names, kind)) for kind in range(_KINDS)]
        self._shared = [[one[0] for one in each.outcomes if one[1] == "share"] for each in self._patterns]
        self._waiting: dict[str, list[int]] = {}
        self._ids = HandClock(chance=Random(at))

    def write(self, db: object, reads: int) -> None:
        """So many reads, with a commit now and then."""
        for number in range(reads):
            if number % _TOGETHER == 0:
                db.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
            self._one(number)
            if number % _BATCH == _BATCH - 1 or number == reads - 1:
                self._acknowledge(self._at + number * self._apart + 40)
            if number % _TOGETHER == _TOGETHER - 1 or number == reads - 1:
                self._log.save()
                db.execute("COMMIT")  # type: ignore[attr-defined]

    def _one(self, number: int) -> None:
        log, at, kind = self._log, self._at + number * self._apart, 0 if number % 10 else (number // 10) % _KINDS
        camera = log.name("camera", _CAMERAS[number % 3], at)
        pattern = log.pattern(self._patterns[kind], at)
        read_id = f"{number:022d}{self._at}"[-22:]
        digest = "x" * 43
        position = log.add_read(
            Read(read_id=read_id, camera=camera, pattern=pattern, age=400, replaces=0, payloads=digest), at
        )
        batches = []
        for name in self._shared[kind]:
            batches.append(runs(log.name("subscriber", name, at), [position]))
            self._waiting.setdefault(name, []).append(position)
        log.append(Sent(reads=tuple(batches)), at + 20)

    def _acknowledge(self, at: int) -> None:
        name = self._log.name
        reads = tuple(runs(name("subscriber", one, at), each) for one, each in sorted(self._waiting.items()))
        self._log.append(Acknowledged(reads=reads), at)
        self._waiting.clear()


def report(path: Path) -> None:
    """Everything that `homerule audit report` does, and what each part takes."""
    began = cpu()
    with _timed("one pass, and what is said of it"), open_source(path) as source:
        made, rows = assemble(source, Asked(), made_at=START)
    with _timed("page, table and JSON"):
        written = len(render(made)), len(csv_text(made, rows)), len(json_text(made))
    counts = made.counts
    print(f"  {made.log.entries} entries, {made.reads} reads, {counts.decisions} decisions, sealed: {made.log.sealed}")
    print(f"  {written} characters; in all {cpu() - began:.1f} s of CPU, at most {megabytes():.0f} MB")


def main() -> None:
    """One of the commands above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "report"):
        one = commands.add_parser(name)
        one.add_argument("ledger", type=Path)
        if name == "build":
            one.add_argument("--reads", type=int, default=1_000_000)
            one.add_argument("--subscribers", type=int, default=50)
    asked = parser.parse_args()
    if asked.command == "build":
        build(asked.ledger, asked.reads, asked.subscribers)
    else:
        report(asked.ledger)


if __name__ == "__main__":
    main()
