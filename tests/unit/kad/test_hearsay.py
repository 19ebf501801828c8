"""Who told of whom, and what it was worth."""

from __future__ import annotations

from p2pchat.kad.hearsay import Hearsay


def test_who_told_of_two_that_could_not_be_reached_is_doubted():
    hearsay = Hearsay()
    for peer in (b"a", b"b", b"c"):
        hearsay.told(b"liar", peer)
    hearsay.refuted(b"a")
    assert not hearsay.is_doubted(b"c")
    hearsay.refuted(b"b")
    assert hearsay.is_doubted(b"c")


def test_as_many_that_answered_make_up_for_it():
    hearsay = Hearsay()
    for peer in (b"a", b"b", b"c", b"d", b"e"):
        hearsay.told(b"teller", peer)
    for peer in (b"a", b"b"):
        hearsay.refuted(peer)
    for peer in (b"c", b"d"):
        hearsay.proved(peer)
    assert not hearsay.is_doubted(b"e")


def test_whom_anybody_else_told_of_is_not_doubted_nor_whom_we_know():
    hearsay = Hearsay()
    hearsay.vouch(b"known")
    for peer in (b"a", b"b", b"c", b"known"):
        hearsay.told(b"liar", peer)
    hearsay.told(b"honest", b"c")
    for peer in (b"a", b"b"):
        hearsay.refuted(peer)
    assert not hearsay.is_doubted(b"c")
    assert not hearsay.is_doubted(b"known")
    assert not hearsay.is_doubted(b"never heard of")


def test_what_is_known_already_counts_at_once_and_once():
    hearsay = Hearsay()
    for peer in (b"a", b"b"):
        hearsay.refuted(peer)
    for _ in range(2):
        hearsay.told(b"liar", b"a")
    hearsay.told(b"liar", b"c")
    assert not hearsay.is_doubted(b"c")
    hearsay.told(b"liar", b"b")
    assert hearsay.is_doubted(b"c")


def test_a_peer_reached_at_last_speaks_for_who_told_of_it():
    hearsay = Hearsay()
    for peer in (b"a", b"b", b"c"):
        hearsay.told(b"teller", peer)
    for peer in (b"a", b"b"):
        hearsay.refuted(peer)
    for peer in (b"a", b"b"):
        hearsay.proved(peer)
    assert not hearsay.is_doubted(b"c")
