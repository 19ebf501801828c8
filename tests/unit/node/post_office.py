"""A relay that keeps mailboxes, in virtual time, and those who use it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import trio

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.mailbox_client import WireMailboxes
from p2pchat.net.port import Host, Stream
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.mailbox_service import MailboxService
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.worker import InlineMailboxes
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.network import SimulatedNetwork, open_network
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.mailbox_codec import (
    MAILBOX_PROTOCOL,
    AnswerBody,
    Ask,
    Challenge,
    Opened,
    Request,
    RequestBody,
    decode_answer,
    encode_request,
)
from tests.unit.protocol.letters import OWNER, WRITER, proof

ALL = frozenset({WRITER.public_key})


class Raw:
    """A stream to the relay that says what it is told to."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._parser = FrameParser(1 << 20)
        self._asked = 0

    async def send(self, body: RequestBody, id: int | None = None) -> None:
        self._asked += 1
        request = Request(self._asked if id is None else id, body)
        await self.stream.send_all(frame(encode_request(request)))

    async def answers(self, count: int) -> list[AnswerBody]:
        found: list[AnswerBody] = []
        while len(found) < count:
            data = await self.stream.receive_some(65536)
            assert data, "the stream ended"
            found += [decode_answer(body).body for body in self._parser.feed(data)]
        return found

    async def ask(self, body: RequestBody) -> AnswerBody:
        await self.send(body)
        (answer,) = await self.answers(1)
        return answer

    async def is_over(self) -> bool:
        """True when the relay has ended it, whatever it still said; waits for that."""
        with suppress(trio.BrokenResourceError):
            while await self.stream.receive_some(65536):
                pass
        return True


class Office:
    """The relay, and ways to it."""

    def __init__(
        self, network: SimulatedNetwork, host: Host, service: MailboxService, stack: AsyncExitStack
    ) -> None:
        self.network = network
        self.host = host
        self.service = service
        self.relay = MailboxRelay(host.peer_id, host.addresses)
        self._stack = stack

    async def guest(self, name: str) -> Host:
        host = await self._stack.enter_async_context(self.network.host(name))
        await host.connect(self.host.peer_id, self.host.addresses)
        return host

    async def raw(self, guest: Host) -> Raw:
        return Raw(await guest.open_stream(self.host.peer_id, [MAILBOX_PROTOCOL]))

    async def client(
        self,
        name: str,
        own: Ed25519Signer,
        nursery: trio.Nursery,
        noticed: Callable[[PeerId], None] = lambda _: None,
    ) -> WireMailboxes:
        """Dials by itself."""
        host = await self._stack.enter_async_context(self.network.host(name))
        client = WireMailboxes(host, own, noticed)
        await nursery.start(client.run)
        return client


@asynccontextmanager
async def open_office(
    limits: MailboxLimits | None = None,
    store: object = None,
    may_own: Callable[[PeerId], bool] = lambda _: True,
) -> AsyncGenerator[Office]:
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(open_network(seeded(1, "network", "links")))
        host = await stack.enter_async_context(network.host("relay"))
        service = MailboxService(
            host,
            store or InlineMailboxes(MemoryMailboxes()),
            limits or MailboxLimits(),
            SimulatedAmbient(1, "relay"),
            may_own,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run)
            yield Office(network, host, service, stack)
            nursery.cancel_scope.cancel()


def play(story: Callable[[Office, trio.Nursery], Awaitable[None]], **how: object) -> None:
    """Tell a story in an office of its own; nobody's tasks outlive it."""

    async def main() -> None:
        with trio.fail_after(100_000):
            async with open_office(**how) as office, trio.open_nursery() as nursery:
                await story(office, nursery)
                nursery.cancel_scope.cancel()

    run_simulation(main, 1)


async def owned(office: Office, nursery: trio.Nursery, heard: list | None = None):
    """The owner, registered."""
    noticed = (lambda _: None) if heard is None else heard.append
    owner = await office.client("alice", OWNER, nursery, noticed)
    await owner.register(office.relay, ALL, None)
    return owner


async def proved(office: Office, raw: Raw, guest) -> None:
    challenge = await raw.ask(Ask())
    assert isinstance(challenge, Challenge)
    opening = proof(OWNER, challenge.nonce, office.host.peer_id, guest.peer_id)
    assert isinstance(await raw.ask(opening), Opened)
