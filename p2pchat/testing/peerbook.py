"""Who is connected to one simulated host, and who wants to be told.

Subscribers read at their own pace, and a slow one must not keep a history of the whole network. So
each holds at most two changes a peer: the newest, and the going-down before it, because whoever
missed that would trust streams that are gone. A peer that came and went unread is not told at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import trio

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.port import Connectedness, PeerChanged
from p2pchat.testing.connections import Connection, Introduction

__all__ = ["PeerBook", "Subscription"]

_PREFERENCE = {path: rank for rank, path in enumerate(Path)}


class Subscription:
    """Changes on their way to one reader, merged while it does not read."""

    def __init__(self) -> None:
        self._unread: dict[PeerId, tuple[PeerChanged, ...]] = {}
        self._believed_up: set[PeerId] = set()
        self._news = trio.Event()
        self._sender, self.receiver = trio.open_memory_channel[PeerChanged](0)

    def offer(self, change: PeerChanged) -> None:
        """Let the reader know, instead of what it has not read about this peer."""
        unread = self._unread.pop(change.peer, ())
        if change.state is not None:
            down = tuple(one for one in unread if one.state is None)
            self._unread[change.peer] = (*down, change)
        elif change.peer in self._believed_up:
            self._unread[change.peer] = (change,)
        self._news.set()

    async def feed(self) -> None:
        """Hand over changes until cancelled, or until the reader closes its side."""
        with self._sender:
            while True:
                while self._unread:
                    await self._sender.send(self._next())
                self._news = trio.Event()
                await self._news.wait()

    def _next(self) -> PeerChanged:
        peer = next(iter(self._unread))
        change, *rest = self._unread.pop(peer)
        if rest:
            self._unread = {peer: tuple(rest), **self._unread}
        if change.state is None:
            self._believed_up.discard(peer)
        else:
            self._believed_up.add(peer)
        return change


class PeerBook:
    """The connections of one host by peer, in the order the peers came."""

    def __init__(self) -> None:
        self._connections: dict[PeerId, list[Connection]] = {}
        self._states: dict[PeerId, Connectedness] = {}
        self._subscriptions: dict[Subscription, None] = {}

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._connections

    @property
    def states(self) -> tuple[Connectedness, ...]:
        return tuple(self._states.values())

    def all(self) -> list[Connection]:
        """Every connection with anybody."""
        return [each for several in self._connections.values() for each in several]

    def of(self, peer: PeerId) -> tuple[Connection, ...]:
        """The connections with `peer`, oldest first."""
        return tuple(self._connections.get(peer, ()))

    def best(self, peer: PeerId) -> Connection | None:
        """The connection that streams to `peer` take."""
        return min(self.of(peer), key=lambda each: _PREFERENCE[each.view.path], default=None)

    def add(self, connection: Connection) -> None:
        self._connections.setdefault(connection.peer, []).append(connection)
        self._recount(connection.peer)

    def remove(self, connection: Connection) -> None:
        left = self._connections[connection.peer]
        left.remove(connection)
        if not left:
            del self._connections[connection.peer]
        self._recount(connection.peer)

    def introduce(self, peer: PeerId, told: Introduction) -> None:
        """Identify told what `peer` serves and where it listens."""
        before = self._states[peer]
        state = replace(before, protocols=told.protocols, announced=told.announced)
        self._states[peer] = state
        self._tell(PeerChanged(peer, state))

    def subscribe(
        self, spawn: Callable[[Callable[[], Awaitable[None]]], None]
    ) -> trio.MemoryReceiveChannel[PeerChanged]:
        """Tell a new reader of the present peers and of every change; `spawn` runs its feeder."""
        subscription = Subscription()
        for state in self._states.values():
            subscription.offer(PeerChanged(state.peer, state))
        self._subscriptions[subscription] = None

        async def feed() -> None:
            try:
                await subscription.feed()
            except trio.BrokenResourceError:
                pass  # the reader closed its side: nobody is left to tell
            finally:
                del self._subscriptions[subscription]

        spawn(feed)
        return subscription.receiver

    def _recount(self, peer: PeerId) -> None:
        """Take note of the connections there are now; tell when the peer came, went, or is reached
        in another way or elsewhere."""
        before, best = self._states.get(peer), self.best(peer)
        if best is None:
            del self._states[peer]
            self._tell(PeerChanged(peer, None))
            return
        views = [each.view for each in self._connections[peer]]
        state = Connectedness(
            peer=peer,
            addresses=tuple(dict.fromkeys(view.address for view in views)),
            path=best.view.path,
            inbound=views[0].inbound,
            protocols=before.protocols if before else frozenset(),
            announced=before.announced if before else (),
            dialled=tuple(dict.fromkeys(view.address for view in views if not view.inbound)),
        )
        self._states[peer] = state
        if before is None or (before.path, before.addresses) != (state.path, state.addresses):
            self._tell(PeerChanged(peer, state))

    def _tell(self, change: PeerChanged) -> None:
        for subscription in self._subscriptions:
            subscription.offer(change)
