"""What was signed in earnest, shown in the wrong place or much too late, comes to nothing.

Signatures and seals are whole here; what is wrong is where, to whom or when it is shown.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.errors import BadSignature, LinkError, MalformedMessage, RemoteProtocolError
from p2pchat.events import ContactRequested, MessageReceived
from p2pchat.model.change import AddMessage, AddOp
from p2pchat.model.contact import ContactState
from p2pchat.model.lan import LanRefusal
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.protocol.lan import Reachable
from p2pchat.protocol.machine import AddContact, Heard, Persist, Received, RejectContact
from p2pchat.protocol.pruning import CHECK_EVERY, SHARE_MIN
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.wire.contents import Request
from p2pchat.wire.dchat_pb2 import ContactLink as ContactLinkPb
from p2pchat.wire.frames import Frame, Ops
from p2pchat.wire.receipts import Receipt, sign_receipt
from p2pchat.wire.records import (
    AccountRecord,
    BundleRecord,
    RecordValidator,
    account_key,
    bundle_key,
    encode_record,
)
from tests.integrity.sealed import read_link_body
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Author,
    Person,
    between,
)
from tests.unit.protocol.table import Seat, Table
from tests.unit.protocol.test_lan import Script

MONTH_S = 30 * 24 * 3600
DIRECT = between(ALICE, BOB)


def friends() -> tuple[Table, Seat, Seat]:
    """Alice and Bob, who have written to each other."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    alice.send(DIRECT, "once")
    table.settle()
    assert bob.received() == ["once"]
    return table, alice, bob


def hear_alone(seat: Seat, peer: Person, *frames: Frame) -> list[object]:
    """What a seat puts on disk for these frames."""
    seat.events.clear()
    effects = seat.hear(peer, *frames)
    return [e.change for e in effects if isinstance(e, Persist)]


def rows(changes: list[object]) -> list[object]:
    return [change for change in changes if isinstance(change, AddOp | AddMessage)]


# Wrong conversation


def test_a_message_is_of_the_conversation_that_its_author_signed():
    """Bob passes on to Carol what Alice wrote to him, as if it had been for her."""
    table, alice, bob = friends()
    carol = table.sit(CAROL)
    table.befriend(alice, carol)
    table.befriend(bob, carol)
    ops = Ops(tuple(bob.chain(DIRECT, ALICE)), (ALICE.devices,))
    assert ops.ops
    for bearer in (BOB, ALICE):
        assert rows(hear_alone(carol, bearer, ops)) == []
    assert carol.texts(between(ALICE, CAROL)) == []
    assert carol.state.refused["not allowed"] == 2


def test_a_message_cannot_be_moved_into_a_room():
    _table, _alice, bob = friends()
    room = bob.join("square")
    op = bob.chain(DIRECT, ALICE)[0]
    changes = bob.do(Heard(room, CAROL.device, Ops((op,), (ALICE.devices,))))
    assert rows([e.change for e in changes if isinstance(e, Persist)]) == []
    moved = replace(op, header=replace(op.header, conversation=room))
    bob.hear(CAROL, Ops((moved,), (ALICE.devices,)))
    assert bob.texts(room) == []


def test_a_blob_opens_in_its_own_room_alone():
    cipher = SharedKeyCipher(lambda size: bytes(size))
    here, there = open_room_secret("here"), open_room_secret("there")
    blob = cipher.seal(here, b"words")
    assert cipher.open(here, blob) == b"words"
    assert cipher.open(there, blob) is None
    assert cipher.open(replace(here, topic=there.topic), blob) is None


def test_a_receipt_of_one_conversation_delivers_nothing_in_another():
    table, alice, _bob = friends()
    carol = table.sit(CAROL)
    table.befriend(alice, carol)
    table.part(alice, carol)
    sent = alice.send(between(ALICE, CAROL), "for Carol")
    heads = tuple(op.position for op in alice.chain(between(ALICE, CAROL), ALICE))
    by_bob = Receipt(DIRECT, BOB.account, BOB.device, heads, WALL_MS)
    alice.hear(BOB, sign_receipt(by_bob, BOB.signer))
    for id in (DIRECT, between(ALICE, CAROL)):  # Bob is no party of the other
        receipt = replace(by_bob, conversation=id)
        alice.hear(BOB, sign_receipt(receipt, BOB.signer))
    assert alice.state_of(sent.id) is MessageState.QUEUED


