"""Whose proof of the LAN's secret stands for the user's yes."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from p2pchat.events import PeerConnected
from p2pchat.net.lan_gate import LanGate
from p2pchat.node.hub import Hub
from p2pchat.node.lan_consent import consent_to_proved
from p2pchat.wire.contents import Request
from p2pchat.wire.frames import Hello, Ops
from tests.unit.protocol.people import BOB, CAROL, Author, Person, between, set_of
from tests.unit.protocol.table import Seat, Table


class Claimant(Person):
    """A stranger who certifies, beside its own device, one of Carol's."""

    def __init__(self) -> None:
        super().__init__("stranger")
        self.devices = set_of(self, self.device, CAROL.device)


STRANGER = Claimant()


@pytest.fixture
def bob() -> Seat:
    """Bob, whom the stranger has asked, and who knows both devices that it calls its own."""
    bob = Table().sit(BOB)
    request = Request("stranger", "", BOB.intro, bytes(32))
    op = Author(STRANGER, between(STRANGER, BOB)).write(request)
    bob.hear(STRANGER, Hello(STRANGER.devices), Ops((op,)))
    bob.hear(STRANGER, Hello(STRANGER.devices))
    assert bob.state.directory.keep(STRANGER.devices)
    assert bob.state.directory.devices(STRANGER.account) == {STRANGER.device, CAROL.device}
    return bob


@pytest.mark.parametrize(
    ("prover", "accepted"), [(STRANGER, [STRANGER.account]), (CAROL, []), (BOB, [])]
)
def test_the_device_that_signed_the_request_has_to_have_proved_the_secret(bob, prover, accepted):
    """Anybody can certify the key of somebody who proved it."""
    yes = []

    async def accept(account) -> None:
        yes.append(account)

    async def main() -> None:
        hub = Hub(8)
        gate = LanGate(BOB.device.peer_id, b"k" * 32, frozenset(), bytes)
        gate.proved[prover.device.peer_id] = None
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(consent_to_proved, hub, bob.state, gate, accept)
                await trio.testing.wait_all_tasks_blocked()
                hub.emit(PeerConnected(prover.device.peer_id))
                hub.close()

    trio.run(main)
    assert sorted(set(yes)) == accepted
