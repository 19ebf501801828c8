"""A session on a client in memory: lines in, what is seen out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from p2pchat import protocol
from p2pchat.cli.chat import session as module
from p2pchat.cli.chat import telling
from p2pchat.cli.chat.model import ALARMS_MAX, HEARD_MAX
from p2pchat.cli.chat.session import Session
from p2pchat.cli.chat.terminal import Composed, Ended, Marked, NextWanted, Paged, Typed
from p2pchat.cli.chat.typed import candidates
from p2pchat.cli.chat.view import body, depth
from p2pchat.cli.chinese import CHINESE
from p2pchat.client.opening import open_client
from p2pchat.events import (
    AnnouncementChanged,
    ContactRequested,
    DescriptionChanged,
    DeviceAdded,
    EventsDropped,
    JoinFailed,
    KeyChanged,
    Listening,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    NetworkStatusChanged,
    PinChanged,
    ReactionChanged,
    Ready,
    RoomRenamed,
    SecurityAlert,
    TypingChanged,
)
from p2pchat.model.ids import AccountId, OpId, PeerId
from p2pchat.model.message import Reaction
from p2pchat.wire.invite_links import encode_invite
from tests.unit.cli.chat.values import THEM
from tests.unit.protocol.people import ALICE
from tests.vectors import golden


def on_a_client(script, language="en"):
    async def main():
        with trio.fail_after(60):
            async with open_client(None, name="Alice", offline=True) as client:
                await script(client, Session(client, language))

    trio.run(main)


async def typed(session, *lines):
    for line in lines:
        await session.obey(Typed(line))
    return session.chat


def paged(session, direction):
    """As a terminal of 60 columns and 12 rows counts."""
    chat = session.chat
    return Paged(direction, 12, depth(chat, 60, "en", chat.back + 36))


def test_who_knows_nobody_is_told_how_to_begin():
    async def script(client, session):
        assert "Nobody is here yet" in session.chat.notes[0]
        assert session.chat.notes[1] == client.contact_link
        chat = await typed(session, "hello")
        assert chat.notes == (module.NOTHING_OPEN,)

    on_a_client(script)


def test_what_the_screen_covers_stands_on_it():
    async def script(client, _):
        session = Session(client, "en", ["unknown key nam"])
        assert session.chat.notes[0] == "unknown key nam"
        assert session.chat.notes[-1] == client.contact_link

    on_a_client(script)


def test_a_room_is_entered_written_in_and_left_for_another():
    async def script(client, session):
        chat = await typed(session, "/join lounge", "hello 你好")
        assert chat.place.name == "lounge"
        assert [(one.text, one.state) for one in chat.messages] == [("hello 你好", "queued")]
        chat = await typed(session, "/create Crew", "//etc is a directory")
        assert chat.place.kind == "by invitation"
        assert [one.text for one in chat.messages] == ["/etc is a directory"]
        chat = await typed(session, "/open lounge")
        assert [one.text for one in chat.messages] == ["hello 你好"]
        await session.obey(NextWanted())
        assert session.chat.place.name == "Crew"

    on_a_client(script)


def test_history_is_paged_back_to_its_beginning():
    async def script(client, session):
        room = await client.join_open("lounge")
        for number in range(120):
            await room.send(str(number))
        chat = await typed(session, "/open lounge")
        assert (len(chat.messages), chat.has_earlier) == (50, True)
        for _ in range(20):
            await session.obey(paged(session, 1))
        assert [one.text for one in session.chat.messages] == [str(n) for n in range(120)]
        assert session.chat.back == 122 - 12
        for _ in range(20):
            await session.obey(paged(session, -1))
        assert session.chat.back == 0

    on_a_client(script)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/nonsense", "There is no command /nonsense"),
        ("/open", "/open needs something: /open NAME"),
        ("/add https://example.org", "dchat://u/"),
        ("/accept nobody", "no request is by 'nobody'; /requests shows"),
        ("/open nobody", "is 'nobody'; /list shows who is"),
        ("/reject nobody", "no request is by 'nobody'"),
        ("/admit Bob", "'Bob'"),
        ("/members", "No conversation is open"),
        ("/requests", "Nobody waits for your word."),
        ("/list", "No contacts yet."),
        ("/status", "offline; peers 0, relays 0"),
        ("/id", "Alice"),
        ("/help", "/open NAME"),
    ],
)
def test_a_command_says_what_it_found_or_what_is_wrong(line, told):
    async def script(client, session):
        assert told in (await typed(session, line)).notes[0]
        assert (await typed(session, "")).notes == ()

    on_a_client(script)


def test_it_speaks_chinese():
    async def script(client, session):
        assert "没有命令 /x" in (await typed(session, "/x")).notes[0]
        assert "你也不在" in (await typed(session, "/open nobody")).notes[0]
        assert any("列出命令" in note for note in (await typed(session, "/help")).notes)

    on_a_client(script, "zh")


def test_a_text_that_cannot_be_sent_is_said_and_the_room_stays_open():
    async def script(client, session):
        chat = await typed(session, "/join lounge", "x" * 40_000)
        assert "32768 bytes" in chat.notes[0]
        assert chat.place.name == "lounge"

    on_a_client(script)


def test_what_was_missed_is_read_again():
    async def script(client, session):
        await typed(session, "/join lounge")
        await client.conversation(session.chat.open).send("unheard")
        await session.hear(EventsDropped(3))
        assert [one.text for one in session.chat.messages] == ["unheard"]
        await session.hear(Ready(("/ip4/127.0.0.1/tcp/1",)))
        assert session.chat.progress == "network offline", "and not that all is well"
        await session.hear(Listening(("/ip4/127.0.0.1/tcp/1",)))
        assert session.chat.progress == "listening"
        await session.hear(NetworkStatusChanged("poor", 2))
        assert session.chat.progress == "network offline", "as it is by the time it is shown"

    on_a_client(script)


PEER = PeerId(b"\x00\x24" + bytes(36))
FORKED = "one of its devices wrote two histories"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (lambda who: KeyChanged(who, THEM, PEER), "speaks for another account now"),
        (lambda who: DeviceAdded(who, PEER), "Your account has one more device"),
        (lambda who: SecurityAlert(who, FORKED), FORKED),
    ],
)
def test_an_alarm_stays_until_the_person_has_seen_it(event, told):
    async def script(client, session):
        assert type(event(client.account)) in module.HEARD
        await session.hear(event(client.account))
        chat = await typed(session, "/join lounge", "on I write")
        [alarm] = chat.alarms
        assert told in alarm.line
        chat = await typed(session, "")
        assert chat.alarms == ()

    on_a_client(script)


ALARMING = (
    FORKED,
    "it is closed: its devices were revoked",
    "the keys that were compared are not the same: somebody may stand between you",
)


def test_every_reason_for_an_alarm_is_known_in_chinese():
    files = Path(protocol.__file__).parent.glob("*.py")
    source = "".join(file.read_text() for file in files)
    assert source.count("SecurityAlert(") == len(ALARMING)
    for reason in ALARMING:
        assert f'"{reason}"' in source
        assert reason in CHINESE


def test_strangers_push_no_alarm_away():
    async def script(client, session):
        await session.hear(DeviceAdded(client.account, PEER))
        for number in range(ALARMS_MAX + 1):
            await session.hear(SecurityAlert(AccountId(bytes([number]) * 32), FORKED))
        [alarm] = session.chat.alarms
        assert "多了一台设备" in alarm.line
        [passing] = session.chat.heard
        assert "两份不同的历史记录" in passing.line

    on_a_client(script, "zh")


# What is said about messages


def said(session):
    return [(one.text, one.edited, one.deleted) for one in session.chat.messages]


def test_the_last_message_is_edited_answered_and_taken_back():
    async def script(client, session):
        assert {MessageEdited, MessageDeleted, ReactionChanged} <= set(module.HEARD)
        await typed(session, "/join lounge", "first", "colour", "/edit color")
        assert said(session) == [("first", False, False), ("color", True, False)]
        await typed(session, "/react 👍")
        [mine] = session.chat.messages[1].reactions
        assert (mine.emoji, mine.account) == ("👍", client.account)
        await typed(session, "/react 👍")
        assert session.chat.messages[1].reactions == ()
        await typed(session, "/delete")
        assert said(session) == [("first", False, False), ("", False, True)]
        assert "There is no such message" in (await typed(session, "/reply hm")).notes[0]
        assert "that is no emoji" in (await typed(session, "/react x")).notes[0]

    on_a_client(script)


def test_the_marked_message_is_meant():
    async def script(client, session):
        await typed(session, "/join lounge", "one", "two", "three")
        for _ in range(5):
            await session.obey(Marked(1))
        first, second, _ = session.chat.messages
        assert session.chat.marked == first.id
        chat = await typed(session, "/reply indeed")
        assert (chat.messages[-1].reply_to, chat.marked) == (first.id, None)
        for direction in (1, 1, 1, -1, 1):
            await session.obey(Marked(direction))
        assert session.chat.marked == second.id
        await typed(session, "/edit zwei")
        assert session.chat.messages[1].text == "zwei"
        await session.obey(Marked(1))
        await session.obey(Marked(-1))
        assert session.chat.marked is None, "below the newest there is none"
        await session.obey(Marked(1))
        await session.obey(Marked(0))
        assert session.chat.marked is None

    on_a_client(script)


def test_a_mark_goes_on_to_what_only_the_disk_has():
    async def script(client, session):
        room = await client.join_open("lounge")
        for number in range(60):
            await room.send(str(number))
        await typed(session, "/open lounge")
        for _ in range(55):
            await session.obey(Marked(1))
        [marked] = [one for one in session.chat.messages if one.id == session.chat.marked]
        assert marked.text == "5"
        await session.obey(Paged(-1, 12, 40))
        assert session.chat.marked is None

    on_a_client(script)


def test_what_others_say_about_messages_is_seen():
    async def script(client, session):
        await typed(session, "/join lounge", "one", "two")
        one, two = session.chat.messages
        await session.obey(Marked(1))
        await session.hear(MessageDeleted(two.id, two.conversation))
        assert session.chat.marked is None
        await session.hear(MessageEdited(replace(one, text="eins", edited=True)))
        assert said(session) == [("eins", True, False), ("", False, True)]
        thumb = (Reaction("👍", THEM),)
        await session.hear(ReactionChanged(replace(session.chat.messages[0], reactions=thumb)))
        assert session.chat.messages[0].reactions == thumb

    on_a_client(script)


def test_a_room_that_is_left_elsewhere_is_closed_at_the_next_news():
    async def script(client, session):
        await typed(session, "/join lounge")
        await client.room(session.chat.open).leave()
        await session.hear(EventsDropped(1))
        assert session.chat.open is None

    on_a_client(script)


GONE = OpId(b"gone" * 8)


def test_the_chat_goes_on_when_what_an_event_is_about_is_gone():
    async def script(client, session):
        place = (await typed(session, "/join lounge", "hello")).open
        pruned = replace(session.chat.messages[0], id=GONE)
        await session.hear(MessageReceived(pruned))
        assert session.chat.notes == ()
        crew = (await typed(session, "/create Crew", f"@{client.account}")).open
        mention, info = session.chat.messages[0], client.room(crew).info
        await typed(session, "/open lounge")
        await client.room(crew).leave()
        await session.hear(MessageReceived(mention, mentions_me=True))
        await session.hear(AnnouncementChanged(crew, "Friday at eight.", THEM))
        await session.hear(DescriptionChanged(crew, "Who sails.", THEM))
        await session.hear(RoomRenamed(info, THEM))
        assert (session.chat.open, session.chat.heard) == (place, ())
        assert [one.name for one in session.chat.places] == ["lounge"]

    on_a_client(script)


@pytest.mark.parametrize("end", [Ended(), Typed("/quit")])
def test_it_ends_when_it_is_told_to(end):
    async def script(client, session):
        shown = []
        session.show = shown.append
        send, inputs = trio.open_memory_channel(2)
        await send.send(Typed("/join lounge"))
        await send.send(end)
        async with client.subscribe(*module.HEARD) as events:
            await session.run(events, inputs)
        assert shown[-1].place.name == "lounge"

    on_a_client(script)


# What was read, and what was begun


def test_what_is_open_is_read_and_the_rest_is_counted():
    async def script(client, session):
        chat = await typed(session, "/join lounge")
        await client.conversation(chat.open).send("hello")
        await session.hear(EventsDropped(1))
        assert await client.unread() == {}
        assert session.chat.counted({chat.open: 3}).unread == 3

    on_a_client(script)


def test_who_writes_here_is_told_what_was_read_if_that_is_said():
    async def script(client, session):
        await typed(session, "/create Crew")
        place = client.conversation(session.chat.open)
        for line, told, is_on in (
            ("/tell on", "Others are told", True),
            ("/tell usual", "Nobody is told", False),
            ("/tell perhaps", "Say on, off or usual.", False),
        ):
            assert (await typed(session, line)).notes[0].startswith(told)
            assert place.read_receipts == is_on

    on_a_client(script)


def test_who_writes_to_whom_is_told_if_that_is_said():
    async def script(client, session):
        for line, told, is_on in (
            ("/typing on", "Contacts who want that", True),
            ("/typing usual", "Say on or off.", True),
            ("/typing off", "Nobody sees", False),
        ):
            assert (await typed(session, line)).notes[0].startswith(told)
            assert client.typing_notices == is_on
        await typed(session, "/join lounge")
        await session.obey(Composed(True))  # rooms are not told
        await session.hear(TypingChanged(THEM, is_typing=True))
        assert session.chat.writing == frozenset(), "somebody who is no contact any more"

    on_a_client(script)


def test_what_was_begun_waits_in_its_conversation():
    async def script(client, session):
        await typed(session, "/join lounge", "/create Crew")
        await session.obey(NextWanted("dear all"))
        assert (session.chat.place.name, session.chat.draft) == ("lounge", "")
        await session.obey(NextWanted("/open"))
        assert (session.chat.place.name, session.chat.draft) == ("Crew", "dear all")
        chat = await typed(session, "dear all, hello", "/open Crew")
        assert chat.draft == ""

    on_a_client(script)


def test_nothing_that_was_typed_is_lost_on_the_way():
    async def script(client, session):
        await session.obey(NextWanted("too early"))
        assert session.chat.draft == "too early"
        crew = (await typed(session, "/create Crew")).open
        await session.obey(NextWanted("/reply a long answer", crew))
        assert session.chat.draft == "/reply a long answer", "there is nowhere else to go"
        await session.obey(NextWanted())
        assert session.chat.draft == "/reply a long answer", "it was not in the line yet"
        await typed(session, "/join lounge")
        await session.obey(NextWanted())
        await session.obey(NextWanted(", and more"))
        assert client.room(crew).draft == "/reply a long answer, and more"
        await session.obey(NextWanted())
        await session.obey(NextWanted())
        await session.obey(NextWanted())
        assert session.chat.draft == "/reply a long answer, and more"
        await session.obey(NextWanted("", crew))
        assert client.room(crew).draft == "", "it was taken out of the line"
        await session.obey(NextWanted("x" * 40_000, session.chat.open))
        assert session.chat.draft == "x" * 40_000
        assert session.chat.turns == 10
        await typed(session, "/open Crew")
        await session.obey(Ended("hung up", crew))
        assert client.room(crew).draft == "hung up"

    on_a_client(script)


def test_a_room_is_named_anew_described_and_announced_in():
    async def script(client, session):
        await typed(session, "/create Crew")
        chat = await typed(session, "/rename Crew of seven")
        assert (chat.place.name, chat.notes) == (
            "Crew of seven",
            ("The room is called Crew of seven now.",),
        )
        await typed(session, "/describe Who sails on Friday.", "/announce Friday at eight.")
        info = client.room(chat.open).info
        assert (info.description, info.announcement) == ("Who sails on Friday.", "Friday at eight.")
        assert "Friday at eight." in (await typed(session, "/open Crew of seven")).notes[0]
        await typed(session, "/announce -")
        assert client.room(chat.open).info.announcement == ""

    on_a_client(script)


def test_a_message_is_pinned_and_unpinned():
    async def script(client, session):
        await typed(session, "/create Crew")
        chat = await typed(session, "Friday at eight.")
        assert (await typed(session, "/pin")).notes == ("It is pinned.",)
        room = client.room(chat.open)
        assert room.pins() == [chat.messages[-1].id]
        assert (await typed(session, "/pin")).notes == ("It is pinned no more.",)
        assert room.pins() == []
        await session.hear(PinChanged(room.id, chat.messages[-1].id, True, THEM))
        assert session.chat.heard[-1].line.endswith("pinned a message in Crew.")
        await session.hear(PinChanged(room.id, chat.messages[-1].id, False, THEM))
        assert session.chat.heard[-1].line.endswith("unpinned a message in Crew.")
        await typed(session, "/join lounge", "hello")
        assert "no roles" in (await typed(session, "/pin")).notes[0]

    on_a_client(script)


def test_a_link_is_joined_by_what_it_says(monkeypatch):
    """It is nobody's who is there: asking goes on, and its end is told."""

    async def script(client, session):
        asked = replace(golden.all_invites()["with hints"], expires_ms=(1 << 48) - 1)
        link = encode_invite(asked, ALICE.signer)
        chat = await typed(session, f"/join {link[:40]} {link[40:]}")
        (waiting,) = client.joining()
        assert chat.notes == (
            f"Nobody has let you into {waiting.name} yet. Asking goes on while a node runs.",
        )
        await session.hear(JoinFailed(waiting.id, waiting.name, "the room is full"))
        assert session.chat.heard[-1].line.startswith(f"{waiting.name} is not open to you")
        assert "link" in (await typed(session, "/join dchat://j/nonsense")).notes[0]

    monkeypatch.setattr(telling, "JOIN_S", 0.0)
    on_a_client(script)