# Wrong recipient


def test_a_request_to_one_person_is_none_to_another():
    """Carol was asked; she shows Bob the request, whose link she does not have."""
    bob = Table().sit(BOB)
    asked = Author(ALICE, between(ALICE, CAROL)).write(Request("a", "", CAROL.intro, bytes(32)))
    for bearer in (ALICE, CAROL):
        assert hear_alone(bob, bearer, Ops((asked,), (ALICE.devices,))) == []
    assert bob.state.contacts == {}


def test_a_receipt_proves_nothing_for_another_device():
    table, alice, bob = friends()
    table.part(alice, bob)
    sent = alice.send(DIRECT, "later")
    heads = tuple(op.position for op in alice.chain(DIRECT, ALICE))
    for account, device, signer in (
        (BOB.account, MALLORY.device, MALLORY.signer),
        (MALLORY.account, MALLORY.device, MALLORY.signer),
        (ALICE.account, ALICE.device, ALICE.signer),
    ):
        receipt = sign_receipt(Receipt(DIRECT, account, device, heads, WALL_MS), signer)
        alice.do(Received(MALLORY.device, receipt))
    assert alice.state_of(sent.id) is not MessageState.DELIVERED
    forged = sign_receipt(Receipt(DIRECT, BOB.account, BOB.device, heads, WALL_MS), MALLORY.signer)
    alice.do(Received(BOB.device, forged))
    assert alice.state_of(sent.id) is not MessageState.DELIVERED


def test_a_record_stands_under_the_key_of_its_owner_alone():
    validator = RecordValidator()
    bundle = encode_record(BundleRecord(BOB.device, (), 1, WALL_MS + 1), BOB.signer)
    account = encode_record(
        AccountRecord(BOB.account, BOB.devices, 1, WALL_MS + 1), BOB.account_signer
    )
    validator.validate(bundle_key(BOB.device), bundle, WALL_MS)
    validator.validate(account_key(BOB.account), account, WALL_MS)
    for key, value in (
        (bundle_key(ALICE.device), bundle),
        (account_key(ALICE.account), account),
        (bundle_key(BOB.device), account),
        (account_key(BOB.account), bundle),
        (b"/other/" + BOB.device, bundle),
    ):
        with pytest.raises((BadSignature, MalformedMessage)):
            validator.validate(key, value, WALL_MS)


def test_a_link_that_names_somebody_else_needs_their_certificate():
    fields = {"device": BOB.device, "intro": BOB.intro, "devices": BOB.devices.raw}
    for changes in ({"account": ALICE.account}, {"account": BOB.account, "device": ALICE.device}):
        raw = b"\1" + ContactLinkPb(**{**fields, **changes}).SerializeToString()
        with pytest.raises(LinkError):
            read_link_body(raw)


# A month later


def test_messages_shown_again_after_a_month_change_nothing():
    table, alice, bob = friends()
    recorded = Ops(tuple(bob.chain(DIRECT, ALICE)), (ALICE.devices,))
    table.advance(MONTH_S)
    for seat in (bob, alice):
        assert rows(hear_alone(seat, ALICE if seat is bob else BOB, recorded)) == []
        assert seat.told(MessageReceived) == []
    bob.crash()
    assert rows(hear_alone(bob, ALICE, recorded)) == []
    while bob.loads:
        bob.answer_load()
    assert bob.texts(DIRECT) == ["once"]


