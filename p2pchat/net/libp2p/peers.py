"""Who is connected, and how those who want to know are told.

A subscription holds what its reader has not taken yet, merged: per peer only the newest counts,
except that a down before an up is kept, because whoever tears something down on the first must get
to do so. A peer that came and went unread is not told at all. So a slow reader costs at most two
changes for each peer that is connected or that it believes to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import trio

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.streams import Origin
from p2pchat.net.port import Connectedness, PeerChanged

__all__ = ["PeerTable"]

_BEST_FIRST = tuple(Path)


class PeerTable:
    """The connected peers in the order they came, and the subscriptions to them."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._states: dict[PeerId, Connectedness] = {}
        self._feeds: set[_Feed] = set()

    @property
    def states(self) -> Sequence[Connectedness]:
        return tuple(self._states.values())

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._states

    def connected(self, peer: PeerId, origins: Sequence[Origin]) -> None:
        """Take note of the connections that a peer has now."""
        before = self._states.get(peer)
        if not origins:
            if self._states.pop(peer, None) is not None:
                self._tell(PeerChanged(peer, None))
            return
        state = Connectedness(
            peer=peer,
            addresses=tuple(dict.fromkeys(origin.remote for origin in origins)),
            path=min((origin.path for origin in origins), key=_BEST_FIRST.index),
            inbound=origins[0].inbound,
            protocols=before.protocols if before else frozenset(),
            announced=before.announced if before else (),
            dialled=tuple(dict.fromkeys(one.address for one in origins if not one.inbound)),
        )
        self._states[peer] = state
        if before is None or (before.path, before.addresses) != (state.path, state.addresses):
            self._tell(PeerChanged(peer, state))

    def identified(
        self, peer: PeerId, protocols: frozenset[str], announced: tuple[str, ...]
    ) -> None:
        """Take note of what a connected peer told of itself."""
        before = self._states.get(peer)
        if before is None:
            return
        state = replace(before, protocols=protocols, announced=announced)
        self._states[peer] = state
        self._tell(PeerChanged(peer, state))

    def subscribe(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        """See `Host.changes`."""
        send, receive = trio.open_memory_channel[PeerChanged](0)
        for other in self._feeds:
            other.wake()
        feed = _Feed(self._states.values())
        self._feeds.add(feed)
        self._nursery.start_soon(self._pump, feed, send)
        return receive

    def _tell(self, change: PeerChanged) -> None:
        for feed in self._feeds:
            feed.put(change)

    async def _pump(self, feed: _Feed, send: trio.MemorySendChannel[PeerChanged]) -> None:
        try:
            async with send:
                await feed.deliver(send)
        except trio.BrokenResourceError:
            pass  # the reader closed its end: that is how it unsubscribes
        finally:
            self._feeds.discard(feed)


class _Feed:
    """What one reader has not taken yet."""

    def __init__(self, states: Iterable[Connectedness]) -> None:
        self._waiting = {state.peer: [PeerChanged(state.peer, state)] for state in states}
        self._believed_up = set(self._waiting)  # it may have looked before it subscribed
        self._news = trio.Event()

    def put(self, change: PeerChanged) -> None:
        """Merge `change` into what waits."""
        downs = [one for one in self._waiting.pop(change.peer, []) if one.state is None]
        if change.state is not None:
            self._waiting[change.peer] = [*downs, change]
        elif change.peer in self._believed_up:
            self._waiting[change.peer] = [change]
        self._news.set()

    def wake(self) -> None:
        """Let who waits look whether its reader is still there."""
        self._news.set()

    async def deliver(self, send: trio.MemorySendChannel[PeerChanged]) -> None:
        """Hand over changes until the reader has left."""
        while send.statistics().open_receive_channels:
            while self._waiting:
                await send.send(self._take())
            self._news = trio.Event()
            await self._news.wait()

    def _take(self) -> PeerChanged:
        peer = next(iter(self._waiting))
        waiting = self._waiting[peer]
        change = waiting.pop(0)
        if not waiting:
            del self._waiting[peer]
        if change.state is None:
            self._believed_up.discard(peer)
        else:
            self._believed_up.add(peer)
        return change
