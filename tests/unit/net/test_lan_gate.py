"""Who has proved the secret of a LAN is remembered, in bounds."""

from __future__ import annotations

from p2pchat.model.ids import DeviceId
from p2pchat.net.lan_gate import PROVED_MAX, LanGate


def peer(number: int):
    return DeviceId(number.to_bytes(32, "big")).peer_id


def test_the_peer_that_proved_the_secret_longest_ago_is_forgotten():
    gate = LanGate(peer(0), b"k" * 32, frozenset(), bytes)
    for number in [*range(1, PROVED_MAX + 1), 1, PROVED_MAX + 1]:
        gate._remember(peer(number))
    assert len(gate.proved) == PROVED_MAX
    assert peer(1) in gate.proved, "it proved it anew"
    assert peer(2) not in gate.proved
