"""A block list is in force at once, and everybody else is told of the newest."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import trio
import trio.testing

from p2pchat.model.blocking import NOBODY, BlockList, Confinement
from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.net.offline import OfflineHost
from p2pchat.net.port import Connectedness
from p2pchat.node.enforcing import PARTED_MAX, PARTED_S_MAX, Enforcer

LISTS = tuple(BlockList.parse(subnets=[f"10.{number}.0.0/16"]) for number in range(3))


class Host(OfflineHost):
    """Remembers what it was told to refuse."""

    def __init__(self) -> None:
        super().__init__(DeviceId(b"h" * 32).peer_id)
        self.refused = NOBODY

        self.connected: tuple[Connectedness, ...] = ()

    @property
    def peers(self) -> tuple[Connectedness, ...]:
        return self.connected

    def block(self, blocks: BlockList) -> None:
        self.refused = blocks


def play(story) -> None:
    async def main() -> None:
        with trio.fail_after(2 * PARTED_S_MAX):
            await story()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_host_refuses_at_once_and_the_others_are_told_of_the_newest():
    async def story() -> None:
        host, told = Host(), []

        async def tell(blocks: BlockList) -> None:
            told.append(blocks)
            await trio.sleep(1)

        enforcer = Enforcer(host, tell)
        enforcer.block(LISTS[0])
        assert host.refused == LISTS[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(enforcer.run)
            await trio.testing.wait_all_tasks_blocked()
            for blocks in LISTS[1:]:
                enforcer.block(blocks)
            assert host.refused == LISTS[2]
            await enforcer.wait_told()
            assert told == [LISTS[0], LISTS[2]]
            nursery.cancel_scope.cancel()

    play(story)


def test_whoever_waits_for_the_newest_list_goes_on_only_when_it_was_told():
    async def story() -> None:
        told = []

        async def tell(blocks: BlockList) -> None:
            await trio.sleep(1)
            told.append(blocks)

        enforcer = Enforcer(Host(), tell)
        await enforcer.wait_told()
        assert told == []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(enforcer.run)
            enforcer.block(LISTS[0])
            nursery.start_soon(_block_later, enforcer)
            await enforcer.wait_told()
            assert told == [LISTS[0], LISTS[1]]
            nursery.cancel_scope.cancel()

    play(story)


async def _block_later(enforcer: Enforcer) -> None:
    await trio.sleep(0.5)
    enforcer.block(LISTS[1])


def test_who_was_connected_until_they_were_blocked_is_remembered_for_a_while():
    near, far = (DeviceId(letter * 32).peer_id for letter in (b"n", b"f"))

    def connected(peer, ip) -> Connectedness:
        return Connectedness(peer, (f"/ip4/{ip}/tcp/1",), Path.DIRECT, False)

    async def silent(_: BlockList) -> None:
        """Nobody has to know."""

    async def story() -> None:
        host = Host()
        enforcer = Enforcer(host, silent)
        host.connected = connected(near, "10.1.2.3"), connected(far, "10.9.9.9")
        enforcer.block(LISTS[1])
        assert enforcer.parted == {near: "/ip4/10.1.2.3/tcp/1"}
        enforcer.block(NOBODY)
        assert enforcer.parted == {}
        enforcer.block(LISTS[1])
        await trio.sleep(PARTED_S_MAX)
        assert enforcer.parted == {}
        host.connected = tuple(
            connected(DeviceId(bytes([number] * 32)).peer_id, "10.1.2.3")
            for number in range(PARTED_MAX + 5)
        )
        enforcer.block(LISTS[1])
        assert len(enforcer.parted) == PARTED_MAX

    play(story)


def test_who_is_kept_out_for_another_reason_is_refused_beside_who_is_blocked():
    outside = DeviceId(b"o" * 32).peer_id
    confinement = Confinement(frozenset({outside}), (IPv4Network("192.168.1.0/24"),))

    async def silent(_: BlockList) -> None:
        """Nobody has to know."""

    async def story() -> None:
        host = Host()
        enforcer = Enforcer(host, silent)
        enforcer.block(LISTS[0])
        enforcer.confine(confinement)
        assert host.refused == replace(LISTS[0], confinement=confinement)
        enforcer.block(LISTS[1])
        assert enforcer.newest == replace(LISTS[1], confinement=confinement)
        enforcer.confine(None)
        assert host.refused == LISTS[1]

    play(story)
