"""A relay's mailboxes in a process of its own: killed, restarted, watched, and flooded.

What counts is what the owner fetches: each blob whose put was confirmed, once.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import httpx
import pytest
import trio

from p2pchat.errors import NetworkError
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.mailbox_client import WireMailboxes
from p2pchat.testing.processes import Launch, RelayProcess, open_processes
from p2pchat.wire.envelope import Ed25519Signer
from tests.process.killing import deadly
from tests.unit.protocol.letters import MAILBOX, OWNER, STRANGER, WRITER

pytestmark = pytest.mark.process

KILL_POINTS = Path(__file__).with_name("mailbox_kill_points")
POINTS = ("before_commit", "inside_commit", "after_commit", "after_answer")
BURST = 100
KEYS = [WRITER.public_key]


@asynccontextmanager
async def client(own: Ed25519Signer, seed: bytes) -> AsyncGenerator[WireMailboxes]:
    async with (
        open_host(HostOptions(seed=seed)) as host,
        trio.open_nursery() as nursery,
    ):
        mailboxes = WireMailboxes(host, own)
        await nursery.start(mailboxes.run)
        yield mailboxes
        nursery.cancel_scope.cancel()


def at(relay: RelayProcess) -> MailboxRelay:
    return MailboxRelay(PeerId.parse(relay.peer_id), relay.addresses)


class Writer:
    """Puts, and remembers what was confirmed."""

    def __init__(self, client: WireMailboxes) -> None:
        self._client = client
        self.said = 0
        self.confirmed: set[bytes] = set()

    async def burst(self, relay: MailboxRelay, count: int = BURST) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                self.said += 1
                nursery.start_soon(self._put, relay, b"blob %d" % self.said * 50)

    async def _put(self, relay: MailboxRelay, blob: bytes) -> None:
        with suppress(NetworkError):
            await self._client.put(relay, MAILBOX, blob, WRITER)
            self.confirmed.add(blob)


async def everything(owner: WireMailboxes, relay: MailboxRelay) -> list[bytes]:
    found: list[bytes] = []
    after = 0
    while page := await owner.fetch(relay, after):
        found += [kept.blob for kept in page]
        after = page[-1].id
    return found


def test_what_a_relay_has_confirmed_outlives_its_death_at_any_point(tmp_path):
    async def main():
        async with (
            open_processes(tmp_path) as processes,
            client(OWNER, b"o" * 32) as owner,
            client(STRANGER, b"w" * 32) as other,
        ):
            relay = await processes.relay()
            await owner.register(at(relay), KEYS, None)
            writer = Writer(other)
            for point in POINTS:
                await relay.stop()
                deadly(relay, KILL_POINTS, f"{point}:3")
                await relay.start()
                await writer.burst(at(relay))
                await relay.wait_ended(60)
                deadly(relay, KILL_POINTS, "")
                await relay.start()
                found = await everything(owner, at(relay))
                assert len(found) == len(set(found))
                assert writer.confirmed <= set(found), point
            rng = Random(4)
            for _ in range(2):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(writer.burst, at(relay))
                    await trio.sleep(rng.uniform(0.02, 0.3))
                    await relay.kill()
                await relay.start()
            found = await everything(owner, at(relay))
            assert len(found) == len(set(found))
            assert writer.confirmed <= set(found)
            assert len(writer.confirmed) >= len(POINTS)
            await writer.burst(at(relay))
            assert len(writer.confirmed) >= BURST

    with_limit(main)


def test_an_operator_sees_the_mailboxes_and_may_switch_them_off(tmp_path):
    async def main():
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        launch = Launch(options=("--metrics", f"127.0.0.1:{port}"))
        async with (
            open_processes(tmp_path) as processes,
            client(OWNER, b"o" * 32) as owner,
            httpx.AsyncClient() as http,
        ):
            relay = await processes.relay("relay", launch)
            await owner.register(at(relay), KEYS, None)
            await owner.put(at(relay), MAILBOX, b"sealed", WRITER)
            shown = (await http.get(f"http://127.0.0.1:{port}/status")).json()["mailboxes"]
            assert (shown["mailboxes"], shown["blobs"], shown["stored_total"]) == (1, 1, 1)
            page = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            assert "dchat_relay_mailbox_blobs 1.0" in page
            await relay.stop()
            (relay.home / "config.toml").write_text("[mailboxes]\nenabled = false\n")
            await relay.start()
            shown = json.loads((await http.get(f"http://127.0.0.1:{port}/status")).text)
            assert shown["mailboxes"] is None
            with pytest.raises(NetworkError):
                await owner.fetch(at(relay))

    with_limit(main)


def with_limit(main) -> None:
    async def limited() -> None:
        with trio.fail_after(280):
            await main()

    trio.run(limited)
