"""What the commands do, each from opening the home to its exit status.

Commands that only read, or whose effect need not leave at once, open the home offline. Those that
reach for somebody wait a bounded time and then say how far it came: what was written is on disk,
and leaves the next time that a node runs on this home.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import trio
import typer

from p2pchat.cli import shapes
from p2pchat.cli.finding import conversation_named, find_account, find_message, find_target
from p2pchat.cli.language import Language
from p2pchat.cli.passphrases import home_passphrase
from p2pchat.cli.settings import Settings, has_identity
from p2pchat.cli.showing import local_time, message_line, plain, progress_line, table, words
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.client.opening import open_client
from p2pchat.config.limits import TEXT_BYTES_MAX
from p2pchat.errors import StoreError, UnknownConversation
from p2pchat.events import ContactAccepted, Event, StartupProgress
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.lookalikes import NameFlag, mixes_scripts
from p2pchat.model.message import MessageState
from p2pchat.model.status import LanPeerStatus, NetworkStatus, PeerStatus
from p2pchat.node.hub import Subscription
from p2pchat.wire.links import decode_link

__all__ = [
    "REACHED_GRACE_S",
    "WAITING_FOR_THEM",
    "WAITING_FOR_THE_ROOM",
    "Console",
    "accept",
    "add_contact",
    "block",
    "blocks",
    "contact_requests",
    "contacts",
    "history",
    "init",
    "offline",
    "online",
    "patience",
    "progress",
    "reach",
    "reach_contact",
    "reject",
    "rpc",
    "send",
    "show_account",
    "shown_seconds",
    "standard_input",
    "status",
    "unblock",
]

REACHED_GRACE_S = 0.5
"""After connecting, for what waits to be written to the peer."""
POLL_S = 0.05
PATIENCE_S = 1.5
"""Without a word for so long, somebody begins to wonder."""

CLOSING = "Saying goodbye to the network…"
WAITING_FOR_NETWORK = "Waiting for the network, {seconds} s at most…"
WAITING_FOR_DELIVERY = "Waiting until {name} has it, {seconds} s at most…"
WAITING_FOR_THEM = "Waiting for {name}, {seconds} s at most…"
WAITING_FOR_WORD = "Waiting for the word of whom you asked, {seconds} s at most…"
WAITING_FOR_THE_ROOM = "Waiting for somebody of {name}, {seconds} s at most…"

HOW_FAR = {
    MessageState.QUEUED: "Queued: nobody took it yet. It stays in the outbox and leaves when a node"
    " runs here and they can be reached.",
    MessageState.SENT: "Sent: on its way, or kept by relays of theirs until they fetch it. They"
    " have not acknowledged it yet; nothing is lost if they never do.",
    MessageState.DELIVERED: "Delivered: it is on their disk.",
    MessageState.READ: "Read.",
    MessageState.FAILED: "Failed: it is not sent any more.",
}

ODD_NAMES = {
    NameFlag.MIXED_SCRIPTS: "Careful: {name} mixes letters of several alphabets, some of which look"
    " alike. It may imitate another name. Account: {account}",
    NameFlag.LIKE_CONTACT: "Careful: {name} looks like the name of another contact of yours."
    " Compare the account: {account}",
    NameFlag.LIKE_YOU: "Careful: {name} looks like your own name. Account: {account}",
}
OWN_ODD_NAME = "Your name mixes letters of several alphabets: others are warned of it."


class Console:
    """Where results go: sentences in the user's language, or JSON."""

    def __init__(self, settings: Settings, as_json: bool) -> None:
        self._language: Language = settings.language
        self.as_json = as_json

    def say(self, text: str, **values: object) -> None:
        """One line for a person; not with JSON."""
        if not self.as_json:
            typer.echo(words(text, self._language, **values))

    def rows(self, rows: Sequence[tuple[str, ...]], nothing: str) -> None:
        """Aligned columns for a person, or a sentence when there are none."""
        if self.as_json:
            return
        for line in table(rows):
            typer.echo(line)
        if not rows:
            self.say(nothing)

    def give(self, value: object) -> None:
        """A value for a program; only with JSON."""
        if self.as_json:
            typer.echo(shapes.to_json(value))

    def warn_of_names(self, found: Sequence[ContactInfo]) -> None:
        """A line for whatever is odd about a name, for it is its bearer's choice."""
        for info in found:
            for flag in info.flags:
                self.say(ODD_NAMES[flag], name=info.name, account=info.account)

    def murmur(self, text: str, **values: object) -> None:
        """One line beside the result, for a person who waits for it; not with JSON."""
        if not self.as_json:
            typer.echo(words(text, self._language, **values), err=True)

    def step(self, event: Event) -> None:
        """A step of the start, for a person who watches."""
        if isinstance(event, StartupProgress) and not self.as_json and sys.stderr.isatty():
            typer.echo(progress_line(event, self._language), err=True)


