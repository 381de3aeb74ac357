"""Breaks edge/policy on purpose, one spot at a time, and looks whether a test turns red.

    python -m tests.policy.mutants --most 200 --seconds 1200 --seed 1 [--only reads.py]

A spot is a comparison, a membership, an `and` or `or`, a `not`, a guard that leaves early, a `yield`, a filter, a
default, `any` or `all`, `min` or `max`, a union. Each is broken in memory only: the tests run in a child process that
loads the broken module in place of the good one, and end with the first red. Prints what survived.
"""

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from edge.clock import monotonic

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "edge/policy"
QUICK = """
test_decide test_standing test_states test_instruments test_laws test_offences test_obligations test_cases test_tighten
test_mutated_text test_files test_reasons test_words test_edits test_door oracle test_losing test_reach test_properties
"""
"""The tests in the order in which they are tried; those that are quick come first."""
_DESK = ("tests/desk",)
_LISTS = ("tests/policy/test_hotlists.py", "tests/desk/test_shelf.py", "tests/control/test_lists.py")
BESIDE = dict.fromkeys(("tightening.py", "narrower.py", "manifest.py"), _DESK) | dict.fromkeys(
    ("entries.py", "hotlists.py", "issued.py", "numbers.py", "spans.py"), _LISTS
)
SAME = {
    ("reach.py", "if moment > now.at:", "compare 0"): "what turns at this very moment is as now: nothing changes",
    ("policy.py", "if not 2000 <= value.year < 2200:", "compare 0"): "a policy of the year 2000 has run out",
    ("policy.py", "if not 2000 <= value.year < 2200:", "compare 1"): "the calendar holds the year 2200 too",
    ("tightening.py", "if not by:", "guard"): "only a short way: laying nothing over the policy gives the policy",
    (
        "bundle.py",
        "memo: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)",
        "bool",
    ): "how a bundle is printed; and what is remembered of one follows from the rest of it",
}
"""Mutants that no test can tell from the original, and why: file, the line's text, what was done."""
PATIENCE = 240
"""Seconds of the processor's time, or ten times as many on the clock, after which a child counts as red: it hangs."""
CITIES = 60
Remembered = tuple[Any, list[tuple[Any, Any]]]
"""A city that was drawn, and Cedar's answers to all questions about it."""

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALLS = {"any": "all", "all": "any", "min": "max", "max": "min"}
_OPEN = {
    ("OutOfState", "NEVER"): "AGREEMENT",
    ("Federal", "NEVER"): "JUDICIAL_WARRANT",
    ("Deputation", "NONE"): "UNKNOWN",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One spot broken: the file, the line, what was done, and the tree after it."""

    file: str
    line: int
    what: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of one file."""
    text = file.read_text()
    tree = ast.parse(text)
    spots = list(_spots(tree))
    for number, (_, what) in enumerate(spots):
        changed = copy.deepcopy(tree)
        node, _ = list(_spots(changed))[number]
        line = node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)
        if (file.name, text.splitlines()[line - 1].partition("  # ")[0].strip(), what) in SAME:
            continue
        _break(node, what)
        yield Mutant(file=file.name, line=line, what=what, tree=ast.fix_missing_locations(changed))


