"""What a world offers its peers."""

from __future__ import annotations

import trio

from p2pchat.events import ContactRequested
from p2pchat.testing.world import World, run_world


def test_two_who_know_a_relay_find_each_other_by_name_alone():
    async def scenario(world: World) -> None:
        await world.open_relay("relay")
        alice = await world.start("alice", knows=("relay",), listening=False)
        link = alice.contact_link
        assert not alice.addresses, "the link was written before there was anywhere to call"
        bob = await world.start("bob", knows=("relay",))
        async with alice.subscribe(ContactRequested) as requests:
            await bob.add_contact(link)
            with trio.fail_after(30):
                request = await anext(aiter(requests))
        assert isinstance(request, ContactRequested)
        assert request.account == bob.account

    run_world(scenario, 7)
