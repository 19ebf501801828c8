"""Cables that lose, delay, double and shuffle packets: messages arrive once and in order."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, RpcPeer, befriend, open_processes
from tests.netns.ns import Namespaces
from tests.netns.weather import ADDRESSES, Cable, Weather, bad_cable, missing
from tests.process.yardstick import worst_slowness

pytestmark = [
    pytest.mark.netns,
    pytest.mark.process,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

BAD = Weather(loss=0.3, loss_back=0.3, delay_ms=200, jitter_ms=50, duplicates=0.05, overtaking=0.1)
TERRIBLE = replace(BAD, loss=0.6, loss_back=0.0)
P99_S, LAST_S = 5.0, 300.0
"""What the design promises for the two, on a machine that does nothing else meanwhile."""
PACE_S = 0.1
"""People type; what is sent at once would go in a few packets, and hardly feel the cable."""


class Talk:
    """Two contacts, and how long each message took from `send` to its receipt."""

    def __init__(self, alice: RpcPeer, bob: RpcPeer, conversation: str) -> None:
        self.alice, self.bob, self.conversation = alice, bob, conversation
        self.took_s: list[float] = []

    async def say(self, messages: int) -> None:
        """Send so many, one after the other, and wait for all receipts."""
        async with trio.open_nursery() as nursery:
            for number in range(messages):
                began_s = time.perf_counter()
                text = f"text {number}"
                sent = await self.alice.call("send", conversation=self.conversation, text=text)
                nursery.start_soon(self._wait, sent["id"], began_s)
                await trio.sleep(PACE_S)

    async def _wait(self, id: str, began_s: float) -> None:
        await self.alice.begin("wait_delivered", message_id=id)()
        self.took_s.append(time.perf_counter() - began_s)

    async def require_all(self, messages: int) -> None:
        """Both have each of them, once, in the order in which alice wrote them."""
        written = [f"text {number}" for number in range(messages)]
        for peer in (self.alice, self.bob):
            limit = messages + 10
            history = await peer.call("history", conversation=self.conversation, limit=limit)
            assert [message["text"] for message in history] == written, peer.name


def on_a_cable(
    tmp_path: Path,
    net: Namespaces,
    story: Callable[[Talk, Cable], Awaitable[None]],
    story_s_max: float,
) -> None:
    """Two contacts who have nothing but one cable, good at first."""

    async def main() -> None:
        hosts = net.add("alice"), net.add("bob")
        with trio.fail_after(story_s_max):
            async with bad_cable(*hosts, Weather()) as cable, open_processes(tmp_path) as programs:
                launches = [
                    Launch(listen=(f"/ip4/{address}/tcp/0",), prefix=host.prefix)
                    for host, address in zip(hosts, ADDRESSES, strict=True)
                ]
                bob = await programs.peer("bob", launch=launches[1])
                knows = (await bob.call("account"))["addresses"]
                alice = await programs.peer("alice", knows=knows, launch=launches[0])
                await story(Talk(alice, bob, await befriend(alice, bob)), cable)

    trio.run(main)


def test_a_cable_that_loses_a_third_brings_every_message_once_and_in_order(tmp_path, net):
    async def story(talk: Talk, cable: Cable) -> None:
        await cable.change(BAD)
        await talk.say(60)
        await talk.require_all(60)

    on_a_cable(tmp_path, net, story, 90)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weather", "most_s"), [(BAD, P99_S), (TERRIBLE, LAST_S)], ids=["a third lost", "most lost"]
)
def test_every_message_arrives_in_time_whatever_the_cable_loses(
    tmp_path, net, figure, weather, most_s
):
    """The design's figures, for a machine to itself; stretched on a busy one, which carries the
    packets late as well: the cable is a program that wants its share of the processor."""

    async def story(talk: Talk, cable: Cable) -> None:
        await cable.change(weather)
        busy = await worst_slowness(lambda: talk.say(500))
        await talk.require_all(500)
        took_s = sorted(talk.took_s)
        times = f"p50 {took_s[250]:.2f} s, p99 {took_s[495]:.2f} s, last {took_s[-1]:.2f} s"
        figure(f"{times}; work took up to {busy:.1f} times as long")
        assert took_s[495] <= most_s * busy

    on_a_cable(tmp_path, net, story, 420)
