"""Which language, and that nothing is missing in it."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import chain

import pytest
from typer.core import TyperArgument, TyperOption
from typer.main import get_command

from p2pchat.cli import commands, keeping
from p2pchat.cli import doctor as checking
from p2pchat.cli.app import app
from p2pchat.cli.chinese import CHINESE
from p2pchat.cli.language import language_of, translate, translate_help
from p2pchat.model.contact import ContactState
from p2pchat.model.message import MessageState
from p2pchat.model.status import Health, Reachability
from p2pchat.protocol import doctor as rules
from p2pchat.protocol.remedies import REMEDIES


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ([], {"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        (["--language", "zh", "id"], {}, "zh"),
        (["id", "--language=en"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["--language", "xx"], {"LANG": "zh_CN.UTF-8"}, "zh"),
        (["--language"], {}, "en"),
    ],
)
def test_the_option_decides_before_the_locale(arguments, environment, language):
    assert language_of(arguments, environment) == language


def test_what_has_no_translation_stays_english():
    assert translate("no such sentence", "zh") == "no such sentence"


def test_examples_in_a_help_text_stay_as_they_are():
    text = "Print JSON\ninstead of sentences.\n\n\b\nExample:\n  p2pchat id --json"
    chinese = CHINESE["Print JSON instead of sentences."]
    assert translate_help(text, "zh") == f"{chinese}\n\n\b\nExample:\n  p2pchat id --json"
    assert translate_help(text, "en") == text


def help_paragraphs(command):
    for text in (command.help, *(p.help for p in command.params if is_documented(p))):
        for paragraph in (text or "").split("\n\n"):
            if paragraph and not paragraph.startswith("\b"):
                yield " ".join(paragraph.split())
    for each in getattr(command, "commands", {}).values():
        yield from help_paragraphs(each)


def is_documented(parameter):
    return isinstance(parameter, TyperOption | TyperArgument)


def nodes(module):
    return ast.walk(ast.parse(inspect.getsource(module)))


def said_by_commands():
    """The literal sentences that are given to `say` and `rows`."""
    for node in chain.from_iterable(map(nodes, (commands, keeping))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            place = {"say": 0, "rows": 1}.get(node.func.attr)
            if place is not None and isinstance(node.args[place], ast.Constant):
                yield node.args[place].value


def said_by_the_doctor():
    """The sentences of remedies, evidence, and the command: whatever has a blank or an end."""
    for remedy in REMEDIES.values():
        yield remedy.problem
        yield remedy.advice
    for module, makes in ((rules, "Saying"), (checking, "words")):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == makes:
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def test_every_word_of_the_doctor_is_there_in_chinese_with_the_same_blanks():
    said = set(said_by_the_doctor())
    assert len(said) > 60
    assert {text for text in said if text not in CHINESE} == set()
    for text in said:
        assert blanks(CHINESE[text]) == blanks(text)


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_every_help_text_and_every_sentence_is_there_in_chinese():
    words = {
        *help_paragraphs(get_command(app)),
        *said_by_commands(),
        *commands.HOW_FAR.values(),
        *MessageState,
        *Health,
        *Reachability,
        *(state for state in ContactState if state not in ("rejected", "blocked")),
    }
    assert len(words) > 50
    assert {text for text in words if text not in CHINESE} == set()


def test_translations_keep_their_blanks():
    for english, chinese in CHINESE.items():
        assert english.count("{") == chinese.count("{"), english
