"""A made-up home to look round in: people, rooms and two thousand messages, through the real store.

The only module of the window that knows more of the library than its public names, and nothing
imports it but `--demo`. What it writes is signed by nobody, so such a home is only opened offline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from nacl.signing import SigningKey

from p2pchat.client.identity import make_identity
from p2pchat.client.opening import prepare_store
from p2pchat.model.change import (
    AddMessage,
    AddOp,
    AddReaction,
    Change,
    Counting,
    PutContact,
    PutConversation,
    PutName,
    PutProfile,
    PutReadMark,
    SetDelivery,
    SetPublished,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id, open_room_id
from p2pchat.model.identity import Identity
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.model.room import RoomKind
from p2pchat.node.ambient import SystemAmbient
from p2pchat.portal import BlockingPortal
from p2pchat.store.home import open_home
from p2pchat.wire.envelope import Purpose
from p2pchat.wire.ops import content_hash, make_op
from p2pchat_qt.demo_faces import face
from p2pchat_qt.demo_talk import PEOPLE, ROOMS, Line, chatter
from p2pchat_qt.values import row

__all__ = ["MESSAGES", "make_demo"]

MESSAGES = 2_000
SEED = 2026
PICTURED = ("Bob", "小明", "María")
"""Who shows a picture of themselves."""


@dataclass(slots=True)
class _Person:
    name: str
    account: AccountId
    device: DeviceId
    said: dict[ConversationId, int] = field(default_factory=dict[ConversationId, int])


class _Nobody:
    """Signs nothing."""

    public_key = bytes(32)

    def sign(self, purpose: Purpose, body: bytes) -> bytes:
        return bytes(64)


@dataclass(slots=True)
class _Writer:
    """Puts what people say one after the other."""

    me: _Person
    changes: list[Change] = field(default_factory=list[Change])
    rng: Random = field(default_factory=lambda: Random(SEED))  # noqa: S311 -- the same each time
    last: dict[tuple[ConversationId, DeviceId], OpId] = field(
        default_factory=dict[tuple[ConversationId, DeviceId], OpId]
    )

    def say(
        self, where: ConversationId, who: _Person, words: str, at: datetime, to: OpId | None = None
    ) -> OpId:
        """A message of somebody."""
        at_ms = int(at.timestamp() * 1000)
        op = self._op(where, who, at_ms, Kind.TEXT, words)
        own = Counting.HERE if who is self.me else Counting.NOBODY
        shown = AddMessage(
            op.id, where, who.account, who.device, op.header.seq, own, words, "text",
            at_ms, at_ms, at_ms, to,
        )  # fmt: skip
        self.changes.extend((AddOp(op, at_ms, at_ms), shown))
        return op.id

    def react(
        self, where: ConversationId, who: _Person, target: OpId, emoji: str, at: datetime
    ) -> None:
        """Somebody's emoji to a message."""
        at_ms = int(at.timestamp() * 1000)
        op = self._op(where, who, at_ms, Kind.REACTION, emoji)
        put = AddReaction(op.id, where, target, who.account, op.header.hlc, emoji, True)
        self.changes.extend((AddOp(op, at_ms, at_ms), put))

    def _op(self, where: ConversationId, who: _Person, at_ms: int, kind: Kind, words: str) -> Op:
        seq = who.said.get(where, 0)
        who.said[where] = seq + 1
        prev = self.last.get((where, who.device))
        header = Header(
            where, Chain.TALK, who.account, who.device, seq, prev, at_ms << 16, kind,
            content_hash(words.encode()), devices=bytes(32),
        )  # fmt: skip
        op = make_op(header, words.encode(), _Nobody())
        self.last[where, who.device] = op.id
        return op


