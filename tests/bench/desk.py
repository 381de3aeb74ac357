"""The city's files under load: how long a look takes, and a change until it may come into force. Process CPU time.

python tests/bench/desk.py [--agencies 10000]
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import tomlkit

from edge import desk
from edge.desk import registry
from tests.desk.house import House
from tests.policy.city import agency


def main() -> None:
    """Prints one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agencies", type=int, default=0, help="more than the seven of the examples")
    more = parser.parse_args().agencies
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        if more:
            path = house.folder / "subscribers.toml"
            agencies = [agency(f"agency-{number}") for number in range(more)]
            path.write_text(path.read_text() + "\n" + tomlkit.dumps({"subscriber": agencies}))
            house.sign()
        measure("the first signed bundle comes into force", house.take_up)
        measure("a look, nothing changed", house.city.changed, times=500)
        measure("the same files again", house.take_up, times=3)
        measure("`opt-out` edits the file", lambda: desk.opt_out(house.folder, "statewide-lookup"))
        measure("an opt-out comes into force", house.take_up)
        measure("`suspend` edits the registry", lambda: registry.suspend(house.folder, "fox-lake-pd"))
        measure("a suspension on top of it comes into force", house.take_up)
        measure("a signature", house.sign)
        measure("a newer bundle comes into force, with what was closed by hand on top", house.take_up)
        measure("what the ledger holds, at start", house.boot)


def measure(what: str, act: Callable[[], object], *, times: int = 1) -> None:
    """Milliseconds of this process, all threads."""
    before = process_time()
    for _ in range(times):
        act()
    print(f"{(process_time() - before) / times * 1000:10.2f} ms  {what}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
