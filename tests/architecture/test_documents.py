"""What documents tell people to type exists, and where they point to is something."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from p2pchat import bootstrap
from p2pchat.cli import app
from p2pchat.model.diagnosis import Cause
from p2pchat.model.explanation import MessageCause

PROGRAMS = {
    "p2pchat": get_command(app.app),
    "python -m p2pchat.bootstrap": get_command(bootstrap.app),
}
TYPED = re.compile(
    r"^(?:    | *\w+\$ |.* \| )(?:\.venv/bin/)?(p2pchat|python -m p2pchat\.bootstrap) (.*)$",
    re.MULTILINE,
)
LINK = re.compile(r"\]\(([^)\s:]*?)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


PAGES = ("README.md", "docs/operate-a-relay.md", "docs/topologies.md")


def guides(tracked):
    return [file for file in tracked if file.path in PAGES or file.path.startswith("docs/guides/")]


def check(program: str, arguments: list[str]) -> None:
    """Parse a command line as the program does, without running it; raises what it would."""
    command = PROGRAMS[program]
    context = command.make_context(program, arguments)
    while isinstance(command, TyperGroup):
        rest = [*context._protected_args, *context.args]  # how a group runs its command
        if not rest and command.invoke_without_command:
            return
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def test_commands_in_guides_exist(tracked):
    typed = [
        (program, shlex.split(line, comments=True))
        for file in guides(tracked)
        for program, line in TYPED.findall(file.text)
    ]
    assert len(typed) > 20
    for program, arguments in typed:
        check(program, arguments)


BARE = re.compile(r"^(?:    | *\w+\$ )?p2pchat ", re.MULTILINE)


def test_pages_that_show_the_bare_command_say_how_it_is_found(tracked):
    pages = [file for file in tracked if file.path.startswith("docs/") and BARE.search(file.text)]
    pages = [file for file in pages if file.path.endswith(".md") and file.path != "docs/api.md"]
    assert len(pages) > 5
    told = "`p2pchat` is `.venv/bin/p2pchat`"
    assert [file.path for file in pages if told not in file.text] == []
    readme = next(file for file in tracked if file.path == "README.md")
    assert 'export PATH="$PWD/.venv/bin:$PATH"' in readme.text


@pytest.mark.parametrize("line", ["contacts befriend x", "send Bob", "id --nonsense"])
def test_commands_that_do_not_exist_are_found(line):
    with pytest.raises(Exception, match=r"befriend|text|nonsense"):
        check("p2pchat", line.split())


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_anchors_in_documents_exist(root, tracked):
    dead = []
    for file in tracked:
        if not file.path.endswith(".md"):
            continue
        for target, anchor in LINK.findall(file.text):
            path = (root / file.path).parent / target if target else root / file.path
            headings = HEADING.findall(path.read_text(encoding="utf-8"))
            if anchor not in map(slug, headings):
                dead.append(f"{file.path}: {target}#{anchor}")
    assert dead == []


def test_every_finding_of_the_doctor_has_its_row(root):
    text = (root / "docs/doctor.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]*\(`(\w+)`\) \| \S[^|]+ \|$", text, re.MULTILINE)
    assert sorted(rows) == sorted(Cause)


def test_every_cause_of_a_message_has_its_row(root):
    text = (root / "docs/explain.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \| \S[^|]+ \|$", text, re.MULTILINE)
    named = [name.strip("` ") for row in rows for name in row.split(",")]
    assert sorted(named) == sorted(MessageCause)


def test_indexes_lead_to_every_page(tracked):
    index = {
        file.path.rpartition("/")[0]: file.text
        for file in tracked
        if file.path in ("docs/index.md", "docs/protocols/index.md")
    }
    pages = [file.path for file in tracked if re.fullmatch(r"docs/\w+/.+\.md", file.path)]
    unreachable = [
        path
        for path in pages
        if f"]({path.rpartition('/')[2]})" not in index.get(path.rpartition("/")[0], "")
        and f"]({path.removeprefix('docs/')})" not in index["docs"]
    ]
    assert unreachable == []
