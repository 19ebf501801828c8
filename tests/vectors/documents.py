"""The parts of docs/protocols that are made from the code: examples, and diagrams of states.

A document marks such a part by two comments and says what belongs there:

    <!-- made: example hello -->
    <!-- end -->

`python -m tests.vectors.documents` writes all of them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from p2pchat.protocol import contacts, peering, recipient
from tests.vectors import examples as examples  # they enter themselves
from tests.vectors import room_examples as room_examples
from tests.vectors.example import EXAMPLES, Example
from tests.vectors.layout import render

FOLDER = Path(__file__).parents[2] / "docs/protocols"
MADE = re.compile(r"<!-- made: (\w+) ([\w ]+?) -->\n(.*?)<!-- end -->", re.DOTALL)

Transitions = Mapping[tuple[Enum | None, Enum], Enum]

STATES: dict[str, Transitions] = {
    "contact": contacts.TRANSITIONS,
    "recipient": recipient.TRANSITIONS,
    "peer": peering.TRANSITIONS,
}


def made_anew(text: str) -> str:
    """A document with all its made parts as the code would have them."""
    return MADE.sub(lambda found: _part(found[1], found[2]), text)


def _part(kind: str, name: str) -> str:
    body = MAKERS[kind](name)
    return f"<!-- made: {kind} {name} -->\n{body}\n<!-- end -->"


def _example(name: str) -> str:
    example = EXAMPLES[name]()
    return f"```{'hex' if example.parts else 'text'}\n{_body(example)}\n```"


def _body(example: Example) -> str:
    if example.parts:
        return render(example.parts)
    values = example.values or {}
    width = max(map(len, values))
    return "\n".join(f"{label:{width}}  {value}" for label, value in values.items())


def _states(name: str) -> str:
    """A Mermaid diagram; arrows that share both ends share a label. Where nothing is said of how
    it begins, it begins with the first state."""
    labels: dict[tuple[str, str], list[str]] = {}
    for (before, turn), after in STATES[name].items():
        ends = (_word(before) if before else "[*]", _word(after))
        labels.setdefault(ends, []).append(_word(turn))
    arrows = [
        f"    {before} --> {after}: {', '.join(turns)}" for (before, after), turns in labels.items()
    ]
    if not any(before is None for before, _ in STATES[name]):
        first = next(iter(type(next(iter(STATES[name].values())))))
        arrows.insert(0, f"    [*] --> {_word(first)}")
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def _word(state: Enum) -> str:
    return state.name.lower()


MAKERS: dict[str, Callable[[str], str]] = {"example": _example, "states": _states}


def main() -> None:
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(made_anew(text), encoding="utf-8")


if __name__ == "__main__":
    main()
