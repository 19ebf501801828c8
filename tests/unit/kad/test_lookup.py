"""One lookup: the order of its questions, its end, and what it makes of false hearsay."""

from __future__ import annotations

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.lookup import Lookup, Plan
from p2pchat.kad.table import kad_id
from p2pchat.wire.kad_codec import KadPeer

KEY = b"key"
CONFIG = KadConfig(k=4, alpha=2, alpha_max=3)


@pytest.fixture
def peers(cast):
    """Contacts, the nearest to the key first."""
    return [cast.contact(peer) for peer in cast.by_distance(KEY, 40)]


@pytest.fixture
def begin(cast):
    def make(*seeds, config=CONFIG, **plan):
        lookup = Lookup(cast.own, KEY, config, Plan(config.k, **plan))
        lookup.seed(seeds)
        return lookup

    return make


def test_the_nearest_are_asked_first_alpha_at_a_time(begin, peers):
    lookup = begin(*reversed(peers[:6]))
    assert lookup.next() == peers[:2]
    assert lookup.next() == []
    lookup.answered(peers[1].peer, [])
    assert lookup.next() == peers[2:4]


def test_alpha_rises_while_nobody_nearer_is_told_and_with_failures_up_to_its_limit(begin, peers):
    lookup = begin(*peers[5:15])
    assert lookup.next() == peers[5:7]
    lookup.answered(peers[5].peer, [peers[4]])
    assert lookup.next() == [peers[4]], "progress: still two in flight"
    lookup.failed(peers[6].peer)
    assert lookup.next() == peers[7:9], "a failure allows a third"
    lookup.failed(peers[7].peer)
    assert lookup.next() == [peers[9]]
    lookup.answered(peers[4].peer, [])
    assert len(lookup.next()) <= 1, "three is the limit"


def test_it_ends_when_the_k_nearest_have_answered_whatever_else_is_known(begin, peers):
    lookup = begin(*peers[:10])
    for peer in peers[:4]:
        assert not lookup.is_done
        lookup.next()
        lookup.answered(peer.peer, [])
    assert lookup.is_done
    assert lookup.next() == []
    assert lookup.closest == peers[:4]
    assert lookup.asked == 4


def test_it_waits_for_whom_it_asked_among_the_nearest(begin, peers):
    lookup = begin(peers[0])
    lookup.next()
    assert not lookup.is_done
    lookup.failed(peers[0].peer)
    assert lookup.is_done
    assert (lookup.closest, lookup.hops, lookup.asked) == ([], 0, 0)


def test_those_that_fail_are_replaced_by_the_next_nearest(begin, peers):
    lookup = begin(*peers[:6])
    silent = {peers[0].peer, peers[2].peer}
    while not lookup.is_done:
        for contact in lookup.next():
            if contact.peer in silent:
                lookup.failed(contact.peer)
            else:
                lookup.answered(contact.peer, [])
    assert lookup.closest == [peers[1], *peers[3:6]]


def test_hops_count_the_answers_that_led_to_a_peer(begin, peers):
    lookup = begin(peers[9])
    for n in (9, 8, 7):
        lookup.next()
        lookup.answered(peers[n].peer, [peers[n - 1]])
    assert [lookup.hops_to(peers[n].peer) for n in (9, 8, 7, 6)] == [0, 1, 2, 3]
    assert lookup.hops == 3


def test_we_are_never_a_candidate_of_our_own_lookup(begin, cast, peers):
    lookup = begin(cast.contact(cast.own), peers[3])
    lookup.next()
    lookup.answered(peers[3].peer, [cast.contact(cast.own)])
    assert lookup.is_done
    assert lookup.closest == [peers[3]]


def test_a_lookup_without_seeds_is_over(begin):
    lookup = begin()
    assert lookup.is_done
    assert lookup.next() == []
    assert lookup.told_addresses(b"anybody") == ()


def test_it_ends_after_so_many_queries_with_what_it_has(begin, peers):
    lookup = begin(*peers[:8], config=KadConfig(k=4, alpha=3, lookup_queries_max=3))
    assert lookup.next() == peers[:3]
    for peer in peers[:3]:
        assert not lookup.is_done
        lookup.answered(peer.peer, [])
        assert lookup.next() == []
    assert lookup.is_done
    assert lookup.closest == peers[:3]


