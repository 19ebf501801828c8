"""Bytes of a stranger become values in bounds or a `RemoteProtocolError`."""

from __future__ import annotations

from hashlib import sha256

import pytest

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.wire import gossip_pb2 as pb
from p2pchat.wire.gossip_codec import (
    DATA_BYTES_MAX,
    ENTRIES_MAX,
    RPC_BYTES_MAX,
    IHave,
    Message,
    MessageId,
    Prune,
    Rpc,
    Subscription,
    decode_rpc,
    encode_choke,
    encode_control,
    encode_graft,
    encode_ihave,
    encode_iwant,
    encode_prune,
    encode_publish,
    encode_subscription,
    is_topic,
    message_id,
)

ID = MessageId(bytes(range(32)))

# Written down from the specification's schema (CHOKE and UNCHOKE: from docs/protocols/gossip.md),
# byte by byte, so that a change of ours shows.
SUBSCRIBE_VECTOR = bytes.fromhex("0a0608011202" + b"ab".hex())
UNSUBSCRIBE_VECTOR = bytes.fromhex("0a0608001202" + b"ab".hex())
PUBLISH_VECTOR = bytes.fromhex("120b1205" + b"hello".hex() + "2202" + b"ab".hex())
GRAFT_VECTOR = bytes.fromhex("1a061a040a02" + b"ab".hex())
PRUNE_VECTOR = bytes.fromhex("1a0822060a02" + b"ab".hex() + "183c")
CHOKE_VECTOR = bytes.fromhex("1a07aa06040a02" + b"ab".hex())
UNCHOKE_VECTOR = bytes.fromhex("1a07b206040a02" + b"ab".hex())
IHAVE_VECTOR = bytes.fromhex("1a280a260a02" + b"ab".hex() + "1220") + ID
IWANT_VECTOR = bytes.fromhex("1a2412220a20") + ID


@pytest.mark.parametrize(
    ("encoded", "vector", "decoded"),
    [
        (
            encode_subscription("ab", subscribes=True),
            SUBSCRIBE_VECTOR,
            Rpc(subscriptions=(Subscription("ab", subscribes=True),)),
        ),
        (
            encode_subscription("ab", subscribes=False),
            UNSUBSCRIBE_VECTOR,
            Rpc(subscriptions=(Subscription("ab", subscribes=False),)),
        ),
        (
            encode_publish("ab", b"hello"),
            PUBLISH_VECTOR,
            Rpc(messages=(Message("ab", b"hello", message_id(b"hello")),)),
        ),
        (encode_control([encode_graft("ab")]), GRAFT_VECTOR, Rpc(graft=("ab",))),
        (encode_control([encode_prune("ab", 60)]), PRUNE_VECTOR, Rpc(prune=(Prune("ab", 60),))),
        (
            encode_control([encode_ihave("ab", [ID])]),
            IHAVE_VECTOR,
            Rpc(ihave=(IHave("ab", (ID,)),)),
        ),
        (encode_control([encode_iwant([ID])]), IWANT_VECTOR, Rpc(iwant=(ID,))),
        (encode_control([encode_choke("ab", chokes=True)]), CHOKE_VECTOR, Rpc(choke=("ab",))),
        (encode_control([encode_choke("ab", chokes=False)]), UNCHOKE_VECTOR, Rpc(unchoke=("ab",))),
    ],
)
def test_each_part_is_encoded_and_decoded_as_the_specification_has_it(encoded, vector, decoded):
    assert encoded == vector
    assert decode_rpc(vector) == decoded


def test_concatenated_parts_are_one_rpc():
    raw = b"".join(
        (
            encode_subscription("a", subscribes=True),
            encode_publish("a", b"1"),
            encode_publish("b", b"2"),
            encode_control([encode_graft("a"), encode_prune("b", 0), encode_iwant([ID, ID])]),
        )
    )
    assert decode_rpc(raw) == Rpc(
        subscriptions=(Subscription("a", subscribes=True),),
        messages=(Message("a", b"1", message_id(b"1")), Message("b", b"2", message_id(b"2"))),
        iwant=(ID, ID),
        graft=("a",),
        prune=(Prune("b", 0),),
    )


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, DATA_BYTES_MAX])
def test_a_message_built_by_hand_is_what_protobuf_builds(size):
    topic, data = "/dchat/room/ünïcode", bytes(size)
    built = pb.RPC(publish=[pb.Message(data=data, topic=topic)]).SerializeToString()
    assert encode_publish(topic, data) == built


def test_the_id_of_a_message_is_the_sha_256_of_its_data():
    (message,) = decode_rpc(encode_publish("a", b"data")).messages
    assert message.id == sha256(b"data").digest() == message_id(b"data")


@pytest.mark.parametrize("field", ["from", "seqno", "signature", "key"])
@pytest.mark.parametrize("value", [b"", b"x"])
def test_a_message_that_names_its_author_is_left_out_and_counted(field, value):
    signed = pb.RPC(publish=[pb.Message(data=b"1", topic="a", **{field: value})])
    raw = signed.SerializeToString() + encode_publish("a", b"2")
    rpc = decode_rpc(raw)
    assert [message.data for message in rpc.messages] == [b"2"]
    assert (rpc.unfit, rpc.skipped) == (1, 0)


def test_unknown_fields_are_skipped():
    peer_exchange = bytes.fromhex("1a0b22090a02" + b"ab".hex() + "12030a0178")
    extension = bytes.fromhex("52020a00")
    assert decode_rpc(extension + PUBLISH_VECTOR) == decode_rpc(PUBLISH_VECTOR)
    assert decode_rpc(peer_exchange).prune == (Prune("ab", 0),)


