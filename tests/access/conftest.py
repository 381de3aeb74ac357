"""One broker for all tests of a file; each begins as after `broker setup`, with no rights and no line open."""

from collections.abc import Iterator

import pytest

from tests.site import NAMES, Site, running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Owner, neighbour and the opted-out agency are enrolled."""
    with running(tmp_path_factory.mktemp("site"), *NAMES) as made:
        yield made


@pytest.fixture
def site(house: Site) -> Iterator[Site]:
    """The broker runs, also after a test that killed it. What it holds, a new daemon's first `apply` makes right."""
    house.afresh()
    yield house
    house.hang_up()
