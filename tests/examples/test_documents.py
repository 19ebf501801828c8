"""The Python code in the documents compiles, and the names it uses are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import p2pchat

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}-{number}")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_code_in_a_document_compiles_and_names_what_exists(block):
    tree = compile(block, "document", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "p2pchat"
    }
    assert used <= set(p2pchat.__all__)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "p2pchat"
        for alias in node.names
    }
    assert imported <= set(p2pchat.__all__)


def test_documents_hold_code():
    assert len(BLOCKS) >= 4
