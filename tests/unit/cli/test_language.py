"""Which language, and that nothing is missing in it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from typer.core import TyperArgument, TyperOption
from typer.main import get_command
from typer.testing import CliRunner

import p2pchat
from p2pchat import errors
from p2pchat.cli import acquainting, admitting, commands, gathering, inviting
from p2pchat.cli import doctor as checking
from p2pchat.cli.app import app
from p2pchat.cli.chat.typed import COMMANDS
from p2pchat.cli.chinese import CHINESE
from p2pchat.cli.chinese_errors import CHINESE_ERRORS, error_in_chinese
from p2pchat.cli.failing import complain_in, run
from p2pchat.cli.language import language_of, translate, translate_error, translate_help
from p2pchat.model.contact import ContactState
from p2pchat.model.facts import Outcome
from p2pchat.model.message import MessageState
from p2pchat.model.room import Role
from p2pchat.model.status import Health, Reachability
from p2pchat.portal import worded
from p2pchat.protocol import doctor as rules
from p2pchat.protocol import explaining
from p2pchat.protocol.causes import SENTENCES
from p2pchat.protocol.joining import REFUSALS
from p2pchat.protocol.remedies import REMEDIES

SHOWN = ("asked", "request", "accepted")
"""States of contacts that stand in lists."""


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


PRODUCT = Path(p2pchat.__file__).parent
SENTENCE_AT = {
    "say": 0,
    "murmur": 0,
    "rows": 1,
    "words": 0,
    "patience": 1,
    "translate": 0,
    "_say": 0,
    "_words": 0,
    "_show": 1,
    "Mistake": 0,
}
"""Which argument of a call is said."""


def files(*patterns):
    return [file for pattern in patterns for file in sorted(PRODUCT.glob(pattern))]


def constants(tree):
    """The texts that a module binds."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(text))):
                yield name, text
            case _:
                pass


