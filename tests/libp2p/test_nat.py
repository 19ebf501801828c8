"""What helps through NAT: being seen, being dialled back, knocking at the same moment."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress

import pytest
import trio
from libp2p.host.autonat.pb.autonat_pb2 import Message
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr

from p2pchat.errors import PeerUnreachable, RemoteProtocolError, StreamReset
from p2pchat.model.route import Path
from p2pchat.net.libp2p import punching, tcp
from p2pchat.net.libp2p.addresses import parse, without_peer
from p2pchat.net.libp2p.circuit import ADDRESSES_PER_RELAY_MAX
from p2pchat.net.libp2p.foreign import Failed
from p2pchat.net.libp2p.pipes import TcpPipe
from p2pchat.net.libp2p.relay_messages import read_message, write_message
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.port import ANOTHER_PEER, AUTONAT_PROTOCOL, DCUTR_PROTOCOL
from p2pchat.protocol.pace import Rate
from tests.libp2p.hosts import (
    ECHO,
    Strangers,
    ask,
    echo,
    eventually,
    host,
    is_up,
    pair,
    play,
    until,
)
from tests.unit.protocol.people import person


@pytest.fixture
def everywhere_is_far(monkeypatch):
    """Loopback calls leave from the listening port, as calls into the public network do."""
    monkeypatch.setattr(tcp.TcpDialler, "_is_mapped", staticmethod(lambda ip: True))


@asynccontextmanager
async def called():
    """bob, whom alice has called through a relay; both listen, and echo."""
    async with (
        host("relay", is_relay=True) as relay,
        host("alice") as alice,
        host("bob") as bob,
    ):
        for one in (alice, bob):
            one.serve(ECHO, echo)
            await one.connect(relay.peer_id, relay.addresses)
        await bob.reserve(relay.peer_id)
        circuit = [address for address in bob.addresses if "p2p-circuit" in address]
        await alice.connect(bob.peer_id, circuit)
        await until(bob, alice, is_up)
        yield alice, relay, bob


def path_of(one, other) -> Path | None:
    return next((state.path for state in one.peers if state.peer == other.peer_id), None)


def test_the_one_who_was_called_punches_and_the_relayed_connection_is_left():
    async def story() -> None:
        async with called() as (alice, relay, bob):
            assert path_of(alice, bob) is path_of(bob, alice) is Path.RELAYED
            await bob.punch(alice.peer_id)
            await eventually(lambda: Path.RELAYED not in (path_of(alice, bob), path_of(bob, alice)))
            assert await ask(alice, bob, b"to") == b"to"
            assert await ask(bob, alice, b"fro") == b"fro"
            await eventually(lambda: relay.statistics().circuits == 0)
            assert alice.is_connected(bob.peer_id)
            await bob.punch(alice.peer_id)  # there is nothing left to do

    play(story)


@pytest.mark.parametrize("late", ["alice", "bob"])
def test_the_call_that_comes_through_first_is_met_in_the_roles_agreed_on(late, monkeypatch):
    """By the listening socket of the side whose own call is late."""

    async def never(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    async def story() -> None:
        async with called() as (alice, _, bob):
            slow = {"alice": alice, "bob": bob}[late]
            monkeypatch.setattr(slow._ways.puncher._tcp, "punch", never)
            await bob.punch(alice.peer_id)
            await eventually(lambda: path_of(alice, bob) is path_of(bob, alice) is Path.PUNCHED)
            assert await ask(alice, bob, b"to") == b"to"

    play(story)


def test_a_call_that_overtakes_the_word_that_announces_it_is_met_in_the_roles_agreed_on():
    """Half a round trip after a word was sent it need not have come."""

    async def story() -> None:
        async with called() as (alice, _, bob):
            own = Multiaddr(without_peer(bob.addresses[0])).to_bytes()
            async with await bob.open_stream(alice.peer_id, [DCUTR_PROTOCOL]) as stream:
                await write_message(stream, HolePunch(type=HolePunch.CONNECT, ObsAddrs=[own]))
                (where,) = (await read_message(stream, HolePunch())).ObsAddrs
                there = str(Multiaddr(where))
                tcp, endpoint = bob._ways.puncher._tcp, parse(there, alice.peer_id)
                await tcp.punch(alice.peer_id, endpoint, there, initiates=False)
                await eventually(lambda: path_of(alice, bob) is path_of(bob, alice) is Path.PUNCHED)
                await write_message(stream, HolePunch(type=HolePunch.SYNC))
            assert await ask(alice, bob, b"to") == b"to"

    play(story)


@pytest.mark.usefixtures("everywhere_is_far")
def test_who_says_to_be_where_somebody_else_is_keeps_nobody_out():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            mallory = person("mallory").device.peer_id
            door, where = alice._swarm.door, parse(without_peer(bob.addresses[0]), bob.peer_id)
            with door.meets(mallory, [(where.host, where.port)]):
                await bob.connect(alice.peer_id, alice.addresses)
                await until(alice, bob, is_up)
                assert door.met(where.host, where.port) is None  # the meeting is used up

    play(story)


def test_the_far_side_is_told_only_what_it_may_believe_and_dialled_only_there():
    async def story() -> None:
        async with called() as (alice, _, bob):
            heard = []

            async def dictate(stream) -> None:
                heard.append(await read_message(stream, HolePunch()))
                lies = [b"", b"\x04\x7f", Multiaddr("/ip4/10.0.0.1/udp/1").to_bytes()]
                lies += [Multiaddr(alice.addresses[0]).to_bytes()]
                message = HolePunch(type=HolePunch.CONNECT, ObsAddrs=lies)
                await write_message(stream, message)
                heard.append(await read_message(stream, HolePunch()))
                await alice.connect(bob.peer_id, bob.addresses[:1])

            alice.serve(DCUTR_PROTOCOL, dictate)
            await bob.punch(alice.peer_id)
            told, sync = heard
            own = without_peer(bob.addresses[0])
            assert list(told.ObsAddrs) == [Multiaddr(own).to_bytes()]
            assert sync.type == HolePunch.SYNC

    play(story)


@pytest.mark.parametrize("kind", [HolePunch.SYNC, 7])
def test_words_out_of_turn_end_it(kind):
    async def story() -> None:
        async with called() as (alice, _, bob):

            async def confuse(stream) -> None:
                await read_message(stream, HolePunch())
                await write_message(stream, HolePunch(type=kind))

            alice.serve(DCUTR_PROTOCOL, confuse)
            with pytest.raises(PeerUnreachable, match="no hole was punched"):
                await bob.punch(alice.peer_id)
            assert path_of(bob, alice) is Path.RELAYED

    play(story)


def test_another_peer_that_answers_where_a_hole_was_to_be_is_never_connected():
    async def story() -> None:
        async with host("bob") as bob, host("carol") as carol, trio.open_nursery() as nursery:

            async def answer(stream) -> None:
                with suppress(Failed):
                    await carol._swarm.secure(bob.peer_id, TcpPipe(stream), there, Path.PUNCHED)

            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            there = f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}"
            nursery.start_soon(trio.serve_listeners, answer, [listener])
            alice = person("alice").device.peer_id
            tcp, endpoint = bob._ways.puncher._tcp, parse(there, alice)
            met = bob.changes()
            with pytest.raises(Failed, match=ANOTHER_PEER):
                await tcp.punch(alice, endpoint, there, initiates=False)
            await eventually(lambda: carol.statistics().connections == 0)
            with pytest.raises(trio.WouldBlock):
                met.receive_nowait()
            nursery.cancel_scope.cancel()

    play(story)


def test_nobody_lets_us_dial_over_a_direct_connection():
    async def story() -> None:
        async with pair() as (alice, bob):

            async def ask() -> None:
                await (await bob.open_stream(alice.peer_id, [DCUTR_PROTOCOL])).receive_some()

            with pytest.raises((trio.BrokenResourceError, StreamReset)):
                await ask()

    play(story)


def test_only_who_was_called_may_begin():
    async def story() -> None:
        async with called() as (alice, _, bob):
            with pytest.raises(PeerUnreachable, match="has not called us through a relay"):
                await alice.punch(bob.peer_id)

    play(story)


def test_where_nobody_listens_no_hole_can_be_punched():
    async def story() -> None:
        async with (
            host("relay", is_relay=True) as relay,
            host("alice", listen=()) as alice,
            host("bob", listen=()) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            with pytest.raises(PeerUnreachable, match="no hole was punched"):
                await bob.punch(alice.peer_id)
            assert path_of(bob, alice) is Path.RELAYED

    play(story)


def test_a_peer_that_we_called_from_our_port_tells_where_it_sees_us(everywhere_is_far):
    async def story() -> None:
        async with pair() as (alice, bob):
            await eventually(lambda: len(alice.observed) == 1)
            (seen,) = alice.observed
            assert (seen.by, seen.address) == (bob.peer_id, without_peer(alice.addresses[0]))
            assert bob.observed == ()
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: alice.observed == ())

    play(story)


def test_what_a_peer_saw_is_not_kept_when_it_left_while_it_was_read(everywhere_is_far, monkeypatch):
    async def story() -> None:
        async with pair() as (alice, bob):
            await eventually(lambda: len(alice.observed) == 1)
            (connection,) = alice._swarm.of(bob.peer_id)
            close = LibP2PStream.aclose

            async def close_too_late(stream) -> None:
                if stream._farewells is alice._swarm.farewells:
                    await alice.disconnect(bob.peer_id)
                await close(stream)

            monkeypatch.setattr(LibP2PStream, "aclose", close_too_late)
            await alice._identify.ask(connection)
            assert not alice.is_connected(bob.peer_id)
            assert alice.observed == ()

    play(story)


def test_a_second_call_takes_another_port_while_the_first_is_up(everywhere_is_far):
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, host("carol") as carol:
            for other in (bob, carol):
                await alice.connect(other.peer_id, other.addresses)
            await alice.disconnect(bob.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_two_who_dial_each_other_from_their_ports_again_and_again_find_together(everywhere_is_far):
    """One call arrives before the other leaves, on loopback: two connections, or one."""

    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            for _ in range(20):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
                    nursery.start_soon(bob.connect, alice.peer_id, alice.addresses)
                await alice.disconnect(bob.peer_id)
                await eventually(lambda: not bob.is_connected(alice.peer_id))

    play(story)


async def crossed() -> list[trio.SocketStream]:
    """The two ends of one connection."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        near = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        return [near, await listener.accept()]


