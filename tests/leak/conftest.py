"""One nursery for all leak tests: the daemon is imported once, and every device is forked from it."""

from collections.abc import Iterator

import pytest

from tests.leak.scene import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Ends every device that was forked."""
    made = Nursery()
    yield made
    made.close()
