"""How fast the policy is: agencies loaded, and decided about for one read. Process CPU time on one core.

    python tests/bench/policy.py [--agencies 1000] [--load 10000] [--rounds 50] [--json]

The registry is a mixed one: agencies of many states, kinds, purposes and channels, each with agreements of its own
dates. `decide_all` is for reads without a hit, with one, and with three of different purposes; `cold` is the first one
after a change of the policy, when every standing is worked out anew.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from edge.desk.laws import law_text
from edge.policy import bundle as bundles
from edge.policy import subscribers
from edge.policy.bundle import Bundle
from edge.policy.decide import decide, decide_all
from edge.policy.manifest import unsigned
from edge.policy.reach import best, next_change, reach
from edge.policy.standing import everybody
from tests.policy.city import INSTANT, NOW, OWNER, Table, agency, agreement, hit, owner, policy, taken, toml

STATES = ["US-IL"] * 6 + ["US-WI", "US-IN", "US-IA", "US-MO", "US-TX", "US-KY", "CA-ON"]
KINDS = ["local"] * 5 + ["county"] * 3 + ["state", "campus", "prosecutor", "federal", "private"]
PURPOSES = ["stolen_vehicle", "stolen_plate", "missing_endangered", "wanted_warrant", "criminal_felony", "parking"]
CHANNELS = [["statewide-lookup"], ["national-lookup"], ["statewide-lookup", "national-lookup"], ["direct"]]


def agencies(count: int) -> list[Table]:
    """A registry of so many agencies beside the owner; the same every time."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        declared = sorted(chance.sample(PURPOSES, chance.randint(1, 4)))
        signed = NOW.date() - timedelta(days=chance.randint(1, 400))
        form = chance.choice(["declaration", "declaration", "mou", "judicial-warrant"])
        held = agreement(
            f"a-{number}",
            form=form,
            signed_on=signed,
            expires_on=signed + timedelta(days=chance.randint(30, 800)),
            purposes=declared,
            status=chance.choice(["active"] * 9 + ["revoked"]),
        )
        made.append(
            agency(
                f"agency-{number}",
                kind=chance.choice(KINDS),
                state=chance.choice(STATES),
                channels=chance.choice(CHANNELS),
                purposes=declared,
                feed=chance.choice(["hits"] * 8 + ["all", "none"]),
                federal_deputation=chance.choice(["none"] * 9 + ["287g"]),
                suspended=chance.random() < 0.02,
                agreement=[held] if chance.random() < 0.7 else [],
            )
        )
    return made


def files(count: int) -> Any:
    """The files of a city with so many agencies, the owner among them."""
    direct = [f"agency-{number}" for number in range(0, count, 20)]
    written = policy({"sharing": {"federal": "judicial-warrant", "direct": direct}})
    content = {
        "policy.toml": toml(written).encode(),
        "subscribers.toml": toml({"subscriber": [owner(), *agencies(count - 1)]}).encode(),
        "laws/us-il.toml": law_text("us-il"),
    }
    return unsigned(content, hotlists={})


def cpu(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Milliseconds of CPU of one round: the median and the least of `rounds`."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1000)
    return {"median_ms": round(statistics.median(spent), 3), "least_ms": round(min(spent), 3)}


def loaded(files: Any) -> Bundle:
    """The bundle of files that were never read before."""
    subscribers.registry.cache_clear()
    return bundles.parse(files, signed=True)


def fresh(bundle: Bundle) -> Bundle:
    """The same bundle with nothing worked out yet."""
    return replace(bundle, held=bundle.held)


def figures(count: int, load: int, rounds: int) -> dict[str, Any]:
    """Every figure by its name."""
    small, large = files(count), files(load)
    here = bundles.parse(small, signed=True)
    reads = {
        "no hit": taken(here),
        "one hit": taken(here, hit()),
        "three hits": taken(here, hit(), hit("wanted_warrant"), hit("parking")),
    }
    known = everybody(here, NOW)
    told: dict[str, Any] = {
        "agencies": count,
        "standings": len(known.standings),
        "groups": len(known.groups),
        "shared of one hit": sum(one.effect.value == "share" for one in decide_all(reads["one hit"], here, INSTANT)),
        **{
            f"decide_all, {name}": cpu(lambda t=tags: decide_all(t, here, INSTANT), rounds)
            for name, tags in reads.items()
        },
        "decide_all, cold": cpu(lambda: decide_all(reads["one hit"], fresh(here), INSTANT), max(3, rounds // 10)),
    }
    three = reads["three hits"]
    every = cpu(lambda: [decide(three, one, here, INSTANT) for one in here.subscribers.values()], max(3, rounds // 10))
    together = told["decide_all, three hits"]["median_ms"]
    told["the same one by one"], told["ratio"] = every, round(together / every["median_ms"], 3)
    one = here.subscribers["agency-1"]
    told["decide one"] = cpu(lambda: [decide(reads["one hit"], one, here, INSTANT) for _ in range(100)], rounds)
    told["reach of one"] = cpu(lambda: [reach(one, here, INSTANT) for _ in range(100)], max(3, rounds // 10))
    told["best of all"] = cpu(lambda: best(here, INSTANT), 3)
    told["next_change"] = cpu(lambda: next_change(here, INSTANT), 3)
    told[f"load {load}: parse"] = cpu(lambda: loaded(large), 3)
    told[f"load {load}: parse, same registry"] = cpu(lambda: bundles.parse(large, signed=True), 3)
    there = bundles.parse(large, signed=True)
    told[f"load {load}: first decide_all"] = cpu(lambda: decide_all(taken(there, hit()), fresh(there), INSTANT), 3)
    told[f"load {load}: next_change"] = cpu(lambda: next_change(there, INSTANT), 1)
    told[f"load {load}: best"] = cpu(lambda: best(there, INSTANT), 1)
    assert OWNER in there.subscribers
    return told


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agencies", type=int, default=1000)
    parser.add_argument("--load", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    told = figures(asked.agencies, asked.load, asked.rounds)
    if asked.json:
        print(json.dumps(told))
        return 0
    for name, value in told.items():
        shown = f"{value['median_ms']} ms (least {value['least_ms']})" if isinstance(value, dict) else value
        print(f"{name:32} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
