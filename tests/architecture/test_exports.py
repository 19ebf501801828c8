"""What a module says it offers is what it has."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re

import pytest

from p2pchat import errors, events


def declared_names(tree: ast.Module) -> list[str] | None:
    """The literal `__all__` of a module, if it has one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def name_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def lent_names(product, tracked) -> dict[str, set[str]]:
    """By module: what other modules of the product import from it; submodules are no names."""
    modules = {name_of(file.path) for file in tracked if file.path.endswith(".py")}
    lent: dict[str, set[str]] = {}
    for file in product:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                names = {alias.name for alias in node.names}
                names = {name for name in names if f"{node.module}.{name}" not in modules}
                lent.setdefault(node.module, set()).update(names)
    return lent


def defined_classes(module) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and name[0] != "_"
    }


def test_every_declared_name_exists_and_once(product):
    wrong = []
    for file in product:
        names = declared_names(file.tree)
        if names is None:
            continue
        module = importlib.import_module(name_of(file.path))
        missing = [name for name in names if not hasattr(module, name)]
        if missing or len(names) != len(set(names)):
            wrong.append((file.path, missing or "a name twice"))
    assert wrong == []


def test_what_a_module_lends_to_others_is_declared(product, tracked):
    lent = lent_names(product, tracked)
    undeclared = {
        file.path: missing
        for file in product
        if (missing := lent.get(name_of(file.path), set()) - set(declared_names(file.tree) or []))
    }
    assert undeclared == {}, "add these to its `__all__`"


@pytest.mark.parametrize("module", [errors, events], ids=["errors", "events"])
def test_every_public_class_is_declared(module):
    assert defined_classes(module) <= set(module.__all__)


def test_the_package_declares_what_it_offers(product):
    package = next(file for file in product if file.path == "p2pchat/__init__.py")
    imported = {
        alias.asname or alias.name
        for node in package.tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert imported <= set(declared_names(package.tree) or [])


def drawn_tree(drawing: str) -> dict[str, str]:
    """Parent by name, read from a tree of `├─` and `└─`; several siblings may share a line."""
    parents: dict[str, str] = {}
    last_at: dict[int, str] = {}
    for line in drawing.splitlines():
        branch = re.search(r"[├└]─ ", line)
        if branch is None:
            if match := re.fullmatch(r"    (\w+)", line):
                last_at[0] = match[1]
            continue
        depth = branch.start() // 4
        for name in re.findall(r"[├└]─ (\w+)", line):
            parents[name] = last_at[depth - 1]
            last_at[depth] = name
    return parents


def test_the_drawn_error_tree_is_the_real_one():
    real = {
        name: vars(errors)[name].__base__.__name__
        for name in defined_classes(errors)
        if name != "P2PChatError"
    }
    assert drawn_tree(errors.__doc__ or "") == real


def test_every_event_is_a_frozen_slotted_value():
    loose = [
        name
        for name in defined_classes(events)
        if issubclass(cls := vars(events)[name], events.Event)
        and not (
            dataclasses.is_dataclass(cls)
            and cls.__dataclass_params__.frozen
            and "__slots__" in vars(cls)
        )
    ]
    assert loose == []
