"""Our records stay valid for as long as we are up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import trio
import trio.testing

from p2pchat.kad.vocabulary import (
    FindPeer,
    FoundPeer,
    FoundValue,
    GetValue,
    KadEffect,
    KadInput,
    PutValue,
)
from p2pchat.model.ids import DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.publishing import SETTLING_S, Directory, OwnRecords, Publisher
from p2pchat.wire.devices import DeviceSet, merged, new_revocation, read_device_set
from p2pchat.wire.records import (
    LIFETIME_MS,
    AccountRecord,
    BundleRecord,
    encode_record,
    read_record,
)
from tests.unit.protocol.people import digest, person, set_of

ALICE = person("alice")
DAY_S = 24 * 3600
Record = AccountRecord | BundleRecord


class Holder:
    """A DHT of one holder that takes everything; carries its own effects, which are none."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.found: bytes | None = None
        self.asked: list[GetValue] = []

    def start(self, now: Now) -> list[KadEffect]:
        return []

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        if isinstance(input, GetValue):
            self.asked.append(input)
            return [Reply(input.id, FoundValue(input.key, self.found, 1, 1, 1))]
        assert isinstance(input, PutValue)
        self.records.append(read_record(input.key, input.value))
        return [Reply(input.id, 1)]

    def settle(self, now: Now) -> list[KadEffect]:
        return []

    async def carry(self, effects: Sequence[KadEffect]) -> None:
        """Replies are the driver's."""


def own_records(devices: Callable[[], DeviceSet], learnt: list[DeviceSet]) -> OwnRecords:
    async def learn(told: DeviceSet) -> None:
        learnt.append(told)

    return OwnRecords(devices, learn, ALICE.account_signer, ALICE.signer)


def published(for_s: float, set_back_ms: int = 0) -> list[Record]:
    """The records put in so much time, the wall clock being put back halfway."""
    holder = Holder()

    async def main() -> None:
        ambient = SimulatedAmbient(1, "alice")
        driver = Driver[KadInput, KadEffect](holder, holder, ambient, DriverConfig())
        addresses = ("/ip4/192.0.2.1/tcp/1",)
        publisher = Publisher(Directory(driver, ambient, lambda: ()), lambda: addresses)
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            nursery.start_soon(publisher.run, own_records(lambda: ALICE.devices, []))
            await trio.sleep(for_s / 2)
            ambient.skew_ms -= set_back_ms
            publisher.moved()
            await trio.sleep(for_s / 2)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return holder.records


def test_records_are_signed_anew_every_day():
    records = published(40 * DAY_S + 60)
    accounts = [record for record in records if isinstance(record, AccountRecord)]
    assert len(accounts) == 41
    assert accounts[-1].expires_ms - accounts[0].expires_ms == 40 * DAY_S * 1000
    settling, moved = len(SETTLING_S), 1
    assert len(records) == 2 * 41 + settling + moved


def test_a_clock_that_is_put_back_leaves_the_newest_record_the_newest():
    records = published(DAY_S / 2, set_back_ms=DAY_S * 1000)
    seqs = [record.seq for record in records]
    assert len(seqs) == 3 + len(SETTLING_S)
    assert seqs == sorted(set(seqs))


def test_what_another_device_of_ours_published_is_learnt_and_published_on():
    tablet = DeviceId(digest("tablet"))
    told = set_of(ALICE, tablet)
    holder, learnt = Holder(), list[DeviceSet]()
    record = AccountRecord(ALICE.account, told, 1, LIFETIME_MS)
    holder.found = encode_record(record, ALICE.account_signer)

    async def main() -> None:
        ambient = SimulatedAmbient(1, "alice")
        driver = Driver[KadInput, KadEffect](holder, holder, ambient, DriverConfig())
        publisher = Publisher(Directory(driver, ambient, lambda: ()), lambda: ())
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            nursery.start_soon(publisher.run, own_records(lambda: ALICE.devices, learnt))
            await publisher.published.wait()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert learnt == [told]
    assert [read.quorum for read in holder.asked] == [None], "an older record is not enough"
    accounts = [record for record in holder.records if isinstance(record, AccountRecord)]
    assert accounts[0].devices.devices == {ALICE.device, tablet}


def test_a_revocation_is_published_at_once():
    sets = [ALICE.devices]
    holder = Holder()

    async def main() -> None:
        ambient = SimulatedAmbient(1, "alice")
        driver = Driver[KadInput, KadEffect](holder, holder, ambient, DriverConfig())
        publisher = Publisher(Directory(driver, ambient, lambda: ()), lambda: ())
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            nursery.start_soon(publisher.run, own_records(lambda: sets[-1], []))
            await trio.sleep(DAY_S / 2)
            raw = new_revocation(ALICE.account_signer, DeviceId(digest("tablet")), 1)
            sets.append(merged(ALICE.devices, read_device_set(raw)))
            publisher.renewed()
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    accounts = [record for record in holder.records if isinstance(record, AccountRecord)]
    assert [record.devices for record in accounts] == sets


SEEN = "/ip4/9.9.9.9/tcp/1"
HERE, HOUSE, PUBLIC = "/ip4/127.0.0.1/tcp/22", "/ip4/192.168.0.1/tcp/22", "/ip4/8.8.8.8/tcp/4001"


class Teller(Holder):
    """A DHT that has a record of Alice, and saw her at `SEEN`."""

    def __init__(self, signed: tuple[str, ...]) -> None:
        super().__init__()
        record = BundleRecord(ALICE.device, signed, 1, LIFETIME_MS)
        self._value = encode_record(record, ALICE.signer)

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        match input:
            case GetValue(id, key):
                return [Reply(id, FoundValue(key, self._value, 1, 1, 1))]
            case FindPeer(id, peer):
                return [Reply(id, FoundPeer(peer, (SEEN,), False, 1, 1))]
            case _:
                raise AssertionError(input)


@pytest.mark.parametrize(
    ("own", "signed", "found"),
    [
        (PUBLIC, (HERE, HOUSE, PUBLIC), (PUBLIC,)),
        ("/ip4/192.168.0.2/tcp/1", (HERE, HOUSE, PUBLIC), (HOUSE, PUBLIC)),
        ("/ip4/127.0.0.1/tcp/1", (HERE,), (HERE,)),
        (PUBLIC, (HERE, HOUSE), (SEEN,)),
    ],
    ids=["from afar", "from the same house", "on the same machine", "nothing usable"],
)
def test_a_record_is_followed_only_where_we_can_be_reached_too(
    own: str, signed: tuple[str, ...], found: tuple[str, ...]
):
    async def main() -> None:
        teller, ambient = Teller(signed), SimulatedAmbient(1, "bob")
        driver = Driver[KadInput, KadEffect](teller, teller, ambient, DriverConfig())
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            directory = Directory(driver, ambient, lambda: (own,))
            assert (await directory.find(ALICE.device.peer_id)).addresses == found
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
