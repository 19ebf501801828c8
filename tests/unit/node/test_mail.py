"""The post office: relays that do not answer hold nobody up, and too many letters wait."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from p2pchat.crypto.mail import intro_key
from p2pchat.model.ids import Party
from p2pchat.model.mailbox import HpkeKey, MailBundle
from p2pchat.model.ratchet import Correspondent
from p2pchat.node import mail_door, mail_posting, mail_rounds
from p2pchat.node.mail_posting import POST_TIMEOUT_S, POSTS_MAX
from p2pchat.node.mail_rounds import FETCH_EVERY_S, LATER_MAX, VISIT_TIMEOUT_S
from p2pchat.protocol.machine import BlockTarget, DevicesTold, RenewLink, UnblockTarget
from p2pchat.protocol.mail_vocabulary import (
    AccountFound,
    BeginAnew,
    Discard,
    Key,
    LookUpAccount,
    Mail,
    MailOpened,
    MailRefused,
    Post,
    Posted,
    PostFailed,
    RenewKeys,
    Slot,
)
from p2pchat.protocol.pace import Rate
from p2pchat.wire.devices import first_device_set, read_device_set
from tests.unit.node.offices import NOW, RELAYS, Place, run
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, digest

OFTEN_S = 600.0
"""In place of an hour."""


def test_one_relay_that_keeps_a_letter_is_enough():
    async def script(alice, bob):
        alice.desk.silent = {RELAYS[0]}
        alice.office.carry(alice.letter(bob))
        await trio.sleep(POST_TIMEOUT_S - 1)
        assert not [h for h in alice.heard if isinstance(h, Posted)], "the other may still answer"
        await trio.sleep(2)
        assert Posted(BOB.party, 1, (RELAYS[1].peer,)) in alice.heard

    run(script)


def test_a_letter_that_no_relay_answers_for_has_failed():
    async def script(alice, bob):
        alice.desk.silent = set(RELAYS)
        alice.office.carry(alice.letter(bob))
        await trio.sleep(POST_TIMEOUT_S + 1)
        assert [type(heard) for heard in alice.heard] == [PostFailed]

    run(script)


def test_a_letter_that_nobody_took_goes_again_as_it_was_sealed():
    async def script(alice, bob):
        alice.desk.silent = set(RELAYS)
        first = alice.letter(bob)
        alice.office.carry(first)
        await trio.sleep(POST_TIMEOUT_S + 1)
        post = replace(first, serial=2)
        assert alice.office.changes([post]) == [], "no step of the ratchet"
        alice.desk.silent = set()
        alice.office.carry(post)
        await trio.sleep(2)
        assert (BOB.party, 2) in [(h.to, h.serial) for h in alice.heard if isinstance(h, Posted)]
        assert alice.office._postman._unkept == {}

    run(script)


def test_what_has_changed_meanwhile_or_is_begun_anew_is_sealed_anew():
    async def script(alice, bob):
        alice.desk.silent = set(RELAYS)
        first = alice.letter(bob)
        alice.office.carry(first)
        await trio.sleep(POST_TIMEOUT_S + 1)
        asking = replace(first, serial=2, asks_again=True)
        assert alice.office.changes([asking]) != []
        alice.office.carry(asking)
        await trio.sleep(POST_TIMEOUT_S + 1)
        anew = BeginAnew(bob.correspondent, b"")
        assert alice.office.changes([anew, replace(asking, serial=3)]) != []

    run(script)


@pytest.mark.parametrize("is_carried", [True, False])
def test_what_was_under_way_when_all_began_anew_is_sealed_anew(is_carried):
    async def script(alice, bob):
        for one, other in ((alice, bob), (bob, alice)):
            one.befriend(other)
        bob.get(alice.sealed(bob))
        alice.get(bob.sealed(alice))
        alice.desk.silent = set(RELAYS)
        first, anew = alice.letter(bob), BeginAnew(bob.correspondent, b"")
        if is_carried:
            alice.office.carry(first)
            await trio.sleep(1)
            alice.office.changes([anew])
        else:
            alice.office.changes([anew])
            alice.office.carry(first)
        await trio.sleep(POST_TIMEOUT_S + 1)
        assert [type(heard) for heard in alice.heard] == [PostFailed]
        assert alice.office.changes([replace(first, serial=2)]) != []
        blob = alice.office._sealed.pop(2)
        assert bob.cipher.begins(bob.cipher.unwrap(blob), alice.keys.olm_curve25519)
        assert isinstance(bob.get(blob), MailOpened)

    run(script)


def test_the_sessions_of_who_is_blocked_are_kept_for_when_the_block_is_gone():
    async def script(alice, bob):
        for one, other in ((alice, bob), (bob, alice)):
            one.befriend(other)
        bob.get(alice.sealed(bob))
        alice.get(bob.sealed(alice))
        alice.chat.handle(BlockTarget(1, bob.person.account), NOW)
        alice.clock.passed_ms += 25 * 3600 * 1000
        alice.office.changes([])
        alice.chat.handle(UnblockTarget(2, bob.person.account), NOW)
        blob = bob.sealed(alice, 2)
        assert not alice.cipher.begins(alice.cipher.unwrap(blob), bob.keys.olm_curve25519)
        assert isinstance(alice.get(blob), MailOpened)

    run(script)


def test_so_many_letters_that_nobody_took_are_kept_and_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(mail_posting, "UNKEPT_MAX", 1)

    async def script(alice, bob):
        alice.desk.silent = set(RELAYS)
        posts = [alice.letter(bob, 1), alice.letter(Place(CAROL), 2)]
        for post in posts:
            alice.office.carry(post)
            await trio.sleep(POST_TIMEOUT_S + 1)
        first, second = (alice.office.changes([replace(p, serial=p.serial + 2)]) for p in posts)
        assert first != [], "it is sealed anew"
        assert second == [], "it goes as it is"

    run(script)


def test_so_many_letters_are_on_their_way_and_the_others_wait():
    async def script(alice, bob):
        for serial in range(2 * POSTS_MAX):
            alice.office.carry(alice.letter(bob, serial))
        await trio.sleep(10)
        assert alice.desk.most == POSTS_MAX * len(RELAYS)
        assert len(alice.heard) == 2 * POSTS_MAX

    run(script)


def test_a_relay_that_does_not_answer_holds_the_next_one_up_for_a_minute():
    async def main() -> None:
        alice = Place(ALICE)
        alice.desk.silent = {RELAYS[0]}
        with trio.move_on_after(VISIT_TIMEOUT_S + 1):
            await alice.office.run()
        assert alice.desk.visited == [(0.0, RELAYS[0]), (VISIT_TIMEOUT_S, RELAYS[1])]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_relays_are_told_who_may_write_once_all_of_it_is_known():
    """Told less they would turn contacts away, for as long as we are gone if we go now."""

    async def main() -> None:
        alice = Place(ALICE, is_started=False)
        async with trio.open_nursery() as nursery:
            await nursery.start(alice.office.run)
            await trio.sleep(3 * VISIT_TIMEOUT_S)
            assert alice.desk.visited == []
            for effect in alice.chat.start(NOW):
                alice.office.carry(effect)
            await trio.sleep(1)
            assert [relay for _, relay in alice.desk.visited] == list(RELAYS)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_new_link_is_told_to_the_relays_at_once():
    async def script(alice, bob):
        await trio.sleep(1)
        assert set(alice.desk.intros) == {intro_key(alice.chat.state.me.intro).public_key}
        alice.desk.intros.clear()
        alice.chat.handle(RenewLink(1, digest("new")[:16]), NOW)
        for effect in alice.chat.settle(NOW):
            alice.office.carry(effect)
        await trio.sleep(1)
        assert alice.desk.intros == [intro_key(digest("new")[:16]).public_key] * len(RELAYS)

    run(script)


def test_what_an_accounts_record_says_is_told_before_letters_go_on():
    async def script(alice, bob):
        alice.records[BOB.account] = bob.devices
        for account in (BOB.account, CAROL.account):
            alice.office.carry(LookUpAccount(account))
            await trio.sleep(1)
        assert alice.heard == [
            DevicesTold(bob.devices),
            AccountFound(BOB.account, is_there=True),
            AccountFound(CAROL.account, is_there=False),
        ]

    run(script)


def test_the_same_letter_from_two_relays_is_opened_once():
    async def script(alice, bob):
        alice.befriend(bob)
        blob = bob.sealed(alice)
        for relay in RELAYS:
            alice.desk.keep(relay, blob)
        alice.office.look()
        await trio.sleep(1)
        mails = [heard for heard in alice.heard if isinstance(heard, Mail)]
        assert len(mails) == 2
        first, second = map(alice.office.prepare, mails)
        assert isinstance(first, MailOpened)
        assert first.sender == BOB.party
        assert isinstance(second, MailRefused)
        assert (second.reason, second.sender, second.changes) == ("", None, ())
        alice.office.carry(Discard(first.slot))
        await trio.sleep(1)
        assert alice.desk.kept[RELAYS[0]] == {}

    run(script)


def test_a_letter_is_of_the_account_it_was_sealed_for_whoever_else_certifies_the_device():
    alice, bob = Place(ALICE), Place(BOB)
    lies = first_device_set(MALLORY.account_signer, BOB.device, WALL_MS, bob.keys)
    alice.chat.state.directory.keep(read_device_set(lies))
    for one, other in ((alice, bob), (bob, alice)):
        one.befriend(other)
    assert isinstance(bob.get(alice.sealed(bob)), MailOpened)
    assert isinstance(alice.get(bob.sealed(alice)), MailOpened)
    bob.get(alice.sealed(bob, 2))
    blob = bob.sealed(alice, 2)
    body = alice.cipher.unwrap(blob)
    assert body.devices is None, "they know each other"
    in_her_name = replace(body, sender=Party(MALLORY.account, BOB.device))
    slot = Slot(RELAYS[0].peer, 1)
    assert isinstance(alice.office.prepare(Mail(slot, bytes(32), in_her_name)), MailRefused)
    opened = alice.get(blob)
    assert (opened.sender, opened.devices) == (BOB.party, bob.devices)


def test_rubbish_is_deleted_and_counted():
    async def script(alice, bob):
        alice.desk.keep(RELAYS[0], b"\x01rubbish", b"\x01\x01" + bytes(300))
        alice.office.look()
        await trio.sleep(1)
        assert alice.heard == []
        assert alice.desk.kept[RELAYS[0]] == {}
        assert alice.chat.state.refused.total() == 2

    run(script)


def test_a_few_blobs_are_left_for_a_later_version_and_the_oldest_go_first():
    async def script(alice, bob):
        blobs = [b"\x09" + digest(f"{number}") for number in range(LATER_MAX + 5)]
        alice.desk.keep(RELAYS[0], *blobs)
        alice.office.look()
        await trio.sleep(1)
        assert list(alice.desk.kept[RELAYS[0]].values()) == blobs[5:]
        alice.desk.keep(RELAYS[0], b"\x09" + bytes(32))
        alice.office.look()
        await trio.sleep(1)
        assert list(alice.desk.kept[RELAYS[0]].values()) == [*blobs[6:], b"\x09" + bytes(32)]
        assert alice.heard == []

    run(script)


def test_what_was_left_where_it_lies_is_looked_at_again_in_the_same_life(monkeypatch):
    monkeypatch.setattr(mail_door, "STRANGERS", Rate(0.01, 1))
    monkeypatch.setattr(mail_rounds, "LEFT_EVERY_S", OFTEN_S)

    async def script(alice, bob):
        alice.desk.keep(RELAYS[0], *(Place(one).sealed(alice) for one in (BOB, CAROL)))
        for opened in (1, 2):
            alice.office.look()
            await trio.sleep(1)
            mails = [mail for mail in alice.heard if isinstance(mail, Mail)]
            alice.heard.clear()
            alice.clock.passed_ms = int(trio.current_time() * 1000)
            for mail in mails:
                heard = alice.office.prepare(mail)
                if isinstance(heard, MailOpened):
                    alice.office.carry(Discard(heard.slot))
            await trio.sleep(1)
            assert len(alice.desk.kept[RELAYS[0]]) == 2 - opened
            await trio.sleep(OFTEN_S + FETCH_EVERY_S)

    run(script)


def test_what_comes_under_a_number_of_before_is_fetched_all_the_same(monkeypatch):
    """A relay's disk was set back, and its numbers with it."""
    monkeypatch.setattr(mail_rounds, "LEFT_EVERY_S", OFTEN_S)

    async def script(alice, bob):
        alice.desk.last_id = 9
        alice.desk.keep(RELAYS[0], bob.sealed(alice))
        alice.office.look()
        await trio.sleep(1)
        alice.desk.kept.clear()
        alice.desk.last_id = 0
        alice.desk.keep(RELAYS[0], bob.sealed(alice, 2))
        await trio.sleep(OFTEN_S + FETCH_EVERY_S)
        assert [heard.slot.id for heard in alice.heard if isinstance(heard, Mail)] == [10, 1]

    run(script)