def test_addresses_told_by_several_are_tried_together_within_bounds(begin, peers):
    target = peers[0].peer
    lookup = begin(*peers[1:10], config=KadConfig(k=10, alpha=9))
    for n, teller in enumerate(lookup.next()):
        lookup.answered(teller.peer, [KadPeer(target, (f"/ip4/10.0.0.{n}/tcp/1",))])
    (asked,) = lookup.next()
    assert asked.addresses == tuple(f"/ip4/10.0.0.{n}/tcp/1" for n in range(8))
    assert lookup.told_addresses(target)[:8] == asked.addresses


def test_a_liar_that_speaks_first_cannot_hide_a_peer(begin, peers):
    target = peers[0].peer
    false, true = KadPeer(target, ("/ip4/10.0.0.1/tcp/1",)), peers[0]
    lookup = begin(peers[5], peers[6])
    assert lookup.next() == peers[5:7]
    lookup.answered(peers[5].peer, [false])
    assert lookup.next() == [false]
    lookup.failed(target)
    lookup.answered(peers[6].peer, [false])
    assert lookup.is_done, "what was tried is not tried again"
    lookup.seed([true])
    assert lookup.next() == [true]
    more = KadPeer(target, ("/ip4/10.0.0.2/tcp/1",))
    lookup.seed([more])
    assert lookup.next() == [], "it is being asked"
    everything = (*true.addresses, *more.addresses, *false.addresses)
    assert lookup.told_addresses(target) == everything


def false_addresses(liar, number=8):
    return tuple(f"/ip4/10.9.{liar}.{n}/tcp/1" for n in range(number))


def test_what_is_told_of_a_peer_while_it_is_asked_is_tried_when_that_fails(begin, peers):
    target, true = peers[0].peer, peers[0]
    lookup = begin(peers[5], peers[6])
    lookup.next()
    lookup.answered(peers[5].peer, [KadPeer(target, false_addresses(1))])
    assert [asked.peer for asked in lookup.next()] == [target]
    lookup.answered(peers[6].peer, [true])
    lookup.failed(target)
    assert not lookup.is_done
    assert lookup.next() == [true]


def test_false_addresses_told_first_do_not_crowd_out_the_true_one(begin, peers):
    """Several liars tell before the peer is asked, as many addresses each as are kept."""
    target, true = peers[0].peer, peers[0]
    lookup = begin(*peers[1:6], config=KadConfig(k=4, alpha=5))
    *liars, honest = lookup.next()
    for n, liar in enumerate(liars):
        lookup.answered(liar.peer, [KadPeer(target, false_addresses(n))])
    lookup.answered(honest.peer, [true])
    (asked,) = lookup.next()
    assert true.addresses[0] in asked.addresses
    assert len(asked.addresses) == CONFIG.addresses_max


def test_a_liar_does_not_get_others_doubted_by_false_addresses(begin, peers):
    """It tells first of three honest peers. Who tells where they really are is believed after."""
    victims, (liar, honest), only = peers[1:4], peers[8:10], peers[0]
    config = KadConfig(k=8, alpha=3, alpha_max=3)
    lookup = begin(liar, honest, config=config)
    lookup.next()
    lookup.answered(liar.peer, [KadPeer(v.peer, false_addresses(n)) for n, v in enumerate(victims)])
    asked = lookup.next()
    assert asked
    lookup.answered(honest.peer, [*victims, only])
    for contact in asked:
        lookup.failed(contact.peer)
    answers = {contact.peer: () for contact in (*victims, only)}
    told_by(lookup, answers)
    assert only.peer in [contact.peer for contact in lookup.closest]
    assert {victim.peer for victim in victims} <= {contact.peer for contact in lookup.closest}


def test_a_peer_that_cannot_be_reached_has_three_attempts(begin, peers):
    target, attempts = peers[0].peer, 0
    lookup = begin(peers[5])
    lookup.next()
    for n in range(10):
        lookup.seed([KadPeer(target, (f"/ip4/10.0.0.{n}/tcp/1",))])
        for contact in lookup.next():
            attempts += 1
            lookup.failed(contact.peer)
    assert attempts == 3


