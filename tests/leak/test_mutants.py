"""Each wall taken out of a copy of the program: the oracle sees it, or it would see nothing in earnest either."""

import pytest

from tests.leak.mutants import MUTANTS, broken

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.full]


@pytest.mark.parametrize("name", MUTANTS)
def test_the_oracle_sees_that_a_wall_is_missing(name: str) -> None:
    assert broken(name) != []
