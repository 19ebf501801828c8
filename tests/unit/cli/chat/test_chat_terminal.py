"""The line of the terminal, without a terminal: what stands in it when conversations change."""

from __future__ import annotations

from dataclasses import replace

from prompt_toolkit.application import create_app_session
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import DummyOutput

from p2pchat.cli.chat.model import Chat
from p2pchat.cli.chat.terminal import COMPOSED_AGAIN_S, Composed, NextWanted, Terminal
from tests.unit.cli.chat.values import BOB, LOUNGE, ME

CHAT = Chat(ME)


class Line:
    """What is typed, and what is told."""

    def __init__(self) -> None:
        self.told = []
        with create_app_session(output=DummyOutput()):
            self.terminal = Terminal(CHAT, self.told.append, "en")
        self.buffer = self.terminal._app.layout.current_buffer

    def go_on(self) -> None:
        bindings = self.terminal._app.key_bindings
        [binding] = bindings.get_bindings_for_keys((Keys.ControlN,))
        binding.handler(None)

    def show(self, chat: Chat) -> Chat:
        self.terminal.show(chat)
        self.terminal._take_up(chat)
        return chat


def test_a_draft_stands_before_what_was_typed_since():
    line = Line()
    line.buffer.insert_text("x")
    line.show(CHAT.opened(BOB, [], "dear all"))
    assert (line.buffer.text, line.buffer.cursor_position) == ("dear allx", 9)
    line.show(replace(CHAT.opened(BOB, [], "dear all"), progress="ready"))
    assert line.buffer.text == "dear allx", "once"
    line.go_on()
    assert line.told == [NextWanted("dear allx", BOB)]
    assert line.buffer.text == ""


def test_a_draft_that_was_not_shown_is_not_written_over():
    line = Line()
    line.go_on()
    line.buffer.insert_text("y")
    line.go_on()
    line.show(CHAT.turned("").opened(BOB, [], "of Bob"))
    assert line.told[1] == NextWanted("y", None)
    assert line.buffer.text == "", "the second turn leads elsewhere"
    line.show(CHAT.turned("").turned("").opened(LOUNGE, [], "of all"))
    assert line.buffer.text == "of all"
    line.go_on()
    assert line.told[2] == NextWanted("of all", LOUNGE)
    line.show(replace(CHAT, turns=2).turned("of all").opened(LOUNGE, [], "of all"))
    assert line.buffer.text == "of all", "there was nowhere else to go"


class Clock:
    """What the terminal takes from its event loop."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def time(self) -> float:
        return self.now_s


def test_that_something_is_being_written_is_told_now_and_then():
    line = Line()
    line.terminal._loop = clock = Clock()
    for letter in "hello":
        line.buffer.insert_text(letter)
    assert line.told == [Composed(True)]
    clock.now_s += COMPOSED_AGAIN_S
    line.buffer.insert_text("!")
    line.buffer.reset()
    line.buffer.insert_text("/open Bob")
    assert line.told == [Composed(True), Composed(True), Composed(False)], "a command is for nobody"


def test_a_draft_that_is_put_into_the_line_is_not_being_written():
    line = Line()
    line.terminal._loop = Clock()
    line.terminal._take_up(CHAT.opened(BOB, [], "dear all"))
    assert (line.buffer.text, line.told) == ("dear all", [])