def offline(settings: Settings) -> AbstractAsyncContextManager[Client]:
    """The client of the home, without a network."""
    passphrase = home_passphrase(settings)
    return open_client(settings.home, config=settings.config, passphrase=passphrase, offline=True)


@asynccontextmanager
async def online(settings: Settings) -> AsyncGenerator[Client]:
    """The client of the home, with its network; says that it closes when that takes a while."""
    passphrase = home_passphrase(settings)
    console = Console(settings, as_json=not sys.stderr.isatty())  # for who watches alone
    async with trio.open_nursery() as nursery:
        async with open_client(
            settings.home, config=settings.config, passphrase=passphrase
        ) as client:
            yield client
            nursery.start_soon(_say_late, console, CLOSING)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def progress(client: Client, console: Console) -> AsyncGenerator[None]:
    """Show the steps of the start while the block lasts."""
    async with client.subscribe(StartupProgress) as events, trio.open_nursery() as nursery:
        nursery.start_soon(_show, events, console)
        yield
        nursery.cancel_scope.cancel()


async def _show(events: Subscription, console: Console) -> None:
    async for event in events:
        console.step(event)


@asynccontextmanager
async def patience(console: Console, text: str, **values: object) -> AsyncGenerator[None]:
    """Say what is waited for, should the block take longer than one likes to see nothing."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_say_late, console, text, values)
        yield
        nursery.cancel_scope.cancel()


async def _say_late(
    console: Console, text: str, values: Mapping[str, object] | None = None
) -> None:
    await trio.sleep(PATIENCE_S)
    console.murmur(text, **(values or {}))


async def rpc(settings: Settings) -> int:
    """Serve JSON-RPC."""
    from p2pchat.cli.rpc import run_rpc

    passphrase = home_passphrase(settings, may_ask=False)
    return await run_rpc(settings.home, settings.load, passphrase)


# Who we are


async def init(settings: Settings, as_json: bool) -> int:
    """Make an identity in a home that has none."""
    if has_identity(settings.home):
        raise StoreError(
            f"{settings.home} holds an identity already; `p2pchat id` shows it, --home DIR chooses"
            " another place"
        )
    return await show_account(settings, as_json)


async def show_account(settings: Settings, as_json: bool) -> int:
    """Say who lives in the home."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        account = shapes.account(client)
    console.give(account)
    console.say("name          {name}", name=account["name"])
    console.say("account       {account}", account=account["account"])
    console.say("peer id       {peer_id}", peer_id=account["peer_id"])
    console.say("contact link  {link}", link=account["contact_link"])
    if mixes_scripts(str(account["name"])):
        console.say(OWN_ODD_NAME)
    return 0


