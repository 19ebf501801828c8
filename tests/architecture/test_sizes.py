"""Small enough to be read in one go.

`ALLOWED` names what is over a limit, with its present measure. The list only shrinks: growing
beyond the measure fails, and so does an entry that became smaller or needless until it is updated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 600
PARAMETERS_MAX = 5
NESTING_MAX = 3
ATTRIBUTES_MAX = 10

ALLOWED: dict[str, int] = {}
"""Measure by `<path>:<qualified name> <what>`."""

BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.Try,
    ast.TryStar,
    ast.With,
    ast.AsyncWith,
    ast.Match,
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every function and class with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield prefix + node.name, node
            yield from definitions(node, f"{prefix}{node.name}.")
        else:
            yield from definitions(node, prefix)


def lines(node: Function) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def parameters(node: Function) -> int:
    """Parameters other than `self` and `cls`; keyword-only ones count."""
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in named)


def nesting(node: ast.AST) -> int:
    """How many blocks stand in each other; `elif` is no deeper than its `if`."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        is_elif = (
            isinstance(node, ast.If)
            and isinstance(child, ast.If)
            and node.orelse == [child]
            and child.col_offset == node.col_offset
        )
        inside = isinstance(child, BLOCKS) and not is_elif
        deepest = max(deepest, nesting(child) + inside)
    return deepest


def is_record(node: ast.ClassDef) -> bool:
    """Whether the class is a frozen dataclass: a value, whose fields are its content."""
    return any(
        isinstance(decorator, ast.Call)
        and any(
            keyword.arg == "frozen" and ast.unparse(keyword.value) == "True"
            for keyword in decorator.keywords
        )
        for decorator in node.decorator_list
    )


def attributes(node: ast.ClassDef) -> int:
    """State an instance carries: fields of a mutable dataclass, and what methods assign."""
    fields = {
        statement.target.id
        for statement in node.body
        if node.decorator_list
        and isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not ast.unparse(statement.annotation).startswith("ClassVar")
    }
    assigned = {
        target.attr
        for target in ast.walk(node)
        if isinstance(target, ast.Attribute)
        and isinstance(target.ctx, ast.Store)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    }
    return len(fields | assigned)


def measures(file) -> Iterator[tuple[str, int, int]]:
    """Each measure of a file: what was measured, how much it is, how much it may be."""
    yield f"{file.path} lines", len(file.text.splitlines()), MODULE_LINES_MAX
    for name, node in definitions(file.tree):
        where = f"{file.path}:{name}"
        if isinstance(node, Function):
            yield f"{where} lines", lines(node), FUNCTION_LINES_MAX
            if file.is_product:
                yield f"{where} parameters", parameters(node), PARAMETERS_MAX
                yield f"{where} nesting", nesting(node), NESTING_MAX
        elif isinstance(node, ast.ClassDef) and file.is_product and not is_record(node):
            yield f"{where} attributes", attributes(node), ATTRIBUTES_MAX


def test_nothing_is_larger_than_its_limit(python_files):
    over = {
        what: measure
        for file in python_files
        for what, measure, limit in measures(file)
        if measure > limit
    }
    assert over == ALLOWED


def test_measures_are_what_a_reader_would_count():
    tree = ast.parse(
        "class Door:\n"
        "    def open(self, a, b, *, c):\n"
        "        self.a = a\n"
        "        if a:\n"
        "            for _ in b:\n"
        "                self.b: int = c\n"
        "        elif b:\n"
        "            pass\n"
    )
    found = dict(definitions(tree))
    assert lines(found["Door.open"]) == 7
    assert parameters(found["Door.open"]) == 3
    assert nesting(found["Door.open"]) == 2
    assert attributes(found["Door"]) == 2
