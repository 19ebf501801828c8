"""What people do with their clients while everything goes wrong around them.

They come when they come, ask for contacts, say yes to who asks, join rooms, talk, and try again
what did not work because their program crashed. Every call of `send` is told to the oracle.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Conversation, Room
from p2pchat.errors import LocalProtocolError, NodeClosed
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId
from p2pchat.testing.cast import CLUB, Role
from p2pchat.testing.checkers.access import CANARY
from p2pchat.testing.oracle import Oracle
from p2pchat.testing.watch import LifeWitness
from p2pchat.testing.world import World

__all__ = ["Person"]

T = TypeVar("T")

CALL_TIMEOUT_S = 20.0
THINKS_S = 6.0
"""Between two things that one person says, on average."""
BURST_MAX = 20


class Person:
    """Somebody with a client that may be down at any time."""

    def __init__(self, world: World, role: Role, oracle: Oracle) -> None:
        self.role = role
        self.name = role.name
        self.is_settled = False
        """It has arrived, and done what its role says; whom it asked has said yes."""
        self._world = world
        self._oracle = oracle
        self._rng = world.rng(f"person/{role.name}")
        self._spoken = 0
        self._left: set[ConversationId] = set()

    async def live(self) -> None:
        """Arrive, and do everything that the role says; ends when it is all done."""
        await trio.sleep_until(self.role.arrives_s)
        await self.come_up()
        async with trio.open_nursery() as nursery:
            for friend in self.role.friends:
                nursery.start_soon(self._ask, friend)
            for room in self.role.rooms:
                nursery.start_soon(self._join, room)
        self.is_settled = True

    async def come_up(self) -> None:
        """Open the client, if it is down."""
        peer = self._world.peers[self.name]
        while not peer.is_up:
            try:
                if peer.running is None:
                    await self._world.open(self.name)
                elif peer.life is not None:
                    await peer.life.opened.wait()
            except NodeClosed:
                await trio.sleep(0.5)  # doomed while it started

    async def say_yes(self) -> None:
        """Accept everybody who asks, for ever."""
        while True:
            await trio.sleep(self._rng.uniform(0.3, 1.5))
            client = self._world.peers[self.name].client
            for request in client.contact_requests() if client is not None else ():
                await self._attempt(partial(Client.accept, account=request.account))

    async def talk(self) -> None:
        """Say things to contacts and in rooms, for ever."""
        while True:
            await trio.sleep(self._rng.expovariate(1 / THINKS_S))
            client = self._world.peers[self.name].client
            if client is not None:
                conversations = self._conversations(client)
                if conversations:
                    await self._speak(self._rng.choice(conversations))

    async def _ask(self, friend: str) -> None:
        """Ask a friend whose link there is, until the client says that it was asked; from then on
        it is the client's to bring about."""
        while True:
            other = self._world.peers[friend].client
            asked = None
            if other is not None:
                asked = await self._attempt(partial(Client.add_contact, link=other.contact_link))
            if asked is not None:
                break
            await trio.sleep(self._rng.uniform(0.5, 3.0))
        account = self._world.peers[friend].identity.account
        while not self._is_contact(account):  # noqa: ASYNC110
            await trio.sleep(1.0)

    def _is_contact(self, account: AccountId) -> bool:
        """Whether somebody has agreed to be one."""
        client = self._world.peers[self.name].client
        return client is not None and any(
            contact.account == account and contact.state is ContactState.ACCEPTED
            for contact in client.contacts()
        )

    async def _join(self, name: str) -> None:
        await trio.sleep(self._rng.uniform(0.1, 5.0))
        room = await self._enter(name)
        if name == CLUB and self.role.leaves_s is not None:
            await trio.sleep_until(self.role.leaves_s)
            await self._leave(room)
            if self.role.returns_s is not None:
                await trio.sleep_until(self.role.returns_s)
                await self._enter(name)
                self._left.discard(room.id)

    async def _enter(self, name: str) -> Room:
        while True:
            room = await self._attempt(lambda client: client.join_open(name))
            if room is not None:
                return room
            await trio.sleep(self._rng.uniform(0.5, 3.0))

    async def _leave(self, room: Room) -> None:
        """Go, perhaps before what was said last reached anybody."""
        self._left.add(room.id)
        self._oracle.left(room.id)
        while True:
            await self._attempt(lambda client: client.room(room.id).leave())
            client = self._world.peers[self.name].client
            if client is not None and all(one.id != room.id for one in client.rooms()):
                return
            await trio.sleep(self._rng.uniform(0.5, 3.0))

    def _conversations(self, client: Client) -> list[Conversation]:
        """Where this person talks: with friends, and in rooms it means to stay in."""
        known = {peer.identity.account for peer in self._world.peers.values()}
        contacts = [contact for contact in client.contacts() if contact.account in known]
        rooms = [room for room in client.rooms() if room.id not in self._left]
        return [*contacts, *rooms]

    async def _speak(self, conversation: Conversation) -> None:
        """Say one thing, or many at once."""
        count = self._rng.randrange(2, BURST_MAX) if self._rng.random() < 0.15 else 1
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(self._say, conversation)

    async def _say(self, conversation: Conversation) -> None:
        life = self._world.peers[self.name].running
        if life is None:
            return
        statement = self._oracle.begin(self.name, conversation.id, self._text(conversation))
        message = await self._attempt(lambda _: conversation.send(statement.text))
        if message is not None:
            LifeWitness(self._world.watch, life).promised(message)
            self._oracle.answered(statement)

    def _text(self, conversation: Conversation) -> str:
        self._spoken += 1
        what = "said aloud" if isinstance(conversation, Room) else CANARY
        padding = "." * self._rng.randrange(20_000) if self._rng.random() < 0.03 else ""
        return f"{self.name} {what} {self._spoken}{padding}"

    async def _attempt(self, verb: Callable[[Client], Awaitable[T]]) -> T | None:
        """Do something with the client; None when it is down, or crashes over it."""
        life = self._world.peers[self.name].running
        if life is None or life.client is None:
            return None
        result: T | None = None
        with trio.move_on_after(CALL_TIMEOUT_S):
            try:
                result = await verb(life.client)
            except (NodeClosed, LocalProtocolError):
                return None
        return result if not life.fate.is_over else None
