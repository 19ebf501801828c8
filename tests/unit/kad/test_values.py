"""When the reading of a value is over: old ones stay valid, and some may hold new ones back."""

from __future__ import annotations

import pytest

from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import GetValue, Query
from p2pchat.wire.kad_codec import KadRecord

KEY = b"/test/key"
OLD, NEW = KadRecord(KEY, b"5"), KadRecord(KEY, b"7")


@pytest.fixture
def reading(new_stage, cast):
    """Thirty servers, the nearest to the key first, that answer in this order."""

    def read(quorum, networks, values):
        stage = new_stage(network_table_max=30, network_bucket_max=30)
        peers = sorted(map(cast, range(30)), key=lambda peer: kad_id(peer) ^ kad_id(KEY))
        for number, peer in enumerate(peers):
            network = networks[number] if number < len(networks) else f"9.{number}.1"
            stage.up(peer, addresses=(f"/ip4/{network}.7/tcp/{number + 1}",))
        stage.sleep(0.1)
        stage.play(lambda query: ())
        stage.give(GetValue(1, KEY, quorum))
        asked = []
        while not stage.replies:
            for query in stage.take(Query):
                asked.append(query.peer)
                place = peers.index(query.peer)
                stage.answer(query, record=values[min(place, len(values) - 1)])
                if stage.replies:
                    break
        return stage.result(), len(asked)

    return read


def test_three_of_different_networks_end_it(reading):
    found, asked = reading(3, [], [OLD])
    assert (found.value, found.holders, asked) == (b"5", 3, 3)


def test_holders_of_one_network_count_as_one(reading):
    found, _ = reading(3, ["66.6.6", "66.6.6", "66.6.6"], [OLD, OLD, OLD, NEW])
    assert found.value == b"7", "three of one network end nothing"
    assert found.holders == 5


def test_holders_in_local_networks_count_each(reading):
    found, asked = reading(3, ["192.168.1"] * 30, [OLD])
    assert (found.holders, asked) == (3, 3)


def test_without_a_quorum_all_near_the_key_are_heard_and_the_newest_wins(reading):
    values = [OLD] * 19 + [NEW]
    found, asked = reading(None, [], values)
    assert found.value == b"7"
    assert asked >= 20
