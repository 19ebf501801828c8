"""Conversations written out to be read, whatever others wrote into them."""

from __future__ import annotations

import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
import trio

import p2pchat
from p2pchat.client import transcripts
from p2pchat.client.transcripts import Transcript, TranscriptFormat, readable
from p2pchat.errors import FileExists, FileUnusable
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.wire.links import encode_link
from tests.unit.protocol.people import ALICE, BOB, digest

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "</p></article></body></html><iframe src=//evil.example>",
    "&lt;b&gt; &amp; &#x3c;script&#x3e;",
    "<style>@import url(https://evil.example/x.css)</style>",
    "<a href=javascript:alert(1)>click</a>",
    "\x1b[2J\x1b]0;owned\x07\r\b",
    "\u202egnp.exe\u202c \u2066isolate\u2069 \u200b \ufeff",
    "]]>--><!-- {title} %s {0} ${x}",
    "line one\nline two\r\n\tline three\x00\x85\u2028end",
    "2026-01-01 00:00:00  Mallory: forged",
)
GENTLE = "👩\u200d👩\u200d👧 Zoë 第三 می\u200cخواهم"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1"),
    *("article", "header", "b", "bdi", "time", "p", "a"),
}


def message(text="hello", name="Alice", **changes):
    fields = {
        "id": OpId(digest(text + name)),
        "conversation": ConversationId(digest("room")),
        "author": ALICE.account,
        "author_name": name,
        "type": "text",
        "text": text,
        "sent_at": 1_700_000_000_000,
        "received_at": 1_700_000_000_001,
        "state": MessageState.DELIVERED,
        "reply_to": None,
        "signature": b"s" * 64,
    }
    return Message(**{**fields, **changes})


def document(format, messages, title="lounge"):
    transcript = Transcript(TranscriptFormat(format), title)
    pieces = [transcript.head(), *map(transcript.piece, messages), transcript.tail()]
    assert transcript.count == len(messages)
    return "".join(pieces)


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts, self.comments = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data):
        self.comments.append(data)


def hostile():
    every = [message(text, name) for text in HOSTILE for name in (*HOSTILE, "Mallory")]
    return [*every, message("an answer", reply_to=every[0].id, state=MessageState.QUEUED)]


@pytest.mark.parametrize("title", HOSTILE)
def test_a_page_holds_no_markup_of_others(title):
    messages = hostile()
    page = Reader(document("html", messages, title))
    assert page.open == []
    assert page.comments == []
    assert {tag for tag, _ in page.tags} == TAGS
    count = len(messages)
    assert [tag for tag, _ in page.tags].count("article") == count
    for tag, attributes in page.tags:
        allowed = {
            "meta": {"charset", "http-equiv", "content", "name"},
            "article": {"id"},
            "time": {"datetime"},
            "p": {"dir"},
            "a": {"href"},
        }
        assert attributes.keys() <= allowed.get(tag, set())
        if tag == "a":
            assert attributes["href"] == f"#m{messages[0].id.hex()}"


def test_a_page_fetches_nothing_and_forbids_it():
    page = Reader(document("html", hostile()))
    metas = [attributes for tag, attributes in page.tags if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    [style] = [text for tag, text in page.texts if tag == "style"]
    assert "url" not in style
    assert "@" not in style


@pytest.mark.parametrize("format", ["text", "html"])
def test_nothing_moves_a_cursor_or_turns_the_direction(format):
    written = document(format, hostile(), HOSTILE[7])
    kinds = {unicodedata.category(c) for c in written if c != "\n"}
    assert kinds.isdisjoint({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def test_a_text_keeps_what_it_says():
    [text] = [t for tag, t in Reader(document("html", [message(HOSTILE[0])])).texts if tag == "p"]
    assert text == HOSTILE[0]
    assert readable(GENTLE) == GENTLE
    assert GENTLE in document("html", [message(GENTLE)])
    assert GENTLE in document("text", [message(GENTLE)])


def test_lines_of_a_text_cannot_be_taken_for_other_messages():
    forged = message("hello\n2026-01-01 00:00:00  Bob: I owe you", "Mallory")
    lines = document("text", [forged]).splitlines()
    assert lines[0] == "lounge"
    assert lines[3].startswith("    2026-01-01")
    assert "\n" not in readable("Bob\n2026")


def test_json_holds_everything_as_it_is():
    messages = hostile()
    found = json.loads(document("json", messages))
    assert [each["text"] for each in found] == [each.text for each in messages]
    assert found[-1]["reply_to"] == messages[0].id.hex()
    assert len(document("json", messages).splitlines()) >= len(messages) + 2
    assert json.loads(document("json", [])) == []


def test_what_is_not_as_usual_is_said():
    for changes, words in (
        ({"state": MessageState.QUEUED}, "[queued]"),
        ({"edited": True}, "[edited]"),
        ({"edited": True, "deleted": True, "state": MessageState.SENT}, "[edited, deleted, sent]"),
    ):
        for kind in ("text", "html"):
            assert words in document(kind, [message(**changes)])
    assert "[" not in document("text", [message()])


def test_times_beyond_any_calendar_are_moved_into_it():
    for time_ms in (-1, 1 << 62):
        for kind in TranscriptFormat:
            document(kind, [message(sent_at=time_ms)])


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.html", "html"), ("a.HTM", "html"), ("a.json", "json"), ("a.txt", "text"), ("a", "text")],
)
def test_a_files_name_says_how_it_is_written(name, format):
    assert TranscriptFormat.of(Path(name)) == format


def run(main):
    async def bounded():
        with trio.fail_after(60):
            await main()

    trio.run(bounded)


def test_a_conversation_is_written_page_by_page(tmp_path, monkeypatch):
    monkeypatch.setattr(transcripts, "PAGE_MESSAGES", 7)

    async def main():
        async with p2pchat.open_client(None, name="Alice", offline=True) as client:
            room = await client.join_open("lounge")
            for count in (0, 7, 20):
                while len(await room.history()) < count:
                    await room.send(f"text {len(await room.history())}")
                file = tmp_path / f"{count}.json"
                assert await room.write_transcript(file) == count
                texts = [each["text"] for each in json.loads(file.read_text())]
                assert texts == [f"text {number}" for number in range(count)]
            assert await room.write_transcript(tmp_path / "page", TranscriptFormat.HTML) == 20
            assert (tmp_path / "page").read_text().startswith("<!DOCTYPE html>")
            assert (tmp_path / "page").stat().st_mode & 0o777 == 0o600
            whole = "".join([piece async for piece in room.transcript(TranscriptFormat.TEXT)])
            assert whole.splitlines()[0] == "lounge"
            assert whole.count("Alice: text") == 20
            with pytest.raises(FileExists):
                await room.write_transcript(tmp_path / "page")
            await room.write_transcript(tmp_path / "page", overwrite=True)
            assert (tmp_path / "page").read_text() == whole
            with pytest.raises(FileUnusable):
                await room.write_transcript(tmp_path / "none" / "page")

    run(main)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("0.json", "20.json", "7.json", "page"),
    ]


def test_a_contact_is_named_with_the_account(tmp_path):
    async def main():
        async with p2pchat.open_client(None, name="Alice", offline=True) as client:
            contact = await client.add_contact(encode_link(BOB.link))
            await contact.write_transcript(tmp_path / "bob.txt")
            assert str(BOB.account) in (tmp_path / "bob.txt").read_text()

    run(main)
