"""Whatever stands in a file, a change of it changes what it says and nothing else."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import edited_config

PATH = Path("/nowhere/config.toml")
ROOT = ("name", "fetch", "listen", "bootstrap_peers", "odd")
TABLES = {
    "lan": ("enabled", "secret", "allowed_subnets"),
    "dht": ("mode",),
    "mailboxes": ("relays",),
    "mailboxes.limits": ("boxes_max",),
    "mystery": ("what",),
}
KEYS = (*ROOT, *(f"{table}.{name}" for table, names in TABLES.items() for name in names))
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
ENTRIES = st.lists(st.sampled_from("abcdef"), max_size=4)
VALUES = st.one_of(WORDS, st.booleans(), st.integers(-9, 9), ENTRIES)


@dataclass(frozen=True)
class Part:
    """Lines of a file, and the key that they set; none is a comment, a blank line or a header."""

    key: str | None
    lines: tuple[str, ...]


def written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@st.composite
def parts(draw: st.DrawFn, prefix: str, names: tuple[str, ...]) -> list[Part]:
    out: list[Part] = []
    for n, name in enumerate(draw(st.permutations(names))[: draw(st.integers(0, len(names)))]):
        key = f"{prefix}{name}"
        if draw(st.booleans()):
            out.append(Part(None, draw(st.sampled_from([("",), (f"# of {key}",)]))))
        value = draw(VALUES)
        comment = draw(st.sampled_from(["", f"  # kept {n}"]))
        if isinstance(value, list) and draw(st.booleans()):
            entries = (f"    {written(each)},  # {key} {at}" for at, each in enumerate(value))
            out.append(Part(key, (f"{name} = [", *entries, f"]{comment}")))
        else:
            out.append(Part(key, (f"{name} = {written(value)}{comment}",)))
    return out


@st.composite
def files(draw: st.DrawFn) -> list[Part]:
    out = draw(parts("", ROOT))
    for table in draw(st.permutations(list(TABLES)))[: draw(st.integers(0, len(TABLES)))]:
        out.append(Part(None, (f"[{table}]", f"# in {table}")))
        out += draw(parts(f"{table}.", TABLES[table]))
    return out


def changed(plain: dict, changes: dict[str, object]) -> dict:
    for key, value in changes.items():
        *above, name = key.split(".")
        table = plain
        for each in above:
            table = table.setdefault(each, {}) if value is not None else table.get(each, {})
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return plain


@given(files(), st.dictionaries(st.sampled_from(KEYS), st.none() | VALUES, max_size=4))
def test_what_was_changed_is_said_and_every_other_line_stays(file, changes):
    text = "\n".join(line for part in file for line in part.lines)
    out = edited_config(text, changes, PATH)
    assert tomllib.loads(out) == changed(tomllib.loads(text), changes)
    lines = iter(out.split("\n"))
    for part in file:
        if part.key not in changes:
            assert all(line in lines for line in part.lines), part


@given(st.sampled_from(["bootstrap_peers", "lan.allowed_subnets"]), ENTRIES, ENTRIES)
def test_an_entry_that_stays_in_a_list_keeps_its_line(key, before, more):
    before, more = dict.fromkeys(before), dict.fromkeys(more)
    table, _, name = key.rpartition(".")
    entries = "".join(f'    "{each}",  # entry {each}\n' for each in before)
    text = f"[{table}]\n" * bool(table) + f"{name} = [\n{entries}]\n"
    stay = [each for each in before if each not in more]
    after = stay + [each for each in more if each not in before]
    out = edited_config(text, {key: after}, PATH)
    for each in before:
        assert (f'    "{each}",  # entry {each}' in out.split("\n")) is (each in after)