def test_keys_that_cannot_be_used_fail_their_letter_alone():
    async def script(alice, bob):
        keys = bob.cipher.keys
        bundle = MailBundle(keys.fallback_key, (HpkeKey(1, bytes(5)),), RELAYS)
        key = Key(bytes(32), is_intro=True)
        whom = Correspondent(BOB.party, bob.keys.olm_curve25519)
        post = Post(whom, 1, bob.keys.mailbox, bundle, key, (), asks_again=False)
        assert alice.office.changes([post]) == []
        alice.office.carry(post)
        await trio.sleep(1)
        assert [type(heard) for heard in alice.heard] == [PostFailed]

    run(script)


def test_a_bundle_sends_us_to_nobody_of_our_own_house():
    async def script(alice, bob):
        ways = "/ip4/127.0.0.1/tcp/22", "/ip4/192.168.0.1/tcp/80", "/ip4/8.1.1.1/tcp/4001"
        post = alice.letter(bob)
        named = replace(RELAYS[0], addresses=ways)
        alice.office.carry(replace(post, bundle=replace(post.bundle, relays=(named,))))
        await trio.sleep(2)
        assert alice.desk.dialled == ["/ip4/8.1.1.1/tcp/4001"]

    run(script)


def test_keys_are_told_to_others_once_they_are_on_disk():
    async def script(alice, bob):
        await trio.sleep(1)
        before = alice.office.bundle
        assert before.fallback_key == alice.cipher.keys.fallback_key
        alice.office.changes([RenewKeys()])
        assert alice.cipher.keys.fallback_key != before.fallback_key
        assert alice.office.bundle == before, "the commit is under way"
        alice.office.carry(RenewKeys())
        after = alice.office.bundle
        assert after.fallback_key == alice.cipher.keys.fallback_key
        assert after.hpke == alice.cipher.published

    run(script)


