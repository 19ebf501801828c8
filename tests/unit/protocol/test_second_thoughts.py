"""What was agreed to can be taken back: contacts, questions, links; odd names are told apart."""

from __future__ import annotations

import pytest

from p2pchat.errors import PermissionDenied, UnknownContact
from p2pchat.model.contact import ContactState
from p2pchat.model.lookalikes import NameFlag
from p2pchat.model.op import Chain
from p2pchat.protocol.machine import RemoveContact, RenewLink, Send
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    Author,
    Person,
    between,
    digest,
    person,
)
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_contacts import (
    DIRECT,
    accept,
    ask,
    contact_state,
    reject,
    request,
    two,
)

# Taking back


def remove(seat: Seat, other: Seat) -> object:
    return seat.ask(lambda id: RemoveContact(id, other.person.account))


def test_who_is_removed_is_not_told_and_nothing_of_theirs_comes_in():
    table, alice, bob = two()
    table.befriend(alice, bob)
    alice.send(DIRECT, "before")
    table.settle()
    bob.effects.clear()

    remove(bob, alice)
    alice.send(DIRECT, "after")
    table.run(3600)

    assert contact_state(bob, alice) is ContactState.REMOVED
    assert contact_state(alice, bob) is ContactState.ACCEPTED
    assert bob.texts(DIRECT) == ["before"]
    assert not [e for e in bob.decided(Send) if isinstance(e.frame, Ops)]
    assert not bob.chat.outbox.owed_devices()
    with pytest.raises(PermissionDenied, match="add them again"):
        bob.send(DIRECT, "hello?")


def test_what_was_owed_to_who_is_removed_is_not_sent_and_goes_out_when_they_are_back():
    table, alice, bob = two()
    table.befriend(alice, bob)
    table.part(alice, bob)
    bob.send(DIRECT, "never mind")
    remove(bob, alice)
    bob.crash()
    assert bob.chat.outbox.owed_count() == 0
    table.heal()
    table.connect(alice, bob)
    table.run(60)
    assert alice.texts(DIRECT) == []

    ask(bob, alice)
    table.run(60)

    assert contact_state(bob, alice) is ContactState.ACCEPTED
    assert alice.texts(DIRECT) == ["never mind"]


def test_rows_that_were_read_for_somebody_who_is_removed_meanwhile_are_not_sent():
    table, alice, bob = two()
    table.befriend(alice, bob)
    table.part(alice, bob)
    bob.send(DIRECT, "read from disk")
    bob.crash()
    table.heal()
    table.connect(alice, bob)
    while not bob.loads:
        assert table.step(60)
    remove(bob, alice)
    table.run(60)
    assert alice.texts(DIRECT) == []


def test_who_both_removed_each_other_talk_again_when_both_add_each_other():
    table, alice, bob = two()
    table.befriend(alice, bob)
    remove(alice, bob)
    remove(bob, alice)
    ask(alice, bob)
    alice.send(DIRECT, "are you there?")
    table.run(60)
    assert bob.texts(DIRECT) == []
    ask(bob, alice)
    table.run(3600)
    assert bob.texts(DIRECT) == ["are you there?"]


def test_a_question_can_be_taken_back_and_asked_again():
    table, alice, bob = two()
    table.part(alice, bob)
    ask(alice, bob)
    remove(alice, bob)
    assert contact_state(alice, bob) is ContactState.WITHDRAWN
    table.heal()
    table.connect(alice, bob)
    table.run(3600)
    assert contact_state(bob, alice) is None

    ask(alice, bob)
    table.run(60)
    assert contact_state(bob, alice) is ContactState.REQUEST
    written = [op for op in alice.chain(DIRECT, ALICE, Chain.CONTROL) if op.header.kind == 1]
    assert len(written) == 1


def test_a_yes_after_the_question_was_taken_back_makes_nobody_a_contact():
    table, alice, bob = two()
    ask(alice, bob)
    table.settle()
    remove(alice, bob)
    accept(bob, alice)
    bob.send(DIRECT, "hello")
    table.run(60)
    assert contact_state(alice, bob) is ContactState.WITHDRAWN
    assert alice.texts(DIRECT) == []
    ask(alice, bob)
    table.run(3600)
    assert contact_state(alice, bob) is ContactState.ACCEPTED
    assert alice.texts(DIRECT) == ["hello"]


@pytest.mark.parametrize("before", ["nobody", "request", "rejected"])
def test_only_contacts_and_those_who_were_asked_can_be_removed(before: str):
    table, alice, bob = two()
    if before != "nobody":
        ask(alice, bob)
        table.settle()
    if before == "rejected":
        reject(bob, alice)
    with pytest.raises(UnknownContact, match="no contact of yours"):
        remove(bob, alice)


# Our own link


def renew(seat: Seat) -> bytes:
    intro = digest("another token")[:16]
    seat.ask(lambda id: RenewLink(id, intro))
    return intro


def test_a_new_link_revokes_the_last_one_and_survives_a_crash():
    table, alice, bob = two()
    intro = renew(bob)
    ask(alice, bob)
    table.run(60)
    assert contact_state(bob, alice) is None
    assert bob.state.refused["request with a revoked link"]
    assert bob.store.snapshot().settings["intro"] == intro

    ask(alice, bob, intro=intro)
    table.run(60)
    assert contact_state(bob, alice) is ContactState.REQUEST


def test_a_new_link_keeps_the_requests_that_are_here():
    table, alice, bob = two()
    ask(alice, bob)
    table.settle()
    renew(bob)
    table.run(60)
    assert contact_state(bob, alice) is ContactState.REQUEST
    accept(bob, alice)
    table.settle()
    assert contact_state(alice, bob) is ContactState.ACCEPTED


# Names


def flags(seat: Seat, other: Person) -> tuple[NameFlag, ...]:
    return seat.state.contact_info(seat.state.contacts[other.account]).flags


def test_who_asks_under_the_name_of_a_contact_is_told_apart():
    table, alice, bob = two()
    table.befriend(alice, bob)
    for asker, name, expected in (
        (CAROL, "alice", (NameFlag.LIKE_CONTACT,)),
        (MALLORY, "\u0430lice", (NameFlag.MIXED_SCRIPTS, NameFlag.LIKE_CONTACT)),
        (person("dave"), "B\u043eb", (NameFlag.MIXED_SCRIPTS, NameFlag.LIKE_YOU)),
        (person("erin"), "erin", ()),
    ):
        op = Author(asker, between(asker, BOB)).write(request(name=name))
        bob.hear(asker, Ops((op,)))
        assert flags(bob, asker) == expected
    assert flags(bob, ALICE) == (), "it is the others who imitate"


def test_a_contact_without_a_name_is_not_odd():
    _, alice, bob = two()
    ask(alice, bob)
    assert flags(alice, BOB) == ()