def said_by_commands():
    """The sentences that are given to what says them, in all modules of the command line."""
    for file in files("cli/*.py", "cli/chat/*.py"):
        tree = ast.parse(file.read_text())
        bound = dict(constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                place = SENTENCE_AT.get(ast.unparse(node.func).rpartition(".")[2])
                given = node.args[place] if place is not None and len(node.args) > place else None
                match given:
                    case ast.Constant(str(text)) if text.strip("{}") not in ("", "number"):
                        yield text
                    case ast.Name(name) if name in bound:
                        yield bound[name]
                    case _:
                        pass


REFUSING = (
    *(f"client/{name}.py" for name in ("avatars", "client", "devices", "handles", "people")),
    *(f"client/{name}.py" for name in ("inviting", "profiles", "rooms", "trusting")),
    *(f"protocol/{name}.py" for name in ("blocking", "chat", "comparing", "contacts", "invited")),
    *(f"protocol/{name}.py" for name in ("introductions", "joining", "own_devices")),
    *(f"protocol/{name}.py" for name in ("rooms", "trust")),
    *(f"store/{name}.py" for name in ("driver", "files", "home", "key_file", "migrating")),
    *(f"store/{name}.py" for name in ("opening", "reading")),
    *("crypto/keyring.py", "node/calls.py", "node/deliveries.py", "wire/verification.py"),
    *("cli/commands.py", "cli/comparing.py", "cli/finding.py", "cli/gathering.py"),
    *("cli/inviting.py", "wire/invite_links.py"),
    *("cli/keeping.py", "cli/passphrases.py", "cli/settings.py", "cli/trusting.py"),
)
"""Whose errors people meet who type commands."""
NOT_TOLD = ("WrongKey", "ConfigError")
"""Completed with a file or a key before they are told."""


def refusals():
    """What errors say, with X for each blank."""
    for file in files(*REFUSING):
        tree = ast.parse(file.read_text())
        bound = dict(constants(tree))
        for node in ast.walk(tree):
            match node:
                case ast.Call(ast.Name(kind), [ast.Constant(str(text)), *_]) if is_local(kind):
                    yield text
                case ast.Call(ast.Name(kind), [ast.Name(name)]) if is_local(kind) and name in bound:
                    yield bound[name]
                case ast.Call(ast.Name(kind), [ast.JoinedStr(parts), *_]) if is_local(kind):
                    yield "".join(text_of(part) for part in parts)
                case _:
                    pass


def is_local(kind):
    error = getattr(errors, kind, None)
    is_error = isinstance(error, type) and issubclass(error, errors.P2PChatError)
    return is_error and kind not in NOT_TOLD and not issubclass(error, errors.RemoteProtocolError)


def text_of(part):
    return part.value if isinstance(part, ast.Constant) else "X"


def test_every_error_that_somebody_meets_is_there_in_chinese():
    said = set(refusals())
    assert len(said) > 80
    assert {text for text in said if error_in_chinese(text) == text} == set()


SETTING = (
    *(f"config/{name}.py" for name in ("addresses", "changes", "editing", "fetch_url", "lan")),
    *(f"config/{name}.py" for name in ("loading", "mailboxes", "settings")),
    *("net/interfaces.py", "net/lan.py"),
)
"""Who says that a setting is wrong."""
EXPLAINING = ("hint", "message", "_UNREADABLE")


def said_of_settings():
    """What is wrong with a setting, with X for each blank: without its key."""
    for file in files(*SETTING):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(ast.Name("ConfigError"), [_, said, *_]):
                    yield said
                case ast.Call(ast.Name("ValueError"), [said]):
                    yield said
                case ast.Assign([ast.Name(name)], said) if name in EXPLAINING:
                    yield said
                case ast.FunctionDef("_explain"):
                    yield from (e.value for e in ast.walk(node) if isinstance(e, ast.Return))
                case _:
                    pass


def test_what_is_wrong_with_a_setting_is_said_in_chinese_with_and_without_its_key():
    said = set[str]()
    for each in said_of_settings():
        if isinstance(each, ast.Constant):
            said.add(each.value)
        elif isinstance(each, ast.JoinedStr):
            said.add("".join(text_of(part) for part in each.values))
    assert len(said) > 50
    assert {text for text in said if worded(text, "zh") == text} == set()
    for text in said:
        assert worded(f"lan.key: {text}", "zh").startswith("lan.key：")
        assert error_in_chinese(f"lan.key: {text}").startswith("lan.key：")


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


def said_of_messages():
    yield from SENTENCES.values()
    for node in ast.walk(ast.parse(inspect.getsource(explaining))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Saying", "_said"):
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_every_word_about_a_message_is_there_in_chinese_with_the_same_blanks():
    said = set(said_of_messages())
    assert len(said) > 50
    assert {text for text in said if text not in CHINESE} == set()
    for text in (*said, *Outcome):
        assert blanks(CHINESE.get(text, text)) == blanks(text)


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_why_nobody_lets_us_in_is_said_in_chinese():
    for text in REFUSALS.values():
        assert error_in_chinese(text) != text


def test_every_help_text_and_every_sentence_is_there_in_chinese():
    words = {
        *help_paragraphs(get_command(app)),
        *said_by_commands(),
        *commands.HOW_FAR.values(),
        *commands.ODD_NAMES.values(),
        gathering.ODD_ROOM,
        *gathering.KINDS.values(),
        *Role,
        inviting.SURE,
        *acquainting.STAGES.values(),
        *admitting.WHOSE.values(),
        *(usage.purpose for usage in COMMANDS.values()),
        commands.OWN_ODD_NAME,
        *MessageState,
        *Health,
        *Reachability,
        *(state for state in ContactState if state in SHOWN),
    }
    assert len(words) > 50
    assert {text for text in words if text not in CHINESE} == set()


def test_translations_keep_their_blanks():
    for english, chinese in CHINESE.items():
        assert english.count("{") == chinese.count("{"), english


def test_errors_that_people_meet_are_told_in_their_language(tmp_path):
    """As they are raised: a template that nobody's message fits any more is found here."""
    home = ["--home", str(tmp_path)]
    cases = {
        ("init",): "中已有身份",
        ("history", "nobody"): "没有名为 'nobody' 的联系人",
        ("rooms", "members", "nowhere"): "你不在房间 'nowhere' 中",
        ("rooms", "accept", "nowhere"): "没有名为 'nowhere' 的房间在等你答复",
        ("rooms", "create", "Crew", "--owner", "nobody"): "没有进行任何操作",
        ("rooms", "create", "Crew", "--history", "some"): "房间历史只能是",
        ("contacts", "remove", "nobody"): "没有名为 'nobody' 的联系人",
        ("contacts", "accept", "nobody"): "没有来自账号 'nobody' 的请求",
        ("--lan-secret-file", str(tmp_path / "secret"), "id"): "需与 --lan 一起使用",
    }
    (tmp_path / "secret").write_text("sesame")
    assert CliRunner().invoke(app, [*home, "init"]).exit_code == 0
    for words, told in cases.items():
        ended = CliRunner().invoke(app, [*home, "--language", "zh", "--no-fetch", *words])
        assert told in ended.stderr
    assert translate_error("no template fits", "zh") == "no template fits"
    for english, chinese in CHINESE_ERRORS.items():
        assert blanks(chinese) == blanks(english)
        assert error_in_chinese(english) == chinese


def test_a_system_that_refuses_is_told_in_chinese(capsys):
    async def main():
        raise OSError(5, "broken")

    assert run("p2pchat", main, complain_in("zh")) == 1
    assert capsys.readouterr().err == "p2pchat: 系统拒绝：[Errno 5] broken\n"


REFUSED_LINKS = {
    "https://example.org": ("one begins with dchat://u/", "不是联系链接"),
    "dchat://j/abc": ("an invitation to a room", "房间邀请"),
    "d\u0441hat://u/abc": ("characters that no link has", "不会出现的字符"),
    "dchat://u/\u202eabc": ("characters that no link has", "不会出现的字符"),
    "dchat://u/abcd": ("damaged or cut short", "已损坏或不完整"),
    "dchat://u/" + "A" * 3_000: ("longer than 2048", "超过 2048"),
}


@pytest.mark.parametrize("link", REFUSED_LINKS)
def test_a_link_that_is_none_is_refused_in_one_clear_line(link: str, tmp_path):
    assert CliRunner().invoke(app, ["--home", str(tmp_path), "init"]).exit_code == 0
    for language, told in zip(("en", "zh"), REFUSED_LINKS[link], strict=True):
        words = ("--home", str(tmp_path), "--language", language, "--no-fetch")
        ended = CliRunner().invoke(app, [*words, "contacts", "look", link])
        assert ended.exit_code == 1
        [line] = ended.stderr.splitlines()
        assert told in line


@pytest.mark.parametrize("name", ["Bo\u0007b", "\u202eboB", "B\u200bob", "", "B" * 65])
def test_a_name_that_hides_something_is_refused_in_one_clear_line(name: str, tmp_path):
    for language, told in (("en", "visible characters"), ("zh", "可见字符")):
        words = ("--home", str(tmp_path), "--language", language, "init", "--name", name)
        ended = CliRunner().invoke(app, words)
        assert ended.exit_code == 2
        [line] = ended.stderr.splitlines()
        assert told in line