def test_what_a_room_has_forgotten_does_not_come_back():
    table = Table()
    limits = Limits(open_room_device_ops_max=SHARE_MIN)
    alice, bob = table.sit(ALICE), table.sit(BOB, limits)
    room = alice.join("square")
    bob.join("square")
    table.connect(alice, bob)
    for number in range(2 * CHECK_EVERY):
        alice.send(room, f"text {number}")
        table.settle()
    recorded = alice.chain(room, ALICE)[:4]
    kept = bob.texts(room)
    assert "text 0" not in kept
    table.advance(MONTH_S)
    changes = bob.do(Heard(room, ALICE.device, Ops(tuple(recorded), (ALICE.devices,))))
    assert rows([e.change for e in changes if isinstance(e, Persist)]) == []
    assert bob.texts(room) == kept


def test_an_old_receipt_takes_nothing_back():
    table, alice, _bob = friends()
    heads = tuple(op.position for op in alice.chain(DIRECT, ALICE))
    old = sign_receipt(Receipt(DIRECT, BOB.account, BOB.device, heads, WALL_MS), BOB.signer)
    table.advance(MONTH_S)
    sent = alice.send(DIRECT, "after a month")
    table.settle()
    assert alice.state_of(sent.id) is MessageState.DELIVERED
    alice.hear(BOB, old)
    assert alice.state_of(sent.id) is MessageState.DELIVERED


def test_a_request_shown_again_after_the_no_is_not_heard_a_month_later():
    table = Table()
    bob = table.sit(BOB)
    asked = Author(ALICE, DIRECT).write(Request("alice", "", BOB.intro, bytes(32)))
    bob.hear(ALICE, Ops((asked,)))
    assert len(bob.told(ContactRequested)) == 1
    bob.ask(lambda id: RejectContact(id, ALICE.account))
    table.advance(MONTH_S)
    hear_alone(bob, ALICE, Ops((asked,)))
    assert bob.told(ContactRequested) == []
    assert bob.state.contact_state(ALICE.account) is ContactState.REJECTED


def test_an_acceptance_cannot_be_shown_for_another_request():
    """The yes that Bob gave Alice, shown to Carol who asked him, too."""
    table, _alice, bob = friends()
    carol = table.sit(CAROL)
    carol.ask(lambda id: AddContact(id, BOB.link, CAROL.pair_half))
    table.part(bob, carol)
    yes = Ops(tuple(bob.chain(DIRECT, BOB, Chain.CONTROL)), (BOB.devices,))
    assert yes.ops
    hear_alone(carol, BOB, yes)
    assert carol.state.contact_state(BOB.account) is ContactState.ASKED


@pytest.mark.parametrize("later_ms", [1_000, MONTH_S * 1000, 10 * MONTH_S * 1000])
def test_a_record_that_has_expired_is_refused(later_ms: int):
    record = BundleRecord(BOB.device, (), WALL_MS, WALL_MS + 1_000)
    raw = encode_record(record, BOB.signer)
    RecordValidator().validate(bundle_key(BOB.device), raw, WALL_MS)
    with pytest.raises(RemoteProtocolError, match="expired"):
        RecordValidator().validate(bundle_key(BOB.device), raw, WALL_MS + later_ms)


def test_a_record_with_a_lower_number_never_wins():
    key = bundle_key(BOB.device)
    values = [
        encode_record(BundleRecord(BOB.device, (), seq, WALL_MS + 1_000), BOB.signer)
        for seq in (WALL_MS - MONTH_S * 1000, WALL_MS)
    ]
    assert RecordValidator().select(key, values, WALL_MS) == 1
    assert RecordValidator().select(key, values[::-1], WALL_MS) == 0


def test_a_lan_datagram_recorded_a_month_ago_is_not_believed():
    script, later = Script(key=b"k" * 32), Script(key=b"k" * 32)
    recorded = script.datagram()
    assert script.hear(recorded)
    later.wait(MONTH_S)
    assert not any(isinstance(effect, Reachable) for effect in later.hear(recorded))
    [refusal] = later.refused()
    assert refusal is LanRefusal.CLOCK_DIFFERS
    script.wait(1)
    script.hear(recorded)
    assert script.refused() == {LanRefusal.SEEN_BEFORE: 1}
