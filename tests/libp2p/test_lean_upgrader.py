"""Whatever a stranger sends while a connection is negotiated, the upgrade fails in one way."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from libp2p.io.exceptions import MessageTooLarge
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.transport.exceptions import (
    MuxerUpgradeFailure,
    SecurityUpgradeFailure,
)
from trio.testing import memory_stream_pair

from p2pchat.net.libp2p.noise import READ_BYTES_MAX
from p2pchat.net.libp2p.upgrader import LeanUpgrader
from p2pchat.net.libp2p.yamux import LeanYamux
from p2pchat.net.libp2p.yamux_session import YamuxLimits
from tests.libp2p.lean import ALICE, BOB, Pipe, make_upgrader, peer_of, play_fast, secure

HELLO = b"\x13/multistream/1.0.0\n"
LINES = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=60).map(lambda line: bytes([len(line) + 1]) + line + b"\n"),
    st.sampled_from([HELLO, b"\x07/noise\n", b"\x0d/yamux/1.0.0\n", b"\x03na\n", b"\x03ls\n"]),
    st.just(b"\xff" * 9 + b"\x01"),
)
GARBAGE = st.lists(LINES, max_size=6).map(b"".join)


@settings(max_examples=80)
@given(GARBAGE, st.booleans())
def test_garbage_before_the_handshake_is_a_security_failure(garbage: bytes, dialled: bool):
    async def story():
        ours, theirs = memory_stream_pair()
        await theirs.send_all(garbage)
        await theirs.send_eof()
        with pytest.raises(SecurityUpgradeFailure):
            await LeanUpgrader(ALICE).upgrade_security(
                Pipe(ours, initiator=dialled), dialled, peer_of(BOB) if dialled else None
            )

    play_fast(story)


@settings(max_examples=80)
@given(GARBAGE, st.booleans())
def test_garbage_after_the_handshake_is_a_muxer_failure(garbage: bytes, dialled: bool):
    agreed = garbage.startswith(HELLO + b"\x0d/yamux/1.0.0\n")

    async def story():
        ours, theirs = memory_stream_pair()
        dialler, listener = await secure(Pipe(ours, initiator=True), Pipe(theirs, initiator=False))
        mine, other = (dialler, listener) if dialled else (listener, dialler)
        if garbage:
            await other.write(garbage)
        await (theirs if dialled else ours).send_eof()
        try:
            muxed = await LeanUpgrader(ALICE).upgrade_connection(mine, mine.get_remote_peer())
        except MuxerUpgradeFailure:
            assert not agreed or not dialled
        else:
            assert agreed
            await muxed.close()

    play_fast(story)


def test_a_peer_that_stays_silent_fails_the_upgrade_in_bounded_time():
    async def story():
        ours, _theirs = memory_stream_pair()
        with trio.fail_after(60), pytest.raises(SecurityUpgradeFailure):
            await LeanUpgrader(ALICE).upgrade_security(Pipe(ours, initiator=False), False)

    play_fast(story)


def test_a_length_that_nothing_has_is_refused_before_it_is_collected():
    async def story():
        ours, theirs = memory_stream_pair()
        alice, bob = await secure(Pipe(ours, initiator=True), Pipe(theirs, initiator=False))
        await bob.write(bytes(10))
        with pytest.raises(MessageTooLarge):
            await alice.read(READ_BYTES_MAX + 1)

    play_fast(story)


def test_the_upgrader_offers_noise_and_yamux_only():
    upgrader = LeanUpgrader(ALICE)
    assert list(upgrader.security_multistream.transports) == [NOISE]
    assert list(upgrader.muxer_multistream.transports) == ["/yamux/1.0.0"]


@pytest.mark.parametrize("other", ["lean", "stock"])
def test_the_limits_of_an_upgrader_are_those_of_its_connections(other: str):
    async def story():
        ours, theirs = memory_stream_pair()
        limits = YamuxLimits(backlog_max=7)
        ends = dict[str, object]()

        async def rise(name, upgrader, raw):
            peer = peer_of(BOB) if raw.is_initiator else None
            secured = await upgrader.upgrade_security(raw, raw.is_initiator, peer)
            ends[name] = await upgrader.upgrade_connection(secured, secured.get_remote_peer())

        async with trio.open_nursery() as nursery:
            lean = LeanUpgrader(ALICE, limits)
            nursery.start_soon(rise, "alice", lean, Pipe(ours, initiator=True))
            nursery.start_soon(
                rise, "bob", make_upgrader(other, BOB), Pipe(theirs, initiator=False)
            )
        muxed = ends["alice"]
        assert isinstance(muxed, LeanYamux)
        assert muxed.session.limits == limits
        assert muxed.peer_id == peer_of(BOB)
        assert muxed.negotiated_muxer_protocol == "/yamux/1.0.0"

    play_fast(story)