def make_demo(home: Path, language: str) -> None:
    """Make the home; takes a second or two."""
    ambient = SystemAmbient()
    me = "林小雨" if language == "zh" else "Alice"
    identity = make_identity(me, ambient)
    people = {name: _person(n, name) for n, name in enumerate(PEOPLE)}
    people["me"] = _Person(me, identity.account, identity.device)
    with open_home(home) as opened:
        opened.store.put_identity(identity)
        prepare_store(opened.store, identity, ambient)
        opened.store.commit(list(_acquaintances(identity, people)))
    rooms = _make_rooms(home, people)
    rooms["lounge"] = open_room_id("lounge")
    now = datetime.fromtimestamp(ambient.now().wall_ms / 1000)
    with open_home(home) as opened:
        opened.store.commit([PutConversation(rooms["lounge"], RoomKind.OPEN, "lounge", 1)])
        opened.store.commit(list(_talk(people, rooms, now)))


def _person(number: int, name: str) -> _Person:
    keys = [SigningKey(bytes([7, number, part] * 10 + [0, 0])) for part in range(2)]
    account, device = (bytes(key.verify_key) for key in keys)
    return _Person(name, AccountId(account), DeviceId(device))


def _acquaintances(identity: Identity, people: dict[str, _Person]) -> Iterator[Change]:
    for number, (name, person) in enumerate(people.items()):
        if name == "me":
            continue
        where = direct_id(identity.account, person.account)
        state = PEOPLE[name]
        yield PutConversation(where, None, "", 1)
        yield PutContact(
            person.account, where, ContactState(state), 1_700_000_000_000 + number, b""
        )
        yield PutName(person.account, name, 1)
        if name in PICTURED:
            yield PutProfile(person.account, "", face(number), 1)


def _make_rooms(home: Path, people: dict[str, _Person]) -> dict[str, ConversationId]:
    """Rooms by invitation, as the client itself makes them."""
    made = dict[str, ConversationId]()
    with BlockingPortal(home, offline=True) as portal:
        for name, (members, about, announcement) in ROOMS.items():
            accounts = [str(people[member].account) for member in members]
            room = row(portal.call("create_room", name=name, members=accounts))
            made[name] = ConversationId.parse(str(room["id"]))
            portal.call("describe", room=room["id"], text=about)
            if announcement:
                portal.call("announce", room=room["id"], text=announcement)
    return made


def _talk(
    people: dict[str, _Person], rooms: dict[str, ConversationId], now: datetime
) -> Iterator[Change]:
    me = people["me"]
    writer = _Writer(me)
    places = {**rooms, **{name: direct_id(me.account, people[name].account) for name in PEOPLE}}
    for name, lines, minutes in chatter(writer.rng, MESSAGES):
        where, at = places[name], now - timedelta(minutes=minutes)
        _write(writer, where, people, lines, at)
        yield from writer.changes
        writer.changes.clear()
        yield from _progress(me, people, where, name)


def _write(
    writer: _Writer,
    where: ConversationId,
    people: dict[str, _Person],
    lines: Sequence[Line],
    end: datetime,
) -> None:
    """Lines that end at a moment; each came some time before the next."""
    pauses = [timedelta(minutes=line.minutes, seconds=writer.rng.randrange(50)) for line in lines]
    at = end - sum(pauses, timedelta())
    ids = list[OpId]()
    for line, pause in zip(lines, pauses, strict=True):
        at += pause
        to = ids[-line.replies] if 0 < line.replies <= len(ids) else None
        ids.append(writer.say(where, people[line.who], line.words, at, to))
        for who, emoji in line.reactions:
            writer.react(where, people[who], ids[-1], emoji, at)


def _progress(
    me: _Person, people: dict[str, _Person], where: ConversationId, name: str
) -> Iterable[Change]:
    """How far we have read, and how far ours have come."""
    others = [each for key, each in people.items() if key != "me" and where in each.said]
    for other in others:
        unread = {"P2P dev": 2, "María": 1, "lounge": 5}.get(name, 0)
        yield PutReadMark(where, other.device, max(0, other.said[where] - unread))
    said = me.said.get(where, 0)
    yield SetPublished(where, said)
    for other in others:
        there = max(0, said - 1) if name == "Дмитрий" else said
        read = there if name in ("Bob", "小明") else 0
        yield SetDelivery(
            where, other.account, other.device, 0, there, there, 1, 0, "", read
        )  # fmt: skip
