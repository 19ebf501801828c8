"""Every decoder of what comes from outside has an entry in `decoders.py`.

Two signs give a decoder away: its name, and a call into a parser of bytes or text. What bears a
sign and decodes nothing from outside stands in `EXCUSED`, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import p2pchat
from tests.fuzz.decoders import DECODERS

ROOT = Path(p2pchat.__file__).parent
LAYERS = ("wire", "net", "config", "model", "cli", "monitoring", "store")
NAME = re.compile(r"(decode|parse)(_\w+)?|read_\w+|load_\w+_config")
PARSERS = frozenset(
    {
        "FromString",
        "MergeFromString",
        "ParseFromString",
        "b58decode",
        "loads",
        "unhexlify",
        "unpack",
        "unpack_from",
        "urlsafe_b64decode",
    }
)
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
EXCUSED = {
    "net.libp2p.stock": "py-libp2p's own, switched off unless asked for",
    "net.libp2p.streams.read_some": "bytes as they are",
    "store.reading": "our own database, written by us and checked when it is opened",
    "store.restoring": "the same",
    "store.archiving": "the same",
    "store.room_rows": "the same",
    "store.reading_rows": "the same",
    "cli.methods.Methods.read_receipts": "a setting: what it takes is read with the method's name",
    "store.mail": "the same",
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if not path.name.endswith("_pb2.py"):
                module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                yield module, ast.parse(path.read_text(encoding="utf-8"))


def functions(node: ast.AST, prefix: str) -> Iterator[str]:
    """All functions and methods."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}.{child.name}")
        elif isinstance(child, FUNCTION):
            yield f"{prefix}.{child.name}"


def parses(tree: ast.Module) -> bool:
    """Whether a module calls a parser, or holds the base class of one that h11 drives."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return bool(attributes & PARSERS) or "h11" in imported


def covered() -> set[str]:
    """Everything with an entry: functions, and the modules that they are in."""
    names = {name for decoder in DECODERS.values() for name in decoder.covers}
    return names | {".".join(name.split(".")[:end]) for name in names for end in range(1, 9)}


def is_excused(name: str) -> bool:
    return any(f"{name}.".startswith(f"{excused}.") for excused in EXCUSED)


def test_every_function_that_is_named_as_a_decoder_has_a_fuzzer():
    every = {name for module, tree in trees() for name in functions(tree, module)}
    decoders = {name for name in every if NAME.fullmatch(name.rpartition(".")[2])}
    missing = {name for name in decoders - covered() if not is_excused(name)}
    assert not missing, "give each an entry in tests/fuzz/decoders.py"


def test_every_module_that_calls_a_parser_has_a_fuzzer():
    modules = {module for module, tree in trees() if parses(tree)}
    missing = {name for name in modules - covered() if not is_excused(name)}
    assert not missing, "give each an entry in tests/fuzz/decoders.py"


def test_what_is_said_to_be_covered_or_excused_exists():
    there = {module for module, _ in trees()}
    there |= {name for module, tree in trees() for name in functions(tree, module)}
    listed = {name for decoder in DECODERS.values() for name in decoder.covers}
    assert (listed | EXCUSED.keys()) <= there
