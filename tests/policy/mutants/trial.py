"""Tries mutants one after another, each in a child of one process that has everything loaded and all tests collected.

What a function does is broken by giving the function another code, wherever it is in use; then the quick tests are run
that come by the broken line, until one is red, and only if none is, those that try many cases. What happens while a
module is loaded, and whatever survived, is tried in a child that loads the broken module in place of the good one.
"""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings

from edge.clock import monotonic
from tests.policy.mutants.spots import FOLDER, Mutant, original

ROOT = FOLDER.parents[1]
POLICY = "tests/policy"
_DESK = ("tests/desk/test_orders.py", "tests/desk/test_desk.py", "tests/desk/test_city.py")
_LISTS = ("tests/desk/test_shelf.py",)
_LATE = ("tests/test_late.py",)
BESIDE = (
    dict.fromkeys(("tightening.py", "narrower.py", "manifest.py", "bundle.py"), _DESK)
    | dict.fromkeys(("entries.py", "hotlists.py", "issued.py", "numbers.py"), _LISTS)
    | dict.fromkeys(("meanwhile.py", "correct.py"), _LATE)
)
"""The tests that are run beside those of the policy, for the files that they are about as well."""
PATIENCE = 240
"""Seconds of the processor's time, or ten times as many on the clock, after which a child counts as red: it hangs."""
_OFTEN = 300
"""Calls of a function in one test after which nobody looks any more by which of its lines it goes."""
_INSIDE = f"{FOLDER}{os.sep}"
_OPTIMIZED = 1
_Key = tuple[str, int, str]
_Functions = dict[_Key, list[FunctionType]]
_Swaps = list[tuple[FunctionType, CodeType]]
_PROGRESS = os.dup(2)
"""Standard error as it was when this began; pytest takes the other for itself."""


def tried(mutants: Sequence[Mutant], seconds: float) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant and whether a test turned red, as long as there is time."""
    ends = monotonic() + seconds
    os.environ.pop("HOMERULE_FULL", None)  # the tests of every day: the others would try mutants in their turn
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    settings.register_profile("trial", phases=(Phase.explicit, Phase.generate), database=None)
    settings.load_profile("trial")
    trial = _Trial(mutants, ends)
    if _run([], trial) != 0:
        sys.exit("a test is red with nothing broken, see above")
    for mutant in mutants:
        if mutant in trial.red:
            yield mutant, True
        elif monotonic() < ends:
            yield mutant, _red(lambda one=mutant: _loaded_broken(one))


def _loaded_broken(mutant: Mutant) -> int:
    sys.meta_path.insert(0, _Instead(mutant))
    for name in [name for name in sys.modules if name.startswith(("edge", "tests"))]:
        del sys.modules[name]
    return _run(["-x"], _SlowLast())


def _run(more: list[str], plugin: object) -> int:
    said = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-seed=1",
        *more,
        *(str(ROOT / name) for name in (POLICY, *_DESK, *_LISTS, *_LATE)),
    ]
    return int(pytest.main(said, plugins=[plugin]))


def _red(work: Callable[[], int]) -> bool:
    child = os.fork()
    if child == 0:
        code = 1  # also when an error comes out of it
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = work()
        finally:
            os._exit(code)
    ended = monotonic() + 10 * PATIENCE
    while monotonic() < ended:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) != 0
        signal.sigtimedwait({signal.SIGCHLD}, 0.5)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


class _SlowLast:
    """The tests by which a broken module is tried: those that try many cases last."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=_is_slow)


