"""A reader of fast-alpr's hub beside ours on the same plates: fetched from a folder, locked, verified, measured.

    python tests/bench/hub.py FILES DIR... [--reader cct-xs-v1-global-model]

FILES holds the published files of the reader; DIR is a labelled folder (see `homerule models evaluate`). No network
is asked. Prints one line a folder and reader; exit code 1 when the published reader is not as it was fetched.
"""

import argparse
import tempfile
from datetime import date
from pathlib import Path

from edge.hub import Source, fetch, read_catalogue, verify
from edge.measure import evaluate, load


def main() -> int:
    """Fetches, verifies, measures."""
    parser = argparse.ArgumentParser(description="a published reader beside ours")
    parser.add_argument("files", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--reader", default="cct-xs-v1-global-model")
    given = parser.parse_args()
    catalogue = read_catalogue()
    with tempfile.TemporaryDirectory() as name:
        folder, today = Path(name), date(2026, 11, 23)
        source = Source(str(given.files))
        got = fetch(given.reader, catalogue=catalogue, folder=folder, today=today, source=source, accepted=True)
        first = ", ".join(got.trusted_first) or "nothing"
        print(f"{given.reader}: {got.entry.sha256[:12]} as published; locked at first fetch: {first}")
        wrong = [one.wrong for one in verify(folder, catalogue) if one.wrong]
        for photographs in given.folders:
            for reader in (given.reader, None):
                pair = load(folder, None, reader)
                figures = evaluate(photographs, pair).figures
                exact, same, ends = figures.reader.exact, figures.reader.folded, figures.end_to_end
                median, least = figures.milliseconds["reader"]
                said = f"{100 * exact.value:.1f} / {100 * same.value:.1f} of {exact.of}"
                if ends:
                    said += f", end to end {100 * ends.exact.value:.1f} / {100 * ends.folded.value:.1f}"
                print(f"{photographs.name}: {pair.reads.name}: {said}, {median:.2f} ms a crop ({least:.2f} least)")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
