"""docs/limits.md says of every limit what happens when it is reached."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import PurePosixPath

import pytest

from p2pchat.config.limits import FetchLimits, Limits, MailboxLimits, RelayLimits
from p2pchat.gossip.config import GossipConfig
from p2pchat.kad.config import KadConfig
from p2pchat.net.libp2p.options import CircuitLimits, HostLimits
from p2pchat.net.libp2p.yamux_session import YamuxLimits
from p2pchat.protocol.pace import Rate
from tests.architecture.conftest import SourceFile
from tests.architecture.limits_reached import NOT_REACHED, NOT_REACHED_MAX, REACHED

ROW = re.compile(r"^\| `([\w.]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
SETTINGS = (
    Limits,
    RelayLimits,
    MailboxLimits,
    FetchLimits,
    HostLimits,
    YamuxLimits,
    CircuitLimits,
    KadConfig,
    GossipConfig,
)
PACKAGES = (
    "model",
    "wire",
    "protocol",
    "kad",
    "gossip",
    "net",
    "net.libp2p",
    "crypto",
    "store",
    "node",
    "monitoring",
    "cli.chat",
    "portal",
)
BOUND = re.compile(r"\w+\.[A-Z][A-Z0-9_]*(_MAX|_TIMEOUT_S)")
"""What must have a row, and rates; other constants may."""
WORD = re.compile(r"\w+")


def documented(root, heading: str) -> dict[str, str]:
    """Value by name, from the table under a heading."""
    text = (root / "docs/limits.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## `{heading}`\n")
    table, _, _ = section.partition("\n## ")
    return {name: value.strip() for name, value, _ in ROW.findall(table)}


def written(value: object) -> str:
    """As the tables write it."""
    match value:
        case Rate(per_s, burst):
            return f"{per_s:,} a second, {burst:,} at once"
        case bool():
            return str(value)
        case _:
            return f"{value:,}"


@pytest.mark.parametrize("limits", SETTINGS)
def test_every_limit_has_a_row_with_its_default_and_every_row_a_limit(root, limits):
    defaults = limits()
    real = {field.name: written(getattr(defaults, field.name)) for field in fields(limits)}
    assert documented(root, limits.__name__) == real


def constants(product, package: str) -> Iterator[tuple[str, object]]:
    """The numbers and rates that modules of a package bind, as `module.NAME`."""
    folder = PurePosixPath("p2pchat", *package.split("."))
    for file in product:
        path = PurePosixPath(file.path)
        if path.parent == folder:
            module = import_module(".".join(path.with_suffix("").parts))
            for name in bound_names(file.tree):
                value = getattr(module, name)
                if isinstance(value, int | float | Rate):
                    yield f"{path.stem}.{name}", value


def is_bound(name: str, value: object) -> bool:
    return isinstance(value, Rate) or BOUND.fullmatch(name) is not None


def bound_names(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_constant_that_bounds_something_has_a_row_with_its_value(root, product, package):
    found = dict(constants(product, package))
    real = {name: written(value) for name, value in found.items()}
    rows = documented(root, f"p2pchat.{package}")
    bounds = {name for name in found if is_bound(name, found[name])}
    assert bounds - rows.keys() == set(), "say in docs/limits.md what happens when it is reached"
    assert rows == {name: real.get(name) for name in rows}


def test_no_table_is_missing(root):
    text = (root / "docs/limits.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## `([\w.]+)`$", text, re.MULTILINE)
    tables = {limits.__name__ for limits in SETTINGS} | {f"p2pchat.{name}" for name in PACKAGES}
    assert set(headings) <= tables
    assert tables - set(headings) == {"p2pchat.gossip"}, "its bounds are those of GossipConfig"


# Every limit is reached by a test


@pytest.fixture(scope="module")
def rows(root) -> set[str]:
    """All limits, as `Settings.name` or `package.module.NAME`."""
    headings = [limits.__name__ for limits in SETTINGS]
    headings += [f"p2pchat.{package}" for package in PACKAGES]
    return {
        f"{heading.removeprefix('p2pchat.')}.{name}"
        for heading in headings
        for name in documented(root, heading)
    }


@pytest.fixture(scope="module")
def test_files(python_files) -> dict[str, SourceFile]:
    """What may reach a limit."""
    return {
        file.path: file
        for file in python_files
        if file.path.startswith("tests/") and not file.path.startswith("tests/architecture/")
    }


@pytest.fixture(scope="module")
def unnamed(rows, test_files) -> set[str]:
    """The limits whose name no test says; where constants of several modules bear it, no test that
    says the module's, too."""
    by_file = [set(WORD.findall(file.text)) for file in test_files.values()]
    bearers = Counter(row.rpartition(".")[2] for row in rows)

    def is_named(row: str) -> bool:
        place, _, name = row.rpartition(".")
        is_alone = bearers[name] == 1 or name.islower()
        said = {name} if is_alone else {name, place.rpartition(".")[2]}
        return any(said <= words for words in by_file)

    return {row for row in rows if not is_named(row)}


def test_every_limit_is_reached_by_a_test_or_excused(unnamed):
    excused = REACHED.keys() | NOT_REACHED.keys()
    assert unnamed - excused == set(), "name it in a test of it, or say which test reaches it"
    assert excused - unnamed == set(), "a test names it by now: take it out of the table"
    assert REACHED.keys() & NOT_REACHED.keys() == set()


def test_the_limits_that_no_test_reaches_grow_no_more():
    assert len(NOT_REACHED) == NOT_REACHED_MAX, "lower the number with them"


@pytest.mark.parametrize("test", sorted(set(REACHED.values())))
def test_every_test_that_is_said_to_reach_a_limit_exists(test, test_files):
    path, _, name = test.partition("::")
    tree = test_files[path].tree
    functions = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in functions
