"""A common friend brings two together: Carol introduces Bob to Alice."""

from __future__ import annotations

import pytest

from p2pchat.errors import LinkError, LocalProtocolError, PermissionDenied, UnknownContact
from p2pchat.events import ContactRequested, IntroductionReceived
from p2pchat.model.change import PutContact, PutDeviceSet
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId
from p2pchat.model.introduction import Stage
from p2pchat.model.op import Kind
from p2pchat.protocol.introductions import INTRODUCTIONS_MAX, LIFETIME_MS, OF_ONE_MAX
from p2pchat.protocol.machine import (
    AcceptContact,
    AnswerIntroduction,
    BlockTarget,
    Consent,
    Dial,
    IntroduceContact,
    Persist,
    RemoveContact,
)
from p2pchat.wire.contents import Request
from p2pchat.wire.frames import Ops
from p2pchat.wire.introductions import Introduce, IntroductionConsent, MayIntroduce
from p2pchat.wire.links import encode_link
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
from tests.unit.protocol.table import Seat, Table
from tests.unit.protocol.test_contacts import contact_state

TOKEN = digest("token for one")[:16]


def three() -> tuple[Table, Seat, Seat, Seat]:
    """Carol, who knows Alice and Bob; those two have never met."""
    table = Table()
    alice, bob, carol = table.sit(ALICE), table.sit(BOB), table.sit(CAROL)
    table.befriend(alice, carol)
    table.befriend(bob, carol)
    for seat in (alice, bob, carol):
        seat.effects.clear()
    return table, alice, bob, carol


def introduce(seat: Seat, one: Seat, to: Seat) -> object:
    return seat.ask(lambda id: IntroduceContact(id, one.person.account, to.person.account))


def answer(seat: Seat, introducer: Person, about: Person, *, yes: bool = True) -> object:
    consent = Consent(TOKEN, seat.person.pair_half, ("/ip4/192.0.2.7/tcp/4001",)) if yes else None
    return seat.ask(lambda id: AnswerIntroduction(id, introducer.account, about.account, consent))


def stages(seat: Seat) -> list[tuple[AccountId, AccountId, Stage]]:
    shown = seat.chat.contacts.introductions.shown
    return [(one.introducer, one.account, one.stage) for one in shown]


def offered() -> tuple[Table, Seat, Seat, Seat]:
    """Bob has agreed, and Alice is told of him."""
    table, alice, bob, carol = three()
    introduce(carol, bob, alice)
    table.settle()
    answer(bob, CAROL, ALICE)
    table.settle()
    return table, alice, bob, carol


def test_two_become_contacts_by_a_common_friend_and_see_by_whom():
    table, alice, bob, carol = offered()
    [event] = alice.told(IntroductionReceived)
    assert (event.introduction.introducer, event.introduction.account) == (
        CAROL.account,
        BOB.account,
    )
    assert event.introduction.name == "bob"

    answer(alice, CAROL, BOB)
    table.settle()

    [request] = bob.told(ContactRequested)
    assert request.account == ALICE.account
    assert contact_state(bob, alice) is ContactState.REQUEST, "Bob is asked like by anybody"
    for seat, other in ((alice, BOB), (bob, ALICE)):
        info = seat.state.contact_info(seat.state.contacts[other.account])
        assert info.introduced_by == CAROL.account
    bob.ask(lambda id: AcceptContact(id, ALICE.account, BOB.pair_half))
    table.settle()
    assert contact_state(alice, bob) is contact_state(bob, alice) is ContactState.ACCEPTED
    alice.send(between(ALICE, BOB), "Carol says hello")
    table.settle()
    assert bob.received() == ["Carol says hello"]
    assert stages(carol) == []


def test_nobody_is_told_of_somebody_who_has_not_agreed():
    table, alice, bob, carol = three()
    introduce(carol, bob, alice)
    table.run(3600)
    assert stages(bob) == [(CAROL.account, ALICE.account, Stage.ASKED)]
    assert stages(carol) == [(CAROL.account, BOB.account, Stage.WAITING)]
    assert stages(alice) == []
    answer(bob, CAROL, ALICE, yes=False)
    table.run(3600)
    assert stages(bob) == stages(alice) == []


def test_before_the_yes_nothing_is_dialled_kept_or_pinned():
    _, alice, _, _ = offered()
    assert alice.decided(Dial) == []
    changes = [effect.change for effect in alice.decided(Persist)]
    assert not [change for change in changes if isinstance(change, PutContact | PutDeviceSet)]
    assert BOB.account not in alice.state.directory.sets
    assert BOB.account not in alice.state.contacts
    answer(alice, CAROL, BOB)
    assert {dial.peer for dial in alice.decided(Dial)} == {BOB.device}


def test_an_introduction_survives_a_crash_at_every_step():
    table, alice, bob, carol = three()
    introduce(carol, bob, alice)
    carol.crash()
    table.run(120)
    bob.crash()
    table.run(120)
    answer(bob, CAROL, ALICE)
    bob.crash()
    carol.crash()
    table.run(120)
    alice.crash()
    table.run(120)
    answer(alice, CAROL, BOB)
    alice.crash()
    table.run(120)
    assert contact_state(bob, alice) is ContactState.REQUEST


def test_the_token_is_good_for_who_was_named_alone():
    _, _, bob, _ = offered()
    for asker, taken in ((MALLORY, False), (ALICE, True)):
        request = Request(asker.name, "", TOKEN, bytes(32))
        bob.hear(asker, Ops((Author(asker, between(asker, BOB)).write(request),)))
        assert (bob.state.contact_state(asker.account) is not None) == taken