@pytest.mark.parametrize("names_relays", [True, False])
def test_the_first_bundle_of_a_life_names_those_who_kept_our_mail_in_the_last(names_relays):
    async def main() -> None:
        alice = Place(ALICE, names_relays=names_relays)
        alice.desk.silent = set(RELAYS)
        assert alice.office.bundle.relays == RELAYS
        with trio.move_on_after(1):
            await alice.office.run()
        assert alice.office.bundle.relays == RELAYS

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_who_did_not_answer_in_the_last_life_is_not_named_before_it_does():
    alice = Place(ALICE, names_relays=False, silent_ms=1)
    assert alice.office.bundle.relays == ()


def test_a_relay_that_will_not_keep_our_mail_any_more_is_named_no_more():
    async def script(alice, bob):
        await trio.sleep(1)
        assert alice.office.bundle.relays == RELAYS
        told = len(alice.published)
        alice.desk.denied = {RELAYS[0]}
        alice.chat.handle(RenewLink(1, digest("new")[:16]), NOW)
        for effect in alice.chat.settle(NOW):
            alice.office.carry(effect)
        await trio.sleep(1)
        assert alice.office.bundle.relays == RELAYS[1:]
        assert len(alice.published) == told + 1

    run(script)


def test_what_lies_with_a_relay_that_registers_us_no_more_is_fetched_and_deleted():
    async def main() -> None:
        alice, bob = Place(ALICE), Place(BOB)
        alice.desk.denied = {RELAYS[0]}
        alice.desk.keep(RELAYS[0], bob.sealed(alice))
        async with trio.open_nursery() as nursery:
            await nursery.start(alice.office.run)
            await trio.sleep(1)
            assert alice.office.bundle.relays == RELAYS[1:]
            [mail] = [heard for heard in alice.heard if isinstance(heard, Mail)]
            alice.office.carry(Discard(mail.slot))
            await trio.sleep(1)
            assert alice.desk.kept[RELAYS[0]] == {}
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("keeps", [True, False])
def test_who_registers_us_no_more_is_visited_on_if_it_kept_mail_for_us(keeps):
    async def main() -> None:
        alice = Place(ALICE, names_relays=False)
        alice.desk.denied = {RELAYS[0]}
        alice.desk.unknown = set() if keeps else {RELAYS[0]}
        with trio.move_on_after(1):
            await alice.office.run()
        assert alice.relays.left == (RELAYS[:1] if keeps else ())
        assert await alice.relays.choose() == RELAYS[1:]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_who_denies_something_else_once_is_told_again_who_may_write():
    async def script(alice, bob):
        await trio.sleep(1)
        alice.desk.visited.clear()
        alice.desk.unknown = {RELAYS[0]}
        alice.office.look()
        await trio.sleep(1)
        assert alice.desk.visited == []
        alice.desk.unknown.clear()
        alice.office.look()
        await trio.sleep(1)
        assert [relay for _, relay in alice.desk.visited] == [RELAYS[0]]
        assert alice.office.bundle.relays == RELAYS

    run(script)
