"""docs/limits.md says of every limit what happens when it is reached."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

import pytest

from p2pchat.config.limits import FetchLimits, Limits, RelayLimits
from p2pchat.net.libp2p.options import HostLimits

ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
EVERY = pytest.mark.parametrize("limits", [Limits, RelayLimits, FetchLimits, HostLimits])


def documented(root, limits: type) -> dict[str, str]:
    """Default by name, from the table under the heading of the class."""
    text = (root / "docs/limits.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## `{limits.__name__}`\n")
    table, _, _ = section.partition("\n## ")
    return {name: default.strip() for name, default, _ in ROW.findall(table)}


@EVERY
def test_every_limit_has_a_row_with_its_default_and_every_row_a_limit(root, limits):
    defaults = limits()
    real = {field.name: f"{getattr(defaults, field.name):,}" for field in fields(limits)}
    assert documented(root, limits) == real


DECLARING = {"p2pchat/config/limits.py", "p2pchat/net/libp2p/options.py"}


@EVERY
def test_every_limit_is_read_by_the_product(product, limits):
    read = {
        node.attr
        for file in product
        if file.path not in DECLARING
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert {field.name for field in fields(limits)} - read == set()