def test_the_token_is_over_after_a_month():
    table, _, bob, _ = offered()
    table.advance(LIFETIME_MS / 1000 + 1)
    request = Request("alice", "", TOKEN, bytes(32))
    bob.hear(ALICE, Ops((Author(ALICE, between(ALICE, BOB)).write(request),)))
    assert bob.state.contact_state(ALICE.account) is None


def test_an_introduction_that_is_over_is_refused_in_one_line():
    table, alice, _, _ = offered()
    table.advance(LIFETIME_MS / 1000 + 1)
    with pytest.raises(LinkError, match="older than 30 days"):
        answer(alice, CAROL, BOB)
    assert BOB.account not in alice.state.contacts


def test_consent_that_nobody_asked_for_introduces_nobody():
    _, alice, bob, carol = three()
    author = Author(BOB, between(BOB, CAROL))
    author.ops = carol.chain(between(BOB, CAROL), BOB)
    link = encode_link(BOB.link)
    carol.hear(BOB, Ops((author.write(IntroductionConsent(ALICE.account, link)),)))
    assert carol.state.refused["consent to no introduction"] == 1
    assert stages(alice) == []
    assert stages(bob) == []


@pytest.mark.parametrize("link", [encode_link(MALLORY.link), "dchat://u/nonsense", ""])
def test_consent_with_the_link_of_somebody_else_introduces_nobody(link: str):
    table, alice, _, carol = three()
    introduce(carol, table.seats[BOB.device], alice)
    author = Author(BOB, between(BOB, CAROL))
    author.ops = carol.chain(between(BOB, CAROL), BOB)
    carol.hear(BOB, Ops((author.write(IntroductionConsent(ALICE.account, link)),)))
    assert not [o for o in carol.chain(between(ALICE, CAROL), CAROL) if o.header.kind == 42]


def test_who_is_no_contact_any_more_is_not_told():
    table, alice, bob, carol = three()
    introduce(carol, bob, alice)
    table.settle()
    carol.ask(lambda id: RemoveContact(id, ALICE.account))
    answer(bob, CAROL, ALICE)
    table.settle()
    assert stages(alice) == stages(carol) == []


@pytest.mark.parametrize("about", [CAROL, ALICE])
def test_nobody_is_introduced_to_themselves_or_by_themselves(about: Person):
    _, alice, _, _ = three()
    author = Author(CAROL, between(ALICE, CAROL))
    author.ops = alice.chain(between(ALICE, CAROL), CAROL)
    alice.hear(CAROL, Ops((author.write(Introduce("x", encode_link(about.link))),)))
    assert stages(alice) == []
    assert alice.state.refused["introduction to somebody known"] == 1


def test_an_introduction_in_a_room_is_none():
    table, alice, _, carol = three()
    room = alice.join("square")
    carol.join("square")
    table.settle()
    op = Author(CAROL, room).write(Introduce("bob", encode_link(BOB.link)))
    alice.hear(CAROL, Ops((op,), (CAROL.devices,)))
    assert stages(alice) == []


def test_one_contact_has_so_many_introductions_waiting_and_all_together_have_more():
    table = Table()
    alice = table.sit(ALICE)
    friends = [table.sit(person(f"friend {n}")) for n in range(INTRODUCTIONS_MAX // OF_ONE_MAX + 1)]
    for friend in friends:
        table.befriend(alice, friend)
        author = Author(friend.person, between(ALICE, friend.person))
        author.ops = alice.chain(author.conversation, friend.person)
        for number in range(OF_ONE_MAX + 1):
            asked = MayIntroduce(person(f"{friend.person.name}, {number}").account, "somebody")
            alice.hear(friend.person, Ops((author.write(asked),)))
    shown = alice.chat.contacts.introductions.shown
    assert len(shown) == INTRODUCTIONS_MAX
    assert sum(one.introducer == friends[0].person.account for one in shown) == OF_ONE_MAX
    assert alice.state.refused["too many introductions"] == len(friends) + OF_ONE_MAX


def test_only_two_contacts_can_be_introduced():
    _, alice, bob, carol = three()
    with pytest.raises(UnknownContact):
        introduce(alice, bob, carol)
    with pytest.raises(LocalProtocolError, match="not the same"):
        introduce(carol, bob, bob)
    with pytest.raises(UnknownContact, match="no such introduction"):
        answer(alice, CAROL, BOB)


def test_our_own_introductions_are_bounded_too():
    table = Table()
    carol = table.sit(CAROL)
    others = [table.sit(person(f"friend {number}")) for number in range(OF_ONE_MAX + 2)]
    for other in others:
        table.befriend(carol, other)
    for other in others[1 : OF_ONE_MAX + 1]:
        introduce(carol, others[0], other)
    with pytest.raises(LocalProtocolError, match="wait already"):
        introduce(carol, others[0], others[-1])


def test_whom_we_block_is_not_asked_when_introduced():
    _, alice, _, _ = offered()
    alice.ask(lambda id: BlockTarget(id, BOB.device.peer_id))
    with pytest.raises(PermissionDenied):
        answer(alice, CAROL, BOB)
    assert stages(alice) == [(CAROL.account, BOB.account, Stage.OFFERED)]


def test_kinds_of_introductions_stand_among_talk():
    assert {k.chain.name for k in (Kind.MAY_INTRODUCE, Kind.INTRODUCTION_CONSENT)} == {"TALK"}
