"""The spots at which edge/policy can be broken, and the module as it is with one of them broken.

A spot is a comparison, a membership, an `and` or `or`, a `not`, a guard that leaves early, a `yield`, a filter, a
default, `any` or `all`, `min` or `max`, a union, the two sides of an `if` in a line.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType

from tests.policy.mutants.same import SAME

FOLDER = Path(__file__).parents[3] / "edge/policy"

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
    """One spot, `place` being the how manieth of its file: what is done there, and on which lines it stands."""

    file: str
    place: int
    what: str
    lines: range

    def __str__(self) -> str:
        return f"{self.file}:{self.lines[0]} {self.what}"

    @property
    def path(self) -> str:
        """The file that is broken."""
        return str(FOLDER / self.file)

    def code(self) -> CodeType:
        """The module, broken."""
        tree = _parsed(FOLDER / self.file)
        node, what = list(_spots(tree))[self.place]
        _break(node, what)
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of one file but those that are known to be the same as the original."""
    text = file.read_text().splitlines()
    for place, (node, what) in enumerate(_spots(_parsed(file))):
        lines = _lines(node)
        if (file.name, text[lines[0] - 1].partition("  # ")[0].strip(), what) not in SAME:
            yield Mutant(file=file.name, place=place, what=what, lines=lines)


def original(file: Path) -> CodeType:
    """The module as it is."""
    return compile(_parsed(file), str(file), "exec", dont_inherit=True)


def _parsed(file: Path) -> ast.Module:
    return ast.parse(_read(file))


@lru_cache
def _read(file: Path) -> str:
    """A file as it was when it was first asked for: it may be edited meanwhile."""
    return file.read_text()


def _lines(node: ast.AST) -> range:
    match node:
        case ast.comprehension(target=first, ifs=[*_, last]):
            return range(first.lineno, (last.end_lineno or last.lineno) + 1)
        case ast.If(lineno=first_line, test=test):
            return range(first_line, (test.end_lineno or test.lineno) + 1)
        case ast.expr() | ast.stmt():
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
        case _:
            raise TypeError(node)


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
