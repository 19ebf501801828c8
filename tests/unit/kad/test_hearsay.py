"""Who told of whom and where, what is tried of it, and what it was worth."""

from __future__ import annotations

import pytest

from p2pchat.kad.hearsay import Hearsay


@pytest.fixture
def hearsay():
    return Hearsay(addresses_max=4)


def told(hearsay, teller, *peers):
    """One teller tells of these, each at an address of its own."""
    for peer in peers:
        hearsay.told(teller, peer, (f"at {peer.decode()}",))


def tried(hearsay, *peers, answered):
    for peer in peers:
        hearsay.trying(peer, hearsay.untried(peer))
        if answered:
            hearsay.proved(peer)
        else:
            hearsay.refuted(peer)


def test_who_told_of_two_that_could_not_be_reached_is_doubted(hearsay):
    told(hearsay, b"liar", b"a", b"b", b"c")
    tried(hearsay, b"a", answered=False)
    assert not hearsay.is_doubted(b"c")
    tried(hearsay, b"b", answered=False)
    assert hearsay.is_doubted(b"c")


def test_as_many_that_answered_make_up_for_it(hearsay):
    told(hearsay, b"teller", b"a", b"b", b"c", b"d", b"e")
    tried(hearsay, b"a", b"b", answered=False)
    tried(hearsay, b"c", b"d", answered=True)
    assert not hearsay.is_doubted(b"e")


def test_whom_anybody_else_told_of_is_not_doubted_nor_whom_we_know(hearsay):
    hearsay.vouch(b"known", ("at home",))
    told(hearsay, b"liar", b"a", b"b", b"c", b"known")
    told(hearsay, b"honest", b"c")
    tried(hearsay, b"a", b"b", answered=False)
    assert not hearsay.is_doubted(b"c")
    assert not hearsay.is_doubted(b"known")
    assert not hearsay.is_doubted(b"never heard of")


def test_what_is_known_already_counts_at_once_and_once(hearsay):
    told(hearsay, b"other", b"a", b"b")
    tried(hearsay, b"a", b"b", answered=False)
    for _ in range(2):
        told(hearsay, b"liar", b"a")
    told(hearsay, b"liar", b"c")
    assert not hearsay.is_doubted(b"c")
    told(hearsay, b"liar", b"b")
    assert hearsay.is_doubted(b"c")


def test_a_peer_reached_at_last_speaks_for_who_told_where_and_nobody_else(hearsay):
    told(hearsay, b"liar", b"a", b"b", b"c")
    told(hearsay, b"teller", b"a", b"b")
    tried(hearsay, b"a", b"b", answered=False)
    for peer in (b"a", b"b"):
        hearsay.told(b"teller", peer, ("where it really is",))
    tried(hearsay, b"a", b"b", answered=True)
    told(hearsay, b"teller", b"d")
    assert not hearsay.is_doubted(b"d")
    assert hearsay.is_doubted(b"c")


def test_nobody_answers_for_addresses_that_another_told(hearsay):
    for peer in (b"a", b"b"):
        hearsay.told(b"liar", peer, ("false",))
        hearsay.trying(peer, hearsay.untried(peer))
        hearsay.told(b"honest", peer, ("true",))
        hearsay.refuted(peer)
        hearsay.told(b"later", peer, ("true",))
    told(hearsay, b"honest", b"c")
    told(hearsay, b"later", b"c")
    told(hearsay, b"liar", b"d")
    assert not hearsay.is_doubted(b"c")
    assert hearsay.is_doubted(b"d")


def test_one_peer_that_is_gone_counts_once_however_many_addresses_it_had(hearsay):
    hearsay.told(b"teller", b"a", ("1", "2"))
    hearsay.trying(b"a", ("1",))
    hearsay.refuted(b"a")
    hearsay.trying(b"a", ("2",))
    hearsay.refuted(b"a")
    told(hearsay, b"teller", b"b")
    assert not hearsay.is_doubted(b"b")


def test_addresses_are_taken_from_tellers_in_turn_ours_first_and_each_once(hearsay):
    hearsay.told(b"liar", b"a", ("f1", "f2", "f3", "f4", "f5"))
    hearsay.told(b"other", b"a", ("t1", "t2"))
    hearsay.vouch(b"a", ("o1",))
    assert hearsay.untried(b"a") == ("o1", "f1", "t1", "f2")
    hearsay.trying(b"a", hearsay.untried(b"a"))
    hearsay.told(b"third", b"a", ("f1", "x1"))
    assert hearsay.untried(b"a") == ("t2", "x1", "f3", "f4")
    assert hearsay.tried(b"a") == ("o1", "f1", "t1", "f2")


def test_those_who_are_doubted_come_last(hearsay):
    told(hearsay, b"liar", b"a", b"b")
    tried(hearsay, b"a", b"b", answered=False)
    hearsay.told(b"liar", b"c", ("f1",))
    hearsay.told(b"other", b"c", ("t1", "t2"))
    assert hearsay.untried(b"c") == ("t1", "f1", "t2")
