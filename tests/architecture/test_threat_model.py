"""docs/threat-model.md promises nothing that no test shows, unless it says so."""

from __future__ import annotations

import ast
import re

import pytest

ADVERSARY = re.compile(r"^## (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| (can|cannot) \| (.+?) \| (.*?)\|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NO_ADVERSARY = ("Not solved", "Known holes")


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "docs/threat-model.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page) -> list[tuple[str, str, str]]:
    return ROW.findall(page)


def test_what_an_adversary_cannot_do_is_shown_by_a_test_or_argued(rows):
    promises = [(what, shown) for verb, what, shown in rows if verb == "cannot"]
    assert len(promises) > 30
    assert [
        what for what, shown in promises if not TEST.search(shown) and "argued" not in shown
    ] == []


def test_every_test_that_is_named_exists(root, page):
    named = TEST.findall(page)
    assert len(named) > 30
    for path, function in named:
        file = root / "tests" / path
        assert file.is_file(), path
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function in functions, f"{path} has no {function}"


def test_each_adversary_can_do_something_and_cannot_do_something(page):
    _, *sections = ADVERSARY.split(page)
    adversaries = dict(zip(sections[::2], sections[1::2], strict=True))
    assert len(adversaries) > 10
    for name, section in adversaries.items():
        if name not in NO_ADVERSARY:
            assert {verb for verb, _, _ in ROW.findall(section)} == {"can", "cannot"}, name


def test_every_row_of_a_table_is_read(page, rows):
    lines = [line for line in page.splitlines() if line.startswith("| can")]
    assert len(lines) == len(rows), "a row that the other tests do not see"
