"""An audit report over a long log. Process CPU time beside the clock's, and the most memory held.

    python tests/bench/report.py build LEDGER [--reads 1000000] [--subscribers 50]
    python tests/bench/report.py report LEDGER          # a ledger or an archive; alone in its process

`build` writes entries through the ledger's own Log, because outbox and sealing are not what is measured here: three
cameras, 20,000 reads a day, a policy each quarter, 24 kinds of decision under each; each read is sent by itself to
three agencies, one in 80 to fourteen, and acknowledged with those of its minute. It says what a read takes in the log
and in the file; 7,300,000 reads are a year.
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
from edge.ledger.batches import runs
from edge.ledger.database import open_readonly, open_writable
from edge.ledger.entries import Acknowledged, Outcome, Pattern, Read, SentToAll, Start
from edge.ledger.log import Log
from edge.values import BundleFiles
from tests.bench.ledger import _timed, agencies, cpu, measured, megabytes
from tests.ledger.builders import START, HandClock, accept, open_ledger

_CAMERAS = ("north-1", "south-2", "bridge-3")
_KINDS, _QUARTERS, _TOGETHER, _BATCH = 24, 4, 20_000, 256
_APART, _MINUTE = 86_400_000 // 20_000, 60_000


def outcomes(names: list[str], kind: int) -> tuple[Outcome, ...]:
    """What the agencies get by one kind of decision."""
    chance = Random(kind)
    shared = set(names[: 14 if kind in (3, 7, 9) else 3])
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
            _Quarter(Log(db), names, digest, milliseconds(clock.at), _APART).write(db, reads // _QUARTERS)
            db.close()
            clock.move(_APART * (reads // _QUARTERS) / 1000)
    ledger = open_ledger(path, clock)
    ledger.checkpoint()
    ledger.close()
    db = open_readonly(path)
    log, entries = db.execute("SELECT sum(length(bytes)), count(*) FROM entries").fetchone()
    file = path.stat().st_size
    print(f"{entries} entries; a read takes {log / reads:.1f} bytes in the log, {file / reads:.1f} in the file")
    print(f"{file / 1e6:.0f} MB; 7,300,000 such reads are {file / reads * 7.3e6 / 1e9:.2f} GB")


class _Quarter:
    def __init__(self, log: Log, names: list[str], digest: str, at: int, apart: int) -> None:
        self._log, self._names, self._at, self._apart = log, names, at, apart
        self._patterns = [Pattern(bundle=digest, outcomes=outcomes(names, kind)) for kind in range(_KINDS)]
        self._shared = [[one[0] for one in each.outcomes if one[1] == "share"] for each in self._patterns]
        self._waiting: dict[str, list[int]] = {}
        self._acknowledged_at = at
        self._ids = HandClock(chance=Random(at))

    def write(self, db: object, reads: int) -> None:
        """So many reads, with a commit now and then."""
        for number in range(reads):
            if number % _TOGETHER == 0:
                db.execute("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
            self._one(number)
            at = self._at + number * self._apart + 40
            if at - self._acknowledged_at >= _MINUTE or number % _BATCH == _BATCH - 1 or number == reads - 1:
                self._acknowledge(at)
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
        log.append(SentToAll(back=1, count=1), at + 20)
        for name in self._shared[kind]:
            self._waiting.setdefault(name, []).append(position)

    def _acknowledge(self, at: int) -> None:
        name = self._log.name
        reads = sorted(runs(name("subscriber", one, at), each) for one, each in self._waiting.items())
        self._log.append(Acknowledged(reads=tuple(reads)), at)
        self._acknowledged_at = at
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