def test_a_crowd_made_to_surround_the_key_does_not_end_the_lookup(begin, cast):
    honest = cast.by_distance(KEY, 400)[::10]
    radius = kad_id(honest[3]) ^ kad_id(KEY)
    crowd = cast.by_distance(KEY, 4000)[:20]
    assert kad_id(crowd[-1]) ^ kad_id(KEY) < radius / 2
    for expected, limit in ((True, radius), (False, 0)):
        lookup = begin(*map(cast.contact, crowd + honest), radius=limit)
        while contacts := lookup.next():
            for contact in contacts:
                lookup.answered(contact.peer, [])
        asked = {contact.peer for contact in lookup.closest}
        assert asked >= set(crowd[:4])
        assert (len(asked & set(honest)) >= 2) == expected


def test_without_a_crowd_the_radius_changes_nothing(begin, peers):
    expected = kad_id(peers[3].peer) ^ kad_id(KEY)
    for radius in (0, expected // 2, expected):
        lookup = begin(*peers[:20], radius=radius)
        while contacts := lookup.next():
            for contact in contacts:
                lookup.answered(contact.peer, [])
        assert lookup.closest == peers[:4]


def told_by(lookup, answers):
    """Walk to the end: `answers` by peer, silence of everybody else. Whom it asked, in order."""
    asked = []
    while contacts := lookup.next():
        for contact in contacts:
            asked.append(contact.peer)
            if contact.peer in answers:
                lookup.answered(contact.peer, answers[contact.peer])
            else:
                lookup.failed(contact.peer)
    assert lookup.is_done
    return asked


def test_nobody_is_asked_twice_whatever_the_number_of_paths(begin, peers):
    answers = {peer.peer: peers[:10] for peer in peers}
    for paths in (1, 2, 4):
        lookup = begin(*peers[20:30], paths=paths)
        asked = told_by(lookup, answers)
        assert len(asked) == len(set(asked))
        assert lookup.closest == peers[:4]


def test_what_a_peer_tells_stays_on_its_path(begin, peers):
    """The nearest seed tells of its gang, near and plentiful; the other path finds who is there."""
    gang, honest = peers[0:12:2], peers[1:12:2]
    answers = {peer.peer: gang for peer in (*gang, peers[20])}
    answers |= {peer.peer: honest for peer in (*honest, peers[30])}
    config = KadConfig(k=2, alpha=2, alpha_max=2)
    asked = told_by(begin(peers[20], peers[30], config=config, paths=2), answers)
    assert set(asked).intersection(peer.peer for peer in honest)


def test_a_path_is_not_over_before_two_that_we_know_ourselves_have_answered(begin, peers):
    """However near those are of whom the first one told."""
    gang = peers[:4]
    answers = {peer.peer: gang for peer in (*gang, peers[20])}
    answers[peers[30].peer] = [peers[2]]
    asked = told_by(begin(peers[20], peers[30], peers[35], config=CONFIG), answers)
    assert peers[30].peer in asked
    assert peers[35].peer not in asked


def test_paths_share_what_may_be_in_flight(begin, peers):
    lookup = begin(*peers[:12], config=KadConfig(k=4, alpha=3, alpha_max=3), paths=3)
    assert lookup.next() == peers[:3], "one of each path"
    lookup.failed(peers[0].peer)
    assert lookup.next() == [peers[3]], "the same path goes on"


def test_who_invents_peers_is_believed_no_longer(begin, peers, cast):
    """Twenty that do not exist cost two time-outs a liar, not twenty."""
    invented = peers[:12]
    lookup = begin(peers[20], peers[21], config=KadConfig(k=4, alpha=1, alpha_max=1))
    answers = {peers[20].peer: invented, peers[21].peer: [peers[15]], peers[15].peer: []}
    asked = told_by(lookup, answers)
    assert len(set(asked).intersection(peer.peer for peer in invented)) == 2
    assert lookup.closest == [peers[15], peers[20], peers[21]]


def test_peers_of_one_network_beyond_three_do_not_end_a_lookup(begin, peers):
    crowd = {peer.peer for peer in peers[:10]}
    networks = dict.fromkeys(crowd, ("4:c00002",))
    lookup = begin(*peers[:20], networks_of=lambda peer: networks.get(peer, ()))
    asked = told_by(lookup, {peer.peer: () for peer in peers})
    assert len(set(asked) - crowd) >= 1, "three of the network and one of another are the four"
    lookup = begin(*peers[:20])
    assert set(told_by(lookup, {peer.peer: () for peer in peers})) <= crowd