def test_what_others_say_of_a_room_is_told():
    async def script(client, session):
        room = (await typed(session, "/create Crew")).open
        await session.hear(AnnouncementChanged(room, "Friday at eight.", THEM))
        assert "announces in Crew: Friday at eight." in session.chat.heard[0].line
        await session.hear(DescriptionChanged(room, "", THEM))
        assert session.chat.heard[0].line.endswith("says what Crew is about: -")
        await session.hear(RoomRenamed(client.room(room).info, THEM))
        [passing] = session.chat.heard
        assert "gave the room the name Crew" in passing.line

    on_a_client(script)


def test_who_is_mentioned_is_named_to_the_reader_and_meant_by_account():
    async def script(client, session):
        await typed(session, "/create Crew")
        chat = await typed(session, "@alice: look")
        [message] = chat.messages
        assert message.text == f"@{client.account}: look"
        assert message.mentions == (client.account,)
        assert "@Alice: look" in str(body(chat, 80, 24, "en"))
        assert candidates("hello @Al", chat) == [("Alice ", 2)]
        assert candidates("mail@Al", chat) == []

    on_a_client(script)


def test_a_mention_elsewhere_is_told():
    async def script(client, session):
        await typed(session, "/create Crew", f"@{client.account}")
        [message] = session.chat.messages
        await typed(session, "/join lounge")
        await session.hear(MessageReceived(message, mentions_me=True))
        assert [one.line for one in session.chat.heard] == ["Alice mentions you in Crew."]
        assert (await typed(session, "")).heard == ()

    on_a_client(script)


