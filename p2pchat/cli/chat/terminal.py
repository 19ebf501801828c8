"""The terminal: prompt_toolkit draws the chat, and tells what is typed.

It has an event loop of its own in a thread of its own, since it is built on asyncio and everything
else on trio. What crosses over is immutable: a `Chat` to be shown, one way, and what was typed, the
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Float,
    FloatContainer,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    VSplit,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.styles import Style

from p2pchat.cli.chat.model import Chat
from p2pchat.cli.chat.typed import candidates
from p2pchat.cli.chat.view import Line, bar, body, depth, side
from p2pchat.cli.language import Language
from p2pchat.model.ids import ConversationId

__all__ = ["Composed", "Ended", "Input", "Marked", "NextWanted", "Paged", "Terminal", "Typed"]

SIDE_COLUMNS = 24
WIDE_COLUMNS = 64
"""From so many columns on there is room for the list of conversations."""
PAGES_COUNTED = 3
"""Upwards from the lowest line in sight: who leans on the key is ahead of what is drawn."""
RESIZE_POLL_S = 0.5
COMPOSED_AGAIN_S = 2.0
"""Who goes on writing is told of no more often: what waits is bounded, and lines matter more."""

STYLE = Style.from_dict(
    {
        "open": "bold",
        "unread": "bold ansiyellow",
        "own": "ansigreen",
        "other": "ansicyan",
        "note": "ansiyellow",
        "alarm": "bold ansired",
        "marked": "reverse",
        "reactions": "ansimagenta",
        "rule": "ansibrightblack",
        "bar": "reverse",
    }
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A line, ended with Enter."""

    line: str


@dataclass(frozen=True, slots=True)
class Paged:
    """A page up (1) or down (-1), of so many rows, where at least so many lines are known."""

    direction: int
    height: int
    lines: int


@dataclass(frozen=True, slots=True)
class Marked:
    """The message above (1) or below (-1) is meant; none at all (0)."""

    direction: int


@dataclass(frozen=True, slots=True)
class NextWanted:
    """The next unread conversation shall be opened; what was typed so far waits."""

    typed: str = ""
    of: ConversationId | None = None
    """The conversation whose draft the line began with; None when none was put there yet."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Ctrl-D, or Ctrl-C on an empty line; or the terminal is gone, whatever was typed."""

    typed: str = ""
    of: ConversationId | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """Something for others is being written, or no more."""

    is_writing: bool


Input = Typed | Composed | Paged | Marked | NextWanted | Ended


class _Drawn(UIControl):
    """Lines that depend on how much room there is; it knows how much there was last."""

    def __init__(self, draw: Callable[[int, int], list[Line]]) -> None:
        self._draw = draw
        self.size = 80, 24

    def create_content(self, width: int, height: int) -> UIContent:
        self.size = width, height
        lines: list[StyleAndTextTuples] = [list(line) for line in self._draw(width, height)]
        return UIContent(get_line=lines.__getitem__, line_count=len(lines), show_cursor=False)


class _Names(Completer):
    """Commands, and the names that they take."""

    def __init__(self, chat: Callable[[], Chat]) -> None:
        self._chat = chat

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        for text, replaced in candidates(document.text_before_cursor, self._chat()):
            yield Completion(text, start_position=-replaced)


