"""Comparing keys by pictures: honest people see the same, a liar in between is seen."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p2pchat.crypto.sas import SasExchange
from p2pchat.errors import LocalProtocolError, MalformedMessage, UnknownContact
from p2pchat.events import (
    ComparisonEnded,
    ComparisonRequested,
    PicturesShown,
    SecurityAlert,
)
from p2pchat.model.emoji import EMOJI
from p2pchat.protocol.comparing import COMPARISON_S_MAX
from p2pchat.protocol.machine import CompareKeys, FinishComparison, Received, Send
from p2pchat.wire.frames import Compare, Frame, Step, decode_frame, encode_frame
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Person, digest
from tests.unit.protocol.table import Seat, Table

SESSION = digest("session")[:16]


def befriended(*people: Person) -> tuple[Table, list[Seat]]:
    """Everybody is a contact of the first."""
    table = Table()
    seats = [table.sit(person) for person in people]
    for seat in seats[1:]:
        table.befriend(seats[0], seat)
    return table, seats


def compare(seat: Seat, other: Person, session: bytes = SESSION) -> None:
    seat.ask(lambda id: CompareKeys(id, other.account, session, SasExchange()))


def shown(seat: Seat) -> tuple[str, ...]:
    [event] = seat.told(PicturesShown)
    return event.pictures


def finish(seat: Seat, other: Person, *, is_same: bool) -> object:
    return seat.ask(lambda id: FinishComparison(id, other.account, is_same))


def is_verified(seat: Seat, other: Person) -> bool:
    return seat.state.contact_info(seat.state.contacts[other.account]).verified


def test_two_people_see_the_same_pictures_and_are_verified_when_they_say_so():
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    table.settle()
    assert bob.told(ComparisonRequested) == [ComparisonRequested(ALICE.account)]
    assert not alice.told(PicturesShown)
    compare(bob, ALICE, digest("of no use")[:16])
    table.settle()
    assert shown(alice) == shown(bob)
    assert len(shown(alice)) == 7
    assert set(shown(alice)) <= set(EMOJI)
    assert not is_verified(alice, BOB)
    for seat, other in ((alice, BOB), (bob, ALICE)):
        finish(seat, other, is_same=True)
        assert is_verified(seat, other)


def test_two_who_ask_at_once_see_the_same_pictures():
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    compare(bob, ALICE, digest("other session")[:16])
    table.settle()
    assert shown(alice) == shown(bob)


def frames(seat: Seat, to: Person) -> list[Compare]:
    """The steps that a seat sent to somebody, which are taken off the wire."""
    found = [s.frame for s in seat.decided(Send) if s.peer == to.device]
    seat.effects.clear()
    wires = seat.table.wires
    for way in [way for way in wires if way[:2] == (seat.device, to.device)]:
        wires[way].clear()
    return [frame for frame in found if isinstance(frame, Compare)]


def test_a_liar_in_the_middle_is_seen_though_all_connections_are_genuine():
    """Alice's contact and Bob's contact is Mallory, who passes all steps on."""
    _, (_, alice, bob) = befriended(MALLORY, ALICE, BOB)
    compare(alice, MALLORY)
    [commit] = frames(alice, MALLORY)
    bob.do(Received(MALLORY.device, commit))
    compare(bob, MALLORY)
    [bobs_key] = frames(bob, MALLORY)
    alice.do(Received(MALLORY.device, bobs_key))
    [alices_key] = frames(alice, MALLORY)
    bob.do(Received(MALLORY.device, alices_key))
    assert shown(alice)
    assert bob.told(PicturesShown) == []
    assert [alert.account for alert in bob.told(SecurityAlert)] == [MALLORY.account]


def test_a_liar_with_keys_of_its_own_shows_other_pictures_to_either():
    _, (mallory, alice, bob) = befriended(MALLORY, ALICE, BOB)
    compare(alice, MALLORY)
    mallory.table.settle()
    compare(mallory, ALICE)
    compare(mallory, BOB)
    mallory.table.settle()
    compare(bob, MALLORY)
    mallory.table.settle()
    assert shown(alice) != shown(bob)


def test_who_changes_the_key_that_was_promised_is_found_out():
    """Whoever grinds keys must do so after having seen the other's: too late."""
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    table.settle()
    compare(bob, ALICE)
    frames(alice, BOB)
    other = Compare(SESSION, Step.KEY, SasExchange().public_key)
    bob.do(Received(ALICE.device, other))
    assert bob.told(PicturesShown) == []
    assert len(bob.told(SecurityAlert)) == 1
    assert bob.state.refused["comparison with another key"] == 1
    assert frames(bob, ALICE)[-1].step is Step.END


@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31)], ids=["zero", "low order"])
def test_a_key_that_makes_every_secret_the_same_is_refused(key: bytes):
    _, (alice, _) = befriended(ALICE, BOB)
    compare(alice, BOB)
    alice.do(Received(BOB.device, Compare(SESSION, Step.KEY, key)))
    assert alice.told(PicturesShown) == []
    assert len(alice.told(SecurityAlert)) == 1
    with pytest.raises(MalformedMessage):
        SasExchange().pictures(key, "info")


