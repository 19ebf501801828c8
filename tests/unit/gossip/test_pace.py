"""Very many small RPCs: they cost whoever sends them, and stall nobody."""

from __future__ import annotations

import trio

from p2pchat.gossip.vocabulary import Punish, RpcReceived
from p2pchat.net.gossip import CHECKPOINT_EVERY, PROTOCOLS, GossipCarrier
from p2pchat.wire.framing import frame
from p2pchat.wire.gossip_codec import encode_control, encode_prune
from tests.unit.gossip.conftest import ROOM
from tests.unit.gossip.test_carrier import HELLO, scenario

COUNT = 2_000
RPC = encode_control([encode_prune(ROOM, 1)])


class Turns(trio.abc.Instrument):
    """Counts the steps of all tasks."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task) -> None:
        self.count += 1


def test_rpcs_over_the_rate_are_not_read_and_end_in_punishment(stage, message):
    alice = stage(rpcs_max=5)
    (bob,) = alice.meet("bob")
    alice.mesh_with([])
    alice.beat()
    heard = [alice.hear(bob, messages=(message(b"%d" % n),)) for n in range(8)]
    assert [len(effects) for effects in heard] == [1] * 5 + [0] * 3
    assert alice.counts.over_limit == 3
    effects = []
    while not effects:
        alice.beat()
        for _ in range(8):
            effects += [e for e in alice.hear(bob, prune=()) if isinstance(e, Punish)]
    assert effects[0].peer == bob


@scenario
async def test_others_get_their_turn_while_one_read_is_taken_apart(world):
    turns = Turns()
    seen: list[int] = []

    async def put(input) -> None:
        if isinstance(input, RpcReceived):
            seen.append(turns.count)

    async def told(_) -> None:
        raise AssertionError("no router is there to decide on anything")

    async with (
        world.stub("bob", *PROTOCOLS) as bob,
        world.network.host("alice") as host,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(GossipCarrier(host, put, told).run)
        await bob.host.connect(host.peer_id, host.addresses)
        stream = await bob.host.open_stream(host.peer_id, PROTOCOLS)
        await stream.send_all(HELLO + frame(RPC) * COUNT)
        trio.lowlevel.add_instrument(turns)
        await trio.sleep(5)
        trio.lowlevel.remove_instrument(turns)
        assert len(seen) == COUNT + 1
        assert seen[-1] - seen[0] >= COUNT // CHECKPOINT_EVERY - 1
        nursery.cancel_scope.cancel()
