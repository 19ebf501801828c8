"""Two stores given the same changes, in the same commits, answer the same: Hypothesis looks for a
history in which they do not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import (
    AddOp,
    Change,
    Counting,
    DropBlock,
    DropConversation,
    DropPeer,
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutDraft,
    PutName,
    PutPeer,
    PutProfile,
    PutReadMark,
    PutReceipt,
    PutSetting,
    PutTrust,
    RestoreContent,
    SetDelivery,
    SetFloor,
    SetPublished,
    SetTelling,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.control import History
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Chain, Op
from p2pchat.model.query import LatestQuery, NamedQuery, OpsQuery, StoredOp
from p2pchat.model.ratchet import (
    DropRatchet,
    ForgetSeen,
    ForgetSpent,
    HpkeSecret,
    PutBundle,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    SetLost,
    SetSettled,
)
from p2pchat.model.search import Query
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Page, Store
from p2pchat.store.sqlite import SqliteStore
from p2pchat.wire.control import encode_control
from tests.compliance.store.conftest import KEY
from tests.compliance.store.values import (
    ALICE,
    BOB,
    CAROL,
    OTHER_ROOM,
    ROOM,
    Person,
    Writer,
    digest,
    peer_id,
)
from tests.vectors import golden

ROOMS = (ROOM, OTHER_ROOM)
PEOPLE = (ALICE, BOB, CAROL)
GENESES = (
    b"",
    encode_control(golden.GENESIS)[1],
    encode_control(replace(golden.GENESIS, history=History.ALL, history_last=0))[1],
)
ABSENT = OpId(digest("absent"))

rooms = st.sampled_from(ROOMS)
people = st.sampled_from(PEOPLE)
chains = st.sampled_from(Chain)
small = st.integers(0, 6)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
blobs = st.binary(max_size=8)
anchors = st.one_of(st.none(), st.integers(0, 40))


class TwoStores(RuleBasedStateMachine):
    """Changes are collected by rules and committed to both stores by one more."""

    empty_database: Path

    def __init__(self) -> None:
        super().__init__()
        self._directory = TemporaryDirectory()
        self._path = Path(self._directory.name) / "store.db"
        shutil.copy(self.empty_database, self._path)
        self._memory = MemoryStore()
        self._sqlite = SqliteStore(self._path, KEY)
        self._waiting: list[Change] = []
        self._writers: dict[tuple[ConversationId, Person, Chain], Writer] = {}
        self._known: list[OpId] = [ABSENT]
        self._secret: list[Op] = []

    def teardown(self) -> None:
        self._sqlite.close()
        self._directory.cleanup()

    def _writer(self, room: ConversationId, person: Person, chain: Chain) -> Writer:
        new = Writer(person, room, chain, own=Counting(person is ALICE))
        return self._writers.setdefault((room, person, chain), new)

    @rule(room=rooms, person=people, chain=chains, text=texts, shown=st.booleans(), sort_key=small)
    def write(
        self,
        room: ConversationId,
        person: Person,
        chain: Chain,
        text: str,
        *,
        shown: bool,
        sort_key: int,
    ) -> None:
        writer = self._writer(room, person, chain)
        writer.was = (ABSENT,) if sort_key > 3 and chain is Chain.TALK else ()
        if shown and chain is Chain.TALK:
            self._waiting += writer.message(text, sort_key=sort_key)
        else:
            is_stopped = bool(text) and bool(writer.was)
            self._waiting.append(replace(writer.op(text), is_stopped=is_stopped))
        self._known.append(writer.ops[-1].id)

    @rule(room=rooms, person=people, chain=chains, seq=small, text=texts)
    def fork(self, room: ConversationId, person: Person, chain: Chain, seq: int, text: str) -> None:
        branch = self._writer(room, person, chain).fork(seq)
        if chain is Chain.TALK:
            self._waiting += branch.message(f"branch {text}")
        else:
            self._waiting.append(branch.op(f"branch {text}"))
        self._writers[room, person, chain] = branch

    @rule(room=rooms, person=people, about=small, text=texts, hlc=small, deleted=st.booleans())
    def change_a_message(
        self,
        room: ConversationId,
        person: Person,
        about: int,
        text: str,
        hlc: int,
        *,
        deleted: bool,
    ) -> None:
        writer = self._writer(room, person, Chain.TALK)
        message = self._known[-1 - about % len(self._known)]
        self._waiting += writer.delete(message) if deleted else writer.edit(message, text, hlc)

    @rule(room=rooms, person=people, about=small, emoji=st.sampled_from("👍👎✓"), on=st.booleans())
    def react(
        self, room: ConversationId, person: Person, about: int, emoji: str, *, on: bool
    ) -> None:
        message = self._known[-1 - about % len(self._known)]
        self._waiting += self._writer(room, person, Chain.TALK).react(message, emoji, is_on=on)

    @rule(room=rooms, person=people, number=small)
    def write_what_was_deleted(self, room: ConversationId, person: Person, number: int) -> None:
        """As it comes from somebody who has no content of it any more."""
        writer = self._writer(room, person, Chain.TALK)
        shown = writer.message(f"secret {number}")
        added = shown[0]
        assert isinstance(added, AddOp)
        gone = replace(added.op, content=None, deletion=Writer(person, room).op("").op)
        self._waiting += [replace(added, op=gone), *shown[1:]]
        self._known.append(gone.id)
        self._secret.append(added.op)

    @rule(about=small, text=texts)
    def give_back_what_was_deleted(self, about: int, text: str) -> None:
        """As far as somebody has it who is believed."""
        if self._secret:
            self._waiting.append(RestoreContent(self._secret[-1 - about % len(self._secret)], text))

    @rule(room=rooms, person=people, chain=chains, seq=st.integers(1, 12))
    def raise_floor(self, room: ConversationId, person: Person, chain: Chain, seq: int) -> None:
        ops = self._writer(room, person, chain).ops
        prev = ops[seq - 1].id if seq <= len(ops) else ABSENT
        self._waiting.append(SetFloor(room, person.device, chain, seq, prev))

    @rule(room=rooms, person=people, seq=small, end=small, dropped=st.booleans())
    def part(
        self, room: ConversationId, person: Person, seq: int, end: int, *, dropped: bool
    ) -> None:
        ops = self._writer(room, person, Chain.TALK).ops
        id = ops[end].id if end < len(ops) else ABSENT
        about = room, person.account, person.device, seq
        self._waiting.append(PutSpan(*about, ABSENT, end, id, end))
        if dropped:
            self._waiting.append(DropSpan(room, person.device, seq))

    @rule(room=rooms, person=people, acked=small, sent=small, error=texts)
    def deliver(
        self, room: ConversationId, person: Person, acked: int, sent: int, error: str
    ) -> None:
        row = SetDelivery(room, person.account, person.device, 0, acked, sent, 1, 2, error, sent)
        self._waiting.append(row)

    @rule(room=rooms, person=people, count=small, body=blobs)
    def acknowledge(self, room: ConversationId, person: Person, count: int, body: bytes) -> None:
        self._waiting.append(SetPublished(room, count))
        self._waiting.append(PutReceipt(room, person.device, body, body))

    @rule(room=rooms, person=people, below=small, tells=st.none() | st.booleans(), text=texts)
    def read_on(
        self, room: ConversationId, person: Person, below: int, *, tells: bool | None, text: str
    ) -> None:
        self._waiting += [PutReadMark(room, person.device, below), SetTelling(room, tells)]
        self._waiting.append(PutDraft(room, text.replace("\0", "")))

    @rule(
        room=rooms,
        person=people,
        state=st.sampled_from(ContactState),
        kind=st.sampled_from([None, *RoomKind]),
        text=texts,
    )
    def meet(
        self,
        room: ConversationId,
        person: Person,
        state: ContactState,
        kind: RoomKind | None,
        text: str,
    ) -> None:
        self._waiting.append(PutContact(person.account, room, state, 1, text.encode()))
        self._waiting.append(PutName(person.account, text, len(text)))
        self._waiting.append(PutProfile(person.account, text, text.encode(), len(text)))
        claimed = person.account if text else None
        self._waiting.append(PutTrust(person.account, len(text), claimed, is_confirmed=bool(text)))
        self._waiting.append(PutDeviceSet(person.account, text.encode()))
        self._waiting.append(PutConversation(room, kind, text, 3))

    @rule(person=people, addresses=st.lists(texts, max_size=2), text=texts, dropped=st.booleans())
    def look_around(
        self, person: Person, addresses: list[str], text: str, *, dropped: bool
    ) -> None:
        peer = peer_id(person.name)
        self._waiting.append(PutPeer(peer, tuple(addresses), len(text)))
        self._waiting.append(PutSetting(person.name, text.encode()))
        if dropped:
            self._waiting.append(DropPeer(peer))

    @rule(person=people, by_device=st.booleans(), when=small, dropped=st.booleans())
    def block(self, person: Person, when: int, *, by_device: bool, dropped: bool) -> None:
        target = peer_id(person.name) if by_device else person.account
        self._waiting.append(PutBlock(target, when))
        if dropped:
            self._waiting.append(DropBlock(target))

    @rule(person=people, name=small, counter=small, answered=st.booleans(), dropped=st.booleans())
    def turn_a_ratchet(
        self, person: Person, name: int, counter: int, *, answered: bool, dropped: bool
    ) -> None:
        session = digest(f"session {name}")
        row = PutRatchet(person.device, session, f"{counter}", counter, answered, counter)
        self._waiting += [row, PutOlmAccount(f"{counter}")]
        if dropped:
            self._waiting.append(DropRatchet(person.device, session))

    @rule(room=rooms, person=people, when=small, count=small, forgotten=small)
    def mail(
        self, room: ConversationId, person: Person, when: int, count: int, forgotten: int
    ) -> None:
        keys = tuple(HpkeSecret(n, bytes(n), when) for n in range(count))
        self._waiting += [
            SetMailed(room, person.device, count, when, when),
            PutBundle(person.device, bytes(count), when, count),
            PutMailKeys(digest(f"fallback {when}"), when, keys),
            SpendSession(digest(f"session {count}"), when, person.account),
            SeeMail(digest(f"blob {count}"), when),
            ForgetSpent(forgotten),
            ForgetSeen(forgotten),
        ]

    @rule(room=rooms, name=small, when=small, dropped=st.booleans())
    def begin_a_room(self, room: ConversationId, name: int, when: int, *, dropped: bool) -> None:
        op = OpId(digest(f"epoch {name}"))
        self._waiting += [
            PutRoom(room, GENESES[name % 3], digest(f"secret {name}"), is_entered=bool(when % 3)),
            PutLeave(room, (StoredOp(op, when, bytes(name), bytes(64), bytes(when)),)),
            PutEpoch(room, op, digest(f"epoch secret {when}"), when),
        ]
        if dropped:
            self._waiting.append(DropEpoch(room, op))

    @rule(room=rooms, person=people, since=small, settled=small, forgotten=st.booleans())
    def expect(
        self, room: ConversationId, person: Person, since: int, settled: int, *, forgotten: bool
    ) -> None:
        self._waiting.append(ExpectMember(room, person.account, since))
        if forgotten:
            self._waiting.append(ForgetMember(room, person.account))
        else:
            self._waiting.append(SetSettled(room, settled, min(since, settled)))
            self._waiting.append(SetLost(room, ((settled, settled + since),) if since else ()))

    @rule(room=rooms, person=people)
    def drop(self, room: ConversationId, person: Person) -> None:
        self._waiting.append(DropConversation(room, person.device))
        for key in [key for key in self._writers if key[0] == room]:
            if key != (room, person, Chain.TALK):
                del self._writers[key]

    @rule(again=st.booleans())
    def commit(self, *, again: bool) -> None:
        for _ in range(1 + again):
            for store in (self._memory, self._sqlite):
                store.commit(self._waiting)
        self._waiting = []

    @rule()
    def fail_to_commit(self) -> None:
        """What SQLite rolled back has left nothing behind, in its tables or in our caches."""
        new = Writer(Person(f"nobody {len(self._known)}"))
        added = new.op()
        wrong = new.shown(new.op(), "without its op")
        with pytest.raises(AssertionError):
            self._sqlite.commit([*self._waiting, added, wrong])

    @rule()
    def open_anew(self) -> None:
        self._memory = self._memory.fork()
        self._sqlite.close()
        self._sqlite = SqliteStore(self._path, KEY)

    @rule(room=rooms, before=anchors, after=anchors, limit=small)
    def page(self, room: ConversationId, before: int | None, after: int | None, limit: int) -> None:
        page = Page(limit, self._anchor(before), self._anchor(after))
        self._same(lambda store: store.history(room, page))

    @rule(
        room=rooms, person=people, chain=chains, start=small, limit=small, size=st.integers(0, 600)
    )
    def read(
        self,
        room: ConversationId,
        person: Person,
        chain: Chain,
        start: int,
        *,
        limit: int,
        size: int,
    ) -> None:
        query = OpsQuery(room, person.device, chain, start, limit, size)
        self._same(lambda store: store.ops(query))
        turns = replace(query, chain=Chain.TALK, turns=True)
        self._same(lambda store: store.ops(turns))
        self._same(lambda store: store.ops(LatestQuery(room, start, limit)))
        ids = tuple(op.id for op in self._memory.ops(query))
        self._same(lambda store: store.ops(NamedQuery(room, ids)))

    @invariant()
    def both_tell_the_same(self) -> None:
        if self._waiting:
            return
        self._same(lambda store: store.snapshot())
        for room in ROOMS:
            self._same(lambda store, room=room: store.history(room, Page(5_000)))
            self._same(lambda store, room=room: store.authors(room))
            self._same(lambda store, room=room: store.receipts(room))
            self._same(lambda store, room=room: store.unread(room))
            self._same(lambda store, room=room: store.first_unread(room))
        for id in self._known[-5:]:
            self._same(lambda store, id=id: store.message(id))
            self._same(lambda store, id=id: store.marks_to(id))
        for query in (Query.of("b"), Query.of("branch")):
            if query is not None:
                self._same(lambda store, query=query: store.search(query, None, 50))

    def _anchor(self, index: int | None) -> OpId | None:
        return None if index is None else self._known[index % len(self._known)]

    def _same(self, ask: Callable[[Store], object]) -> None:
        answers: list[object] = []
        for store in (self._memory, self._sqlite):
            try:
                answers.append(ask(store))
            except UnknownMessage as error:
                answers.append(str(error))
        assert answers[0] == answers[1]


def test_memory_and_sqlite_answer_the_same(empty_database: Path) -> None:
    machine = type("TwoStoresHere", (TwoStores,), {"empty_database": empty_database})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=40))