def test_pictures_that_differ_are_an_alarm_and_verify_nobody():
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    table.settle()
    compare(bob, ALICE)
    table.settle()
    finish(alice, BOB, is_same=False)
    table.settle()
    assert len(alice.told(SecurityAlert)) == 1
    assert not is_verified(alice, BOB)
    assert [event.account for event in bob.told(ComparisonEnded)] == [ALICE.account]
    with pytest.raises(LocalProtocolError, match="no comparison"):
        finish(bob, ALICE, is_same=True)


def test_nothing_is_the_same_before_it_was_shown_and_giving_up_is_no_alarm():
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    with pytest.raises(LocalProtocolError, match="nothing was shown"):
        finish(alice, BOB, is_same=True)
    table.settle()
    finish(alice, BOB, is_same=False)
    table.settle()
    assert alice.told(SecurityAlert) == []
    assert len(bob.told(ComparisonEnded)) == 1


def test_strangers_and_who_is_away_are_not_compared_with():
    table, (alice, bob) = befriended(ALICE, BOB)
    with pytest.raises(UnknownContact):
        compare(alice, CAROL)
    carol = table.sit(CAROL)
    table.connect(alice, carol)
    alice.hear(CAROL, Compare(SESSION, Step.COMMIT, digest("commitment")))
    assert alice.state.refused["comparison with a stranger"] == 1
    table.part(alice, bob)
    with pytest.raises(LocalProtocolError, match="not connected"):
        compare(alice, BOB)


def test_a_comparison_ends_with_the_connection_and_with_time():
    table, (alice, bob) = befriended(ALICE, BOB)
    compare(alice, BOB)
    table.settle()
    table.disconnect(alice, bob)
    assert len(alice.told(ComparisonEnded)) == len(bob.told(ComparisonEnded)) == 1
    table.connect(alice, bob)
    table.settle()
    compare(alice, BOB)
    table.advance(COMPARISON_S_MAX + 1)
    with pytest.raises(LocalProtocolError, match="no comparison"):
        finish(alice, BOB, is_same=False)


@pytest.mark.parametrize("step", Step)
def test_steps_out_of_place_are_counted_and_change_nothing(step: Step):
    _, (alice, _) = befriended(ALICE, BOB)
    value = b"" if step is Step.END else digest("value")
    alice.do(Received(BOB.device, Compare(SESSION, step, value)))
    if step is Step.COMMIT:
        alice.do(Received(BOB.device, Compare(SESSION, step, value)))
        alice.do(Received(BOB.device, Compare(SESSION, Step.KEY, value)))
        assert len(alice.told(ComparisonRequested)) == 1
        assert alice.state.refused["comparison under way"] == 1
    assert alice.state.refused["comparison out of place"] == 1
    assert alice.told(PicturesShown) == []


@pytest.mark.parametrize(
    "frame",
    [
        Compare(SESSION[:-1], Step.END, b""),
        Compare(SESSION, Step.END, b"x"),
        Compare(SESSION, Step.KEY, bytes(31)),
        Compare(SESSION, Step.COMMIT, b""),
    ],
)
def test_a_step_out_of_bounds_is_malformed(frame: Frame):
    with pytest.raises(MalformedMessage):
        decode_frame(encode_frame(frame))


def test_what_the_pictures_are_bound_to_is_all_that_either_side_knows():
    """Any other account, device, session or key gives other pictures, else they prove nothing."""
    one, other = SasExchange(), SasExchange()
    info = "dchat/sas/1|as one side knows it"
    assert one.pictures(other.public_key, info) == other.pictures(one.public_key, info)
    first, second = SasExchange(), SasExchange()
    assert first.pictures(second.public_key, info) != second.pictures(first.public_key, f"{info}.")


def test_another_implementation_gets_the_same_pictures():
    ours, theirs = SasExchange(), X25519PrivateKey.generate()
    public = theirs.public_key().public_bytes_raw()
    secret = theirs.exchange(X25519PublicKey.from_public_bytes(ours.public_key))
    raw = HKDF(SHA256(), 6, None, b"dchat/sas/1|info").derive(secret)
    bits = int.from_bytes(raw) >> 6
    numbers = tuple(bits >> shift & 63 for shift in range(36, -1, -6))
    assert ours.pictures(public, "dchat/sas/1|info") == numbers


def test_what_is_bound_is_as_the_protocol_page_says():
    _, (alice, _) = befriended(ALICE, BOB)
    exchange = SasExchange()
    alice.ask(lambda id: CompareKeys(id, BOB.account, SESSION, exchange))
    [commit] = frames(alice, BOB)
    parties = ALICE.account + ALICE.device + BOB.account + BOB.device
    bound = b"dchat/sas/1\0" + SESSION + exchange.public_key + parties
    assert commit.value == blake2b(bound, digest_size=32).digest()
    theirs = X25519PrivateKey.generate()
    key = theirs.public_key().public_bytes_raw()
    alice.do(Received(BOB.device, Compare(SESSION, Step.KEY, key)))
    asker = ALICE.account.hex() + ALICE.device.hex()
    answerer = BOB.account.hex() + BOB.device.hex()
    parts = (SESSION.hex(), asker, exchange.public_key.hex(), answerer, key.hex())
    secret = theirs.exchange(X25519PublicKey.from_public_bytes(exchange.public_key))
    info = "|".join(("dchat/sas/1", *parts)).encode()
    bits = int.from_bytes(HKDF(SHA256(), 6, None, info).derive(secret)) >> 6
    assert shown(alice) == tuple(EMOJI[bits >> shift & 63] for shift in range(36, -1, -6))
