"""Whatever bytes come: a value in bounds, or a `RemoteProtocolError`."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from p2pchat.errors import RemoteProtocolError
from p2pchat.wire.gossip_codec import (
    DATA_BYTES_MAX,
    MESSAGE_ID_BYTES,
    IHave,
    Message,
    MessageId,
    Prune,
    Rpc,
    Subscription,
    decode_rpc,
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

TOPICS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(is_topic)
IDS = st.binary(min_size=MESSAGE_ID_BYTES, max_size=MESSAGE_ID_BYTES).map(MessageId)
ID_LISTS = st.lists(IDS, max_size=5).map(tuple)
MESSAGES = st.builds(
    lambda topic, data: Message(topic, data, message_id(data)), TOPICS, st.binary(max_size=300)
)
RPCS = st.builds(
    Rpc,
    subscriptions=st.lists(st.builds(Subscription, TOPICS, st.booleans()), max_size=4).map(tuple),
    messages=st.lists(MESSAGES, max_size=4).map(tuple),
    ihave=st.lists(st.builds(IHave, TOPICS, ID_LISTS), max_size=3).map(tuple),
    iwant=ID_LISTS,
    graft=st.lists(TOPICS, max_size=3).map(tuple),
    prune=st.lists(st.builds(Prune, TOPICS, st.integers(0, 2**64 - 1)), max_size=3).map(tuple),
)


def encode(rpc: Rpc) -> bytes:
    fields = [encode_subscription(s.topic, subscribes=s.subscribes) for s in rpc.subscriptions]
    fields += [encode_publish(message.topic, message.data) for message in rpc.messages]
    entries = [encode_ihave(ihave.topic, ihave.ids) for ihave in rpc.ihave]
    entries += [encode_iwant(rpc.iwant)] if rpc.iwant else []
    entries += [encode_graft(topic) for topic in rpc.graft]
    entries += [encode_prune(prune.topic, prune.backoff_s) for prune in rpc.prune]
    return b"".join([*fields, encode_control(entries)])


def assert_bounded(rpc: Rpc) -> None:
    topics = [entry.topic for entry in (*rpc.subscriptions, *rpc.messages, *rpc.ihave, *rpc.prune)]
    assert all(map(is_topic, [*topics, *rpc.graft]))
    ids = [*rpc.iwant, *(id for ihave in rpc.ihave for id in ihave.ids)]
    assert all(len(id) == MESSAGE_ID_BYTES for id in ids)
    for message in rpc.messages:
        assert len(message.data) <= DATA_BYTES_MAX
        assert message.id == message_id(message.data)


def decode_or_refuse(raw: bytes) -> None:
    try:
        rpc = decode_rpc(raw)
    except RemoteProtocolError:
        return
    assert_bounded(rpc)


@given(RPCS)
def test_what_is_encoded_is_decoded_to_the_same(rpc):
    assert decode_rpc(encode(rpc)) == rpc


@given(st.binary(max_size=300))
def test_any_bytes_are_an_rpc_in_bounds_or_refused(raw):
    decode_or_refuse(raw)


@given(RPCS, st.data())
@example(Rpc(), None)
def test_a_damaged_rpc_is_an_rpc_in_bounds_or_refused(rpc, data):
    raw = bytearray(encode(rpc))
    if data is not None:
        for _ in range(data.draw(st.integers(1, 4))):
            if raw:
                raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        del raw[data.draw(st.integers(0, len(raw))) :]
    decode_or_refuse(bytes(raw))


@given(st.binary(min_size=1, max_size=12), st.binary(max_size=20))
def test_a_large_rpc_of_any_repeated_bytes_is_in_bounds_or_refused(unit, tail):
    decode_or_refuse(unit * (70_000 // len(unit)) + tail)
