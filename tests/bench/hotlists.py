"""How a long hot list loads and how fast a plate is found in it. Process CPU time, and the growth of the peak memory.

    python tests/bench/hotlists.py [--entries 1000000] [--masks 1] [--json]

The list is a CSV file signed by its source: read through as the daemon does it, its sha256 and signature included.
`--masks` is how many different places of a `?` there are among one twentieth of the entries.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

from edge.desk.shelf import Shelf, sign_list
from edge.keys import new_signing_key
from edge.policy import bundle as bundles
from edge.policy.manifest import unsigned
from tests.policy.city import NOW, POLICY, agency, law_text, owner, toml

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_LENGTH = 7


def write(path: Path, entries: int, masks: int) -> None:
    """The same list every time: plates of seven characters, each with a case and a time of its own."""
    chance = random.Random(11)
    places = [set(one) for count in (1, 2) for one in combinations(range(_LENGTH), count)][:masks]
    with path.open("w", newline="") as file:
        file.write("id,pattern,source_agency,purpose,offence_grade,offence_state,case,expires_at\n")
        for number in range(entries):
            plate = "".join(chance.choices(LETTERS, k=_LENGTH))
            if places and number % 20 == 0:
                hidden = places[number // 20 % len(places)]
                plate = "".join("?" if at in hidden else letter for at, letter in enumerate(plate))
            expires = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=number % 40_000)
            file.write(f"MS-{number:07d},{plate},Metro Auto Theft Desk,stolen_vehicle,felony,US-IL,26-{number % 5000},")
            file.write(f"{expires:%Y-%m-%dT%H:%M:%SZ}\n")


def figures(entries: int, masks: int) -> dict[str, object]:
    """Every figure by its name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hotlists").mkdir()
        path, key = folder / "hotlists" / "metro.csv", new_signing_key(folder / "source.key")
        write(path, entries, masks)
        child = _apart(lambda: sign_list(path, key=key, list_id="metro", now=NOW))
        public = (folder / "source.key.pub").read_text().strip()
        source = {
            "id": "metro",
            "source_agency": "metro",
            "cap": 1_000_000,
            "source_key": public,
            "max_age_hours": 24.0,
        }
        content = {
            "policy.toml": toml({**POLICY, "hotlist": [source]}).encode(),
            "subscribers.toml": toml({"subscriber": [owner(), agency("county")]}).encode(),
            "laws/us-il.toml": law_text("us-il"),
        }
        bundle = bundles.parse(unsigned(content, hotlists={}), signed=True)
        before, began = _peak(), time.process_time()
        lists = Shelf(folder, heights=folder / "heights").read(bundle)
        loading, grown = time.process_time() - began, _peak() - before
        assert not lists.refused, lists.refused
        chance = random.Random(3)
        plates = ["".join(chance.choices(LETTERS, k=_LENGTH)) for _ in range(20_000)]
        began = time.process_time()
        hits = sum(len(lists.look_up(plate, NOW)) for plate in plates)
        each = (time.process_time() - began) / len(plates)
        return {
            "entries": lists.entries,
            "megabytes of the file": round(path.stat().st_size / 1e6, 1),
            "signed": child,
            "load, seconds": round(loading, 2),
            "load, peak growth in MB": round(grown, 1),
            "look-up, microseconds": round(each * 1e6, 1),
            "hits among 20,000 plates": hits,
        }


def _apart(work: object) -> bool:
    """Does it in a process of its own, so that its memory is not counted."""
    import os

    child = os.fork()
    if child == 0:
        work()  # type: ignore[operator]
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints the figures, as lines or as one JSON object."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--entries", type=int, default=1_000_000)
    words.add_argument("--masks", type=int, default=1)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    told = figures(asked.entries, asked.masks)
    if asked.json:
        json.dump(told, sys.stdout)
        return
    for name, value in told.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
