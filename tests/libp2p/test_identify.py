"""identify: what is told, what is believed, and how much of it."""

from __future__ import annotations

import pytest
import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify
from multiaddr import Multiaddr

from p2pchat.net.libp2p import identify
from p2pchat.protocol.pace import Rate
from p2pchat.wire.framing import encode_varint, frame
from tests.libp2p.hosts import ECHO, ask, bare, echo, eventually, host, limited, pair, play, until

IDENTIFY = "/ipfs/id/1.0.0"
PUSH = "/ipfs/id/push/1.0.0"
SPOKEN = "/test/spoken/1.0.0"


def answering(data: bytes, *, ends: bool = True):
    """A handler that says this, whoever asks."""

    async def handler(stream) -> None:
        await stream.send_all(data)
        if ends:
            await stream.aclose()
        else:
            await trio.sleep_forever()

    return handler


def message(**fields) -> bytes:
    return frame(Identify(**fields).SerializeToString())


def test_a_connection_is_usable_before_the_peer_is_identified():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.serve(IDENTIFY, answering(b"", ends=False))
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"at once") == b"at once"
            (state,) = alice.peers
            assert state.protocols == frozenset()

    play(story)


def test_what_a_peer_told_is_in_the_next_change():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.serve(ECHO, echo)
            with alice.changes() as changes:
                await alice.connect(bob.peer_id, bob.addresses)
                while not (state := (await changes.receive()).state) or not state.protocols:
                    pass
            assert ECHO in state.protocols
            assert state.announced == (bare(bob.addresses[0]),)

    play(story)


def test_a_protocol_whose_name_is_no_text_is_none():
    told = Identify(protocols=[SPOKEN]).SerializeToString() + b"\x1a\x03\xff\xfe\x80"

    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.serve(IDENTIFY, answering(frame(told)))
            await alice.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, lambda state: state is not None and state.protocols)
            (state,) = alice.peers
            assert state.protocols == {SPOKEN}

    play(story)


def test_everybody_is_told_what_is_served_later():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, lambda state: state is not None and state.protocols)
            await until(bob, alice, lambda state: state is not None and state.protocols)
            bob.serve(SPOKEN, echo)
            await until(alice, bob, lambda state: SPOKEN in state.protocols)
            bob.unserve(SPOKEN)
            await until(alice, bob, lambda state: SPOKEN not in state.protocols)

    play(story)


def test_an_answer_in_several_messages_is_one():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            parts = message(protocols=["/test/one"]) + message(protocols=["/test/two"])
            bob.serve(IDENTIFY, answering(parts))
            await alice.connect(bob.peer_id, bob.addresses)
            await until(
                alice, bob, lambda state: state.protocols == frozenset({"/test/one", "/test/two"})
            )

    play(story)


def test_only_so_much_is_believed():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            addresses = [Multiaddr(f"/ip4/8.8.8.8/tcp/{port}").to_bytes() for port in range(1, 300)]
            told = message(
                protocols=["/" + "x" * 300, *(f"/test/{number}" for number in range(1000))],
                listen_addrs=[b"\xff\xff", b"", *addresses],
            )
            bob.serve(IDENTIFY, answering(told))
            await alice.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, lambda state: state.protocols)
            (state,) = alice.peers
            assert len(state.protocols) == 255
            assert len(state.announced) == 30
            assert state.announced[0] == "/ip4/8.8.8.8/tcp/1"

    play(story)


def raw(address: str) -> bytes:
    return Multiaddr(address).to_bytes()


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (b"", ()),
        (b"\xff", ()),
        (raw("/ip4/8.8.8.8/tcp/1"), ("/ip4/8.8.8.8/tcp/1",)),
        (raw("/ip4/8.8.8.8/tcp/1") * 10, ()),
    ],
    ids=["nothing", "no address", "the same", "too long"],
)
def test_what_cannot_be_used_counts_among_what_is_looked_at(first, found):
    async def story() -> None:
        async with pair() as (alice, bob):
            told = message(
                protocols=["/test/early", *["/" + "x" * 300] * 50, *[""] * 205, "/test/late"],
                listen_addrs=[first] * 32 + [raw("/ip4/9.9.9.9/tcp/9")],
            )
            await push(alice, bob, told)
            await until(bob, alice, lambda state: "/test/early" in state.protocols)
            (state,) = bob.peers
            assert "/test/late" not in state.protocols
            assert state.announced == found

    play(story)


