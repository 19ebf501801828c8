"""Machines that nothing leads out of: why what they write does not leave."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.testing.processes import Processes, RpcPeer
from tests.netns.ns import Host, Namespaces
from tests.netns.test_doctor import alone, person_on
from tests.process.explained import link_with
from tests.process.polling import until

pytestmark = [pytest.mark.netns, pytest.mark.process]

NOBODY = "12D3KooWGRUaqEyPiMYQLbmBJwFJ8ZGkZVWmTRZ7Q3XzRPVDdqcR"
FAR_RELAY = f"/ip4/45.33.1.1/tcp/4001/p2p/{NOBODY}"
FAR_AWAY = "/ip4/45.33.1.2/tcp/4001"


async def far_link() -> str:
    """Of somebody on the internet."""
    config = ClientConfig(listen=("/ip4/127.0.0.1/tcp/0",), fetch=False)
    async with open_client(None, name="bob", config=config) as bob:
        return link_with(bob.contact_link, FAR_AWAY)


async def cause(person: RpcPeer, message: object, wanted: str) -> None:
    seen: list[object] = []

    async def is_said() -> bool:
        seen.append(await person.call("explain", message_id=message))
        return seen[-1]["cause"] == wanted

    try:
        await until(is_said, 90)
    except trio.TooSlowError:
        raise AssertionError(f"not {wanted} but {seen[-1]}") from None


def test_a_message_of_a_machine_without_a_network_and_of_one_without_a_route(
    tmp_path: Path, net: Namespaces
) -> None:
    switch = net.bridge("switch")
    unplugged, inland = net.add("unplugged"), net.add("inland")
    inland.plug(switch, "10.77.0.1/24")

    async def story(processes: Processes) -> None:
        link = await far_link()

        async def write(host: Host, wanted: str) -> None:
            person = await person_on(processes, host, FAR_RELAY)
            contact = await person.call("add_contact", link=link)
            message = await person.call("send", conversation=contact["id"], text="hello?")
            await cause(person, message["id"], wanted)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, unplugged, "no_network")
            nursery.start_soon(write, inland, "no_route")

    alone(tmp_path, net, story)
