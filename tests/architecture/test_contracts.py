"""The rules that hold the layers apart, and the proof that each of them bites.

Imports are judged by import-linter (`make contracts`, configured in pyproject.toml); what it cannot
express is judged here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

CORE = tuple(
    f"p2pchat/{name}" for name in ("model/", "events.py", "wire/", "protocol/", "kad/", "gossip/")
)
ASYNC_ROOMS = (
    "p2pchat/node/",
    "p2pchat/monitoring/",
    "p2pchat/net/",
    "p2pchat/client/",
    "p2pchat/cli/",
    "p2pchat/testing/",
    "p2pchat/store/port.py",
    "p2pchat/store/worker.py",
    "p2pchat/portal/",
    "p2pchat/relay.py",
    "p2pchat/bootstrap.py",
    "p2pchat_qt/",
)
BROAD_EXCEPT_SEAMS = {
    "p2pchat/bootstrap.py": "the relay's main: one line for its operator instead of a traceback",
    "p2pchat/monitoring/http.py": "a page that fails must not end what it reports on",
    "p2pchat/net/libp2p/host.py": "keeps the caller's error bare, out of the nursery's group",
    "p2pchat/net/libp2p/serving.py": "the guard round a peer's stream: it never ends the node",
    "p2pchat/node/lifetime.py": "keeps the caller's error bare, out of the nursery's group",
    "p2pchat/portal/thread.py": "what a call raises is raised to who made it; the client goes on",
    "p2pchat/testing/hosts.py": "the same guard in the simulator",
    "p2pchat_qt/jobs.py": "a job of the window: its error is shown, the window stays",
}
"""Files where one handler may catch everything and end it there, with the reason."""

LAYERS_BY_VIOLATION = {
    # An import that must be refused, and the contract that refuses it.
    ("p2pchat/node/bad.py", "import p2pchat.client"): "Imports point down",
    ("p2pchat/store/bad.py", "import p2pchat.net"): "Imports point down",
    ("p2pchat/unplaced.py", ""): "Imports point down",
    ("p2pchat/kad/bad.py", "import trio"): "The core is pure",
    ("p2pchat/client/bad.py", "import libp2p"): "Only net/libp2p knows py-libp2p",
    ("p2pchat/net/bad.py", "import sqlalchemy"): "Only store knows SQLAlchemy",
    ("p2pchat/gossip/bad.py", "import google.protobuf"): "Only wire knows protobuf",
    ("p2pchat/cli/bad.py", "import PySide6"): "The library knows no window",
    ("p2pchat_qt/bad.py", "import p2pchat.node"): "The desktop client sees only",
}


def walk(files, kind) -> Iterator[tuple[str, ast.AST]]:
    """Every node of a kind, with where it stands."""
    for file in files:
        for node in ast.walk(file.tree):
            if isinstance(node, kind):
                yield f"{file.path}:{node.lineno}", node


def imported_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{name}" for name in names]
    return names


def lint_imports(config, directory) -> str:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--config", str(config), "--no-cache", "--no-logo"],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
    ).stdout


def broken_contracts(output: str) -> list[str]:
    return re.findall(r"^(.+) BROKEN", output, re.MULTILINE)


def copy_of_packages(product, directory) -> None:
    for file in product:
        copy = directory / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.raw)


def test_imports_keep_all_contracts(root):
    output = lint_imports(root / "pyproject.toml", root)
    assert "0 broken" in output, output


def test_each_contract_finds_its_violation(root, product, tmp_path):
    copy_of_packages(product, tmp_path)
    for path, line in LAYERS_BY_VIOLATION:
        (tmp_path / path).write_text(line + "\n")

    output = lint_imports(root / "pyproject.toml", tmp_path)

    broken = broken_contracts(output)
    unnoticed = [
        violation
        for violation, contract in LAYERS_BY_VIOLATION.items()
        if not any(name.startswith(contract) for name in broken)
        or violation[0].removesuffix(".py").replace("/", ".") not in output
    ]
    assert unnoticed == [], output


def test_the_core_knows_random_only_as_a_type(product):
    at_run_time = []
    for file in product:
        if not file.path.startswith(CORE):
            continue
        for node in file.tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            at_run_time += [
                f"{file.path}:{inner.lineno}"
                for inner in ast.walk(node)
                if isinstance(inner, ast.Import | ast.ImportFrom)
                and any(name.split(".")[0] == "random" for name in imported_names(inner))
            ]
    assert at_run_time == []


def test_our_generated_modules_are_imported_in_wire_alone(product):
    outside = [
        where
        for where, node in walk(product, ast.Import | ast.ImportFrom)
        if not where.startswith("p2pchat/wire/")
        and any(re.search(r"^p2pchat\b.*_pb2\b", name) for name in imported_names(node))
    ]
    assert outside == []


def test_async_functions_stand_only_where_something_waits(product):
    elsewhere = [
        where
        for where, _ in walk(product, ast.AsyncFunctionDef)
        if not where.startswith(ASYNC_ROOMS)
    ]
    assert elsewhere == []


def test_the_windows_models_and_view_models_know_no_widgets(product):
    widgets = re.compile(r"^PySide6\.(QtWidgets|QtQuick|QtQuickControls2)\b")
    knowing = [
        where
        for where, node in walk(product, ast.Import | ast.ImportFrom)
        if where.startswith(
            ("p2pchat_qt/models/", "p2pchat_qt/viewmodels/", "p2pchat_qt/session.py")
        )
        and any(widgets.match(name) for name in imported_names(node))
    ]
    assert knowing == []


def test_types_are_asked_by_isinstance_and_never_by_attribute_name(product):
    guesses = [
        where
        for where, node in walk(product, ast.Call)
        if isinstance(node.func, ast.Name)
        and (
            node.func.id == "hasattr"
            or (node.func.id == "getattr" and isinstance(node.args[1], ast.Constant))
        )
    ]
    assert guesses == []


def ends_everything(handler: ast.ExceptHandler) -> bool:
    """Whether it catches all exceptions and does not raise in the end."""
    if isinstance(handler.body[-1], ast.Raise):
        return False
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(name) in ("Exception", "BaseException") for name in caught)


def test_exceptions_of_all_kinds_end_only_at_the_seams(product):
    at_seams = Counter(
        where.split(":")[0]
        for where, node in walk(product, ast.ExceptHandler)
        if ends_everything(node)
    )
    assert at_seams <= Counter(BROAD_EXCEPT_SEAMS.keys())
