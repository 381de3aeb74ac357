"""Each wall taken out of a copy of the program: the oracle sees it, or it would see nothing in earnest either."""

import pytest

from tests.leak.mutants import MUTANTS, broken, found

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.full]


@pytest.mark.parametrize("name", MUTANTS)
def test_the_oracle_sees_that_a_wall_is_missing(name: str) -> None:
    assert broken(name) != []


@pytest.mark.parametrize("name", ["what a lost line left is delivered", "what a part gave comes when it is given back"])
def test_the_same_scene_is_clean_while_all_walls_stand(name: str) -> None:
    assert found(MUTANTS[name].plan) == []
