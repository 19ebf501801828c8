"""Multicast DNS, on loopback."""

from __future__ import annotations

import gc
import logging

import pytest
import trio
import trio.testing
from zeroconf import DNSAddress, DNSText, RecordUpdate

from p2pchat.model.ids import DeviceId
from p2pchat.net.mdns import MdnsService, run_mdns
from p2pchat.net.mdns_listener import Listener
from p2pchat.node import lan

ALICE = DeviceId(b"a" * 32).peer_id


def service(peer, letter: str, host: str = "127.0.0.1") -> MdnsService:
    return MdnsService(letter * 40, peer, (host,), 19_123)


def test_what_is_told_is_heard_on_the_network():
    """By ourselves, since two on one address share a port that answers come to; tests/netns has
    two on a network."""

    async def main() -> None:
        told = trio.Event()

        async def heard(peer, addresses) -> None:
            assert (peer, addresses) == (ALICE, ("/ip4/127.0.0.1/tcp/19123",))
            told.set()

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run_mdns, service(ALICE, "a"), heard)
                await told.wait()
                nursery.cancel_scope.cancel()

    trio.run(main)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_network_without_multicast_is_said_and_ends_nothing_else():
    async def main() -> str:
        async def heard(*_) -> None:
            raise AssertionError("nobody is there")

        with trio.fail_after(10):
            return await run_mdns(service(ALICE, "a", "192.0.2.77"), heard)

    assert trio.run(main) != ""
    gc.collect()  # zeroconf leaves the socket that it could not use to the collector


@pytest.mark.parametrize(
    ("record", "taken"),
    [
        (DNSText("x._p2p._udp.local.", 16, 1, 120, b"\x01x"), [b"\x01x"]),
        (DNSText("X._P2P._udp.LOCAL.", 16, 1, 120, b"\x01x"), [b"\x01x"]),
        (DNSText("x._http._tcp.local.", 16, 1, 120, b"\x01x"), []),
        (DNSAddress("x._p2p._udp.local.", 1, 1, 120, b"\x0a\x00\x00\x01"), []),
    ],
)
def test_only_txt_records_of_the_service_are_looked_at(record, taken):
    heard: list[bytes] = []
    Listener(heard.append).async_update_records(None, 0, [RecordUpdate(record, None)])
    assert heard == taken


def test_what_does_not_work_is_said_once_and_tried_until_it_does(monkeypatch, caplog):
    tries: list[float] = []

    async def fails(*_) -> str:
        tries.append(trio.current_time())
        if len(tries) == 3:
            await trio.sleep_forever()
        return "no such device"

    monkeypatch.setattr(lan, "run_mdns", fails)

    async def nobody(*_) -> None:
        raise AssertionError("nobody is there")

    async def main() -> None:
        with trio.move_on_after(5 * lan.MDNS_AGAIN_S):
            await lan.speak_mdns(service(ALICE, "a"), nobody)

    with caplog.at_level(logging.WARNING):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert tries == pytest.approx([0, lan.MDNS_AGAIN_S, 2 * lan.MDNS_AGAIN_S])
    assert [one.message for one in caplog.records] == [
        "multicast DNS does not work on this network: no such device"
    ]
