"""What is said to one peer in one batch is joined, in order, within bounds."""

from __future__ import annotations

import pytest

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.outbox import Outbox
from p2pchat.wire.gossip_codec import (
    decode_rpc,
    encode_graft,
    encode_ihave,
    encode_publish,
    encode_subscription,
)


@pytest.fixture
def bob(named):
    return named("bob")


@pytest.fixture
def outbox():
    return Outbox(GossipConfig(rpc_bytes=100, burst_bytes_max=800))


def flush(outbox, *present):
    sends, cut_off = outbox.flush(present)
    return [(send.peer, decode_rpc(send.rpc)) for send in sends], cut_off


def test_everything_for_one_peer_is_one_rpc(outbox, bob):
    outbox.add_control(bob, encode_graft("a"))
    outbox.add_message(encode_publish("a", b"1"), (bob,))
    outbox.add_subscription(bob, encode_subscription("a", subscribes=True))
    outbox.add_message(encode_publish("a", b"2"), (bob,))
    ((peer, rpc),), cut_off = flush(outbox, bob)
    assert peer == bob
    assert [message.data for message in rpc.messages] == [b"1", b"2"]
    assert rpc.graft == ("a",)
    assert [entry.topic for entry in rpc.subscriptions] == ["a"]
    assert cut_off == []
    assert flush(outbox, bob) == ([], [])


def test_a_lone_message_is_an_rpc_as_it_is(outbox, bob):
    publish = encode_publish("a", b"1")
    outbox.add_message(publish, (bob,))
    sends, _ = outbox.flush((bob,))
    assert sends[0].rpc is publish


def test_who_holds_a_message_is_not_sent_it(outbox, bob, named):
    outbox.add_message(encode_publish("a", b"1"), (bob, named("carol")), holders={bob})
    sends, _ = flush(outbox, bob, named("carol"))
    assert [peer for peer, _ in sends] == [named("carol")]


def test_nothing_is_sent_to_who_is_gone(outbox, bob, named):
    outbox.add_message(encode_publish("a", b"1"), (bob, named("carol")))
    outbox.forget(named("carol"))
    outbox.forget(named("dave"))
    assert flush(outbox, named("carol"), named("dave")) == ([], [])


def test_much_is_split_into_rpcs_of_bounded_size_in_order(outbox, bob):
    publishes = [encode_publish("a", bytes([number]) * 20) for number in range(10)]
    for publish in publishes:
        outbox.add_message(publish, (bob,))
    sends, _ = outbox.flush((bob,))
    assert all(len(send.rpc) <= 100 for send in sends)
    assert b"".join(send.rpc for send in sends) == b"".join(publishes)


def test_control_entries_are_split_apart_from_messages(outbox, bob):
    for number in range(10):
        outbox.add_control(bob, encode_graft(f"{number:020}"))
    outbox.add_message(encode_publish("a", b"1"), (bob,))
    sends, _ = flush(outbox, bob)
    assert len(sends) == 3
    assert sends[0][1].messages
    assert [topic for _, rpc in sends for topic in rpc.graft] == [f"{n:020}" for n in range(10)]


def test_a_part_larger_than_an_rpc_goes_alone(outbox, bob):
    large = encode_publish("a", bytes(500))
    for publish in (encode_publish("a", b"1"), large, encode_publish("a", b"2")):
        outbox.add_message(publish, (bob,))
    outbox.add_control(bob, encode_ihave("a", [bytes(32)] * 10))
    sends, _ = outbox.flush((bob,))
    assert len(sends) == 3
    assert sends[1].rpc == large


def test_who_would_be_sent_too_much_gets_the_first_part_and_is_named(outbox, bob, named):
    for number in range(50):
        outbox.add_message(encode_publish("a", bytes([number]) * 90), (bob,))
    outbox.add_message(encode_publish("a", b"1"), (named("carol"),))
    sends, cut_off = flush(outbox, bob, named("carol"))
    assert cut_off == [bob]
    to_bob = [rpc.messages[0].data[0] for peer, rpc in sends if peer == bob]
    assert to_bob == [0, 1, 2, 3]
