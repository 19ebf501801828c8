"""A relay with a public address: one address that wants everything gets its share."""

from __future__ import annotations

import pytest
import trio

from p2pchat.config import RelayLimits
from p2pchat.relay import CONNECTIONS_PER_ADDRESS
from p2pchat.testing.processes import Launch, open_processes
from tests.netns.ns import Namespaces
from tests.process.test_hostile import attacking, outcome

pytestmark = [pytest.mark.netns, pytest.mark.process, pytest.mark.slow]

STORY_S_MAX = 280.0
RELAY, MALLORY, ALICE = "8.0.0.1", "8.8.8.8", "8.8.4.4"


def test_a_thousand_peers_at_one_public_address_leave_room_for_another_address(
    tmp_path, net: Namespaces
):
    async def story() -> None:
        switch = net.bridge("switch")
        hosts = {name: net.add(name) for name in ("relay", "mallory", "alice")}
        for name, address in zip(hosts, (RELAY, MALLORY, ALICE), strict=True):
            hosts[name].plug(switch, f"{address}/8")
        async with open_processes(tmp_path) as processes:
            launch = Launch(listen=(f"/ip4/{RELAY}/tcp/4001",), prefix=hosts["relay"].prefix)
            relay = await processes.relay(launch=launch)
            attack = attacking("thousand", relay.addresses[0], hosts["mallory"].prefix)
            async with attack as mallory:
                granted = (await outcome(mallory))["outcomes"]["granted"]
                assert 0 < granted <= CONNECTIONS_PER_ADDRESS
                assert granted <= RelayLimits().reservations_per_address_max
                launch = Launch(listen=(), prefix=hosts["alice"].prefix)
                alice = processes.unstarted("alice", knows=relay.addresses, launch=launch)
                alice.home.mkdir()
                (alice.home / "config.toml").write_text("listen = []\n")
                await alice.start()
                await alice.heard("StartupProgress", step="relay_selected")

    async def bounded() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(bounded)
