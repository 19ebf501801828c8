"""What is meant by what was typed, and how it may go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.cli.chat.model import Chat, Place
from p2pchat.cli.chat.typed import COMMANDS, Do, Mistake, Say, Verb, candidates, parse
from tests.unit.cli.chat.values import BOB, LOUNGE, ME, message

CHAT = replace(
    Chat(ME).listing(
        [
            Place(BOB, "Bob", "contact"),
            Place(LOUNGE, "book club", "public"),
            Place(LOUNGE, "王小明", "asked"),
        ]
    ),
    requests=("z6MkAnn", "Crew"),
    messages=(message("my words", author=ME), message("theirs")),
)

MEANT = {
    "": None,
    "   ": None,
    "hello": Say("hello"),
    " /help": Say(" /help"),
    "你好 🎉": Say("你好 🎉"),
    "//path": Say("/path"),
    "/help": Do(Verb.HELP),
    "/HELP": Do(Verb.HELP),
    "/help me": Do(Verb.HELP, "me"),
    "/open Bob": Do(Verb.OPEN, "Bob"),
    "/open  kitchen table ": Do(Verb.OPEN, "kitchen table"),
}


@pytest.mark.parametrize("line", MEANT, ids=repr)
def test_a_line_is_a_text_or_a_command(line):
    assert parse(line) == MEANT[line]


@pytest.mark.parametrize("line", ["/", "/nonsense", "/etc/passwd", "/ help"])
def test_what_is_no_command_is_said_and_not_sent(line):
    assert isinstance(parse(line), Mistake)


@pytest.mark.parametrize("verb", Verb)
def test_a_command_that_needs_something_says_what(verb):
    usage = COMMANDS[verb]
    alone = parse(f"/{verb}")
    if usage.argument:
        assert alone.values == (("word", verb), ("argument", usage.argument))
        assert parse(f"/{verb} x") == Do(verb, "x")
    else:
        assert alone == Do(verb)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("", []),
        ("hello /", []),
        ("/h", ["/help"]),
        ("/re", ["/requests", "/reply ", "/react ", "/reject ", "/rename "]),
        ("/react 👎", ["/react 👎"]),
        ("/edit ", ["/edit my words"]),
        ("/edit my", ["/edit my words"]),
        ("/edit other", []),
        ("/open b", ["/open Bob", "/open book club"]),
        ("/open BOO", ["/open book club"]),
        ("/open 王", ["/open 王小明"]),
        ("/admit ", ["/admit Bob"]),
        ("/accept z6", ["/accept z6MkAnn"]),
        ("/reject c", ["/reject Crew"]),
        ("/add b", []),
        ("/nonsense b", []),
    ],
)
def test_commands_and_names_are_completed(typed, completed):
    found = [typed[: len(typed) - replaced] + text for text, replaced in candidates(typed, CHAT)]
    assert found == completed