def test_what_others_do_takes_nothing_of_an_answer_away():
    async def script(client, session):
        elsewhere = []
        for name in ("one", "two", "three", "four"):
            await typed(session, f"/join {name}", f"@{client.account}")
            elsewhere.append(session.chat.messages[0])
        crew = (await typed(session, "/create Crew")).open
        answer = (await typed(session, "/open one", "/id")).notes
        await session.hear(ContactRequested(THEM, "Bob"))
        await session.hear(AnnouncementChanged(crew, "Friday at eight.", THEM))
        for mention in elsewhere[1:]:
            stranger = replace(mention, author=THEM, author_name="/open x")
            await session.hear(MessageReceived(stranger, mentions_me=True))
        assert session.chat.notes == answer
        lines = [one.line for one in session.chat.heard]
        assert lines[0].startswith("Bob asks to be a contact")
        assert lines[1].endswith("announces in Crew: Friday at eight.")
        assert lines[2:] == ["/open x mentions you in four."]
        for mention in elsewhere[1:]:
            await session.hear(MessageReceived(mention, mentions_me=True))
        assert len(session.chat.heard) == HEARD_MAX
        await session.hear(EventsDropped(1))
        assert session.chat.notes == answer

    on_a_client(script)


def test_help_lists_what_there_is_something_for():
    async def listed(session):
        return [note.split()[0] for note in (await typed(session, "/help")).notes]

    async def script(client, session):
        assert not {"/reply", "/tell", "/rename"} & set(await listed(session))
        await typed(session, "/join lounge")
        there = await listed(session)
        assert "/reply" in there
        assert "/announce" not in there
        assert len(there) <= 20, "seen whole in a terminal of 24 lines"
        await typed(session, "/create Crew")
        assert {"/admit", "/rename", "/describe", "/announce"} <= set(await listed(session))

    on_a_client(script)