def test_two_who_get_one_connection_of_both_their_calls_get_others(everywhere_is_far, monkeypatch):
    async def story() -> None:
        ends = await crossed()

        async def open_from(own, ip, port) -> trio.SocketStream:
            return ends.pop()

        monkeypatch.setattr(tcp, "_open_from", open_from)
        async with host("alice") as alice, host("bob") as bob:
            bob.serve(ECHO, echo)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
                nursery.start_soon(bob.connect, alice.peer_id, alice.addresses)
            assert ends == []
            assert await ask(alice, bob, b"hello") == b"hello"

    play(story)


def test_who_answers_no_handshake_is_called_twice_and_not_for_ever(everywhere_is_far):
    async def story() -> None:
        calls = 0

        async def begin_too(stream) -> None:
            nonlocal calls
            calls += 1
            with suppress(Failed):
                await mallory._swarm.secure(alice.peer_id, TcpPipe(stream), there, Path.DIRECT)

        async with host("alice") as alice, host("mallory") as mallory:
            async with trio.open_nursery() as nursery:
                (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
                there = f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}"
                nursery.start_soon(trio.serve_listeners, begin_too, [listener])
                with pytest.raises(PeerUnreachable):
                    await alice.connect(mallory.peer_id, [f"{there}/p2p/{mallory.peer_id}"])
                nursery.cancel_scope.cancel()
            assert calls == 2

    play(story)