async def status(settings: Settings, timeout_s: float, as_json: bool) -> int:
    """Say how the network is, once it is joined or the time is over."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        async with patience(console, WAITING_FOR_NETWORK, seconds=shown_seconds(timeout_s)):
            with trio.move_on_after(timeout_s):
                await client.wait_ready()
        now = client.status()
        names = {contact.account: contact.name for contact in client.contacts()}
    console.give(now)
    console.say("health         {health}", health=words(now.health, settings.language))
    console.say("reachability   {reach}", reach=words(now.reachability, settings.language))
    console.say(
        "peers          {count}, {known} known", count=now.connected_peers, known=now.known_peers
    )
    console.say("relays         {count}", count=now.relays)
    console.say("mailboxes      {count}", count=len(now.mailboxes))
    console.say("outbox         {count}", count=now.outbox)
    if now.last_sync:
        console.say("last sync      {when}", when=local_time(now.last_sync))
    if now.lan is not None:
        console.say(
            "open LAN       {count} found, port {port}"
            if now.lan.is_open
            else "closed LAN     {count} found, port {port}",
            count=len(now.lan.peers),
            port=now.lan.listen_port,
        )
    for address in now.addresses:
        console.say("own address    {address}", address=address)
    peers = [
        (str(peer.peer_id), words(peer.path, settings.language), *peer.addresses[:1])
        for peer in now.peers
    ]
    console.rows(peers, "No peer is connected. `p2pchat doctor` looks for the reason.")
    if now.lan is not None:
        near = [
            (str(one.peer_id), words("not connected", settings.language), one.address)
            for one in _unconnected(now)
        ]
        console.rows(near, "Nobody else is found on this network.")
    people = [
        (plain(names[one.account]), words(one.path or "not connected", settings.language))
        for one in now.contacts
    ]
    console.rows(people, "No contacts yet. Give your contact link away.")
    return 0


def _unconnected(now: NetworkStatus) -> list[LanPeerStatus]:
    """Who is on the LAN, as far as it does not stand among the peers."""
    connected = {peer.peer_id for peer in now.peers}
    found = now.lan.peers if now.lan is not None else ()
    return [peer for peer in found if peer.peer_id not in connected]


# People


async def contacts(settings: Settings, as_json: bool) -> int:
    """List contacts and those we asked."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = [contact.info for contact in client.contacts()]
    console.give(found)
    console.rows(_contact_rows(settings, found), "No contacts yet. Give your contact link away.")
    console.warn_of_names(found)
    return 0


async def contact_requests(settings: Settings, as_json: bool) -> int:
    """List who asks us."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = client.contact_requests()
    console.give(found)
    console.rows(_contact_rows(settings, found), "Nobody asks to be a contact.")
    console.warn_of_names(found)
    return 0


async def add_contact(settings: Settings, link: str, timeout_s: float, as_json: bool) -> int:
    """Ask the owner of a link, and say whether the question got there."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        contact = await client.add_contact(link)
        device = decode_link(link).device.peer_id
        name = contact.name or contact.account
        async with patience(console, WAITING_FOR_THEM, name=name, seconds=shown_seconds(timeout_s)):
            is_reached = await reach(client, lambda peer: peer.peer_id == device, timeout_s)
        info = contact.info
    console.give(info)
    if info.state is ContactState.ACCEPTED:
        console.say("{name} and you are contacts now.", name=info.name or info.account)
    elif is_reached:
        console.say("Asked. They have to accept before you can write to each other.")
    else:
        console.say("Asked, but they were not reached: the question leaves when a node runs here.")
    return 0


async def accept(settings: Settings, who: str, timeout_s: float, as_json: bool) -> int:
    """Say yes to a request, and say whether they know."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        contact = await client.accept(find_account(client.contact_requests(), who))
        is_reached = await reach_contact(client, console, contact, timeout_s)
        info = contact.info
    console.give(info)
    console.say("{name} and you are contacts now.", name=info.name)
    if not is_reached:
        console.say(
            "They were not reached yet: they learn of it when they fetch their mail, or when both"
            " of you are there."
        )
    return 0


async def reject(settings: Settings, who: str) -> int:
    """Say no to a request."""
    async with offline(settings) as client:
        account = find_account(client.contact_requests(), who)
        await client.reject(account)
    Console(settings, as_json=False).say("Rejected {account}.", account=account)
    return 0


async def block(settings: Settings, target: str, as_json: bool) -> int:
    """Refuse somebody from now on."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        blocked = await client.block(find_target(client, target))
    console.give(blocked)
    console.say("Blocked {target}.", target=blocked.target)
    return 0


async def unblock(settings: Settings, target: str) -> int:
    """Welcome somebody again."""
    async with offline(settings) as client:
        target = find_target(client, target)
        await client.unblock(target)
    Console(settings, as_json=False).say("Unblocked {target}.", target=target)
    return 0


