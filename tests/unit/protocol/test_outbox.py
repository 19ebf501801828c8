"""What is owed, and the way it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.events import MessageStateChanged
from p2pchat.model.change import SetDelivery
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.machine import (
    AddContact,
    Dial,
    DialFailed,
    ForOutbox,
    ForReceipt,
    ForStates,
    Lane,
    LeaveRoom,
    Load,
    Loaded,
    PeerDown,
    PeerUp,
    Persist,
    Received,
    Send,
    SendFailed,
)
from p2pchat.protocol.outbox import CHECKS_MAX, RETRY_PREFIX, SILENCE_S
from p2pchat.protocol.recipient import Link
from p2pchat.wire.frames import Hello, Ops
from p2pchat.wire.receipts import Receipt, SignedReceipt, sign_receipt
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Person,
    between,
    op_id,
    person,
    set_of,
)
from tests.unit.protocol.table import COMMAND, Seat, Table


def contacts(limits: Limits | None = None) -> tuple[Table, Seat, Seat, ConversationId]:
    table = Table()
    alice, bob = table.sit(ALICE, limits), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.effects.clear()
    return table, alice, bob, direct


def receipt_of(who: Person, conversation: ConversationId, *entries: Position) -> SignedReceipt:
    receipt = Receipt(conversation, who.account, who.device, entries, WALL_MS)
    return sign_receipt(receipt, who.signer)


def message_head(seat: Seat, conversation: ConversationId) -> Position:
    return seat.chain(conversation, seat.person)[-1].position


def test_a_dial_that_failed_when_nothing_was_owed_does_not_hold_up_the_next_message():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    table.part(alice, bob)
    alice.do(AddContact(COMMAND, BOB.link, ALICE.pair_half))  # dials, though all is delivered
    table.run(120)
    table.heal()

    alice.send(direct, "are you there?")
    table.run(1)

    assert bob.texts(direct) == ["are you there?"]


def test_nothing_is_tried_again_when_nothing_is_owed():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    alice.effects.clear()

    table.part(alice, bob)
    table.run(3600)

    assert alice.decided(Dial) == []
    assert alice.fired["retry"] <= 1


def test_what_a_lost_stream_took_along_is_sent_again_soon():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "lost")
    table.wires.clear()
    alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))

    table.run(2)

    assert bob.texts(direct) == ["lost"]


def test_a_stream_that_fails_at_once_is_not_tried_with_every_message():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.effects.clear()
    for number in range(100):
        alice.send(direct, f"number {number}")
        table.wires.clear()
        alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))

    assert len(alice.decided(Send)) < 5
    table.run(60)
    assert bob.texts(direct) == [f"number {number}" for number in range(100)]


def test_a_stream_for_catching_up_that_is_lost_takes_no_message_along():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "on its way")
    alice.effects.clear()

    alice.do(SendFailed(BOB.device, Lane.SYNC, "reset"))

    assert alice.decided(SetTimer) == []
    assert alice.chat.outbox.recipients.by_device[BOB.device].link is Link.UP


def test_silence_is_noticed_soon_after_a_long_back_off():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "unanswered")
    for _ in range(8):  # nothing arrives, and the back-off grows to minutes
        table.wires.clear()
        table.tick(float("inf"))
    table.disconnect(alice, bob)
    table.connect(alice, bob)
    table.settle()
    assert bob.texts(direct) == ["unanswered"]

    alice.send(direct, "lost again")
    table.wires.clear()
    table.run(20)

    assert bob.texts(direct) == ["unanswered", "lost again"]


def test_a_backlog_is_delivered_from_disk_once_and_in_order():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    for number in range(3_000):
        alice.send(direct, f"number {number}")
    alice.crash()
    table.carried.clear()

    table.heal()
    table.run(60)

    assert bob.texts(direct) == bob.received() == [f"number {n}" for n in range(3_000)]
    assert not alice.chat.outbox.owed_devices()


def test_no_more_ops_are_on_their_way_than_may():
    table, alice, bob, direct = contacts(Limits(unacknowledged_ops_max=10))
    for number in range(50):
        alice.send(direct, f"number {number}")
    sent = [op for e in alice.decided(Send) if isinstance(e.frame, Ops) for op in e.frame.ops]
    assert len(sent) == 10
    table.settle()
    assert len(bob.texts(direct)) == 50


def test_no_more_bytes_are_on_their_way_than_fit_into_half_the_queue():
    table, alice, bob, direct = contacts()
    for number in range(100):
        alice.send(direct, f"{number}" + "x" * 30_000)
    most = alice.limits.peer_queue_bytes_max // 2
    sent = [op for e in alice.decided(Send) if isinstance(e.frame, Ops) for op in e.frame.ops]
    assert most <= sum(op.size_bytes for op in sent) < most + 31_000
    alice.crash()  # the same from disk
    table.run(60)
    assert len(bob.texts(direct)) == 100


def test_one_op_is_sent_however_large():
    table, alice, bob, direct = contacts(Limits(peer_queue_bytes_max=1))
    for number in range(3):
        alice.send(direct, f"number {number}")
    table.settle()
    assert len(bob.texts(direct)) == 3


def test_a_message_is_told_sent_and_then_delivered_once_each():
    table, alice, _bob, direct = contacts()
    message = alice.send(direct, "hello")
    alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))
    table.run(60)
    states = [e.state for e in alice.told(MessageStateChanged) if e.message_id == message.id]
    assert states == [MessageState.SENT, MessageState.DELIVERED]
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_a_message_that_one_device_has_is_not_sent_any_more_to_a_person():
    """A second device comes later and is sent the same; the first has it already."""
    table, alice, _bob, direct = contacts()
    message = alice.send(direct, "hello")
    table.settle()
    second = person("second").device
    both = set_of(BOB, BOB.device, second)
    alice.do(PeerUp(second), Received(second, Hello(both)))
    assert [e.peer for e in alice.decided(Send) if isinstance(e.frame, Ops)][-1] == second
    states = [e.state for e in alice.told(MessageStateChanged) if e.message_id == message.id]
    assert states == [MessageState.SENT, MessageState.DELIVERED]


def test_states_of_messages_that_left_memory_are_told_from_disk():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    ids = [alice.send(direct, f"number {number}").id for number in range(600)]
    alice.crash()
    alice.events.clear()
    table.heal()
    table.run(60)
    told = [e.message_id for e in alice.told(MessageStateChanged) if e.state == "delivered"]
    assert told == ids


# Receipts


def test_a_receipt_that_names_another_history_acknowledges_nothing():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    message = alice.send(direct, "hello")
    receipt = receipt_of(BOB, direct, Position(ALICE.device, Chain.TALK, 0, op_id("another")))

    alice.hear(BOB, receipt)
    table.settle()

    assert alice.state_of(message.id) is MessageState.QUEUED
    assert alice.state.refused["receipt for another history"] == 1
    assert receipt.body not in {row.body for row in alice.store.receipts(direct)}


def test_a_receipt_for_what_left_memory_is_looked_up():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    first = alice.send(direct, "first")
    alice.send(direct, "second")
    alice.crash()
    entry = Position(ALICE.device, Chain.TALK, 0, first.id)

    alice.hear(BOB, receipt_of(BOB, direct, entry))
    table.settle()

    assert alice.state_of(first.id) is MessageState.DELIVERED
    assert alice.store.receipts(direct)[0].body == receipt_of(BOB, direct, entry).body


def test_a_receipt_beyond_what_we_wrote_acknowledges_nothing():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.hear(BOB, receipt_of(BOB, direct, Position(ALICE.device, Chain.TALK, 9, op_id("?"))))
    table.settle()
    message = alice.send(direct, "hello")
    assert alice.state_of(message.id) is MessageState.QUEUED


def test_an_older_receipt_takes_nothing_back():
    table, alice, _bob, direct = contacts()
    ids = [alice.send(direct, text).id for text in ("one", "two")]
    table.settle()
    alice.effects.clear()
    alice.hear(BOB, receipt_of(BOB, direct, Position(ALICE.device, Chain.TALK, 0, ids[0])))
    assert alice.decided(Persist) == alice.decided(Load) == []
    assert alice.state_of(ids[1]) is MessageState.DELIVERED


def test_receipts_to_look_up_are_bounded():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    entries = [Position(ALICE.device, Chain.TALK, 0, op_id(f"{n}")) for n in range(100)]
    alice.hear(BOB, receipt_of(BOB, direct, *entries))
    assert len(alice.decided(Load)) == CHECKS_MAX
    assert alice.state.refused["too many receipts to look up"] == 100 - CHECKS_MAX
    table.settle()
    alice.hear(BOB, receipt_of(BOB, direct, *entries[:2]))
    assert len(alice.decided(Load)) == CHECKS_MAX + 2


@pytest.mark.parametrize("who", [CAROL, MALLORY, ALICE], ids=str)
def test_only_the_other_side_acknowledges(who: Person):
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    message = alice.send(direct, "hello")
    entry = Position(ALICE.device, Chain.TALK, 0, message.id)
    alice.hear(who, receipt_of(who, direct, entry))
    assert alice.state_of(message.id) is MessageState.QUEUED
    assert alice.state.refused["receipt out of place"] == 1


def test_a_receipt_of_a_device_that_does_not_act_for_the_account_is_refused():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    message = alice.send(direct, "hello")
    claim = Receipt(direct, BOB.account, MALLORY.device, (message_head(alice, direct),), WALL_MS)
    alice.hear(MALLORY, sign_receipt(claim, MALLORY.signer))
    assert alice.state_of(message.id) is MessageState.QUEUED


def test_a_receipt_for_an_unknown_conversation_is_refused():
    _, alice, _, _ = contacts()
    alice.hear(BOB, receipt_of(BOB, between(BOB, CAROL)))
    assert alice.state.refused["receipt out of place"] == 1


def test_a_forged_receipt_is_looked_at_only_where_it_would_matter():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    message = alice.send(direct, "hello")
    forged = replace(receipt_of(BOB, direct, message_head(alice, direct)), signature=bytes(64))
    alice.hear(BOB, forged)
    assert alice.state.refused["BadSignature"] == len(alice.drops) == 1
    assert alice.state_of(message.id) is MessageState.QUEUED
    elsewhere = replace(receipt_of(BOB, between(BOB, CAROL)), signature=bytes(64))
    alice.hear(BOB, elsewhere)
    assert alice.state.refused["BadSignature"] == len(alice.drops) == 1


def test_readers_of_a_room_are_bounded():
    table = Table()
    alice = table.sit(ALICE, Limits(room_members_max=2))
    room = alice.join("square")
    message = alice.send(room, "hello")
    entry = message_head(alice, room)
    readers = [person(f"reader {number}") for number in range(4)]
    for reader in readers:
        alice.hear(reader, receipt_of(reader, room, entry))
    assert alice.state.refused["too many readers"] == 2
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_an_empty_receipt_makes_no_reader():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    alice.effects.clear()
    alice.hear(BOB, receipt_of(BOB, room))
    assert alice.decided(Persist) == []


# Timers


def test_what_only_saves_work_is_written_soon_even_if_batches_keep_coming():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    table.run(0.5)
    alice.do(DialFailed(BOB.device, "nobody answers"))
    for _ in range(10):
        table.advance(0.01)
        alice.do(DialFailed(CAROL.device, "not our business"))
        table.tick(table.now.monotonic_s)
    assert alice.chat.outbox.is_flushed


def test_an_unreachable_contact_is_dialled_ever_more_seldom_but_for_ever():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    alice.effects.clear()
    table.run(24 * 3600)
    dials = len(alice.decided(Dial))
    assert 24 * 60 <= dials <= 24 * 60 * 2.2
    table.heal()
    table.run(61)
    assert bob.texts(direct) == ["hello"]


def test_a_clock_that_jumps_makes_no_storm():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    alice.effects.clear()
    for hours in (5, -10, 10 * 365 * 24, -10 * 365 * 24):
        table.now = Now(table.now.wall_ms + hours * 3_600_000, table.now.monotonic_s)
        table.run(60)
    assert len(alice.decided(Dial)) < 20
    table.heal()
    table.run(61)
    alice.send(direct, "again")
    table.settle()
    assert bob.texts(direct) == alice.texts(direct) == ["hello", "again"]


def test_a_timer_that_runs_out_a_rounding_error_early_is_not_set_again_and_again():
    table, alice, bob, direct = contacts()
    table.advance(0.1)
    alice.send(direct, "lost")
    table.wires.clear()
    name = RETRY_PREFIX + BOB.device.hex()
    progress_s = alice.chat.outbox.recipients.by_device[BOB.device].progress_s
    table.now = Now(table.now.wall_ms, progress_s + SILENCE_S - 1e-12)
    del alice.timers[name]
    alice.do(TimerFired(name))
    table.settle()
    assert bob.texts(direct) == ["lost"]


def test_news_of_strangers_changes_nothing():
    _table, alice, _bob, _direct = contacts()
    alice.effects.clear()
    for news in (
        PeerUp(CAROL.device),
        SendFailed(CAROL.device, Lane.LIVE, "reset"),
        DialFailed(CAROL.device, "no way"),
        PeerDown(CAROL.device, "gone"),
        TimerFired(RETRY_PREFIX + CAROL.device.hex()),
    ):
        assert alice.do(news) == []


def test_an_answer_from_disk_for_a_lost_connection_is_not_sent():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    alice.crash()
    table.heal()
    table.connect(alice, bob)
    assert alice.outbox_loads()
    table.part(alice, bob)
    alice.effects.clear()
    while alice.loads:
        alice.answer_load()
    assert not [e for e in alice.decided(Send) if isinstance(e.frame, Ops)]
    table.heal()
    table.run(60)
    assert bob.texts(direct) == ["hello"]


def test_an_empty_answer_from_disk_is_no_reason_to_ask_again():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    alice.crash()
    table.heal()
    table.connect(alice, bob)
    (load,) = alice.outbox_loads()
    alice.loads.clear()
    alice.effects.clear()
    alice.do(Loaded(load.tag, ()))
    assert alice.decided(Load) == []


def test_an_answer_from_disk_that_was_overtaken_is_not_sent():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    for text in ("one", "two"):
        alice.send(direct, text)
    alice.crash()
    table.heal()
    table.connect(alice, bob)
    (load,) = alice.outbox_loads()
    head = alice.chain(direct, ALICE)[0].position
    alice.hear(BOB, receipt_of(BOB, direct, head))
    alice.answer_load(1)
    alice.effects.clear()
    alice.answer_load(0)
    assert not [e for e in alice.decided(Send) if isinstance(e.frame, Ops)]
    assert load.query.from_seq == 0
    table.settle()
    assert bob.texts(direct) == ["one", "two"]


def test_nothing_is_sent_to_a_device_that_the_contact_did_not_certify():
    table, alice, _, direct = contacts()
    table.cut.add(frozenset((ALICE.device, BOB.device)))
    row = SetDelivery(direct, BOB.account, MALLORY.device, 0, 0, 0, 0, 0, "")
    alice.chat.outbox.restore(row)
    alice.do(PeerUp(MALLORY.device))
    alice.send(direct, "for bob alone")
    table.run(600)
    assert not [e for e in alice.decided(Send) if e.peer == MALLORY.device]
    assert alice.chat.outbox.watch(direct, BOB.account, CAROL.device) == []


def test_who_certifies_the_device_of_another_is_not_taken_for_its_owner():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    claim = replace(MALLORY.link, device=BOB.device, devices=set_of(MALLORY, BOB.device))
    alice.do(AddContact(COMMAND, claim, ALICE.pair_half))
    direct = table.befriend(alice, bob)
    recipient = alice.chat.outbox.recipients.by_device[BOB.device]
    assert recipient.deliveries[direct].account == BOB.account
    assert recipient.row(recipient.deliveries[direct]).account == BOB.account
    message = alice.send(direct, "hello")
    table.settle()
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_answers_from_disk_for_what_is_forgotten_are_dropped():
    _table, alice, _bob, direct = contacts()
    gone = open_room_id("gone")
    receipt = receipt_of(BOB, gone, Position(ALICE.device, Chain.TALK, 0, op_id("?")))
    for tag in (
        ForOutbox(CAROL.device, direct, Chain.TALK),
        ForReceipt(receipt, receipt.receipt.entries[0]),
        ForStates(direct, 5, MessageState.SENT),
    ):
        alice.do(Loaded(tag, ()))
    assert alice.effects == []


def test_a_room_that_is_left_takes_its_readers_along_but_not_contacts():
    table = Table()
    alice, bob, carol = (table.sit(person) for person in (ALICE, BOB, CAROL))
    table.befriend(alice, bob)
    for seat in (alice, bob, carol):
        seat.join("square")
    table.connect(alice, carol)
    room = open_room_id("square")
    table.run(60)
    alice.send(room, "hello")
    table.run(1.02)
    table.settle()
    alice.ask(lambda id: LeaveRoom(id, room))
    assert set(alice.chat.outbox.recipients.by_device) == {BOB.device}
    table.run(60)
    assert alice.store.snapshot().deliveries
    assert {row.conversation for row in alice.store.snapshot().deliveries} == {between(ALICE, BOB)}


def test_losses_do_not_use_up_what_may_be_on_its_way():
    table, alice, bob, direct = contacts(Limits(peer_queue_bytes_max=2_000))
    for number in range(30):
        alice.send(direct, f"number {number}")
        table.wires.clear()
        alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))
        table.run(0.2)
    table.run(300)
    assert bob.texts(direct) == [f"number {number}" for number in range(30)]
    (delivery,) = alice.chat.outbox.recipients.by_device[BOB.device].deliveries.values()
    assert delivery.flight_bytes == 0


def test_who_waits_for_a_timer_and_is_owed_nothing_any_more_is_left_alone():
    """Somebody else brought the receipt."""
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    alice.send(direct, "hello")
    table.settle()
    assert alice.chat.outbox.recipients.by_device[BOB.device].link is Link.WAITING
    alice.hear(CAROL, receipt_of(BOB, direct, message_head(alice, direct)))
    alice.effects.clear()
    table.run(120)
    assert alice.decided(Dial) == []
    alice.send(direct, "again")
    assert alice.decided(Dial) != []


def test_a_receipt_after_a_long_silence_ends_the_back_off():
    table, alice, _bob, direct = contacts()
    alice.send(direct, "unanswered")
    head = message_head(alice, direct)
    while alice.chat.outbox.recipients.by_device[BOB.device].attempts < 8:
        table.wires.clear()
        table.tick(float("inf"))
    alice.hear(BOB, receipt_of(BOB, direct, head))
    table.wires.clear()

    alice.send(direct, "another")
    assert alice.timers[RETRY_PREFIX + BOB.device.hex()] <= table.now.monotonic_s + SILENCE_S


def test_a_message_is_never_given_up():
    table, alice, bob, direct = contacts()
    table.part(alice, bob)
    message = alice.send(direct, "whenever you are back")
    for _ in range(400):
        table.advance(24 * 3600)
        table.run(120)
        assert alice.state_of(message.id) is MessageState.QUEUED
    table.heal()
    table.run(120)
    assert bob.texts(direct) == ["whenever you are back"]
    assert alice.state_of(message.id) is MessageState.DELIVERED
