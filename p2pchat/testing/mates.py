"""What people do who are, were, or want to be in a room by invitation.

Each does what its client lets it do, whatever the others do at the same time, and remembers what it
was answered: that must be true in the end, if it is in the room then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar

import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Room
from p2pchat.errors import LinkError, LocalProtocolError, NodeClosed
from p2pchat.model.explanation import MessageCause
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.model.room import Role
from p2pchat.testing.lives import Peer
from p2pchat.testing.watch import LifeWitness
from p2pchat.testing.world import World

__all__ = ["Board", "Mate"]

T = TypeVar("T")

CALL_TIMEOUT_S = 20.0
THINKS_S = 2.5
"""Between two things that one person does, on average."""
EMOJI = ("👍", "🎉", "🚢")
ROLES = (Role.ADMIN, Role.ADMIN, Role.MEMBER, Role.MEMBER, Role.MEMBER, Role.READ_ONLY)
OUT = (Role.REMOVED, Role.REMOVED, Role.BANNED)
LINKS_MAX = 4


@dataclass(slots=True)
class Board:
    """What all can see, whatever happens to the network, and what all did together."""

    links: list[str] = field(default_factory=list[str])
    """Into the room; the newest of them."""
    texts: int = 0
    rulings: int = 0


@dataclass(slots=True)
class _Said:
    """One text of ours; None for one that was deleted."""

    text: str | None
    is_sure: bool = True
    """False once a crash cut short what would have changed it."""


class Mate:
    """Somebody with a client that may be down at any time, and a room it wants to be in."""

    def __init__(self, world: World, name: str, room: ConversationId, board: Board) -> None:
        self.name = name
        self._world = world
        self._room = room
        self._board = board
        self._rng = world.rng(f"mate/{name}")
        self._said: dict[OpId, _Said] = {}

    @property
    def peer(self) -> Peer:
        return self._world.peers[self.name]

    async def come_up(self) -> None:
        """Open the client, if it is down."""
        while not self.peer.is_up:
            try:
                if self.peer.running is None:
                    await self._world.open(self.name)
                elif self.peer.life is not None:
                    await self.peer.life.opened.wait()
            except NodeClosed:
                await trio.sleep(0.5)  # doomed while it started

    async def live(self) -> None:
        """Do one thing after the other, for ever."""
        while True:
            await trio.sleep(self._rng.expovariate(1 / THINKS_S))
            client = self.peer.client
            if client is not None:
                await self._act(client)

    def objections(self, history: Mapping[OpId, Message], late: AbstractSet[OpId]) -> Iterator[str]:
        """What of that which it was answered is not so in its own history, but for what it said
        too late."""
        for id, said in self._said.items():
            if id in late:
                continue
            message = history.get(id)
            if message is None:
                yield f"{self.name} lacks its own {said.text!r}"
            elif said.is_sure and (None if message.deleted else message.text) != said.text:
                yield f"{self.name} shows {message.text!r} where it said {said.text!r}"

    async def unexplained(self) -> list[str]:
        """Texts whose state is not the one that is explained of them."""
        client, wrong = self.peer.client, list[str]()
        rooms = client.rooms() if client is not None else []
        for message in [m for room in rooms for m in await room.history(len(self._said) * 2 + 1)]:
            if client is not None and message.author == client.account:
                told = await client.explain(message.id)
                is_delivered = message.state is MessageState.DELIVERED
                if (told.cause is MessageCause.DELIVERED) is not is_delivered:
                    wrong.append(f"{self.name} explains {message.text!r}, {message.state}: {told}")
        return wrong

    # How

    async def _act(self, client: Client) -> None:
        rooms = [room for room in client.rooms() if room.id == self._room]
        role = rooms[0].info.role if rooms else None
        choice = self._rng.random()
        if role is None or role in (Role.REMOVED, Role.BANNED):
            await self._seek_entrance(is_left=role is None)
        elif choice < 0.4:
            await self._say(rooms[0])
        elif choice < 0.6:
            await self._change(rooms[0])
        elif choice < 0.63:
            await self._attempt(lambda _: rooms[0].leave())
        else:
            await self._rule(client, rooms[0])

    async def _seek_entrance(self, *, is_left: bool) -> None:
        """Ask to be let in by a link; who knows that it is out may forget the room first."""
        if not is_left and self._rng.random() < 0.5:
            await self._attempt(lambda client: client.room(self._room).leave())
        elif self._board.links:
            link = self._rng.choice(self._board.links)
            await self._attempt(lambda client: client.join(link, wait_s=0))

    async def _say(self, room: Room) -> None:
        life = self.peer.running
        text = f"{self.name} says {self._board.texts}"
        self._board.texts += 1
        message = await self._attempt(lambda _: room.send(text))
        if message is not None and life is not None:
            LifeWitness(self._world.watch, life).promised(message)
            self._said[message.id] = _Said(text)

    async def _change(self, room: Room) -> None:
        """Edit or delete something of ours, or put an emoji to anybody's."""
        known = await self._attempt(lambda _: room.history(20))
        if not known:
            return
        message = self._rng.choice(known)
        said = self._said.get(message.id)
        match self._rng.randrange(4):
            case 0 if said is not None:
                await self._settle(said, None, lambda: room.delete(message.id))
            case 1 | 2 if said is not None:
                text = f"{message.text}, or {self._rng.randrange(100)}"
                await self._settle(said, text, lambda: room.edit(message.id, text))
            case _:
                emoji, is_off = self._rng.choice(EMOJI), self._rng.random() < 0.3
                await self._attempt(lambda _: room.react(message.id, emoji, remove=is_off))

    async def _settle(
        self, said: _Said, text: str | None, change: Callable[[], Awaitable[object]]
    ) -> None:
        """Change a text of ours; whether that was done is not known if we crash over it."""
        before, said.is_sure = said.is_sure, False
        done = await self._attempt(lambda _: _whether(change))
        if done is True:
            said.text, said.is_sure = text, before or text is None
        elif done is False:
            said.is_sure = before

    async def _rule(self, client: Client, room: Room) -> None:
        """Do what admins do, whether we are one or not."""
        if self._rng.random() < 0.35:
            return
        other = self._world.peers[self._rng.choice(list(self._world.peers))].identity.account
        roles = {member.account: member.role for member in room.members()}
        match self._rng.randrange(9):
            case 0:
                await self._ruled(lambda _: room.rename(f"crew {self._board.rulings}"))
            case 1:
                await self._ruled(lambda _: room.announce(f"news {self._board.rulings}"))
            case 2 | 3:
                link = await self._ruled(lambda _: room.invite(self._rng.randrange(1, 3)))
                self._board.links = [*self._board.links, *filter(None, [link])][-LINKS_MAX:]
            case 4 if room.invitations():
                invite = self._rng.choice(room.invitations()).id
                await self._ruled(lambda _: room.revoke_invite(invite))
            case 5 if other in roles:
                await self._ruled(lambda _: room.set_role(other, self._rng.choice(OUT)))
            case _:
                await self._ruled(lambda _: room.set_role(other, self._rng.choice(ROLES)))

    async def _ruled(self, verb: Callable[[Client], Awaitable[T]]) -> T | None:
        done, result = False, None

        async def ruled(client: Client) -> None:
            nonlocal done, result
            result = await verb(client)
            done = True

        await self._attempt(ruled)
        self._board.rulings += done
        return result

    async def _attempt(self, verb: Callable[[Client], Awaitable[T]]) -> T | None:
        """Do something with the client; None when it is down, may not, or crashes over it."""
        life = self.peer.running
        if life is None or life.client is None:
            return None
        result: T | None = None
        with trio.move_on_after(CALL_TIMEOUT_S):
            try:
                result = await verb(life.client)
            except (NodeClosed, LocalProtocolError, LinkError):
                return None
        return result if not life.fate.is_over else None


async def _whether(change: Callable[[], Awaitable[object]]) -> bool:
    """Do what may not be allowed."""
    try:
        await change()
    except LocalProtocolError:
        return False
    return True
