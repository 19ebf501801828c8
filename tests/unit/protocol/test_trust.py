"""Whose key an account is: what was verified, and what made it doubtful."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import KeyChanged as KeyChangedError
from p2pchat.errors import LinkError, LocalProtocolError, UnknownContact
from p2pchat.events import ContactVerified, KeyChanged
from p2pchat.model.contact import ContactInfo
from p2pchat.model.ids import AccountId
from p2pchat.model.message import MessageState
from p2pchat.protocol.machine import (
    AddContact,
    AnswerIntroduction,
    ConfirmKey,
    Consent,
    PeerUp,
    Received,
    Send,
    SendText,
    VerifyContact,
)
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.frames import Hello, Ops, SyncDigest, SyncFrontier
from p2pchat.wire.introductions import Introduce
from p2pchat.wire.links import ContactLink, encode_link
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, Person, between, set_of
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)


def claim_of(account: Person) -> DeviceSet:
    """A set in which another account certifies Alice's device."""
    return set_of(account, ALICE.device)


def befriended() -> tuple[Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    bob.effects.clear()
    return alice, bob


def info(seat: Seat, account: AccountId) -> ContactInfo:
    return seat.state.contact_info(seat.state.contacts[account])


def verify(seat: Seat, *, is_verified: bool = True) -> ContactInfo:
    found = seat.ask(lambda id: VerifyContact(id, ALICE.account, is_verified))
    assert isinstance(found, ContactInfo)
    return found


def test_a_contact_is_verified_and_the_user_may_take_it_back():
    _, bob = befriended()
    assert not info(bob, ALICE.account).verified
    assert verify(bob).verified
    bob.crash()
    assert info(bob, ALICE.account).verified
    assert not verify(bob, is_verified=False).verified
    assert [event.verified for event in bob.told(ContactVerified)] == [True, False]


def test_only_contacts_are_verified():
    _, bob = befriended()
    with pytest.raises(UnknownContact):
        bob.ask(lambda id: VerifyContact(id, CAROL.account, is_verified=True))
    with pytest.raises(UnknownContact):
        bob.ask(lambda id: ConfirmKey(id, CAROL.account))


def test_a_device_that_speaks_for_another_account_stops_sending_until_the_user_confirms():
    alice, bob = befriended()
    verify(bob)
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    changed = KeyChanged(ALICE.account, MALLORY.account, ALICE.device.peer_id)
    assert bob.told(KeyChanged) == [changed]
    shown = info(bob, ALICE.account)
    assert (shown.verified, shown.key_changed) == (False, True)
    with pytest.raises(KeyChangedError, match="confirm"):
        bob.ask(lambda id: SendText(id, DIRECT, "is it you?"))
    shown = bob.ask(lambda id: ConfirmKey(id, ALICE.account))
    assert isinstance(shown, ContactInfo)
    assert (shown.verified, shown.key_changed) == (False, False)
    bob.send(DIRECT, "so it is you")
    bob.table.settle()
    assert alice.texts(DIRECT) == ["so it is you"]


def test_the_doubt_outlives_a_restart_and_so_does_the_answer():
    _, bob = befriended()
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    bob.crash()
    with pytest.raises(KeyChangedError):
        bob.ask(lambda id: SendText(id, DIRECT, "is it you?"))
    bob.ask(lambda id: ConfirmKey(id, ALICE.account))
    bob.crash()
    bob.do(PeerUp(ALICE.device))
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    assert len(bob.told(KeyChanged)) == 1
    bob.send(DIRECT, "the same claim is not told again")


def test_what_was_queued_before_the_doubt_does_not_leave_either():
    alice, bob = befriended()
    bob.table.part(alice, bob)
    message = bob.send(DIRECT, "queued")
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    bob.effects.clear()
    bob.table.heal()
    bob.table.connect(alice, bob)
    bob.table.run(1200)
    sent = [send for send in bob.decided(Send) if isinstance(send.frame, Ops | SyncFrontier)]
    assert sent == []
    assert alice.texts(DIRECT) == []
    bob.ask(lambda id: ConfirmKey(id, ALICE.account))
    bob.table.run(1200)
    assert alice.texts(DIRECT) == ["queued"]
    stored = bob.store.message(message.id)
    assert stored is not None
    assert stored.state is MessageState.DELIVERED


def test_nothing_is_served_while_there_is_doubt():
    _, bob = befriended()
    bob.send(DIRECT, "a secret")
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    bob.effects.clear()
    bob.do(Received(ALICE.device, SyncDigest(DIRECT, bytes(32))))
    assert bob.decided(Send) == []
    assert bob.state.refused["no such conversation for this peer"] > 0


def test_messages_that_come_in_are_shown_all_the_same():
    _, bob = befriended()
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    bob.hear(ALICE, Ops((Author(ALICE, DIRECT).write("I lost my account"),)))
    assert bob.received() == ["I lost my account"]


FALSE_LINK = ContactLink(MALLORY.account, ALICE.device, MALLORY.intro, claim_of(MALLORY))


def use(bob: Seat, link: ContactLink) -> None:
    bob.ask(lambda id: AddContact(id, link, BOB.pair_half))


def test_a_link_for_a_contacts_device_is_refused_and_says_nothing_of_the_contact():
    alice, bob = befriended()
    verify(bob)
    with pytest.raises(LinkError, match="names a device of"):
        use(bob, FALSE_LINK)
    assert MALLORY.account not in bob.state.contacts
    shown = info(bob, ALICE.account)
    assert (shown.verified, shown.key_changed) == (True, False)
    assert bob.told(KeyChanged) == []
    bob.send(DIRECT, "nothing has changed")
    bob.table.settle()
    assert alice.texts(DIRECT) == ["nothing has changed"]


def test_a_link_that_was_refused_does_not_silence_the_device():
    _, bob = befriended()
    with pytest.raises(LinkError):
        use(bob, FALSE_LINK)
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    assert [event.claimed for event in bob.told(KeyChanged)] == [MALLORY.account]


def test_a_link_is_good_when_the_device_said_the_same_and_the_user_confirmed_it():
    _, bob = befriended()
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    with pytest.raises(LinkError):
        use(bob, FALSE_LINK)
    bob.ask(lambda id: ConfirmKey(id, ALICE.account))
    use(bob, FALSE_LINK)
    assert MALLORY.account in bob.state.contacts


def test_an_introduction_to_a_contacts_device_under_another_account_changes_nothing():
    table = Table()
    alice, bob, carol = table.sit(ALICE), table.sit(BOB), table.sit(CAROL)
    table.befriend(alice, bob)
    table.befriend(carol, bob)
    author = Author(CAROL, between(CAROL, BOB))
    author.ops = bob.chain(between(CAROL, BOB), CAROL)
    bob.hear(CAROL, Ops((author.write(Introduce("Mallory", encode_link(FALSE_LINK))),)))
    consent = Consent(b"t" * 16, BOB.pair_half, ())
    with pytest.raises(LinkError, match="names a device of"):
        bob.ask(lambda id: AnswerIntroduction(id, CAROL.account, MALLORY.account, consent))
    assert bob.told(KeyChanged) == []
    assert not info(bob, ALICE.account).key_changed


def test_the_first_claim_counts_until_the_user_decides():
    """Who makes claims can make any number of them."""
    _, bob = befriended()
    for account in (MALLORY, CAROL, MALLORY):
        bob.do(Received(ALICE.device, Hello(claim_of(account))))
    assert [event.claimed for event in bob.told(KeyChanged)] == [MALLORY.account]


def test_a_device_is_told_of_once_whatever_it_claims_after_the_answer():
    _, bob = befriended()
    for account in (MALLORY, CAROL, MALLORY, CAROL):
        bob.do(Received(ALICE.device, Hello(claim_of(account))))
        if info(bob, ALICE.account).key_changed:
            bob.ask(lambda id: ConfirmKey(id, ALICE.account))
        bob.crash()
        bob.do(PeerUp(ALICE.device))
    assert [event.claimed for event in bob.told(KeyChanged)] == [MALLORY.account]


def test_a_claim_that_was_found_false_by_comparing_is_told_again():
    _, bob = befriended()
    for _ in range(2):
        bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
        assert verify(bob).verified
    assert [event.claimed for event in bob.told(KeyChanged)] == [MALLORY.account] * 2


def test_that_anybody_certifies_a_contacts_device_means_nothing_unless_the_device_says_so():
    table = Table()
    alice, bob, mallory = table.sit(ALICE), table.sit(BOB), table.sit(MALLORY)
    table.befriend(alice, bob)
    table.befriend(mallory, bob)
    both = set_of(MALLORY, MALLORY.device, ALICE.device)
    bob.do(Received(MALLORY.device, Hello(both)))
    assert bob.told(KeyChanged) == []
    bob.send(DIRECT, "nothing happened")


def test_comparing_keys_settles_a_doubt_too():
    _, bob = befriended()
    bob.do(Received(ALICE.device, Hello(claim_of(MALLORY))))
    assert verify(bob).verified
    bob.send(DIRECT, "we have compared")


def test_where_nothing_is_doubtful_there_is_nothing_to_confirm():
    _, bob = befriended()
    with pytest.raises(LocalProtocolError, match="nothing"):
        bob.ask(lambda id: ConfirmKey(id, ALICE.account))


def test_a_false_link_used_earlier_does_not_stand_in_the_way_of_the_owner():
    """Mallory's link named Alice's device before we knew Alice: nothing proved it."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    link = replace(MALLORY.link, device=ALICE.device, devices=claim_of(MALLORY))
    bob.ask(lambda id: AddContact(id, link, BOB.pair_half))
    table.befriend(bob, alice)
    assert bob.told(KeyChanged) == []
