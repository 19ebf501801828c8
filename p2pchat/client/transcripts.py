"""Transcripts: a conversation written out to be read, as text, HTML or JSON.

Names and texts are what others chose to write, and a transcript is opened in programs that we do
not know. So in text and HTML nothing of theirs can move a cursor, turn the direction of what
stands around it, or be markup; the HTML holds no script, names nothing to be fetched, and forbids
both to a browser that would think otherwise. JSON is for programs and holds everything as it is.
"""

from __future__ import annotations

import html
import json
from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import trio

from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.node.node import Node
from p2pchat.store.files import new_file
from p2pchat.store.port import Page

__all__ = [
    "Transcript",
    "TranscriptFormat",
    "message_fields",
    "readable",
    "transcript_pieces",
    "write_transcript",
]

PAGE_MESSAGES = 500
_LATEST_MS = 253_370_764_800_000
"""The year 9999: what an author claims may be beyond any calendar."""
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""They make one sign of several, in emoji and in Persian, and cannot do more."""

_HTML_HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; }}
article {{ margin: 0.6em 0; }}
header {{ font-size: 0.8em; color: #666; }}
header b {{ color: #000; }}
p {{ margin: 0.1em 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1><bdi>{title}</bdi></h1>
"""


class TranscriptFormat(StrEnum):
    """How a transcript is written."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"

    @classmethod
    def of(cls, path: Path) -> TranscriptFormat:
        """What a file's name asks for: text, unless it ends as one of the others."""
        suffixes = {".html": cls.HTML, ".htm": cls.HTML, ".json": cls.JSON}
        return suffixes.get(path.suffix.lower(), cls.TEXT)


class Transcript:
    """Turns messages into pieces of a document, one after another."""

    def __init__(self, format: TranscriptFormat, title: str) -> None:
        self._format = format
        self._title = readable(title)
        self.count = 0
        """Messages so far."""

    def head(self) -> str:
        """What comes before all messages."""
        match self._format:
            case TranscriptFormat.TEXT:
                return f"{self._title}\n\n"
            case TranscriptFormat.HTML:
                return _HTML_HEAD.format(title=html.escape(self._title))
            case TranscriptFormat.JSON:
                return "["
            case _:
                assert_never(self._format)

    def piece(self, message: Message) -> str:
        """The next message."""
        self.count += 1
        match self._format:
            case TranscriptFormat.TEXT:
                return _as_text(message)
            case TranscriptFormat.HTML:
                return _as_html(message)
            case TranscriptFormat.JSON:
                fields = json.dumps(message_fields(message), ensure_ascii=False)
                return f"{',' if self.count > 1 else ''}\n{fields}"
            case _:
                assert_never(self._format)

    def tail(self) -> str:
        """What comes after all messages."""
        match self._format:
            case TranscriptFormat.TEXT:
                return ""
            case TranscriptFormat.HTML:
                return "</body>\n</html>\n"
            case TranscriptFormat.JSON:
                return "\n]\n"
            case _:
                assert_never(self._format)


def _as_text(message: Message) -> str:
    when = f"{_moment(message.sent_at):%Y-%m-%d %H:%M:%S}"
    text = "\n    ".join(readable(line) for line in message.text.split("\n"))
    return f"{when}  {readable(message.author_name)}: {text}{_remark(message)}\n"


def _as_html(message: Message) -> str:
    when = _moment(message.sent_at)
    name = html.escape(readable(message.author_name))
    text = html.escape("\n".join(readable(line) for line in message.text.split("\n")))
    reply = f' <a href="#m{message.reply_to.hex()}">&#8618;</a>' if message.reply_to else ""
    return (
        f'<article id="m{message.id.hex()}">\n'
        f'<header><b><bdi>{name}</bdi></b> <time datetime="{when.isoformat(timespec="seconds")}">'
        f"{when:%Y-%m-%d %H:%M:%S}</time>{_remark(message)}{reply}</header>\n"
        f'<p dir="auto">{text}</p>\n</article>\n'
    )


def _remark(message: Message) -> str:
    """What is not as usual about a message, in words of ours."""
    marks = {"edited": message.edited, "deleted": message.deleted}
    remarks = [word for word, holds in marks.items() if holds]
    if message.state in (MessageState.QUEUED, MessageState.SENT, MessageState.FAILED):
        remarks.append(message.state)
    return f"  [{', '.join(remarks)}]" if remarks else ""


def readable(text: str) -> str:
    """One line of a text, in which whatever is no visible sign is written out."""
    return "".join(c if c.isprintable() or c in _JOINERS else ascii(c)[1:-1] for c in text)


def _moment(time_ms: int) -> datetime:
    """By the local clock; one that no calendar has is moved into it."""
    return datetime.fromtimestamp(min(max(time_ms, 0), _LATEST_MS) / 1000).astimezone()


def message_fields(message: Message) -> dict[str, object]:
    """A message as programs see it; written out, because it is what throughput is made of."""
    return {
        "id": message.id.hex(),
        "conversation": message.conversation.hex(),
        "author": str(message.author),
        "author_name": message.author_name,
        "type": message.type,
        "text": message.text,
        "sent_at": message.sent_at,
        "received_at": message.received_at,
        "state": message.state,
        "reply_to": message.reply_to.hex() if message.reply_to is not None else None,
        "mentions": list(map(str, message.mentions)),
        "edited": message.edited,
        "deleted": message.deleted,
        "reactions": [
            {"emoji": put.emoji, "account": str(put.account)} for put in message.reactions
        ],
        "signature": message.signature.hex(),
    }


async def transcript_pieces(
    node: Node, id: ConversationId, transcript: Transcript
) -> AsyncGenerator[str]:
    """A whole conversation, a page at a time, oldest first; no piece is empty."""
    yield transcript.head()
    anchor: OpId | None = None
    while True:
        store = await node.flushed_store()
        page = await store.history(id, Page(PAGE_MESSAGES, after=anchor, from_start=anchor is None))
        if page:
            anchor = page[-1].id
            yield "".join(map(transcript.piece, page))
        if len(page) < PAGE_MESSAGES:
            break
    if tail := transcript.tail():
        yield tail


async def write_transcript(
    node: Node, id: ConversationId, transcript: Transcript, path: Path, *, overwrite: bool
) -> None:
    """Write a whole conversation, a page at a time, to a file that is there whole or not at all.
    Raises `FileExists`, `FileUnusable`, `DiskFull`."""
    pieces = transcript_pieces(node, id, transcript)

    def write() -> None:
        with new_file(path, overwrite=overwrite) as file:
            while piece := trio.from_thread.run(anext, pieces, ""):
                file.write(piece.encode("utf-8", "backslashreplace"))

    # Disks are waited for on a thread, pages are read on the loop.
    await trio.to_thread.run_sync(write)  # noqa: TID251
