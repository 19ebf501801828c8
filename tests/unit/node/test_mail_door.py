"""What strangers send leaves nothing behind, and what contacts send leaves a little."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from p2pchat.model.contact import ContactState
from p2pchat.model.machine import Now
from p2pchat.model.ratchet import ForgetSeen, SeeMail
from p2pchat.node import mail_door
from p2pchat.node.mail_door import BEGINNINGS, SEEN_MAX, SEEN_MS, STRANGERS, TRIES, MailDoor
from p2pchat.node.mail_rounds import LATER_MAX
from p2pchat.protocol.mail_vocabulary import Discard, Mail, MailOpened, MailRefused, Slot
from p2pchat.protocol.pace import Rate
from tests.unit.node.offices import RELAYS, Place
from tests.unit.protocol.people import ALICE, BOB, MALLORY, WALL_MS, digest, person

DAY_MS = 24 * 3600 * 1000
SLOT = Slot(RELAYS[0].peer, 1)


def test_letters_of_strangers_are_read_and_leave_nothing():
    alice = Place(ALICE)
    before = alice.store.snapshot().mail
    for number in range(100):
        got = alice.get(Place(person(f"stranger {number}")).sealed(alice))
        assert isinstance(got, MailOpened)
        assert got.changes == ()
    assert alice.store.snapshot().mail == before
    assert alice.cipher.peers == frozenset()


@pytest.mark.parametrize("state", [ContactState.REQUEST, ContactState.REJECTED])
def test_who_is_not_accepted_is_a_stranger(state):
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob, state)
    assert alice.get(bob.sealed(alice)).changes == ()


def test_strangers_have_a_pace_and_contacts_do_not_wait_for_them(monkeypatch):
    monkeypatch.setattr(mail_door, "STRANGERS", Rate(STRANGERS.per_s, 3))
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob)
    blobs = [Place(person(f"stranger {number}")).sealed(alice) for number in range(5)]
    got = [alice.get(blob) for blob in blobs]
    assert [type(one) for one in got] == [MailOpened] * 3 + [MailRefused] * 2
    assert isinstance(alice.get(bob.sealed(alice)), MailOpened)


def test_sessions_that_one_contact_begins_have_a_pace(monkeypatch):
    monkeypatch.setattr(mail_door, "BEGINNINGS", Rate(BEGINNINGS.per_s, 3))
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob)
    got = []
    for _ in range(5):
        bob.cipher.forget(alice.correspondent.id)
        got.append(alice.get(bob.sealed(alice)))
    assert [type(one) for one in got] == [MailOpened] * 3 + [MailRefused] * 2
    assert len(alice.store.snapshot().mail.spent) == 3


def test_what_others_forge_uses_up_nothing_of_a_contact():
    """Whoever has our link can leave it, and so can the relay."""
    alice, bob, mallory = Place(ALICE), Place(BOB), Place(MALLORY)
    alice.befriend(bob)
    genuine = alice.cipher.unwrap(bob.sealed(alice))
    own = alice.cipher.unwrap(mallory.sealed(alice))
    bent = replace(genuine, ciphertext=_bent(genuine.ciphertext))
    for number in range(2 * BEGINNINGS.burst):
        for forged in (bent, replace(own, sender=BOB.party, devices=None)):
            mail = Mail(SLOT, digest(f"{forged.counter} {number}"), forged)
            got = alice.office.prepare(mail)
            assert got == MailRefused(SLOT, "letter that does not open", BOB.party, ())
    assert alice.store.snapshot().mail.spent == ()
    assert isinstance(alice.get(bob.sealed(alice, 2)), MailOpened)


def test_what_is_tried_in_contacts_names_has_a_pace_of_its_own(monkeypatch):
    monkeypatch.setattr(mail_door, "TRIES", Rate(TRIES.per_s, 3))
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob)
    assert isinstance(alice.get(bob.sealed(alice)), MailOpened)
    bob.cipher.forget(alice.correspondent.id)
    body = alice.cipher.unwrap(bob.sealed(alice))
    bent = replace(body, ciphertext=_bent(body.ciphertext))
    got = [alice.office.prepare(Mail(SLOT, digest(f"{n}"), bent)) for n in range(4)]
    assert [one.sender for one in got] == [BOB.party] * 2 + [None] * 2


@pytest.mark.parametrize("is_contact", [True, False])
def test_what_is_over_a_pace_stays_in_the_mailbox_as_far_as_a_few_have_room(
    monkeypatch, is_contact
):
    monkeypatch.setattr(mail_door, "BEGINNINGS", Rate(BEGINNINGS.per_s, 1))
    monkeypatch.setattr(mail_door, "STRANGERS", Rate(STRANGERS.per_s, 1))

    async def main() -> None:
        alice, bob = Place(ALICE), Place(BOB)
        if is_contact:
            alice.befriend(bob)
        for _ in range(LATER_MAX + 3):
            bob.cipher.forget(alice.correspondent.id)
            alice.desk.keep(RELAYS[0], bob.sealed(alice))
        async with trio.open_nursery() as nursery:
            await nursery.start(alice.office.run)
            await trio.sleep(1)
            for mail in [one for one in alice.heard if isinstance(one, Mail)]:
                heard = alice.office.prepare(mail)
                if heard.slot is not None:
                    alice.office.carry(Discard(heard.slot))
            await trio.sleep(1)
            assert list(alice.desk.kept[RELAYS[0]]) == [*range(4, LATER_MAX + 4)]
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_letters_of_contacts_are_remembered_for_a_month_and_no_longer():
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob)
    blob = bob.sealed(alice)
    assert isinstance(alice.get(blob), MailOpened)
    assert alice.get(blob) == MailRefused(alice.get(blob).slot, "", None, ())
    assert len(alice.store.snapshot().mail.seen) == 1
    alice.clock.passed_ms = SEEN_MS - 1
    alice.store.commit(alice.office.changes([]))
    assert len(alice.store.snapshot().mail.seen) == 1
    alice.clock.passed_ms = SEEN_MS + DAY_MS
    alice.store.commit(alice.office.changes([]))
    assert alice.store.snapshot().mail.seen == ()
    assert alice.office._door._seen == {}
    assert alice.office.changes([]) == [], "once a day is enough"


def test_hashes_are_bounded_and_the_oldest_go_first():
    door = MailDoor((), Now(WALL_MS, 0.0))
    kept: dict[bytes, int] = {}
    for number in range(2 * SEEN_MAX):
        for change in door.see(digest(f"blob {number}"), WALL_MS + number):
            match change:
                case SeeMail(blob, until_ms):
                    kept[blob] = until_ms
                case ForgetSeen(until_ms):
                    kept = {blob: end for blob, end in kept.items() if end > until_ms}
        assert len(kept) <= SEEN_MAX
    assert kept == door._seen, "the disk holds as many"
    assert door.was_seen(digest(f"blob {2 * SEEN_MAX - 1}"))
    assert not door.was_seen(digest("blob 0"))


def test_sessions_with_who_is_no_contact_any_more_go_within_a_day():
    alice, bob = Place(ALICE), Place(BOB)
    alice.befriend(bob)
    alice.get(bob.sealed(alice))
    alice.clock.passed_ms = DAY_MS
    alice.store.commit(alice.office.changes([]))
    assert len(alice.store.snapshot().mail.ratchets) == 1
    alice.befriend(bob, ContactState.REMOVED)
    alice.clock.passed_ms = 2 * DAY_MS
    alice.store.commit(alice.office.changes([]))
    assert alice.store.snapshot().mail.ratchets == ()
    assert alice.cipher.peers == frozenset()


def _bent(ciphertext: bytes) -> bytes:
    """With another bit in the code that says who sealed it."""
    return ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