class _Trial:
    """Takes the place of pytest's loop: the quick tests once, watched, then some tests once more for every mutant."""

    def __init__(self, mutants: Sequence[Mutant], ends: float) -> None:
        self._mutants, self._ends = mutants, ends
        self._touched: dict[tuple[str, int], set[pytest.Item]] = defaultdict(set)
        self._took: dict[pytest.Item, float] = {}
        self._in_a_child = False
        self.red: set[Mutant] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            if self._in_a_child:
                os._exit(1)
            pytest.exit(f"red with nothing broken: {report.nodeid}", returncode=1)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        quick = [item for item in session.items if not _is_slow(item)]
        slow = [item for item in session.items if _is_slow(item)]
        for item, following in zip(quick, [*quick[1:], None], strict=True):
            self._watch(item, following)
        functions = _functions()
        caches = [one for one in gc.get_objects() if isinstance(one, _lru_cache_wrapper) and _ours(one)]
        gc.freeze()
        swapped = {one: _swaps(original(FOLDER / one.file), one.code(), functions) for one in self._mutants}

        def red(swaps: _Swaps | None, items: list[pytest.Item]) -> bool:
            return monotonic() < self._ends and _red(lambda: self._tested(swaps or [], caches, items))

        for one, swaps in swapped.items():
            if swaps and red(swaps, self._quick(one)):
                self.red.add(one)
            _tell(f"{'red' if one in self.red else 'green' if swaps else 'later'}: {one}")
        left = [one for one, swaps in swapped.items() if swaps and one not in self.red]
        _tell(f"{len(self.red)} red by a quick test, these are not: {', '.join(map(str, left))}")
        if left and red(None, slow):
            pytest.exit("a slow test is red with nothing broken", returncode=1)
        self.red |= {one for one in left if red(swapped[one], slow)}
        return True

    def _quick(self, mutant: Mutant) -> list[pytest.Item]:
        """The quick tests that come by its lines, the quickest first."""
        found = {item for line in mutant.lines for item in self._touched[(mutant.path, line)]}
        about = (POLICY, *BESIDE.get(mutant.file, ()))
        return sorted((item for item in found if item.nodeid.startswith(about)), key=self._took.__getitem__)

    def _watch(self, item: pytest.Item, following: pytest.Item | None) -> None:
        """Runs a test, and notes by which lines of edge/policy it came."""
        lines: set[tuple[str, int]] = set()
        calls: Counter[CodeType] = Counter()

        def line(frame: FrameType, event: str, _: object) -> Any:
            if event == "line":
                lines.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        def call(frame: FrameType, _event: str, _: object) -> Any:
            code = frame.f_code
            if not code.co_filename.startswith(_INSIDE):
                return None
            calls[code] += 1
            return line if calls[code] < _OFTEN else None

        began = monotonic()
        sys.settrace(call)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        finally:
            sys.settrace(None)
        self._took[item] = monotonic() - began
        for one in lines:
            self._touched[one].add(item)

    def _tested(self, swaps: "_Swaps", caches: list[Any], items: list[pytest.Item]) -> int:
        self._in_a_child = True
        for function, code in swaps:
            function.__code__ = code
        for cache in caches:
            cache.cache_clear()
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return 0


def _is_slow(item: pytest.Item) -> bool:
    """Whether a test tries many cases: by Hypothesis, or those that Cedar is asked about."""
    return hasattr(getattr(item, "obj", None), "hypothesis") or "oracle" in item.path.parts


def _tell(said: str) -> None:
    os.write(_PROGRESS, f"{said}\n".encode())


def _ours(cache: "_lru_cache_wrapper[Any]") -> bool:
    return cache.__module__.startswith("edge")


def _functions() -> _Functions:
    """Every function of edge/policy that is in use, by the place at which it is written."""
    found: _Functions = defaultdict(list)
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(FOLDER)):
            found[_key(one.__code__)].append(one)
    return found


def _key(code: CodeType) -> _Key:
    return code.co_filename, code.co_firstlineno, code.co_qualname


def _swaps(good: CodeType, broken: CodeType, functions: _Functions) -> _Swaps | None:
    """The functions that have to be given another code; None where loading the module differs."""
    swaps: _Swaps = []
    for old, new, inside in _differing(good, broken, inside=False):
        if old.co_flags & _OPTIMIZED:
            in_use = functions.get(_key(old), [])
            swaps += [(function, new) for function in in_use]
            inside = inside or bool(in_use)
        if _alone(old) != _alone(new) and not inside:
            return None
    keys = [_key(code) for code in _all(good)]
    clear = all(keys.count(_key(function.__code__)) == 1 for function, _ in swaps)
    return swaps if clear and all(len(one.__code__.co_freevars) == len(new.co_freevars) for one, new in swaps) else None


def _differing(good: CodeType, broken: CodeType, *, inside: bool) -> Iterator[tuple[CodeType, CodeType, bool]]:
    """Codes that differ, from the outside in, and whether each is inside of a function."""
    if good == broken:
        return
    yield good, broken, inside
    nested = list(zip(_nested(good), _nested(broken), strict=False))
    for old, new in nested if len(_nested(good)) == len(_nested(broken)) else ():  # else some can never be reached now
        yield from _differing(old, new, inside=inside or bool(good.co_flags & _OPTIMIZED))


def _nested(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _all(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in _nested(code):
        yield from _all(one)


def _alone(code: CodeType) -> tuple[object, ...]:
    """A code without those that are nested in it."""
    consts = tuple(repr(one) for one in code.co_consts if not isinstance(one, CodeType))
    return code.co_code, consts, code.co_names


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the broken module in place of the good one."""

    def __init__(self, mutant: Mutant) -> None:
        self._name, self._path = f"edge.policy.{mutant.file.removesuffix('.py')}", mutant.path
        self._code = mutant.code()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, Path(self._path), loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)
