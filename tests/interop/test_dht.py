"""The DHT with go-libp2p-kad-dht and js-libp2p's: every request, asked by either side."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio

from p2pchat.errors import RemoteProtocolError
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.kad.vocabulary import FindPeer, FindProviders, GetValue, Provide, PutValue
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.net.frames import FrameReader
from p2pchat.node.ambient import SystemAmbient
from p2pchat.wire.devices import first_device_set, read_device_set
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.framing import frame
from p2pchat.wire.kad_codec import (
    MESSAGE_BYTES_MAX,
    KadKind,
    KadMessage,
    KadRecord,
    decode_kad,
    encode_kad,
)
from p2pchat.wire.records import (
    LIFETIME_MS,
    AccountRecord,
    BundleRecord,
    RecordValidator,
    account_key,
    bundle_key,
    encode_record,
    read_record,
)
from tests.interop.foreign import ForeignError
from tests.interop.ours import ours, play
from tests.libp2p.hosts import options

ACCOUNT_SEED = bytes(range(32))
ADDRESSES = ("/ip4/192.0.2.7/tcp/4001", "/dns4/relay.example/tcp/443/wss")


def now_ms() -> int:
    return SystemAmbient().now().wall_ms


def signer_of(name: str) -> Ed25519Signer:
    """The device key of one of our nodes."""
    return Ed25519Signer(options(name).seed)


def bundle_of(name: str, seq: int | None = None, expires_ms: int | None = None):
    """Key and value of a node's own bundle record."""
    signer, now = signer_of(name), now_ms()
    device = DeviceId(signer.public_key)
    record = BundleRecord(device, ADDRESSES, seq or now, expires_ms or now + LIFETIME_MS)
    return bundle_key(device), encode_record(record, signer)


def account_of(name: str):
    """Key and value of an account record that names the node's device."""
    owner, now = Ed25519Signer(ACCOUNT_SEED), now_ms()
    account = AccountId(owner.public_key)
    devices = first_device_set(owner, DeviceId(signer_of(name).public_key), now)
    record = AccountRecord(account, read_device_set(devices), now, now + LIFETIME_MS)
    return account_key(account), encode_record(record, owner)


async def in_table(bob, alice) -> None:
    """Wait until bob's table holds alice."""
    await bob.becomes(lambda table: str(alice.peer) in (table or ()), "table")


async def meeting(alice, bob) -> None:
    """Connect, and wait until each stands in the other's table."""
    await alice.dial(bob)
    await alice.kad.knows(1)
    await in_table(bob, alice)


def test_each_side_takes_the_other_into_its_table(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True, transport=transport) as alice:
            await meeting(alice, bob)

    play(story)


def test_they_find_a_peer_that_only_we_know(meet):
    async def story() -> None:
        async with (
            meet("bob") as bob,
            ours("alice", kad=True) as alice,
            ours("carol") as carol,  # a client: in nobody's table
        ):
            await carol.dial(alice)
            await meeting(alice, bob)
            assert set(await bob.call("find_peer", peer=str(carol.peer))) == {
                address.partition("/p2p/")[0] for address in carol.addresses
            }

    play(story)


def test_we_find_a_peer_that_only_they_know(meet):
    async def story() -> None:
        async with (
            meet("bob") as bob,
            ours("alice", kad=True) as alice,
            meet("carol") as carol,
        ):
            await carol.call("connect", address=bob.addresses[0])
            await bob.heard("connected", peer=str(carol.peer))
            await in_table(carol, bob)
            await meeting(alice, bob)
            found = await alice.kad.driver.call(lambda id: FindPeer(id, carol.peer))
            assert set(carol.addresses) <= {
                f"{address}/p2p/{carol.peer}" for address in found.addresses
            }

    play(story)


@pytest.mark.parametrize("make", [bundle_of, account_of])
def test_they_read_and_verify_a_record_that_we_put(meet, make):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            key, value = make("alice")
            assert await alice.kad.driver.call(lambda id: PutValue(id, key, value)) == 1
            assert await bob.call("get_value", key=key.hex()) == value.hex()
            record = await bob.call("read_record", key=key.hex(), value=value.hex())
            match read_record(key, value):
                case BundleRecord(addresses=addresses, seq=seq):
                    assert (record["seq"], tuple(record["addresses"])) == (seq, addresses)
                case AccountRecord(seq=seq):
                    devices = [signer_of("alice").public_key.hex()]
                    assert (record["seq"], record["devices"]) == (seq, devices)

    play(story)


@pytest.mark.parametrize("kind", ["bundle", "account"])
def test_we_verify_store_and_read_a_record_that_they_put(meet, kind):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            seq = now_ms()
            made = await bob.call(kind, addresses=ADDRESSES, account=ACCOUNT_SEED.hex(), seq=seq)
            key, value = bytes.fromhex(made["key"]), bytes.fromhex(made["value"])
            RecordValidator().validate(key, value, now_ms())
            match read_record(key, value):
                case BundleRecord() as record:
                    assert (record.device, record.addresses) == (bob.peer.device, ADDRESSES)
                case AccountRecord() as record:
                    assert record.account == Ed25519Signer(ACCOUNT_SEED).public_key
                    assert record.devices.devices == {bob.peer.device}
            assert record.seq == seq
            await bob.call("put_value", **made)
            assert alice.kad.machine.statistics().records == 1
            found = await alice.kad.driver.call(lambda id: GetValue(id, key, 2))
            assert (found.value, found.holders) == (value, 1)

    play(story)