# AutoNAT


@asynccontextmanager
async def asked():
    async with host("server", is_relay=True) as server, host("alice") as alice:
        await alice.connect(server.peer_id, server.addresses)
        yield server, alice


def test_a_server_dials_back_and_says_which_address_it_reached():
    async def story() -> None:
        async with asked() as (server, alice):
            own = without_peer(alice.addresses[0])
            assert await alice.dial_back(server.peer_id, ["/ip4/127.0.0.1/tcp/1", own]) == own
            assert await alice.dial_back(server.peer_id, ["/ip4/127.0.0.1/tcp/1"]) is None
            await eventually(lambda: server.statistics().connections == 1)
            assert alice.statistics().connections == 1

    play(story)


def test_it_dials_no_other_host_and_nobody_elses_name():
    async def story() -> None:
        async with asked() as (server, alice), host("bob") as bob:
            with pytest.raises(StreamReset, match="does not dial us"):
                await alice.dial_back(server.peer_id, ["/ip4/127.0.0.2/tcp/80"])
            stolen = without_peer(bob.addresses[0])
            assert await alice.dial_back(server.peer_id, [stolen]) is None

    play(story)


def test_it_dials_for_one_peer_now_and_then_only():
    async def story() -> None:
        async with asked() as (server, alice):
            answers = []
            for _ in range(5):
                try:
                    answers.append(await alice.dial_back(server.peer_id, ["/ip4/127.0.0.1/tcp/1"]))
                except StreamReset as error:
                    answers.append(str(error))
            assert answers[:3] == [None] * 3
            assert all("status 101" in answer for answer in answers[3:])

    play(story)


def test_a_request_in_anothers_name_is_a_bad_one():
    async def story() -> None:
        async with asked() as (server, alice), host("bob") as bob:
            stream = await alice.open_stream(server.peer_id, [AUTONAT_PROTOCOL])
            async with stream:
                message = Message(type=Message.DIAL)
                message.dial.peer.id = bytes(bob.peer_id)
                await write_message(stream, message)
                reply = await read_message(stream, Message())
                assert reply.dialResponse.status == Message.E_BAD_REQUEST

    play(story)


