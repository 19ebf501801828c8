"""Messages that do not arrive, each for a reason that is made for real: `explain` names it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.config import MailboxLimits
from p2pchat.model.explanation import MessageCause as Why
from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.protocol.machine import DevicesTold
from p2pchat.relay import open_relay
from p2pchat.wire.devices import new_revocation, read_device_set
from tests.net.servers import hang
from tests.process.explained import (
    CONFIG,
    befriend,
    evidence,
    exchange,
    explained,
    free_port,
    is_asked,
    kept_by,
    knowing,
    link_with,
    relay_config,
    story,
)

pytestmark = pytest.mark.process


NOBODY = DeviceId(b"n" * 32).peer_id


async def stranger_link(*addresses: str) -> str:
    """The link of somebody who never runs where the link says."""
    async with open_client(None, name="bob", config=CONFIG) as bob:
        return link_with(bob.contact_link, *addresses)


# It arrives


def test_what_arrived_is_said_to_and_by_whom_it_was_signed():
    async def tell() -> None:
        async with (
            open_client(None, name="alice", config=CONFIG) as alice,
            open_client(None, name="bob", config=CONFIG) as bob,
        ):
            contact = await befriend(alice, bob)
            message = await exchange(alice, contact)
            told = await explained(alice, message, Why.DELIVERED)
            assert str(told.sentence).startswith("bob has it")
            assert "Its receipt is of" in evidence(told)
            theirs = await bob.explain(message.id)
            assert theirs.cause is Why.RECEIVED

    story(tell)


# What forbids it


def test_a_request_that_waits_for_a_word_and_one_that_was_refused():
    async def tell() -> None:
        async with (
            open_client(None, name="alice", config=CONFIG) as alice,
            open_client(None, name="bob", config=CONFIG) as bob,
        ):
            contact = await alice.add_contact(bob.contact_link)
            message = await contact.send("hello?")
            await explained(alice, message, Why.REQUEST_UNANSWERED)
            await is_asked(bob)
            await bob.reject(alice.account)
            await explained(alice, message, Why.REQUEST_REFUSED)

    story(tell)


def test_whom_we_block_or_have_removed():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=CONFIG) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            message = await contact.send("one more")
            await alice.block(str(contact.account))
            await explained(alice, message, Why.BLOCKED_BY_US)
            await alice.unblock(str(contact.account))
            await alice.remove_contact(contact.account)
            await explained(alice, message, Why.CONTACT_REMOVED)

    story(tell)


def test_a_network_that_we_block_ourselves():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=CONFIG) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            await alice.block("127.0.0.0/8")
            message = await contact.send("one more")
            await explained(alice, message, Why.SUBNET_BLOCKED)

    story(tell)


def test_a_device_that_speaks_for_another_account_now(tmp_path):
    """The same device key, and another account: a thief, or somebody who began anew."""
    key = tmp_path / "device.key"
    key.write_bytes(bytes(range(32)))
    at_a_port = replace(CONFIG, listen=(f"/ip4/127.0.0.1/tcp/{free_port()}",), identity_file=key)

    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=at_a_port) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            message = await contact.send("who are you?")
            async with open_client(None, name="eve", config=at_a_port) as eve:
                await eve.add_contact(alice.contact_link)
                await explained(alice, message, Why.KEY_CHANGED)

    story(tell)


def test_a_contact_all_of_whose_devices_were_revoked(tmp_path):
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=CONFIG) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
                state, signer = bob._state, bob._node.parts.account_signer
                ended = read_device_set(new_revocation(signer, state.me.device, 1))
            message = await contact.send("still there?")
            await alice._node.driver.put(DevicesTold(ended))
            await explained(alice, message, Why.DEVICES_REVOKED)

    story(tell)


def test_this_device_was_revoked():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            contact = await alice.add_contact(await stranger_link())
            message = await contact.send("hello?")
            state, signer = alice._state, alice._node.parts.account_signer
            ended = read_device_set(new_revocation(signer, state.me.device, 1))
            await alice._node.driver.put(DevicesTold(ended))
            await explained(alice, message, Why.THIS_DEVICE_REVOKED)

    story(tell)


# The recipient cannot be reached


def test_somebody_who_was_never_seen():
    async def tell() -> None:
        async with (
            open_relay(relay_config()) as relay,
            open_client(None, name="alice", config=knowing(relay)) as alice,
        ):
            await alice.wait_ready()
            contact = await alice.add_contact(await stranger_link())
            message = await contact.send("hello?")
            told = await explained(alice, message, Why.NEVER_SEEN)
            assert "They have not accepted your request yet." in evidence(told)
            assert "A look-up in the network found no address" in evidence(told)

    story(tell)


def test_somebody_who_is_offline_since_a_time():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=CONFIG) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            message = await contact.send("and now?")
            told = await explained(alice, message, Why.OFFLINE_SINCE)
            assert "UTC" in str(told.sentence)
            assert "1970" not in str(told.sentence)
            assert "It was last connected at" in evidence(told)

    story(tell)


def test_who_is_offline_is_known_after_a_restart_too(tmp_path):
    async def tell() -> None:
        async with open_client(tmp_path / "alice", name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=CONFIG) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            message = await contact.send("and now?")
            await explained(alice, message, Why.OFFLINE_SINCE)
        async with open_client(tmp_path / "alice", config=CONFIG) as alice:
            after = await explained(alice, message, Why.OFFLINE_SINCE)
        assert "1970" not in str(after.sentence)

    story(tell)


def test_an_address_where_nobody_listens():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            link = await stranger_link(f"/ip4/127.0.0.1/tcp/{free_port()}")
            message = await (await alice.add_contact(link)).send("hello?")
            told = await explained(alice, message, Why.DIAL_REFUSED)
            assert "refused" in evidence(told)
            assert told.next_try_at is not None

    story(tell)


def test_an_address_where_nothing_answers_in_time():
    async def tell() -> None:
        async with trio.open_nursery() as nursery:
            [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listener.socket.getsockname()[1]
            nursery.start_soon(trio.serve_listeners, hang, [listener])
            async with open_client(None, name="alice", config=CONFIG) as alice:
                link = await stranger_link(f"/ip4/127.0.0.1/tcp/{port}")
                message = await (await alice.add_contact(link)).send("hello?")
                told = await explained(alice, message, Why.DIAL_TIMES_OUT)
                assert "no answer" in evidence(told)
            nursery.cancel_scope.cancel()

    story(tell)


def test_an_address_where_somebody_else_answers():
    async def tell() -> None:
        async with (
            open_relay(relay_config()) as relay,
            open_client(None, name="alice", config=CONFIG) as alice,
        ):
            link = await stranger_link(relay.addresses[0].partition("/p2p/")[0])
            message = await (await alice.add_contact(link)).send("hello?")
            await explained(alice, message, Why.ANOTHER_PEER)

    story(tell)


def test_somebody_who_takes_no_connection_of_ours():
    async def tell() -> None:
        async with (
            open_client(None, name="alice", config=CONFIG) as alice,
            open_client(None, name="bob", config=CONFIG) as bob,
        ):
            contact = await befriend(alice, bob)
            await exchange(alice, contact)
            await bob.block(str(alice.account))
            message = await contact.send("and now?")
            await explained(alice, message, Why.TURNED_AWAY)

    story(tell)


def test_somebody_who_speaks_only_a_later_version_and_somebody_who_confirms_nothing(tmp_path):
    """Both with the device key of bob, whom alice knows."""
    key = tmp_path / "device.key"
    key.write_bytes(bytes(range(32)))
    listen = f"/ip4/127.0.0.1/tcp/{free_port()}"
    bobs = replace(CONFIG, listen=(listen,), identity_file=key)
    options = HostOptions(seed=bytes(range(32)), listen=(listen,))

    async def later(stream) -> None:
        await stream.reset()

    async def swallow(stream) -> None:
        while await stream.receive_some(65_536):
            pass

    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_client(None, name="bob", config=bobs) as bob:
                contact = await befriend(alice, bob)
                await exchange(alice, contact)
            message = await contact.send("and now?")
            async with open_host(options) as host:
                host.serve("/dchat/direct/2.0.0", later)
                told = await explained(alice, message, Why.VERSION_TOO_OLD)
                assert "/dchat/direct/2.0.0" in evidence(told)
            async with open_host(options) as host:
                host.serve("/dchat/direct/1.0.0", swallow)
                await explained(alice, message, Why.ON_ITS_WAY)
                await explained(alice, message, Why.NO_RECEIPT)

    story(tell)


# Relays and mailboxes


def test_a_relay_on_the_way_that_is_dead():
    dead = f"/ip4/127.0.0.1/tcp/{free_port()}/p2p/{NOBODY}/p2p-circuit"

    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            message = await (await alice.add_contact(await stranger_link(dead))).send("hello?")
            await explained(alice, message, Why.RELAY_DEAD)

    story(tell)


async def left_alone(alice, relay, *, blocked: bool = False):
    """A contact of alice who has a mailbox at a relay, and is away."""
    async with open_client(None, name="bob", config=kept_by(relay)) as bob:
        await bob.wait_ready()
        contact = await befriend(alice, bob)
        await exchange(alice, contact)
        while not bob.status().mailboxes:  # noqa: ASYNC110 -- nobody tells of it
            await trio.sleep(0.05)
        if blocked:
            registered = bob._node.around.office._rounds._errands.registered
            before = dict(registered)
            await bob.block(str(alice.account))
            while dict(registered) == before:  # noqa: ASYNC110 -- nobody tells of it
                await trio.sleep(0.05)
    return contact


MAILBOXES = {
    Why.IN_MAILBOX: (MailboxLimits(), "hello"),
    Why.MAILBOX_FULL: (MailboxLimits(mailbox_bytes_max=6_000), "x" * 12_000),
    Why.RELAY_FULL: (MailboxLimits(bytes_max=6_000, mailbox_bytes_max=60_000), "x" * 12_000),
    Why.MESSAGE_TOO_LARGE: (MailboxLimits(blob_bytes_max=6_000), "x" * 12_000),
}


@pytest.mark.parametrize("cause", MAILBOXES)
def test_a_mailbox_that_keeps_it_or_does_not(cause: Why):
    limits, text = MAILBOXES[cause]

    async def tell() -> None:
        async with (
            open_relay(relay_config(limits)) as relay,
            open_client(None, name="alice", config=knowing(relay)) as alice,
        ):
            await alice.wait_ready()
            contact = await left_alone(alice, relay)
            message = await contact.send(text)
            told = await explained(alice, message, cause)
            if cause is Why.IN_MAILBOX:
                assert "UTC" in str(told.sentence)
                assert f"Kept by {relay.peer_id.short}." in evidence(told)
            else:
                assert "No mailbox took it at" in evidence(told)
                assert told.next_try_at is not None

    story(tell)


def test_a_mailbox_that_takes_nothing_of_us():
    async def tell() -> None:
        async with (
            open_relay(relay_config()) as relay,
            open_client(None, name="alice", config=knowing(relay)) as alice,
        ):
            await alice.wait_ready()
            contact = await left_alone(alice, relay, blocked=True)
            message = await contact.send("and now?")
            await explained(alice, message, Why.MAILBOX_REFUSED)

    story(tell)


def test_the_relay_that_keeps_the_mail_is_dead():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            async with open_relay(relay_config()) as relay:
                await alice.connect(relay.addresses[0])
                contact = await left_alone(alice, relay)
                first = await contact.send("kept")
                await explained(alice, first, Why.IN_MAILBOX)
            message = await contact.send("kept by nobody")
            await explained(alice, message, Why.RELAY_DEAD)
            await explained(alice, first, Why.IN_MAILBOX)

    story(tell)
