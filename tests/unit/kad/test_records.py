"""What a server holds for others: which value wins, and every limit."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from p2pchat.errors import MalformedMessage, RemoteProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.records import Namespaces, ProviderStore, RecordStore
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import DeviceId
from p2pchat.wire.kad_codec import KadPeer

HOUR_MS = 3_600_000
KEY = b"/test/key"


@pytest.fixture
def new_store(cast, numbers):
    def make(**config):
        return RecordStore(cast.own, KadConfig(**config), Namespaces({"test": numbers}))

    return make


@pytest.fixture
def nearest_keys(cast):
    """Keys, the nearest to our own id first."""
    own_id = kad_id(cast.own)
    return sorted((b"/test/%d" % n for n in range(20)), key=lambda key: kad_id(key) ^ own_id)


def test_a_value_is_kept_for_36_hours_unless_its_validator_says_otherwise(new_store, cast):
    store = new_store()
    store.put(cast("bob"), KEY, b"1", 1000)
    assert store.get(KEY, 1000 + 36 * HOUR_MS - 1) == b"1"
    assert store.get(KEY, 1000 + 36 * HOUR_MS) is None
    assert store.get(b"/test/other", 1000) is None


def test_the_best_value_stays_and_the_same_value_lasts_longer(new_store, cast):
    store = new_store()
    store.put(cast("bob"), KEY, b"5", 0)
    with pytest.raises(RemoteProtocolError, match="better"):
        store.put(cast("bob"), KEY, b"4", 0)
    store.put(cast("carol"), KEY, b"5", 9)
    assert store.get(KEY, 36 * HOUR_MS) == b"5"
    store.put(cast("bob"), KEY, b"6", 9)
    assert (store.get(KEY, 9), len(store), store.size_bytes) == (b"6", 1, len(KEY) + 1)


def test_an_expired_value_gives_way_to_a_worse_one(new_store, cast):
    store = new_store()
    store.put(cast("bob"), KEY, b"5", 0)
    store.put(cast("bob"), KEY, b"4", 36 * HOUR_MS)
    assert store.get(KEY, 36 * HOUR_MS) == b"4"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (KEY, b"no number"),
        (b"/elsewhere/key", b"1"),
        (b"/test", b"1"),
        (b"/testing/key", b"1"),
        (b"/test/" + b"k" * 123, b"1"),
        (KEY, b"1" * 4097),
    ],
)
def test_what_no_validator_accepts_is_refused(new_store, cast, key, value):
    store = new_store()
    with pytest.raises(MalformedMessage):
        store.put(cast("bob"), key, value, 0)
    assert len(store) == 0


def test_expired_values_are_swept(new_store, cast):
    store = new_store()
    store.put(cast("bob"), KEY, b"1", 0)
    store.put(cast("bob"), b"/test/later", b"1", HOUR_MS)
    store.sweep(36 * HOUR_MS)
    assert (len(store), store.size_bytes) == (1, len(b"/test/later") + 1)
    store.sweep(37 * HOUR_MS)
    assert (len(store), store.size_bytes) == (0, 0)


def test_a_full_store_drops_what_is_farthest_from_us(new_store, cast, nearest_keys):
    store = new_store(records_max=2)
    near, middle, far = nearest_keys[0], nearest_keys[9], nearest_keys[19]
    store.put(cast("bob"), far, b"1", 0)
    store.put(cast("bob"), near, b"1", 0)
    store.put(cast("bob"), middle, b"1", 0)
    assert [store.get(key, 0) for key in (near, middle, far)] == [b"1", b"1", None]
    with pytest.raises(RemoteProtocolError, match="nearer"):
        store.put(cast("bob"), far, b"1", 0)


def test_a_store_full_of_bytes_drops_the_same(new_store, cast, nearest_keys):
    store = new_store(records_bytes_max=220)
    for key in (nearest_keys[19], nearest_keys[0], nearest_keys[9]):
        store.put(cast("bob"), key, b"1" * 90, 0)
    assert (len(store), store.get(nearest_keys[19], 0)) == (2, None)
    assert store.size_bytes <= 220


def test_one_peer_may_store_so_much_and_no_more(new_store, cast):
    store = new_store(records_per_peer_max=2)
    for n in range(2):
        store.put(cast("bob"), b"/test/%d" % n, b"1", 0)
    with pytest.raises(RemoteProtocolError, match="one peer"):
        store.put(cast("bob"), b"/test/2", b"1", 0)
    store.put(cast("bob"), b"/test/1", b"2", 0)
    store.put(cast("carol"), b"/test/2", b"1", 0)
    for n in range(3, 6):
        store.put(cast.own, b"/test/%d" % n, b"1", 0)
    store.sweep(36 * HOUR_MS)
    store.put(cast("bob"), b"/test/2", b"1", 36 * HOUR_MS)


def test_the_best_of_several_values_is_the_validators_choice(numbers):
    namespaces = Namespaces({"/test/": numbers})
    assert namespaces.best(KEY, [b"3", b"12", b"9"], 0) == b"12"
    with pytest.raises(MalformedMessage):
        namespaces.require(b"/other/key")
    namespaces.require(KEY)


@pytest.fixture
def new_providers(cast):
    def make(**config):
        return ProviderStore(cast.own, KadConfig(**config))

    return make


def test_providers_are_told_for_two_hours_the_latest_first(new_providers, cast):
    store = new_providers()
    alice, bob = cast.contact(cast("alice")), cast.contact(cast("bob"))
    store.add(alice, b"k", 0)
    store.add(bob, b"k", 1)
    assert store.get(b"k", 1) == [bob, alice]
    store.add(alice, b"k", 2)
    assert store.get(b"k", 2) == [alice, bob]
    assert store.get(b"k", 2 * HOUR_MS + 1) == [alice]
    assert store.get(b"other", 0) == []
    store.sweep(2 * HOUR_MS + 1)
    assert store.get(b"k", 2) == [alice]
    store.sweep(2 * HOUR_MS + 2)
    assert len(store) == 0


def test_of_too_many_providers_of_a_key_the_oldest_goes(new_providers, cast):
    store = new_providers(providers_per_key_max=2)
    peers = [cast.contact(cast(n)) for n in range(3)]
    for peer in peers:
        store.add(peer, b"k", 0)
    assert store.get(b"k", 0) == [peers[2], peers[1]]


def test_a_key_may_have_one_provider_only(new_providers, cast):
    store = new_providers(providers_per_key_max=1)
    for n in range(3):
        store.add(cast.contact(cast(n)), b"k", 0)
    assert store.get(b"k", 0) == [cast.contact(cast(2))]
    assert len(store) == 1


def announced(store, cast, *announcements):
    """Each by name, and its networks after it; whom the store tells of then, the oldest first."""
    peers = {}
    for name, *networks in announcements:
        contact = cast.contact(cast(name))
        peers[contact] = name
        store.add(contact, b"k", 0, tuple(networks))
    return [peers[contact] for contact in reversed(store.get(b"k", 0))]


def test_one_public_network_has_a_few_places_of_a_key_the_latest(new_providers, cast):
    crowd = [(f"a{n}", "4:a") for n in range(50)]
    kept = announced(new_providers(), cast, ("x", "4:x"), *crowd, ("a46", "4:a"))
    assert kept == ["x", "a47", "a48", "a49", "a46"], "who announces again displaces nobody"


def test_who_comes_from_two_networks_has_a_place_in_both(new_providers, cast):
    store = new_providers(network_providers_max=2)
    crowd = [("a", "4:a"), ("b", "6:b"), ("a2", "4:a"), ("b2", "6:b"), ("ab", "4:a", "6:b")]
    assert announced(store, cast, *crowd) == ["a2", "b2", "ab"]


def test_when_a_key_is_full_the_network_with_most_of_it_yields(new_providers, cast):
    store = new_providers(providers_per_key_max=6)
    honest = [("h", "4:h"), ("i", "4:i")]
    crowd = [(f"{network}{n}", network) for n in range(4) for network in ("4:a", "4:b")]
    kept = announced(store, cast, *honest, *crowd, ("j", "4:j"))
    assert len(kept) == 6
    assert kept[:2] == ["h", "i"]
    assert kept[-1] == "j"


def test_all_that_are_in_no_public_network_are_one_when_a_key_is_full(new_providers, cast):
    honest = [(f"h{n}", "4:h") for n in range(3)]
    crowd = [(f"local {n}",) for n in range(40)]
    kept = announced(new_providers(), cast, *honest, *crowd)
    assert kept[:3] == ["h0", "h1", "h2"]
    assert len(kept) == 20


def test_local_networks_have_no_share(new_providers, cast):
    assert len(announced(new_providers(), cast, *((n,) for n in range(30)))) == 20


def test_a_full_provider_store_drops_the_key_farthest_from_us(new_providers, cast, nearest_keys):
    store = new_providers(provider_keys_max=2)
    alice = cast.contact(cast("alice"))
    near, middle, far = nearest_keys[0], nearest_keys[9], nearest_keys[19]
    for key in (far, near, middle):
        store.add(alice, key, 0)
    assert [bool(store.get(key, 0)) for key in (near, middle, far)] == [True, True, False]
    with pytest.raises(RemoteProtocolError, match="nearer"):
        store.add(alice, far, 0)


def test_one_peer_may_provide_so_many_keys(new_providers, cast):
    store = new_providers(provided_per_peer_max=2)
    alice = cast.contact(cast("alice"))
    store.add(alice, b"a", 0)
    store.add(alice, b"b", 0)
    with pytest.raises(RemoteProtocolError, match="one peer"):
        store.add(alice, b"c", 0)
    store.add(alice, b"b", 5)
    store.add(cast.contact(cast("bob")), b"c", 0)
    store.sweep(24 * HOUR_MS)
    store.add(alice, b"c", 24 * HOUR_MS)


def test_a_provider_store_of_too_many_bytes_drops_the_keys_farthest_from_us(
    new_providers, cast, nearest_keys
):
    peers = [KadPeer(cast(n), ("/ip4/10.0.0.1/tcp/1",)) for n in range(10)]
    one = new_providers()
    one.add(peers[0], b"k", 0)
    store = new_providers(provider_bytes_max=10 * one.size_bytes)
    near, middle, far = nearest_keys[0], nearest_keys[9], nearest_keys[19]
    for key in (far, near, middle):
        for peer in peers[:5]:
            store.add(peer, key, 0)
    assert [len(store.get(key, 0)) for key in (near, middle, far)] == [5, 5, 0]
    assert store.size_bytes == 10 * one.size_bytes
    with pytest.raises(RemoteProtocolError, match="nearer"):
        store.add(peers[9], far, 0)
    store.add(peers[0], near, 5)
    assert store.size_bytes == 10 * one.size_bytes, "who announces again is counted once"
    store.sweep(24 * HOUR_MS)
    assert (len(store), store.size_bytes) == (0, 0)


def test_what_announcements_are_said_to_take_is_no_less_than_they_take(new_providers, cast):
    store, addresses_max = new_providers(), KadConfig().provider_addresses_max
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(64):
            key = hashlib.sha256(b"%d" % number).digest()
            for n in range(20):
                here = tuple(f"/dns4/{number}.{n}.{a}.example/tcp/1" for a in range(addresses_max))
                provider = KadPeer(DeviceId(key[:31] + bytes([n])).peer_id, here)
                store.add(provider, key, 0, (f"4:{number}.{n}",))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.7 * store.size_bytes < after - before < store.size_bytes