@pytest.mark.parametrize("address", ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2", ""])
def test_a_server_that_claims_to_have_dialled_and_has_not_is_not_believed(address):
    async def story() -> None:
        async with pair() as (alice, bob):

            async def lie(stream) -> None:
                await read_message(stream, Message())
                reply = Message(type=Message.DIAL_RESPONSE)
                reply.dialResponse.status = Message.OK
                reply.dialResponse.addr = Multiaddr(address).to_bytes() if address else b"\x01"
                async with stream:
                    await write_message(stream, reply)

            bob.serve(AUTONAT_PROTOCOL, lie)
            with pytest.raises(StreamReset, match="has not"):
                await alice.dial_back(bob.peer_id, ["/ip4/127.0.0.1/tcp/1"])

    play(story)


def test_a_call_of_somebody_else_at_that_moment_proves_nothing():
    async def story() -> None:
        async with pair() as (alice, bob), Strangers() as strangers:
            own = without_peer(alice.addresses[0])
            callers = iter(["127.0.0.2", "127.0.0.1"])

            async def claim(stream) -> None:
                await read_message(stream, Message())
                calls = alice.statistics().accepted_total
                await strangers.connect(alice, source=next(callers))
                await eventually(lambda: alice.statistics().accepted_total > calls)
                reply = Message(type=Message.DIAL_RESPONSE)
                reply.dialResponse.status = Message.OK
                reply.dialResponse.addr = Multiaddr(own).to_bytes()
                async with stream:
                    await write_message(stream, reply)

            bob.serve(AUTONAT_PROTOCOL, claim)
            with pytest.raises(StreamReset, match="has not"):
                await alice.dial_back(bob.peer_id, [own])
            assert await alice.dial_back(bob.peer_id, [own]) == own

    play(story)


def test_who_is_reached_through_a_relay_only_is_not_asked_to_dial_back():
    async def story() -> None:
        async with called() as (alice, _, bob), host("carol") as carol:
            for peer in (bob, carol):
                with pytest.raises(PeerUnreachable, match="no direct connection"):
                    await alice.dial_back(peer.peer_id, ["/ip4/127.0.0.1/tcp/1"])

    play(story)


def test_what_others_reached_is_given_away():
    async def story() -> None:
        async with pair() as (alice, bob):
            alice.announce(["/ip4/9.9.9.9/tcp/4001"])
            assert f"/ip4/9.9.9.9/tcp/4001/p2p/{alice.peer_id}" in alice.addresses
            await until(
                bob, alice, lambda state: state and "/ip4/9.9.9.9/tcp/4001" in state.announced
            )

    play(story)


async def let_dial(bob, alice) -> bool:
    """Whether alice, whom bob lets dial nowhere, goes along with it."""
    try:
        stream = await bob.open_stream(alice.peer_id, [DCUTR_PROTOCOL])
        await write_message(stream, HolePunch(type=HolePunch.CONNECT))
        await read_message(stream, HolePunch())
    except (trio.BrokenResourceError, RemoteProtocolError, StreamReset):
        return False
    await stream.reset()
    await eventually(lambda: not alice._ways.puncher._direct)
    return True


def test_a_peer_lets_us_dial_now_and_then_only(monkeypatch):
    most = int(punching.CALLS.burst)
    monkeypatch.setattr(punching, "CALLS", Rate(per_s=1e-3, burst=most))

    async def story() -> None:
        async with called() as (alice, _, bob):
            went_along = [await let_dial(bob, alice) for _ in range(most + 1)]
            assert went_along == [True] * most + [False]

    play(story)


def test_who_lets_us_dial_and_does_not_say_where_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(punching, "AGREE_TIMEOUT_S", 0.05)

    async def story() -> None:
        async with called() as (alice, _, bob):
            stream = await bob.open_stream(alice.peer_id, [DCUTR_PROTOCOL])
            with trio.fail_after(8), pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            await stream.aclose()

    play(story)


def test_of_a_relay_with_many_addresses_a_few_are_announced():
    async def story() -> None:
        async with host("relay", is_relay=True) as relay, host("bob") as bob:
            await bob.connect(relay.peer_id, relay.addresses)
            relay.announce([f"/ip4/9.9.9.{number}/tcp/4001" for number in range(9)])
            await bob.reserve(relay.peer_id)
            circuits = [address for address in bob.addresses if "p2p-circuit" in address]
            assert len(circuits) == ADDRESSES_PER_RELAY_MAX

    play(story)
