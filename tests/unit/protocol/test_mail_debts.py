"""What is owed by mail outlives a crash, and goes to nobody who has parted from us meanwhile."""

from __future__ import annotations

import pytest

from p2pchat.model.change import PutTrust
from p2pchat.model.message import MessageState
from p2pchat.protocol.machine import (
    BlockTarget,
    Dial,
    Loaded,
    RemoveContact,
    ReviseDevices,
    UnblockTarget,
)
from p2pchat.protocol.mail_routes import (
    ASK_AGAIN_MS,
    ASKED_MAX,
    Anew,
    Route,
    decode_asked,
    encode_asked,
)
from p2pchat.protocol.mail_vocabulary import BeginAnew, ForMail, Post, Posted, PostFailed
from p2pchat.protocol.mail_writers import WRITERS_MAX
from p2pchat.protocol.mailing import BACK_OFF_S_MAX, BACK_OFF_S_MIN, TIMER
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.devices import (
    DEVICES_MAX,
    certificates,
    first_device_set,
    narrowed,
    read_device_set,
)
from tests.unit.protocol.people import WALL_MS, Person, digest, op_id
from tests.unit.protocol.postal import (
    ALICE,
    BOB,
    DIRECT,
    PostalSeat,
    PostalTable,
    away,
    ops_of,
    refused,
)


@pytest.fixture
def table() -> PostalTable:
    return PostalTable()


@pytest.fixture
def two(table) -> tuple[PostalSeat, PostalSeat]:
    """Contacts; the second has gone."""
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    return alice, bob


def restarted(table: PostalTable, seat: PostalSeat) -> None:
    seat.crash()
    while seat.loads:
        seat.answer_load()
    away(table, seat)


def remove(alice: PostalSeat) -> None:
    alice.ask(lambda id: RemoveContact(id, BOB.account))


def block(alice: PostalSeat) -> None:
    alice.ask(lambda id: BlockTarget(id, BOB.account))


def doubt(alice: PostalSeat) -> None:
    row = PutTrust(BOB.account, 0, Person("other").account, is_confirmed=False)
    alice.state.directory.trust[BOB.account] = row


PARTINGS = pytest.mark.parametrize("part", [remove, block, doubt])


