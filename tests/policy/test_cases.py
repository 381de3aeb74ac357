"""What happened to real cities, as data: each file under cases/ is a policy, its agencies, and who gets what.

A file tells what happened and where that is written, then the city, then what each agency gets. A `[[turn]]` is what
somebody did to the files afterwards: `city` signs a newer bundle, `somebody` edits the files without a signature.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from edge.desk.follow import follow
from edge.errors import PolicyError
from edge.policy.bundle import Bundle, parse
from edge.values import BundleFiles
from tests.policy.city import (
    CITY_KEY,
    DEVICE,
    LEDGER,
    NOW,
    Table,
    agency,
    agreement,
    asked,
    hit,
    merged,
    owner,
    policy,
    signed_files,
    taken,
)
from tests.policy.city import files as city_files

CASES = sorted(Path(__file__).parent.joinpath("cases").glob("*.toml"))


def _without(tables: Table) -> Table:
    """`""` takes a policy key away."""
    return {
        table: {key: None if value == "" else value for key, value in keys.items()} for table, keys in tables.items()
    }


def _agencies(told: list[Table]) -> list[Table]:
    """What the file leaves out is a local agency of this state, or a declaration in force."""
    made = []
    for one in told:
        held = [agreement(f"a-{number}", **each) for number, each in enumerate(one.get("agreement", ()))]
        made.append(agency(one["id"], **{**{key: one[key] for key in one if key != "id"}, "agreement": held}))
    return made


def in_force(case: Table) -> Iterator[Bundle]:
    """What is in force at first, and after each turn. Fails where a turn ends otherwise than the file says."""
    written, agencies = policy(_without(case.get("policy", {}))), [owner(), *_agencies(case["agency"])]
    signed = signed_files(city_files(written, agencies))
    here = parse(signed, signed=True)
    yield here
    for turn in case.get("turn", ()):
        after = merged(written, turn.get("policy", {}))
        others = [owner(), *_agencies(turn["agency"])] if "agency" in turn else agencies
        others = [{**one, "suspended": True} if one["id"] in turn.get("suspend", ()) else one for one in others]
        files = city_files(after, others)
        asks = BundleFiles(manifest=signed.manifest, signature=signed.signature, files=files)
        if turn["by"] == "city":
            asks = signed_files(files, version=turn["version"], replaces=here.digest if "replaces" in turn else None)
        if turn["comes"] == "refused":
            with pytest.raises(PolicyError, match=turn["said"]):
                _taken_up(asks, here)
        else:
            here = _taken_up(asks, here)
            signed = asks if turn["by"] == "city" else signed
        yield here


def _taken_up(asks: BundleFiles, here: Bundle) -> Bundle:
    return follow(asks, in_force=here, key=CITY_KEY.public_key(), device=DEVICE, ledger=LEDGER)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_ends_as_it_should(path: Path) -> None:
    case = tomllib.loads(path.read_text())
    bundles = list(in_force(case))
    for expect in case["expect"]:
        now, bundle = expect.get("at", NOW).astimezone(UTC), bundles[expect.get("after", 0)]
        hits = [hit(purpose) for purpose in expect.get("hits", ["stolen_vehicle"])]
        decision = asked(bundle, expect["agency"], taken(bundle, *hits, at=now), now=now)
        assert (decision.effect, decision.channel) == (expect["effect"], expect.get("channel")), case["what"]
        assert set(expect.get("obligations", ())) <= set(decision.obligations), case["what"]
        if "reasons" in expect:
            assert list(decision.reasons) == expect["reasons"], case["what"]
        elif "primary" in expect:
            assert decision.reasons[0] == expect["primary"], case["what"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_tells_what_happened_and_where_that_is_written(path: Path) -> None:
    case: dict[str, Any] = tomllib.loads(path.read_text())
    assert len(case["happened"].strip().splitlines()) == 2
    assert all(case[key].strip() for key in ("source", "what"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 16