def test_an_address_is_believed_with_the_id_of_the_peer_and_with_no_other():
    async def story() -> None:
        async with pair() as (alice, bob):
            told = message(
                protocols=[SPOKEN],
                listen_addrs=[
                    raw(f"/ip4/8.8.8.8/tcp/1/p2p/{alice.peer_id}"),
                    raw(f"/ip4/8.8.8.8/tcp/2/p2p/{bob.peer_id}"),
                    raw(f"/ip4/8.8.8.8/tcp/3/p2p/{bob.peer_id}/p2p-circuit"),
                ],
            )
            await push(alice, bob, told)
            await until(bob, alice, lambda state: SPOKEN in state.protocols)
            (state,) = bob.peers
            assert state.announced == (
                "/ip4/8.8.8.8/tcp/1",
                f"/ip4/8.8.8.8/tcp/3/p2p/{bob.peer_id}/p2p-circuit",
            )

    play(story)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff" * 100,
        encode_varint(1 << 40) + bytes(100),
        frame(b"\xff\xff\xff"),
        message(protocols=[SPOKEN, *["/test/" + "x" * 1000] * 100]),
        frame(bytes(10))[:5],
        message(protocols=[SPOKEN]) * 5,
        message(protocols=[SPOKEN]) + frame(b""),
    ],
    ids=[
        "no length",
        "a huge length",
        "no protobuf",
        "too much",
        "half a message",
        "too many pieces",
        "an empty piece",
    ],
)
def test_a_peer_that_answers_nonsense_stays_connected_and_unknown(answer):
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            asked = trio.Event()

            async def nonsense(stream) -> None:
                await stream.send_all(answer)
                await stream.aclose()
                asked.set()

            bob.serve(IDENTIFY, nonsense)
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            await asked.wait()
            assert await ask(alice, bob, b"fine") == b"fine"
            (state,) = alice.peers
            assert SPOKEN not in state.protocols
            assert alice.statistics().handlers_failed_total == 0

    play(story)


def test_of_several_pushes_the_newest_is_read_and_the_others_are_given_up():
    async def story() -> None:
        async with pair() as (alice, bob):
            pushes = []
            for _ in range(5):
                pushes.append(await alice.open_stream(bob.peer_id, [PUSH]))
                await ask(alice, bob, b"is it served?")
            for older in pushes[:-1]:
                with pytest.raises(trio.BrokenResourceError):
                    await older.receive_some()
            await pushes[-1].send_all(message(protocols=[SPOKEN]))
            await pushes[-1].aclose()
            await until(bob, alice, lambda state: SPOKEN in state.protocols)
            assert bob.statistics().handlers_failed_total == 0

    play(story)


def test_pushes_of_one_peer_are_believed_at_a_pace(monkeypatch):
    async def story() -> None:
        async with pair() as (alice, bob), host("carol") as carol:
            await carol.connect(bob.peer_id, bob.addresses)
            await until(bob, carol, lambda state: state is not None and state.protocols)
            believed = []
            for number in range(8):
                await push(alice, bob, message(protocols=[f"/test/{number}"]))
                (state,) = (state for state in bob.peers if state.peer == alice.peer_id)
                believed += [one for one in state.protocols if one not in believed]
            assert [one for one in believed if one.startswith("/test/")] == ["/test/0", "/test/1"]
            await push(carol, bob, message(protocols=[SPOKEN]))
            await until(bob, carol, lambda state: SPOKEN in state.protocols)

    monkeypatch.setattr(identify, "PUSHES", Rate(per_s=1e-3, burst=2))
    play(story)


def test_the_newest_of_too_many_pushes_is_late_and_not_lost(monkeypatch):
    async def story() -> None:
        async with pair() as (alice, bob):
            for number in range(20):
                await push(alice, bob, message(protocols=[f"/test/{number}"]))
            await until(bob, alice, lambda state: "/test/19" in state.protocols)

    monkeypatch.setattr(identify, "PUSHES", Rate(per_s=4, burst=1))
    play(story)


async def push(one, other, told: bytes) -> None:
    """Say this unasked, once the asked answer was heard, and wait until there was time for it."""
    await until(other, one, lambda state: state is not None and state.protocols)
    stream = await one.open_stream(other.peer_id, [PUSH])
    await stream.send_all(told)
    await stream.send_eof()
    for _ in range(3):
        await ask(one, other, b"heard?")


def test_a_push_of_nonsense_costs_its_stream():
    async def story() -> None:
        async with host("alice") as alice, limited("bob") as bob:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, [PUSH])
            await stream.send_all(b"\xff" * 100)
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            await eventually(lambda: bob.statistics().streams_broken_total == 1)
            assert await ask(alice, bob, b"fine") == b"fine"
            await stream.aclose()

    play(story)


def test_a_host_that_listens_nowhere_is_identified_without_delay():
    async def story() -> None:
        async with host("alice", listen=()) as alice, host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            with trio.fail_after(identify.TIMEOUT_S - 1):
                await until(bob, alice, lambda state: state is not None and state.protocols)
            (state,) = bob.peers
            assert state.announced == ()

    play(story)
