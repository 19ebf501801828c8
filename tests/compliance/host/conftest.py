"""Worlds to play the host suite in: virtual time, and real sockets on loopback.

A test is a story that is told to a world: `play(story)` runs `await story(world)` in each of them.
A world opens hosts; everything else the suite does goes through the `Host` port.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import cycle

import pytest
import trio

from p2pchat.net.port import Connectedness, Host, Stream
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.network import SimulatedNetwork, open_network, seed_of

PIPE = "/compliance/pipe/1.0.0"
STORY_S_MAX = 90.0
LOOK_AGAIN_S = 0.1


class World:
    """Opens hosts, and knows the turns that many stories take."""

    def host(
        self, name: str, *, listening: bool = True, relay: bool = False
    ) -> AbstractAsyncContextManager[Host]:
        """A host for the time of the block; the same name is the same peer again."""
        raise NotImplementedError

    def black_hole(self) -> AbstractAsyncContextManager[str]:
        """An address where something may listen, but nobody ever answers."""
        raise NotImplementedError

    @asynccontextmanager
    async def pair(self) -> AsyncGenerator[tuple[Host, Host]]:
        """alice, connected to bob by her own dial."""
        async with self.host("alice") as alice, self.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            await self.until(bob, alice, lambda state: state is not None)
            yield alice, bob

    async def until(
        self, host: Host, peer: Host, condition: Callable[[Connectedness | None], bool]
    ) -> None:
        """Wait until `host` knows of `peer` what the condition asks for."""

        def known() -> Connectedness | None:
            return next((one for one in host.peers if one.peer == peer.peer_id), None)

        with host.changes() as changes:
            while not condition(known()):
                # A peer that came and went before the first read is not told at all: look again.
                with trio.move_on_after(LOOK_AGAIN_S):
                    await changes.receive()

    async def streams(self, alice: Host, bob: Host) -> tuple[Stream, Stream]:
        """A new stream, alice's side and bob's."""
        sender, receiver = trio.open_memory_channel[Stream](1)

        async def hand_over(stream: Stream) -> None:
            await sender.send(stream)
            await trio.sleep_forever()

        bob.serve(PIPE, hand_over)
        near = await alice.open_stream(bob.peer_id, [PIPE])
        return near, await receiver.receive()


Story = Callable[[World], Awaitable[None]]


class SimulatedWorld(World):
    """`p2pchat.testing.network`."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network

    @classmethod
    def play(cls, story: Story) -> None:
        async def main() -> None:
            async with open_network(seeded(1, "network", "links")) as network:
                with trio.fail_after(STORY_S_MAX):
                    await story(cls(network))

        run_simulation(main, 1)

    def host(self, name, *, listening=True, relay=False):
        return self._network.host(name, listening=listening, relay=relay)

    @asynccontextmanager
    async def black_hole(self) -> AsyncGenerator[str]:
        yield "/ip4/10.0.255.1/tcp/4001"


class LibP2PWorld(World):
    """`p2pchat.net.libp2p` on loopback, its hosts taking `transports` in turn."""

    transports: tuple[str, ...] = ("lean",)

    def __init__(self) -> None:
        self._transport = cycle(self.transports)

    @classmethod
    def play(cls, story: Story) -> None:
        async def main() -> None:
            with trio.fail_after(STORY_S_MAX):
                await story(cls())

        trio.run(main)

    def host(self, name, *, listening=True, relay=False):
        from p2pchat.net.libp2p.host import HostOptions, open_host  # half a second, when needed

        return open_host(
            HostOptions(
                seed=seed_of(name),
                listen=("/ip4/127.0.0.1/tcp/0",) if listening else (),
                is_relay=relay,
                transport=next(self._transport),
            )
        )

    @asynccontextmanager
    async def black_hole(self) -> AsyncGenerator[str]:
        with trio.socket.socket() as mute:
            await mute.bind(("127.0.0.1", 0))
            mute.listen()
            yield f"/ip4/127.0.0.1/tcp/{mute.getsockname()[1]}"


class StockWorld(LibP2PWorld):
    transports = ("stock",)


class LeanToStockWorld(LibP2PWorld):
    transports = ("lean", "stock")


class StockToLeanWorld(LibP2PWorld):
    transports = ("stock", "lean")


@pytest.fixture(
    params=[
        pytest.param(SimulatedWorld, id="simulated"),
        pytest.param(LibP2PWorld, id="libp2p"),
        pytest.param(StockWorld, id="libp2p-stock"),
        pytest.param(LeanToStockWorld, id="libp2p-lean-stock", marks=pytest.mark.slow),
        pytest.param(StockToLeanWorld, id="libp2p-stock-lean", marks=pytest.mark.slow),
    ]
)
def play(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Tell a story to one world after the other."""
    return request.param.play