def _spots(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Each node that can be broken, and how; annotations and decorators are left alone."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST):
                yield from _of_node(node)
                yield from _spots(node)


def _of_node(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.Compare(ops=ops):
            yield from ((node, f"compare {place}") for place, op in enumerate(ops) if type(op) in _COMPARE)
        case ast.BoolOp():
            yield node, "and/or"
        case ast.UnaryOp(op=ast.Not()):
            yield node, "not"
        case ast.If(body=[*_, ast.Return() | ast.Raise() | ast.Continue()], orelse=[]):
            yield node, "guard"
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            yield node, "yield"
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield node, "call"
        case ast.comprehension(ifs=[_, *_]):
            yield node, "filter"
        case ast.IfExp():
            yield node, "branches"
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Add()):
            yield node, "operator"
        case ast.Constant(value=bool()):
            yield node, "bool"
        case ast.AnnAssign(value=ast.Attribute(value=ast.Name(id=enum), attr=word)) if (enum, word) in _OPEN:
            yield node, "default"
        case _:
            return


def _break(node: ast.AST, what: str) -> None:
    match node:
        case ast.Compare():
            place = int(what.split()[1])
            node.ops[place] = _COMPARE[type(node.ops[place])]()
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.op, node.operand = ast.Not(), ast.UnaryOp(op=ast.Not(), operand=node.operand)
        case ast.If():
            node.test = ast.Constant(value=False)
        case ast.Expr():
            node.value = ast.YieldFrom(value=ast.Tuple(elts=[], ctx=ast.Load()))
        case ast.Call(func=ast.Name() as called):
            called.id = _CALLS[called.id]
        case ast.comprehension():
            node.ifs = node.ifs[1:]
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body
        case ast.BinOp():
            node.op = ast.BitAnd() if isinstance(node.op, ast.BitOr) else ast.Sub()
        case ast.Constant():
            node.value = not node.value
        case ast.AnnAssign(value=ast.Attribute(value=ast.Name(id=enum)) as given):
            given.attr = _OPEN[(enum, given.attr)]


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the broken module in place of the good one."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = f"edge.policy.{mutant.file.removesuffix('.py')}"
        self._file, self._code = FOLDER / mutant.file, compile(mutant.tree, str(FOLDER / mutant.file), "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def turns_red(mutant: Mutant | None, cities: list[Remembered]) -> bool:
    """Whether a test fails, or hangs, with the mutant in place."""
    child = os.fork()
    if child == 0:
        code = 1  # also when an error comes out of it
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        try:
            code = _tested(mutant, cities)
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


def remembered() -> list[Remembered]:
    """What Cedar says of some cities: asked once, and held against every mutant."""
    from tests.policy.oracle.draw import a_place, questions
    from tests.policy.oracle.model import Oracle

    made = []
    for seed in range(CITIES):
        place = a_place(seed)
        oracle = Oracle(place)
        made.append((place, [(asked, oracle.answer(asked)) for asked in questions(place, seed)]))
    return made


def _differs(cities: list[Remembered]) -> bool:
    """Whether a decision is another than Cedar's: test_decisions_are_what_cedar_says, but Cedar is not asked again."""
    from dataclasses import replace

    from tests.policy.oracle import test_against_cedar as cedar

    for place, answers in cities:
        here = cedar.bundle(place)
        held, reads = replace(here, held=True), [cedar.tags(read) for read in place.reads]
        for asked, answer in answers:
            ours = cedar.decided(here, held, reads[asked.read], asked)
            if not cedar.agrees(ours, answer):
                return True
    return False


def _tested(mutant: Mutant | None, cities: list[Remembered]) -> int:
    """Runs the tests in this process; the exit code, 0 when nothing turned red."""
    import pytest

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Instead(mutant))
    if _differs(cities):
        return 1
    names = [HERE / name for name in QUICK.split()]
    files = [str(name if name.is_dir() else name.with_suffix(".py")) for name in names]
    files = [file for file in files if Path(file).exists()]
    files += [str(ROOT / name) for name in BESIDE.get(mutant.file, ())] if mutant else []
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1", *files]))


def main() -> None:
    """Draws mutants by seed until there are enough of them or the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1200.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    asked = parser.parse_args()
    for name in ("hypothesis", "pytest", "pydantic", "cedarpy", "numpy", "tomlkit"):  # once, not in each child
        importlib.import_module(name)
    every = [
        one for file in sorted(FOLDER.glob("*.py")) if file.name in (asked.only or [file.name]) for one in mutants(file)
    ]
    cities = remembered()
    stay = ("tests.policy.oracle.model", "tests.policy.oracle", "tests.policy", "tests")
    for name in [name for name in sys.modules if name.startswith(("edge", "tests")) and name not in stay]:
        del sys.modules[name]  # a child loads them anew, one of them broken
    Random(asked.seed).shuffle(every)
    began, tried, survived = monotonic(), 0, []
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if turns_red(None, cities):
        sys.exit("the tests are red with nothing broken")
    for one in every[: asked.most]:
        if monotonic() - began > asked.seconds:
            break
        tried += 1
        if turns_red(one, cities):
            print(f"red: {one}", flush=True)
        else:
            survived.append(one)
            print(f"survived: {one}", flush=True)
    share = 100 * (1 - len(survived) / max(tried, 1))
    print(f"{tried} of {len(every)} mutants tried, {share:.1f} % turned a test red", flush=True)


if __name__ == "__main__":
    main()
