"""A LAN with a secret: nobody is connected between private addresses who does not know it."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio

from p2pchat.errors import PeerUnreachable, StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.net import lan_gate
from p2pchat.net.lan_gate import LanGate, offered
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.port import Gate, Stream
from tests.libp2p.hosts import ECHO, ask, echo, host, is_down, play, until

KEY, OTHER = b"k" * 32, b"o" * 32


async def peer_id(name: str) -> PeerId:
    async with host(name, listen=()) as one:
        return one.peer_id


def tokens():
    """Nonces, each another."""
    count = 0

    def token_bytes(size: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(size, "big")

    return token_bytes


TOKENS = tokens()


async def gate(name: str, key: bytes = KEY, knows: tuple[str, ...] = ()) -> LanGate:
    known = frozenset([await peer_id(one) for one in knows])
    return LanGate(await peer_id(name), key, known, TOKENS)


def meeting(transport: str, alices: dict | None, bobs: dict | None, story) -> None:
    """alice dials bob; a gate each, or none."""

    async def main() -> None:
        gates: list[Gate | None] = []
        for name, given in (("alice", alices), ("bob", bobs)):
            gates.append(None if given is None else await gate(name, **given))
        async with (
            host("alice", gate=gates[0], transport=transport) as alice,
            host("bob", gate=gates[1], transport=transport) as bob,
        ):
            for one, gate_of_one in zip((alice, bob), gates, strict=True):
                one.serve(ECHO, echo)
                if gate_of_one is not None:
                    one.serve(gate_of_one.protocol, offered(gate_of_one, one))
            await story(alice, bob)

    play(main)


async def they_talk(alice, bob) -> None:
    """Both have each other, know what the other serves, and are served."""
    await alice.connect(bob.peer_id, bob.addresses)
    for one, other in ((alice, bob), (bob, alice)):
        await until(one, other, lambda state: state is not None and ECHO in state.protocols)
        assert await ask(one, other, b"hello") == b"hello"


async def they_do_not(alice, bob) -> None:
    """Neither ever has the other."""
    with pytest.raises(PeerUnreachable):
        await alice.connect(bob.peer_id, bob.addresses)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert not alice.is_connected(bob.peer_id)
    assert not bob.is_connected(alice.peer_id)
    assert alice.peers == bob.peers == ()
    assert bob.statistics().refused_gate_total == 1


@pytest.mark.parametrize("transport", ["lean", "stock"])
def test_two_who_know_the_secret_are_connected(transport):
    meeting(transport, {}, {}, they_talk)


@pytest.mark.parametrize("transport", ["lean", "stock"])
@pytest.mark.parametrize(("alices", "bobs"), [({"key": OTHER}, {}), ({}, {"key": OTHER})])
def test_two_with_different_secrets_never_have_each_other(transport, alices, bobs):
    meeting(transport, alices, bobs, they_do_not)


@pytest.mark.parametrize("transport", ["lean", "stock"])
@pytest.mark.parametrize(("alices", "bobs"), [(None, {}), ({}, None)])
def test_who_has_no_lan_mode_is_not_connected_for_long(transport, alices, bobs):
    meeting(transport, alices, bobs, they_do_not_last)


def test_who_is_known_passes_without_the_secret():
    meeting("lean", {"key": OTHER, "knows": ("bob",)}, {"knows": ("alice",)}, they_talk)


@pytest.mark.parametrize(("alice_knows", "bob_knows"), [(("bob",), ()), ((), ("alice",))])
def test_who_knows_the_other_shows_the_secret_all_the_same(alice_knows, bob_knows):
    meeting("lean", {"knows": alice_knows}, {"knows": bob_knows}, they_talk)


def test_a_known_peer_without_lan_mode_is_connected():
    meeting("lean", {"knows": ("bob",)}, None, they_talk)
    meeting("lean", None, {"knows": ("alice",)}, they_talk)


def test_to_be_known_to_one_side_alone_is_not_enough():
    meeting("lean", {"key": OTHER, "knows": ("bob",)}, {}, they_do_not_last)
    meeting("lean", {}, {"key": OTHER, "knows": ("alice",)}, they_do_not_last)


async def they_do_not_last(alice, bob) -> None:
    """Who knows the other may believe to be connected, until the other has hung up."""
    with suppress(PeerUnreachable):
        await alice.connect(bob.peer_id, bob.addresses)
    await until(alice, bob, is_down)
    await until(bob, alice, is_down)


class Silent(LanGate):
    """A stranger that opens the stream of the proof and then says nothing."""

    async def prove(self, stream: Stream) -> None:
        await trio.sleep_forever()


def test_a_stranger_that_says_nothing_holds_no_place_for_long():
    async def story() -> None:
        silent = Silent(await peer_id("alice"), KEY, frozenset(), TOKENS)
        limits = HostLimits(handshake_timeout_s=0.2)
        async with (
            host("alice", gate=silent) as alice,
            host("bob", gate=await gate("bob"), limits=limits) as bob,
        ):
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, bob.addresses, timeout_s=2)
            assert bob.statistics().handshakes_timed_out_total == 1
            assert bob.statistics().handshakes_pending == 0
            assert bob.peers == ()

    play(story)


def test_public_addresses_are_not_guarded():
    async def story() -> None:
        guard = await gate("alice")
        assert not guard.guards("/ip4/8.8.8.8/tcp/1")
        assert guard.guards("/ip4/10.0.0.1/tcp/1")
        assert guard.guards("/ip4/127.0.0.1/tcp/1/p2p/x/p2p-circuit")

    play(story)


class Everywhere(LanGate):
    """To whom every network is a public one."""

    def guards(self, address: str) -> bool:
        return False


async def ask_for_the_proof(opener, answerer) -> None:
    """Open the stream of the proof on a connection that stands, and say nothing on it. Its reset
    may come before the answer that it is open."""
    await opener.connect(answerer.peer_id, answerer.addresses)
    with pytest.raises((trio.BrokenResourceError, StreamReset)):
        await read_the_proof(opener, answerer)


async def read_the_proof(opener, answerer) -> None:
    stream = await opener.open_stream(answerer.peer_id, [LanGate.protocol])
    await stream.receive_some()


def test_a_proof_that_is_asked_for_later_takes_only_so_long(monkeypatch):
    monkeypatch.setattr(lan_gate, "PROOF_TIMEOUT_S", 0.2)
    meeting("lean", None, {"knows": ("alice",)}, ask_for_the_proof)


def test_no_proof_is_given_to_a_network_that_is_not_guarded():
    async def main() -> None:
        gate = Everywhere(await peer_id("bob"), KEY, frozenset(), TOKENS)
        async with host("alice") as alice, host("bob", gate=gate) as bob:
            bob.serve(gate.protocol, offered(gate, bob))
            await ask_for_the_proof(alice, bob)

    play(main)
