"""The oracle objects to exactly what no history may be."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from p2pchat.client.identity import make_identity
from p2pchat.model.change import DropConversation, PutConversation
from p2pchat.model.conversation import direct_id, open_room_id
from p2pchat.model.ids import OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.model.room import RoomKind
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Page
from p2pchat.testing.determinism import run_simulation
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Peer
from p2pchat.testing.network import seed_of
from p2pchat.testing.oracle import Oracle

ROOM = open_room_id("lobby")


class Shelf(MemoryStore):
    """A store whose histories are written by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def history(self, conversation, page: Page) -> list[Message]:
        return [message for message in self.messages if message.conversation == conversation]


class Stage:
    """Peers whose histories say what the test lets them say."""

    def __init__(self, *names: str) -> None:
        self.ledger = Ledger()
        self.oracle = Oracle(self.ledger)
        self.peers: dict[str, Peer] = {}
        for name in names:
            identity = make_identity(name, SimulatedAmbient(1, name), seed_of(name))
            self.ledger.enroll(name, identity)
            self.ledger.enter(identity.device, PutConversation(ROOM, RoomKind.OPEN, "lobby", 0))
            self.peers[name] = Peer(name, identity, Shelf())

    @property
    def pair(self):
        return direct_id(*(peer.identity.account for peer in self.peers.values()))

    def say(self, author: str, text: str, conversation=ROOM):
        statement = self.oracle.begin(author, conversation, text)
        self.oracle.answered(statement)
        return statement

    def show(self, reader: str, *spoken: tuple[str, str], conversation=ROOM, **changes) -> None:
        """Let a history hold these texts, each of an author."""
        for author, text in spoken:
            message = Message(
                id=OpId(text.encode().ljust(32, b"\0")),
                conversation=conversation,
                author=self.peers[author].identity.account,
                author_name=author,
                type="text",
                text=text,
                sent_at=0,
                received_at=0,
                state=MessageState.DELIVERED,
                reply_to=None,
                signature=b"",
            )
            store = self.peers[reader].store
            assert isinstance(store, Shelf)
            store.messages.append(replace(message, **changes))

    def objections(self) -> list[str]:
        return list(self.oracle.objections(list(self.peers.values())))


def staged(scene) -> list[str]:
    """The objections after a scene between alice and bob."""

    async def main() -> list[str]:
        stage = Stage("alice", "bob")
        await scene(stage)
        return stage.objections()

    return run_simulation(main, 1)


async def said_one_after_the_other(stage: Stage) -> None:
    stage.say("alice", "one")
    await trio.sleep(1)
    stage.say("alice", "two")


def test_what_was_said_is_read_by_all():
    async def scene(stage: Stage) -> None:
        await said_one_after_the_other(stage)
        for reader in ("alice", "bob"):
            stage.show(reader, ("alice", "one"), ("alice", "two"))

    assert staged(scene) == []


def test_a_text_that_a_reader_lacks():
    async def scene(stage: Stage) -> None:
        await said_one_after_the_other(stage)
        stage.show("alice", ("alice", "one"), ("alice", "two"))
        stage.show("bob", ("alice", "one"))

    assert staged(scene) == [
        "bob lacks 1 texts, the first 'two' of alice",
        "alice and bob read different histories",
    ]


def test_a_text_that_is_read_twice():
    async def scene(stage: Stage) -> None:
        stage.say("alice", "one")
        stage.show("alice", ("alice", "one"))
        stage.show("bob", ("alice", "one"), ("alice", "one"))

    assert staged(scene) == ["bob reads 1 texts twice"]


def test_a_text_that_nobody_said():
    async def scene(stage: Stage) -> None:
        stage.say("alice", "one")
        for reader in ("alice", "bob"):
            stage.show(reader, ("alice", "one"), ("bob", "forged"))

    assert sorted(line for line in staged(scene) if "nobody said" in line) == [
        "alice reads 'forged', which nobody said",
        "bob reads 'forged', which nobody said",
    ]


def test_an_order_that_time_forbids():
    async def scene(stage: Stage) -> None:
        await said_one_after_the_other(stage)
        stage.show("alice", ("alice", "one"), ("alice", "two"))
        stage.show("bob", ("alice", "two"), ("alice", "one"))

    assert staged(scene) == ["bob reads 'one' of alice too late"]


def test_texts_that_were_sent_at_once_stand_in_any_order():
    async def scene(stage: Stage) -> None:
        one = stage.oracle.begin("alice", ROOM, "one")
        stage.say("alice", "two")
        stage.oracle.answered(one)
        for reader in ("alice", "bob"):
            stage.show(reader, ("alice", "two"), ("alice", "one"))

    assert staged(scene) == []


@pytest.mark.parametrize("readers", [(), ("alice", "bob")])
def test_a_call_that_a_crash_cut_short_is_read_by_all_or_by_nobody(readers: tuple[str, ...]):
    async def scene(stage: Stage) -> None:
        stage.oracle.begin("alice", ROOM, "one")
        for reader in readers:
            stage.show(reader, ("alice", "one"))

    assert staged(scene) == []


def test_a_call_that_was_cut_short_is_not_read_by_some():
    async def scene(stage: Stage) -> None:
        stage.oracle.begin("alice", ROOM, "one")
        stage.show("bob", ("alice", "one"))

    assert staged(scene) == ["alice and bob read different histories"]


def test_a_text_that_its_author_believes_not_to_have_arrived():
    async def scene(stage: Stage) -> None:
        stage.say("alice", "one", stage.pair)
        stage.show("alice", ("alice", "one"), conversation=stage.pair, state=MessageState.SENT)
        stage.show("bob", ("alice", "one"), conversation=stage.pair)

    assert staged(scene) == ["alice has 1 texts sent, such as 'one'"]


def deserted(history: bool, *, is_back: bool) -> list[str]:
    """Alice left after a word, which Bob has or has not."""

    async def scene(stage: Stage) -> None:
        stage.say("alice", "one")
        stage.oracle.left(ROOM)
        alice = stage.peers["alice"].identity.device
        stage.ledger.enter(alice, DropConversation(ROOM, alice))
        if is_back:
            stage.ledger.enter(alice, PutConversation(ROOM, RoomKind.OPEN, "lobby", 0))
            stage.show("alice", ("alice", "one"), state=MessageState.SENT)
        if history:
            stage.show("bob", ("alice", "one"))

    return staged(scene)


@pytest.mark.parametrize("history", [False, True])
def test_who_has_left_may_have_taken_along_what_it_said_last(history: bool):
    assert deserted(history, is_back=False) == []


def test_who_is_back_has_brought_along_what_it_said():
    assert deserted(True, is_back=True) == []
    assert "bob lacks 1 texts, the first 'one' of alice" in deserted(False, is_back=True)


def test_who_left_is_waited_for():
    async def scene(stage: Stage) -> None:
        stage.say("bob", "two")
        stage.oracle.left(ROOM)
        stage.show("alice", ("bob", "two"))
        stage.show("bob", ("bob", "two"), state=MessageState.SENT)

    assert staged(scene) == []