async def blocks(settings: Settings, as_json: bool) -> int:
    """List who is blocked."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = client.blocks()
    console.give(found)
    origin = {True: "in the configuration", False: ""}
    rows = [
        (
            words(entry.kind, settings.language),
            entry.target,
            words(origin[entry.configured], settings.language),
        )
        for entry in found
    ]
    console.rows(rows, "Nobody is blocked.")
    return 0


async def reach(client: Client, is_theirs: Callable[[PeerStatus], bool], timeout_s: float) -> bool:
    """Whether a peer of theirs was connected within the time."""
    with trio.move_on_after(timeout_s) as waiting:
        # No event tells whose device a peer is.
        while not any(map(is_theirs, client.status().peers)):  # noqa: ASYNC110
            await trio.sleep(POLL_S)
        await trio.sleep(REACHED_GRACE_S)
    return not waiting.cancelled_caught


async def reach_contact(
    client: Client, console: Console, contact: Contact, timeout_s: float
) -> bool:
    """Whether a device of a contact was connected within the time; says that it waits."""
    account = contact.account
    values = {"name": contact.name or account, "seconds": shown_seconds(timeout_s)}
    async with patience(console, WAITING_FOR_THEM, **values):
        return await reach(client, lambda peer: peer.account == account, timeout_s)


def shown_seconds(seconds: float) -> str:
    """As people say it: 15, not 15.0."""
    return f"{seconds:g}"


def _contact_rows(settings: Settings, found: Sequence[ContactInfo]) -> list[tuple[str, ...]]:
    return [
        (
            plain(info.name),
            words(info.state, settings.language),
            str(info.account),
            words(_standing(info), settings.language),
        )
        for info in found
    ]


def _standing(info: ContactInfo) -> str:
    """How sure it is whose key this is."""
    if info.key_changed:
        return "key changed"
    return "verified" if info.verified else ""


# Messages


def standard_input() -> str:
    """What was piped in, as far as it takes to see that it is too long, without a last newline."""
    data = sys.stdin.buffer.read(TEXT_BYTES_MAX + 2)
    return data.decode(errors="replace").removesuffix("\n")


async def send(settings: Settings, to: str, text: str, timeout_s: float, as_json: bool) -> int:
    """Write a text and say how far it came within the time."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        conversation = await _heard_of(client, to, timeout_s, console)
        if isinstance(conversation, Contact):
            console.say(
                "To {name}, {account}", name=conversation.name, account=conversation.account
            )
        message = await conversation.send(text)
        values = {"name": conversation.name, "seconds": shown_seconds(timeout_s)}
        async with patience(console, WAITING_FOR_DELIVERY, **values):
            with trio.move_on_after(timeout_s):
                await client.wait_delivered(message.id)
        message = await client.message(message.id)
    console.give(message)
    console.say(HOW_FAR[message.state])
    return 0


async def _heard_of(
    client: Client, name: str, timeout_s: float, console: Console
) -> Contact | Room:
    """The conversation of this name; whom we asked may have accepted while nothing ran here, and
    is known by name when that is heard, which gets so long. Raises like `conversation_named`."""
    async with client.subscribe(ContactAccepted) as accepted:
        with suppress(UnknownConversation):
            return conversation_named(client, name)
        if any(each.state is ContactState.ASKED for each in client.contacts()):
            with trio.move_on_after(timeout_s):
                await _until_named(client, name, accepted, console, timeout_s)
    return conversation_named(client, name)


async def _until_named(
    client: Client, name: str, accepted: Subscription, console: Console, timeout_s: float
) -> None:
    async with patience(console, WAITING_FOR_WORD, seconds=shown_seconds(timeout_s)):
        async for _ in accepted:
            with suppress(UnknownConversation):
                conversation_named(client, name)
                return


async def history(settings: Settings, of: str, limit: int, before: str, as_json: bool) -> int:
    """Show the newest messages of a conversation."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        anchor = find_message(before) if before else None
        found = await conversation_named(client, of).history(limit, before=anchor)
    console.give(found)
    if not as_json:
        for message in found:
            typer.echo(message_line(message, client.account, settings.language))
    return 0
