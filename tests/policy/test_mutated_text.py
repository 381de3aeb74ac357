"""Texts as accidents and ill will leave them: refused with place and mend, or a policy that shares no more.

In memory, so that the long form can try 100,000; the same with files on a disk: tests/desk/test_mutated_files.py.
"""

import random
import re
from dataclasses import replace

import pytest

from edge.desk import Refused
from edge.desk.follow import follow
from edge.policy.bundle import Bundle, parse
from edge.policy.tighten import tightens
from edge.values import BundleFiles
from tests.desk.test_mutated_files import MUTATIONS, judged
from tests.policy.cities import no_wider, shared
from tests.policy.city import (
    CITY_KEY,
    DEVICE,
    INSTANT,
    LEDGER,
    agency,
    agreement,
    files,
    hit,
    owner,
    policy,
    signed_files,
    taken,
    texan,
)
from tests.policy.losses import losses

MOST, EVERYDAY = 100_000, 400
NAMES = ["policy.toml", "subscribers.toml", "laws/us-il.toml", "manifest", "signature"]


@pytest.fixture(scope="module")
def whole() -> BundleFiles:
    """A city with an agency of each sort that there are rules for."""
    agencies = [
        owner(),
        agency("county", channels=["statewide-lookup", "compact"], feed="all"),
        texan(),
        agency("bureau", kind="federal", channels=["direct"], agreement=[agreement(form="judicial-warrant")]),
        agency("force", kind="task_force", members=["county", "texas-so"], agreement=[agreement()]),
        agency("out", suspended=True, channels=["national-lookup"]),
    ]
    sharing = {
        "federal": "judicial-warrant",
        "direct": ["bureau"],
        "full_feed": ["county"],
        "channels": {"compact": False},
    }
    return signed_files(files(policy({"sharing": sharing}), agencies))


def spoilt(whole: BundleFiles, number: int) -> BundleFiles:
    chance = random.Random(number)
    name = NAMES[number % len(NAMES)]
    made = {"manifest": whole.manifest, "signature": whole.signature or b"", **whole.files}
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        made[name] = chance.choice(MUTATIONS)(made[name], chance)
    manifest, signature = made.pop("manifest"), made.pop("signature")
    return BundleFiles(manifest=manifest, signature=signature, files=made)


def told_well(refused: Refused, was: Bundle) -> None:
    """A file, and in a text that people write the line or the key; the mend is looked for by `judged`."""
    judged(refused, was)
    said = str(refused)
    if re.match(r"(policy|subscribers|laws/)", said):
        assert re.search(r"line \d+|`[^`]+`|\[\w+", said), said


@pytest.mark.parametrize("part", range(4))
def test_a_mutated_text_is_refused_or_shares_no_more(whole: BundleFiles, part: int, full: bool) -> None:
    was = parse(whole, signed=True)
    read = taken(was, hit())
    reads = [read, replace(read, hits=())]
    before = [shared(was, one) for one in reads]
    for number in range(part, MOST if full else EVERYDAY, 4):
        asks = spoilt(whole, number)
        for in_force in (was, None):
            try:
                made = follow(asks, in_force=in_force, key=CITY_KEY.public_key(), device=DEVICE, ledger=LEDGER)
            except Refused as refused:
                told_well(refused, was)
                continue
            if made is was or made.digest == was.digest:
                continue
            assert in_force is not None, f"number {number}: nobody has signed that"
            assert tightens(was, made)
            assert losses(made, was, INSTANT) == set(), f"number {number}"
            for one, had in zip(reads, before, strict=True):
                assert no_wider(shared(made, one), had), f"number {number}"