def test_what_is_to_be_mailed_again_is_so_after_a_crash(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.post()
    bob.do(refused(ALICE))
    [asking] = bob.post()
    alice.get(BOB, asking)
    restarted(table, alice)
    assert ops_of(alice.post()) == [0]


def test_a_letter_under_way_does_not_undo_that_all_is_mailed_again(table, two):
    alice, bob = two
    for number in range(3):
        alice.send(DIRECT, f"{number}")
    away(table, alice)
    assert ops_of(alice.post()) == [0, 1, 2]
    message = alice.send(DIRECT, "3")
    [under_way] = alice.take(Post)
    bob.do(refused(ALICE))
    [asking] = bob.post()
    alice.get(BOB, asking)
    alice.do(Posted(under_way.to.party, under_way.serial))
    assert alice.state_of(message.id) is MessageState.QUEUED, "it was sealed as the others were"
    assert ops_of(alice.post()) == [0, 1, 2, 3]
    assert alice.state_of(message.id) is MessageState.SENT


def test_a_receipt_that_could_not_be_opened_is_sent_again(table, two):
    alice, bob = two
    message = bob.send(DIRECT, "hello")
    away(table, bob)
    [letter] = bob.post()
    alice.get(BOB, letter)
    assert len(alice.post()) == 1
    bob.do(refused(ALICE))
    [asking] = bob.post()
    alice.get(BOB, asking, 2)
    [again] = alice.post()
    bob.get(ALICE, again, 3)
    assert bob.state_of(message.id) is MessageState.DELIVERED


def test_who_has_mailed_no_op_begins_anew_as_well_when_it_is_asked(table, two):
    """It may have sealed receipts, of which nothing is on disk but the session."""
    alice, bob = two
    bob.do(refused(ALICE))
    [asking] = bob.post()
    alice.crash()
    alice.get(BOB, asking)
    assert alice.decided(BeginAnew) == [BeginAnew(BOB.correspondent, digest("session"))]


def test_a_request_for_a_new_session_leaves_after_a_crash_and_no_second_one_that_day(table, two):
    _, bob = two
    bob.do(refused(ALICE))
    restarted(table, bob)
    assert [letter.asks_again for letter in bob.post()] == [True]
    restarted(table, bob)
    bob.do(refused(ALICE))
    assert bob.post() == []
    table.advance(ASK_AGAIN_MS / 1000)
    bob.do(refused(ALICE))
    assert [letter.asks_again for letter in bob.post()] == [True]


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_request_that_could_not_leave_goes_later_though_nobody_is_dialled(
    table, two, is_restarted
):
    _, bob = two
    bob.do(refused(ALICE))
    if is_restarted:
        bob.crash()
        while bob.loads:
            bob.answer_load()
    for _ in range(2):
        bob.find()
    [asking] = bob.take(Post)
    bob.do(PostFailed(asking.to.party, asking.serial, "nobody is there"))
    pass_time(table, BACK_OFF_S_MAX)
    assert not bob.decided(Dial)
    assert [letter.asks_again for letter in bob.post()] == [True]
    pass_time(table, BACK_OFF_S_MAX)
    assert TIMER not in bob.timers, "nothing is owed any more"


def test_a_request_that_could_not_leave_goes_with_the_next_cause_for_one(table, two):
    _, bob = two
    bob.do(refused(ALICE))
    for _ in range(2):
        bob.find()
    [asking] = bob.take(Post)
    bob.do(PostFailed(asking.to.party, asking.serial, "nobody is there"))
    table.advance(BACK_OFF_S_MIN)
    bob.do(refused(ALICE))
    assert [letter.asks_again for letter in bob.post()] == [True]


def test_a_request_leaves_as_soon_as_it_may(table, two):
    """Single commands run for seconds."""
    _, bob = two
    bob.do(refused(ALICE))
    for _ in range(2):
        bob.find()
    [asking] = bob.take(Post)
    bob.do(PostFailed(asking.to.party, asking.serial, "nobody is there"))
    pass_time(table, BACK_OFF_S_MIN + 1)
    assert [letter.asks_again for letter in bob.post()] == [True]


@pytest.mark.parametrize("is_restarted", [True, False])
@pytest.mark.parametrize("target", [BOB.account, BOB.device.peer_id], ids=["account", "device"])
def test_what_came_by_mail_during_a_block_is_asked_for_once_it_is_gone(
    table, two, target, is_restarted
):
    """Its writer believes it to be kept for us until we have it."""
    alice, bob = two
    bob.send(DIRECT, "hello")
    away(table, bob)
    [letter] = bob.post()
    alice.ask(lambda id: BlockTarget(id, target))
    alice.get(BOB, letter)
    pass_time(table, BACK_OFF_S_MAX)
    assert alice.post() == []
    if is_restarted:
        restarted(table, alice)
    alice.ask(lambda id: UnblockTarget(id, target))
    [asking] = alice.post()
    assert asking.asks_again
    bob.get(ALICE, asking)
    [again] = bob.post()
    assert ops_of([again]) == ops_of([letter]) != []
    alice.get(BOB, again, 2)
    assert alice.texts(DIRECT) == ["hello"]


def pass_time(table: PostalTable, seconds: float) -> None:
    until_s = table.now.monotonic_s + seconds
    while table.tick(until_s):
        pass
    table.advance(until_s - table.now.monotonic_s)


def test_of_whom_we_asked_those_asked_last_are_remembered():
    routes = [Route(Person(f"{n}").party) for n in range(ASKED_MAX + 5)]
    for number, route in enumerate(routes):
        route.anew = Anew(is_owed=number % 2 == 0, asked_ms=number)
    kept = dict(decode_asked(encode_asked(routes)))
    assert kept == {route.to: route.anew for route in routes[5:]}


@PARTINGS
def test_what_was_read_from_disk_is_not_mailed_to_who_has_parted(table, two, part):
    alice, _ = two
    for number in range(600):
        alice.send(DIRECT, f"{number}")
    away(table, alice)
    [load] = [one for one in alice.loads if isinstance(one.tag, ForMail)]
    part(alice)
    alice.do(Loaded(load.tag, tuple(alice.store.ops(load.query))))
    assert alice.post() == []


@PARTINGS
def test_who_has_parted_gets_no_receipt_and_no_request(table, two, part):
    alice, bob = two
    bob.send(DIRECT, "hello")
    away(table, bob)
    [letter] = bob.post()
    part(alice)
    alice.get(BOB, letter)
    alice.do(refused(BOB))
    assert alice.post() == []


def test_a_receipt_that_was_owed_is_not_sent_after_a_block(table, two):
    alice, bob = two
    bob.send(DIRECT, "hello")
    away(table, bob)
    [letter] = bob.post()
    alice.get(BOB, letter)
    block(alice)
    assert alice.post() == []
    assert not alice.decided(Post)


def test_everybody_may_write_before_anybody_may_write_with_a_second_half(table, two):
    alice, _ = two
    halves = {(n, op_id(f"{n}")): digest(f"half {n}") for n in range(4)}
    others = [Person(f"{n}").account for n in range(WRITERS_MAX)]
    row = alice.state.contacts[BOB.account]
    pairs = alice.state.directory.pairs
    for account in others:
        alice.state.contacts[account] = row
        pairs._ours[account] = {(1, op_id("1")): digest(f"half of {account}")}
    pairs._ours[BOB.account] = halves
    written = alice.chat.mailing.writers.keys()
    accounts = [account for _, account in written]
    assert len(accounts) == len(set(accounts)) == WRITERS_MAX


def test_our_own_certificate_is_in_what_we_send_whoever_fills_the_set(table, two):
    alice, _ = two
    smaller = (d for n in range(10_000) if (d := Person(f"thief {n}").device) < ALICE.device)
    whole = DeviceSetPb()
    for device in (next(smaller) for _ in range(DEVICES_MAX)):
        raw = first_device_set(ALICE.account_signer, device, WALL_MS)
        whole.certificates.extend(DeviceSetPb.FromString(raw).certificates)
    alice.ask(lambda id: ReviseDevices(id, read_device_set(whole.SerializeToString())))
    own = alice.state.own_devices
    assert len(certificates(own)) == DEVICES_MAX
    assert narrowed(own, ALICE.device).devices == {ALICE.device}
    assert read_device_set(own.raw).devices == own.devices
    alice.send(DIRECT, "hello")
    away(table, alice)
    assert ops_of(alice.post()) == [0]