class Terminal:
    """One screen, from `run` until `stop`."""

    def __init__(self, chat: Chat, tell: Callable[[Input], None], language: Language) -> None:
        """`tell` is called in the terminal's thread."""
        self._chat = chat
        self._tell = tell
        self._language: Language = language
        self._body = _Drawn(lambda width, height: body(self._chat, width, height, language))
        self._app = self._application()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopped = False
        self._turns = 0
        """How often Ctrl-N was pressed."""
        self._composed_s = 0.0
        """When it was last told that something is being written; 0 when nothing is."""
        self._line_of: tuple[ConversationId | None, int] = (None, 0)
        """The conversation that the line is for, and after how many turns."""

    def show(self, chat: Chat) -> None:
        """Draw this from now on; from any thread."""
        is_another = (chat.open, chat.turns) != (self._chat.open, self._chat.turns)
        self._chat = chat
        if is_another and self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._take_up, chat)
        self._app.invalidate()

    def _take_up(self, chat: Chat) -> None:
        """What was begun to be written stands before what was typed since; unless Ctrl-N was
        pressed again, which leads elsewhere."""
        typed, place = self._app.layout.current_buffer, (chat.open, chat.turns)
        if typed is None or chat.turns != self._turns or place == self._line_of:
            return
        self._line_of = place
        self._composed_s = self._now_s  # a draft was written before
        text, at = chat.draft + typed.text, len(chat.draft) + typed.cursor_position
        typed.document = Document(text, at)

    def _typed(self) -> tuple[str, ConversationId | None]:
        """What stands in the line, and for which conversation."""
        typed, (place, turns) = self._app.layout.current_buffer, self._line_of
        return typed.text if typed is not None else "", place if turns == self._turns else None

    def run(self) -> None:
        """Have the terminal until `stop`; blocks this thread, and leaves it as it was."""
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._is_stopped:
            return
        self._take_up(self._chat)
        try:
            await self._app.run_async(handle_sigint=False)
        except EOFError:
            self._tell(Ended(*self._typed()))  # whoever held the other end of the terminal has gone

    def stop(self) -> None:
        """Give the terminal back, or do not take it at all; from any thread, once."""
        self._is_stopped = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        if self._app.is_running:
            self._app.exit()

    def _application(self) -> Application[None]:
        typed = Buffer(
            completer=_Names(lambda: self._chat),
            complete_while_typing=False,
            multiline=False,
            accept_handler=self._accept,
            on_text_changed=self._changed,
        )
        lists = _Drawn(lambda width, height: side(self._chat, width)[:height])
        state = _Drawn(lambda width, height: [bar(self._chat, width, self._language)])
        aside = VSplit([Window(lists, width=SIDE_COLUMNS), Window(width=1, char="│")])
        has_room = Condition(
            lambda: (
                self._app.output.get_size().columns >= WIDE_COLUMNS
                and bool(self._chat.places)
                and not self._chat.shows_link
            )
        )
        field = Window(BufferControl(typed, input_processors=[BeforeInput("> ")]), height=1)
        screen = HSplit(
            [
                VSplit([ConditionalContainer(aside, has_room), Window(self._body)]),
                Window(state, height=1),
                field,
            ]
        )
        menu = Float(CompletionsMenu(max_height=8), xcursor=True, ycursor=True)
        return Application(
            layout=Layout(FloatContainer(screen, [menu]), focused_element=field),
            key_bindings=self._keys(typed),
            style=STYLE,
            full_screen=True,
            terminal_size_polling_interval=RESIZE_POLL_S,
        )

    @property
    def _now_s(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    def _changed(self, typed: Buffer) -> None:
        is_writing = bool(typed.text) and not typed.text.startswith("/")
        now_s, told_s = self._now_s, self._composed_s
        if now_s < told_s + COMPOSED_AGAIN_S if is_writing else not told_s:
            return
        self._composed_s = now_s if is_writing else 0.0
        self._tell(Composed(is_writing))

    def _accept(self, typed: Buffer) -> bool:
        self._tell(Typed(typed.text))
        return False

    def _paged(self, direction: int) -> Paged:
        """Counted here, where the same lines are drawn: the network waits for nobody's text."""
        chat, (width, height) = self._chat, self._body.size
        most = chat.back + PAGES_COUNTED * height
        return Paged(direction, height, depth(chat, width, self._language, most))

    def _keys(self, typed: Buffer) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        def interrupt(event: KeyPressEvent) -> None:
            if typed.text:
                typed.reset()
            elif self._chat.marked is not None:
                self._tell(Marked(0))
            else:
                self._tell(Ended())

        @keys.add("c-d", filter=Condition(lambda: not typed.text))
        def end(event: KeyPressEvent) -> None:
            self._tell(Ended())

        @keys.add("c-n", eager=True)
        def go_on(event: KeyPressEvent) -> None:
            self._tell(NextWanted(*self._typed()))
            self._turns += 1
            typed.reset()

        @keys.add("pageup", eager=True)
        def page_up(event: KeyPressEvent) -> None:
            self._tell(self._paged(1))

        @keys.add("pagedown", eager=True)
        def page_down(event: KeyPressEvent) -> None:
            self._tell(self._paged(-1))

        @keys.add("s-up", eager=True)
        @keys.add("escape", "up")
        def mark_above(event: KeyPressEvent) -> None:
            self._tell(Marked(1))

        @keys.add("s-down", eager=True)
        @keys.add("escape", "down")
        def mark_below(event: KeyPressEvent) -> None:
            self._tell(Marked(-1))

        del interrupt, end, go_on, page_up, page_down, mark_above, mark_below  # the bindings do
        return keys
