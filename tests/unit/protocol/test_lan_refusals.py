"""What a LAN did not take is counted for good, and remembered for a while."""

from __future__ import annotations

from p2pchat.model.lan import LanRefusal
from p2pchat.protocol.lan_refusals import RECENT_MAX, RECENT_S_MIN, LanRefusals


def test_so_many_of_one_reason_are_remembered_and_all_are_counted():
    refusals = LanRefusals(heartbeat_s=10.0)
    for _ in range(RECENT_MAX + 6):
        refusals.count(LanRefusal.WRONG_SECRET, 100.0)
    refusals.count(LanRefusal.SUBNET, 100.0)
    assert refusals.lately(101.0) == {LanRefusal.WRONG_SECRET: RECENT_MAX, LanRefusal.SUBNET: 1}
    assert refusals.total[LanRefusal.WRONG_SECRET] == RECENT_MAX + 6
    assert refusals.lately(101.0 + RECENT_S_MIN) == {}
