"""How each device that is owed our ops is reached, and how far it has come."""

from __future__ import annotations

import pytest

from p2pchat.model.op import Chain
from p2pchat.protocol.recipient import TRANSITIONS, Delivery, Link, Recipient, Recipients, Turn
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, between, person

DIRECT = between(ALICE, BOB)


def written(count: int):
    author = Author(ALICE, DIRECT)
    return [author.write("x" * 100) for _ in range(count)]


def test_what_is_on_its_way_is_what_is_sent_and_not_acknowledged():
    ops, delivery = written(5), Delivery(DIRECT, BOB.account)
    recipient = Recipient(BOB.device, deliveries={DIRECT: delivery})
    assert not recipient.in_flight
    delivery.send(Chain.TALK, ops)
    assert recipient.in_flight
    assert delivery.flight_bytes == sum(op.size_bytes for op in ops)
    assert delivery.acknowledge(Chain.TALK, 3)
    assert delivery.flight_bytes == sum(op.size_bytes for op in ops[3:])
    assert not delivery.acknowledge(Chain.TALK, 2)
    assert delivery.acknowledge(Chain.TALK, 5)
    assert delivery.flight_bytes == 0
    assert not recipient.in_flight


def test_what_was_lost_is_on_its_way_no_longer():
    delivery = Delivery(DIRECT, BOB.account)
    delivery.send(Chain.TALK, written(5))
    delivery.acknowledge(Chain.TALK, 2)
    delivery.loading = True
    delivery.rewind()
    assert delivery.sent == {Chain.CONTROL: 0, Chain.TALK: 2}
    assert delivery.flight_bytes == 0
    assert not delivery.loading
    delivery.acknowledge(Chain.TALK, 4)
    assert delivery.sent[Chain.TALK] == 4
    assert delivery.flight_bytes == 0


def test_control_ops_take_no_room():
    delivery = Delivery(DIRECT, BOB.account)
    delivery.send(Chain.CONTROL, written(2))
    assert delivery.flight_bytes == 0
    assert delivery.sent[Chain.CONTROL] == 2


def test_delivered_is_what_every_account_has_on_some_device():
    recipients = Recipients()
    for who, device, acked in (
        (BOB, BOB.device, 3),
        (BOB, person("second").device, 7),
        (CAROL, CAROL.device, 5),
    ):
        delivery = Delivery(DIRECT, who.account)
        delivery.acknowledge(Chain.TALK, acked)
        delivery.talk_told = acked + 1
        recipients.add(device, delivery)
    assert recipients.delivered(DIRECT) == 5
    assert recipients.sent(DIRECT) == 8
    recipients.forget(DIRECT)
    assert recipients.delivered(DIRECT) == recipients.sent(DIRECT) == 0
    assert recipients.by_device == {}


def test_a_device_that_watches_something_else_is_not_forgotten():
    recipients, other = Recipients(), between(ALICE, CAROL)
    for conversation in (DIRECT, other):
        recipients.add(BOB.device, Delivery(conversation, BOB.account))
    recipients.forget(DIRECT)
    assert recipients.delivery(BOB.device, DIRECT) is None
    assert recipients.delivery(BOB.device, other) is not None


@pytest.mark.parametrize("link", Link)
def test_a_link_can_be_lost_and_made_from_wherever_it_is(link: Link):
    recipient = Recipient(BOB.device, link)
    recipient.turn(Turn.LOST)
    recipient.turn(Turn.CONNECTED)
    assert recipient.link is Link.UP


def test_every_state_is_reached_and_left():
    assert set(TRANSITIONS.values()) == set(Link)
    assert {before for before, _ in TRANSITIONS} == set(Link)
    assert {turn for _, turn in TRANSITIONS} == set(Turn)
