"""Breaks edge/policy on purpose, one spot at a time, and looks whether a test turns red.

    python -m tests.policy.mutants [--most 200] [--seconds 6000] [--seed 1] [--only reads.py] [--only "tag.py:44 bool"]

Without `--most` every spot is tried. Each is broken in memory only. Prints what survived, and the share of the rest.
"""

import argparse
from random import Random

from tests.policy.mutants.spots import FOLDER, mutants
from tests.policy.mutants.trial import tried


def main() -> None:
    """Draws mutants by seed until there are enough of them or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int)
    parser.add_argument("--seconds", type=float, default=6000.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    asked = parser.parse_args()
    every = [one for file in sorted(FOLDER.glob("*.py")) for one in mutants(file)]
    every = [one for one in every if str(one).startswith(tuple(asked.only or [one.file]))]
    Random(asked.seed).shuffle(every)
    survived = count = 0
    for mutant, red in tried(every[: asked.most], asked.seconds):
        count += 1
        survived += not red
        print(f"{'red' if red else 'survived'}: {mutant}", flush=True)
    share = 100 * (1 - survived / max(count, 1))
    print(f"{count} of {len(every)} mutants tried, {share:.1f} % turned a test red", flush=True)


if __name__ == "__main__":
    main()