def test_whatever_order_records_come_in_readers_on_either_side_get_the_newest(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            key, old = bundle_of("alice", seq=1)
            _, new = bundle_of("alice", seq=2)
            assert await alice.kad.driver.call(lambda id: PutValue(id, key, new)) == 1
            await put_raw(alice, bob, key, old)  # go-libp2p refuses it, js-libp2p takes it
            assert await bob.call("get_value", key=key.hex()) == new.hex()
            found = await alice.kad.driver.call(lambda id: GetValue(id, key, 2))
            assert found.value == new

    play(story)


def test_we_do_not_let_an_older_record_take_the_place_of_a_newer(meet):
    async def story() -> None:
        async with meet("bob", lenient=True) as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            key, old = bundle_of("alice", seq=1)
            _, new = bundle_of("alice", seq=2)
            await bob.call("put_value", key=key.hex(), value=new.hex())
            assert alice.kad.machine.statistics().records == 1
            await put_whatever_comes_of_it(bob, key, old)
            assert alice.kad.machine.statistics().refused >= 1
            found = await alice.kad.driver.call(lambda id: GetValue(id, key, 1))
            assert found.value == new

    play(story)


async def put_whatever_comes_of_it(bob, key: bytes, value: bytes) -> None:
    with suppress(ForeignError):  # go-libp2p compares with its own record first
        await bob.call("put_value", key=key.hex(), value=value.hex())


async def put_raw(alice, bob, key: bytes, value: bytes) -> KadMessage | None:
    """What bob answers to a value that alice's own validator did not see; None for a reset."""
    request = KadMessage(KadKind.PUT_VALUE, key, KadRecord(key, value))
    stream = await alice.host.open_stream(bob.peer, [KAD_PROTOCOL])
    try:
        await stream.send_all(frame(encode_kad(request)))
        with trio.fail_after(60):
            body = await FrameReader(stream, MESSAGE_BYTES_MAX).next()
        return None if body is None else decode_kad(body)
    except (trio.BrokenResourceError, RemoteProtocolError):
        return None
    finally:
        await stream.reset()


def spoilt(name: str) -> dict[str, tuple[bytes, bytes]]:
    """Records that nobody may store."""
    key, value = bundle_of(name)
    other_key, _ = bundle_of("mallory")
    return {
        "unsigned": (key, b"unsigned"),
        "under another's key": (other_key, value),
        "with one bit flipped": (key, value[:50] + bytes([value[50] ^ 1]) + value[51:]),
        "of another namespace": (b"/other/key", value),
        "expired": bundle_of(name, expires_ms=now_ms() - 1),
        "of a hundred days": bundle_of(name, expires_ms=now_ms() + 100 * 24 * 3_600_000),
    }


@pytest.mark.parametrize("what", spoilt("alice"))
def test_they_refuse_a_record_that_is_spoilt(meet, what):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            key, value = spoilt("alice")[what]
            assert await put_raw(alice, bob, key, value) is None
            good_key, good = bundle_of("alice")
            assert (await put_raw(alice, bob, good_key, good)).record.value == good

    play(story)


@pytest.mark.parametrize("what", [each for each in spoilt("alice") if "namespace" not in each])
def test_we_refuse_a_record_that_is_spoilt(meet, what):
    async def story() -> None:
        async with meet("bob", lenient=True) as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            key, value = spoilt("alice")[what]
            await bob.call("put_value", key=key.hex(), value=value.hex())
            assert alice.kad.machine.statistics().refused >= 1  # go asks again after a reset
            assert alice.kad.machine.statistics().records == 0
            good_key, good = bundle_of("alice")
            await bob.call("put_value", key=good_key.hex(), value=good.hex())
            assert alice.kad.machine.statistics().records == 1

    play(story)


def test_they_find_what_we_provide_and_we_what_they_provide(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await meeting(alice, bob)
            data = b"what bob has"
            key = bytes.fromhex(await bob.call("provide", data=data.hex()))
            found = await alice.kad.driver.call(lambda id: FindProviders(id, key))
            assert [provider.peer for provider in found.providers] == [bob.peer]
            assert set(bob.addresses) == {
                f"{address}/p2p/{bob.peer}" for address in found.providers[0].addresses
            }
            data = b"what alice has"
            key = bytes.fromhex(await bob.call("provide", data=data.hex()))
            assert await alice.kad.driver.call(lambda id: Provide(id, key)) == 1
            assert str(alice.peer) in await bob.call("find_providers", data=data.hex())

    play(story)