def test_what_is_forwarded_carries_no_unknown_field_of_a_stranger():
    smuggled = bytes.fromhex("120e1205" + b"hello".hex() + "2202" + b"ab".hex() + "5a0178")
    (message,) = decode_rpc(smuggled).messages
    assert encode_publish(message.topic, message.data) == PUBLISH_VECTOR


def test_the_largest_message_fits_and_the_next_does_not():
    assert decode_rpc(encode_publish("a", bytes(DATA_BYTES_MAX))).messages
    assert decode_rpc(encode_publish("a", bytes(DATA_BYTES_MAX + 1))) == Rpc(unfit=1)


def test_an_rpc_over_a_megabyte_is_refused_unread():
    with pytest.raises(FrameTooLarge):
        decode_rpc(bytes(RPC_BYTES_MAX + 1))


@pytest.mark.parametrize("topic", ["", "x" * 129, "ü" * 65])
def test_a_topic_has_1_to_128_bytes(topic):
    assert not is_topic(topic)
    assert decode_rpc(encode_publish(topic, b"1")) == Rpc(unfit=1)
    for raw in (
        encode_subscription(topic, subscribes=True),
        encode_control([encode_graft(topic)]),
        encode_control([encode_prune(topic, 1)]),
        encode_control([encode_ihave(topic, [])]),
        encode_control([encode_choke(topic, chokes=True)]),
        encode_control([encode_choke(topic, chokes=False)]),
    ):
        assert decode_rpc(raw) == Rpc(skipped=1)


@pytest.mark.parametrize("topic", ["x", "x" * 128, "ü" * 64])
def test_a_topic_of_allowed_length_is_read(topic):
    assert is_topic(topic)
    assert decode_rpc(encode_publish(topic, b"1")).messages[0].topic == topic


def test_a_topic_that_is_not_utf_8_is_refused():
    with pytest.raises(MalformedMessage):
        decode_rpc(bytes.fromhex("12052203edb080"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_message_id_has_32_bytes(size):
    wrong = MessageId(bytes(size))
    for entry in (encode_ihave("a", [ID, wrong]), encode_iwant([wrong])):
        assert decode_rpc(encode_control([entry])) == Rpc(skipped=1)


def test_what_this_network_has_no_use_for_takes_nothing_else_with_it():
    raw = encode_subscription("x" * 129, subscribes=True) + encode_subscription(
        "a", subscribes=True
    )
    control = encode_control(
        [encode_ihave("b", [MessageId(b"42")]), encode_iwant([ID]), encode_graft("a")]
    )
    assert decode_rpc(raw + control) == Rpc(
        subscriptions=(Subscription("a", True),), iwant=(ID,), graft=("a",), skipped=2
    )


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\x0a\xff", b"\x12\x05\x12\x05hi", b"\x13", b"\x1a\x02\x0a\x7f"]
)
def test_bytes_that_are_no_rpc_are_refused(raw):
    with pytest.raises(MalformedMessage):
        decode_rpc(raw)


@pytest.mark.parametrize(
    "raw",
    [
        encode_subscription("a", subscribes=True) * (ENTRIES_MAX + 1),
        encode_publish("a", b"") * (ENTRIES_MAX + 1),
        encode_control([encode_graft("a")] * (ENTRIES_MAX + 1)),
        encode_control([encode_prune("a", 1)] * (ENTRIES_MAX + 1)),
        encode_control([encode_ihave("a", [])] * (ENTRIES_MAX + 1)),
        encode_control([encode_iwant([])] * (ENTRIES_MAX + 1)),
    ],
    ids=["subscriptions", "messages", "graft", "prune", "ihave", "iwant"],
)
def test_the_entries_of_a_kind_are_bounded(raw):
    with pytest.raises(MalformedMessage, match="over 10000"):
        decode_rpc(raw)


@pytest.mark.parametrize("unit", [b"\x0a\x00", b"\x12\x00", b"\x28\x01", b"\x2d\x01\x02\x03\x04"])
def test_a_swarm_of_tiny_fields_is_refused_before_it_is_parsed(unit, monkeypatch):
    raw = unit * (RPC_BYTES_MAX // len(unit))
    monkeypatch.setattr(pb.RPC, "FromString", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(MalformedMessage, match="over 20000 fields"):
        decode_rpc(raw)


def test_a_swarm_inside_the_control_message_is_refused_before_it_is_parsed(monkeypatch):
    raw = encode_control([b"\x0a\x00"] * 500_000)
    monkeypatch.setattr(pb.RPC, "FromString", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(MalformedMessage, match="over 20000 fields"):
        decode_rpc(raw)


@pytest.mark.parametrize("head", [b"\x0b", b"\x80" * 11, b"\x28" + b"\x80" * 11, b"\x2f"])
def test_a_large_rpc_that_cannot_be_walked_is_refused(head):
    with pytest.raises(MalformedMessage, match="does not decode"):
        decode_rpc(head + bytes(100_000))


def test_a_large_rpc_of_every_wire_type_is_read():
    fields = b"\x28\x01" + b"\x2d\x01\x02\x03\x04" + b"\x31" + bytes(8)
    raw = fields + encode_publish("a", bytes(DATA_BYTES_MAX)) + GRAFT_VECTOR
    assert decode_rpc(raw).messages[0].topic == "a"
    assert decode_rpc(raw).graft == ("ab",)
