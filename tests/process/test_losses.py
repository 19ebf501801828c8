"""Messages that are lost on the wire of real programs: both sides name exactly those, then have
them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio

from p2pchat.testing.processes import RpcPeer, befriend, open_processes
from tests.process.polling import until
from tests.process.test_rooms import LOOPBACK, commands

pytestmark = pytest.mark.process

LOSSY = Path(__file__).with_name("lossy")
COUNT, LOST = 30, 9
PATIENCE_S = 120


def losing(peer: RpcPeer, file: Path) -> None:
    """From its next life on a program loses messages while a file is there."""
    path = f"{LOSSY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {**peer.launch.environment, "PYTHONPATH": path, "P2PCHAT_LOSE": str(file)}
    peer.launch = replace(peer.launch, environment=environment)


def written(peer: RpcPeer, lost: set[int]) -> list[str]:
    """What somebody says."""
    return [f"{peer.name} {'lost' if n in lost else 'kept'} {n}" for n in range(COUNT)]


async def said(peer: RpcPeer, room: str) -> set[str]:
    return {one["text"] for one in await peer.call("history", conversation=room, limit=1_000)}


async def missing(reader: RpcPeer, writer: RpcPeer, room: str) -> set[int]:
    """Which of its texts a writer's reader names as missing, by their number."""
    own = (await writer.call("account"))["account"]
    written = await writer.call("completeness", conversation=room)
    device = {one["device"] for one in written["heads"] if one["chain"] == 1}
    heads = [one for one in written["heads"] if one["chain"] == 1]
    by_device = {one["device"]: one["seq"] for one in heads}
    found = (await reader.call("completeness", conversation=room))["gaps"]
    assert {gap["account"] for gap in found} <= {own}
    assert {gap["device"] for gap in found} <= device
    return {
        seq - (by_device[gap["device"]] - COUNT + 1)
        for gap in found
        for seq in range(gap["first"], gap["last"] + 1)
    }


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_whatever_is_lost_is_named_by_both_sides_and_then_filled(tmp_path: Path, seed: int) -> None:
    """The last one of each arrives: of what nobody has heard nobody can say that it is missing."""
    rng, file = Random(seed), tmp_path / "lose"
    lost = [set(rng.sample(range(COUNT - 1), LOST)) for _ in range(2)]

    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            pair = [processes.unstarted(name, knows=relay.addresses) for name in ("alice", "bob")]
            for peer in pair:
                losing(peer, file)
                await peer.start()
            alice, bob = pair
            await befriend(alice, bob)
            account = (await bob.call("account"))["account"]
            room = (await alice.call("create_room", name="Crew", members=[account]))["id"]
            await bob.heard("RoomJoined")
            await meet(alice, bob, room)

            file.touch()
            for number in range(COUNT):
                for peer, numbers in zip(pair, lost, strict=True):
                    text = written(peer, numbers)[number]
                    await peer.call("send", conversation=room, text=text)

            async def both_name_them() -> bool:
                return [
                    await missing(bob, alice, room) == lost[0],
                    await missing(alice, bob, room) == lost[1],
                ] == [True, True]

            await until(both_name_them, PATIENCE_S)
            for reader in pair:
                await reader.heard("GapFound", conversation=room)
            ends = [(await one.call("completeness", conversation=room))["digest"] for one in pair]
            assert ends[0] != ends[1]

            file.unlink()

            async def both_have_all() -> bool:
                every = {text for one in zip(pair, lost, strict=True) for text in written(*one)}
                return all([every <= await said(peer, room) for peer in pair])

            await until(both_have_all, PATIENCE_S)
            for reader in pair:
                await reader.heard("GapFilled", conversation=room)
            found = [await one.call("completeness", conversation=room) for one in pair]
            assert [one["gaps"] for one in found] == [[], []]
            assert found[0]["digest"] == found[1]["digest"]

            await bob.stop()
            near = (*LOOPBACK, "--bootstrap-peer", relay.addresses[0])
            typed = commands(tmp_path / "bob", *near)
            shown = json.loads(await typed("completeness", "Crew", "--json"))
            assert shown["digest"] == found[0]["digest"]
            told = await typed("--language", "zh", "completeness", "Crew")
            assert found[0]["digest"] in told
            assert "没有已知的缺失" in told

    trio.run(main)


async def meet(alice: RpcPeer, bob: RpcPeer, room: str) -> None:
    """Both write and both are heard, before anything is lost."""
    for one, other in ((alice, bob), (bob, alice)):
        await one.call("send", conversation=room, text=f"{one.name} is here")

        async def is_heard(other=other, name=one.name) -> bool:
            return f"{name} is here" in await said(other, room)

        await until(is_heard, PATIENCE_S)
