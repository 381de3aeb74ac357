"""What all tests share: what each one needs, and a last word on what was skipped and why.

In CI nothing is skipped quietly: a test that cannot run there has failed, save those for `deploy/test --full`.
"""

import os
import shutil
from collections import Counter
from collections.abc import Generator

import pytest

CI = os.environ.get("CI") == "true"
FULL = os.environ.get("HOMERULE_FULL") == "1"
NOT_FULL = "too long for every day, run `deploy/test --full`"

# as on a pole: a few threads of numerics a process do more harm than good on two cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # the terminal of whoever runs the tests is not that of what they run
os.environ["PATH"] = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"  # where Debian keeps mosquitto


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether to try everything; otherwise a seeded sample."""
    return FULL


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what cannot run here, with the mend as its reason."""
    if item.get_closest_marker("full") and not FULL:
        pytest.skip(NOT_FULL)
    for need in item.iter_markers("needs"):
        for program in need.args:
            if shutil.which(program) is None:
                pytest.skip(f"`{program}` is missing, apt-get install {program}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure, because a suite that runs nothing is green too."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail") and _why(report) != NOT_FULL:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {_why(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {_why(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Just above pytest's closing line: how many were skipped, and what would make them run."""
    reasons = Counter(_why(report) for report in terminalreporter.stats.get("skipped", []))
    for reason, number in reasons.most_common():
        terminalreporter.write_line(f"{number} skipped: {reason}")


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    text = str(place[2]) if isinstance(place, tuple) else str(place)
    return text.removeprefix("Skipped: ")
