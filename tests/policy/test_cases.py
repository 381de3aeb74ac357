"""What happened to real cities, as data: each file under cases/ is a policy, its agencies, and who gets what."""

import tomllib
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from edge.policy.bundle import Bundle
from tests.policy.city import NOW, agency, agreement, asked, city, hit, taken

CASES = sorted(Path(__file__).parent.joinpath("cases").glob("*.toml"))


def read(path: Path) -> tuple[dict[str, Any], Bundle]:
    """A case and its bundle. What the file leaves out is a local agency of this state; `""` takes a policy key away."""
    case = tomllib.loads(path.read_text())
    written = {
        table: {key: None if value == "" else value for key, value in keys.items()}
        for table, keys in case.get("policy", {}).items()
    }
    agencies = []
    for told in case["agency"]:
        held = [agreement(f"a-{number}", **one) for number, one in enumerate(told.pop("agreement", ()))]
        agencies.append(agency(told.pop("id"), agreement=held, **told))
    return case, city(*agencies, **written)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_ends_as_it_should(path: Path) -> None:
    case, bundle = read(path)
    for expect in case["expect"]:
        now = expect.get("at", NOW).astimezone(UTC)
        hits = [hit(purpose) for purpose in expect.get("hits", ["stolen_vehicle"])]
        decision = asked(bundle, expect["agency"], taken(bundle, *hits, at=now), now=now)
        assert (decision.effect, decision.channel) == (expect["effect"], expect.get("channel")), case["what"]
        if "reasons" in expect:
            assert list(decision.reasons) == expect["reasons"], case["what"]
        else:
            assert decision.reasons[0] == expect["primary"], case["what"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 8
