"""What a person types: a text to be said, or a command with a slash before it, and how each can be
completed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from p2pchat.cli.chat.model import Chat
from p2pchat.model.mentions import begins_mention

__all__ = ["COMMANDS", "Action", "Do", "Mistake", "Say", "Usage", "Verb", "candidates", "parse"]


class Verb(StrEnum):
    """The commands."""

    OPEN = "open"
    NEXT = "next"
    LIST = "list"
    REQUESTS = "requests"
    REPLY = "reply"
    EDIT = "edit"
    DELETE = "delete"
    REACT = "react"
    PIN = "pin"
    TELL = "tell"
    TYPING = "typing"
    ACCEPT = "accept"
    REJECT = "reject"
    ADD = "add"
    JOIN = "join"
    CREATE = "create"
    ADMIT = "admit"
    RENAME = "rename"
    DESCRIBE = "describe"
    ANNOUNCE = "announce"
    MEMBERS = "members"
    ID = "id"
    STATUS = "status"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command takes, and what it is for."""

    argument: str
    """As it is shown; a command with an argument needs it."""
    purpose: str


COMMANDS: Mapping[Verb, Usage] = {
    Verb.OPEN: Usage("NAME", "Open a contact or room."),
    Verb.NEXT: Usage("", "Open the next conversation that has something unread."),
    Verb.LIST: Usage("", "List contacts and rooms."),
    Verb.REQUESTS: Usage("", "List who asks to be a contact, and rooms you were taken into."),
    Verb.REPLY: Usage("TEXT", "Answer the marked message, or the last of somebody else."),
    Verb.EDIT: Usage("TEXT", "Give your marked message, or your last, another text."),
    Verb.DELETE: Usage("", "Take your marked message, or your last, back."),
    Verb.REACT: Usage("EMOJI", "Put an emoji to the marked or last message, or take it away."),
    Verb.PIN: Usage("", "Pin the marked or last message in this room, or unpin it."),
    Verb.TELL: Usage("VALUE", "Say if others here learn what you have read: on, off, usual."),
    Verb.TYPING: Usage("VALUE", "Say if contacts and you see when the other is writing: on, off."),
    Verb.ACCEPT: Usage("WHO", "Say yes to an account that asks, or to a room."),
    Verb.REJECT: Usage("WHO", "Say no to it."),
    Verb.ADD: Usage("LINK", "Ask the owner of a contact link."),
    Verb.JOIN: Usage(
        "NAME", "Enter the open room of this name: it is public; or a room by a link."
    ),
    Verb.CREATE: Usage("NAME", "Make a room by invitation."),
    Verb.ADMIT: Usage("NAME", "Take a contact into the room that is open."),
    Verb.RENAME: Usage("NAME", "Give the room that is open another name."),
    Verb.DESCRIBE: Usage("TEXT", "Say what it is about; - for nothing."),
    Verb.ANNOUNCE: Usage("TEXT", "Say what all in it shall know; - takes it away."),
    Verb.MEMBERS: Usage("", "List who is in the room that is open."),
    Verb.ID: Usage("", "Show who you are, and your contact link."),
    Verb.STATUS: Usage("", "Show how the network is."),
    Verb.HELP: Usage("", "List the commands."),
    Verb.QUIT: Usage("", "End. Ctrl-D does the same."),
}


@dataclass(frozen=True, slots=True)
class Say:
    """A text for the open conversation."""

    text: str


@dataclass(frozen=True, slots=True)
class Do:
    """A command."""

    verb: Verb
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What cannot be done, and why."""

    sentence: str
    values: tuple[tuple[str, str], ...] = ()


Action = Say | Do | Mistake

EMOJI = ("👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👎")
"""Completed in this order; any other can be typed."""

NO_COMMAND = "There is no command /{word}. /help lists them; a text that begins with / needs two."
NO_ARGUMENT = "/{word} needs something: /{word} {argument}"


def parse(line: str) -> Action | None:
    """What is meant by a line; None when nothing is."""
    if not line.strip():
        return None
    if line.startswith("//"):
        return Say(line[1:])
    if not line.startswith("/"):
        return Say(line)
    word, _, rest = line[1:].partition(" ")
    argument = rest.strip()
    try:
        verb = Verb(word.casefold())
    except ValueError:
        return Mistake(NO_COMMAND, (("word", word[:40]),))
    usage = COMMANDS[verb]
    if usage.argument and not argument:
        return Mistake(NO_ARGUMENT, (("word", verb), ("argument", usage.argument)))
    return Do(verb, argument)


def candidates(typed: str, chat: Chat) -> list[tuple[str, int]]:
    """What could stand in place of the end of what was typed: each with how many characters it
    replaces."""
    if not typed.startswith("/"):
        return _mentioned(typed, chat)
    word, space, rest = typed[1:].partition(" ")
    if not space:
        return [
            (f"{verb} " if COMMANDS[verb].argument else verb, len(word))
            for verb in Verb
            if verb.startswith(word.casefold())
        ]
    names = _names(word.casefold(), chat)
    return [(name, len(rest)) for name in names if name.casefold().startswith(rest.casefold())]


def _mentioned(typed: str, chat: Chat) -> list[tuple[str, int]]:
    """Who is meant by the `@` that begins the last word."""
    before, sign, begun = typed.rpartition("@")
    if not begins_mention(f"{before}{sign}"):
        return []
    names = dict.fromkeys(chat.names.values())
    fitting = (name for name in names if name.casefold().startswith(begun.casefold()))
    return [(f"{name} ", len(begun)) for name in fitting]


def _names(word: str, chat: Chat) -> Iterable[str]:
    match word:
        case Verb.OPEN:
            names = [place.name for place in chat.places]
        case Verb.ADMIT:
            names = [place.name for place in chat.places if place.kind == "contact"]
        case Verb.ACCEPT | Verb.REJECT:
            names = list(chat.requests)
        case Verb.EDIT:
            mine = chat.meant(is_own=True)
            names = [mine.text] if mine is not None and "\n" not in mine.text else []
        case Verb.REACT:
            names = list(EMOJI)
        case Verb.RENAME:
            names = [] if chat.place is None else [chat.place.name]
        case Verb.TELL:
            names = ["on", "off", "usual"]
        case Verb.TYPING:
            names = ["on", "off"]
        case _:
            names = []
    return dict.fromkeys(names)
