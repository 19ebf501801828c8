"""A lookup and what it believes, whatever it is told, in whatever order."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.kad.config import KadConfig
from p2pchat.kad.hearsay import Hearsay
from p2pchat.kad.lookup import Lookup, Plan
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import DeviceId
from p2pchat.wire.kad_codec import KadPeer

KEY = b"key"
CONFIG = KadConfig(k=4, alpha=2, alpha_max=5, lookup_queries_max=24, addresses_max=3)
PEERS = sorted(
    (DeviceId(sha256(bytes([n])).digest()).peer_id for n in range(60)),
    key=lambda peer: kad_id(peer) ^ kad_id(KEY),
)
OWN = PEERS.pop(30)
ATTEMPTS_MAX = 3
FIRST_HAND_MIN = 2

contacts = st.builds(
    KadPeer,
    st.sampled_from([OWN, *PEERS]),
    st.lists(st.sampled_from("abcdefgh"), max_size=4, unique=True).map(tuple),
)
answers = st.lists(contacts, max_size=12, unique_by=lambda contact: contact.peer)
outcomes = st.lists(st.tuples(st.integers(0, 9), st.none() | answers), max_size=60)
"""Whose turn it is among those in flight, and what it tells; None for silence."""
plans = st.builds(
    Plan,
    st.just(CONFIG.k),
    st.integers(1, 4),
    st.sampled_from([0, 1 << 200, 1 << 252, 1 << 255]),
    st.just(lambda peer: ("net",) if peer[-1] % 2 else ()),
)


class Walk:
    """A lookup played to its end, and everything that could be seen of it."""

    def __init__(self, seeds, script, plan=Plan(CONFIG.k)):  # noqa: B008
        self.lookup = Lookup(OWN, KEY, CONFIG, plan)
        self.told = [*seeds]
        self.asked = []
        self.answered = {}
        self.flying = []
        self.most = 0
        self.lookup.seed(seeds)
        self._ask()
        for turn, told in script:
            if self.flying:
                self._settle(self.flying.pop(turn % len(self.flying)), told)
        while self.flying:
            self._settle(self.flying.pop(0), None)

    def _settle(self, contact, told):
        if told is None:
            self.lookup.failed(contact.peer)
        else:
            self.answered[contact.peer] = contact
            self.told += told
            self.lookup.answered(contact.peer, told)
        self._ask()

    def _ask(self):
        for contact in self.lookup.next():
            assert contact.peer not in [one.peer for one in self.flying], "asked by two paths"
            assert contact.peer not in self.answered, "it has said what it knows"
            self.asked.append(contact)
            self.flying.append(contact)
        self.most = max(self.most, len(self.flying))


@given(answers, outcomes, plans)
def test_queries_are_bounded_and_the_lookup_ends_whatever_is_told(seeds, script, plan):
    walk = Walk(seeds, script, plan)
    assert walk.lookup.is_done
    assert walk.lookup.next() == []
    assert len(walk.asked) <= CONFIG.lookup_queries_max
    assert walk.most <= CONFIG.alpha_max
    attempts = Counter(contact.peer for contact in walk.asked)
    assert max(attempts.values(), default=0) <= ATTEMPTS_MAX


@given(answers, outcomes, plans)
def test_nobody_is_asked_twice_at_one_address_nor_again_without_any(seeds, script, plan):
    seen = {}
    for contact in Walk(seeds, script, plan).asked:
        before = seen.setdefault(contact.peer, [])
        assert len(contact.addresses) <= CONFIG.addresses_max
        assert contact.addresses or not before
        before += contact.addresses
    assert all(len(tried) == len(set(tried)) for tried in seen.values())


@given(answers, outcomes, plans)
def test_who_is_asked_was_heard_of_there_and_results_are_those_who_answered(seeds, script, plan):
    walk = Walk(seeds, script, plan)
    heard = {contact.peer for contact in walk.told} - {OWN}
    where = {(contact.peer, address) for contact in walk.told for address in contact.addresses}
    assert {contact.peer for contact in walk.asked} <= heard
    assert {(c.peer, address) for c in walk.asked for address in c.addresses} <= where
    closest = walk.lookup.closest
    assert closest == [walk.answered[contact.peer] for contact in closest]
    distances = [kad_id(contact.peer) ^ kad_id(KEY) for contact in closest]
    assert distances == sorted(distances)
    assert walk.lookup.asked == len(walk.answered)


@given(st.integers(2, 4), st.sets(st.integers(0, 58), min_size=8, max_size=40), st.data())
def test_a_liar_misleads_the_path_that_asked_it_and_no_other(paths, gang, data):
    """The gang tells of itself alone, the others tell of nobody: it costs one path's queries."""
    crowd = [KadPeer(peer, ("a",)) for n, peer in enumerate(PEERS) if n in gang]
    honest = [KadPeer(peer, ("a",)) for n, peer in enumerate(PEERS) if n not in gang][:12]
    liar = data.draw(st.sampled_from(crowd))
    members = {contact.peer for contact in crowd}
    lookup = Lookup(OWN, KEY, CONFIG, Plan(CONFIG.k, paths))
    lookup.seed([liar, *honest])
    asked = []
    while batch := lookup.next():
        asked += batch
        for contact in batch:
            if contact.peer in members and data.draw(st.booleans()):
                lookup.failed(contact.peer)
            else:
                lookup.answered(contact.peer, crowd if contact.peer in members else ())
    misled = sum(contact.peer in members for contact in asked)
    assert misled <= CONFIG.lookup_queries_max // paths
    assert len(asked) - misled >= FIRST_HAND_MIN * (paths - 1), "the others went on"


# Hearsay

TELLERS = [b"liar 1", b"liar 2", b"honest"]
SUBJECTS = [b"peer %d" % n for n in range(3)]
TRUE = "where it is"

tellings = st.lists(
    st.tuples(
        st.sampled_from(TELLERS),
        st.sampled_from(SUBJECTS),
        st.lists(st.sampled_from("abcdefgh"), max_size=6, unique=True).map(tuple),
    )
    | st.sampled_from(SUBJECTS).map(lambda peer: (b"", peer, ())),
    min_size=10,
    max_size=60,
)
"""Somebody tells, or a peer is asked, and has an outcome with the next turn of it."""


def played(history):
    """Everybody can be reached, where the honest one says, and that one is believed throughout.
    Answers the hearsay and what was tried of each, attempt by attempt."""
    hearsay = Hearsay(CONFIG.addresses_max)
    hearsay.told(b"honest", b"newcomer", (TRUE,))
    attempts = {peer: [] for peer in SUBJECTS}
    flying = {}
    for teller, peer, addresses in history:
        if teller:
            hearsay.told(teller, peer, (TRUE,) if teller == b"honest" else addresses)
        elif peer in flying:
            (hearsay.proved if TRUE in flying.pop(peer) else hearsay.refuted)(peer)
        elif TRUE not in hearsay.tried(peer):
            flying[peer] = hearsay.untried(peer)
            hearsay.trying(peer, flying[peer])
            attempts[peer].append(flying[peer])
        assert not hearsay.is_doubted(b"newcomer")
    return hearsay, attempts


@given(tellings)
def test_who_tells_the_truth_is_never_doubted_whatever_others_tell(history):
    _, attempts = played(history)
    assert all(TRUE not in attempt for tried in attempts.values() for attempt in tried[:-1])


@given(tellings)
def test_so_many_addresses_are_tried_at_once_and_each_once(history):
    hearsay, attempts = played(history)
    for peer, tried in attempts.items():
        flat = [address for attempt in tried for address in attempt]
        assert all(len(attempt) <= CONFIG.addresses_max for attempt in tried)
        assert len(flat) == len(set(flat))
        assert hearsay.tried(peer) == tuple(flat)
        assert not set(flat) & set(hearsay.untried(peer))


@given(tellings)
def test_each_teller_has_so_many_addresses_of_a_peer(history):
    hearsay, _ = played(history)
    for peer in SUBJECTS:
        tellers = {teller for teller, told, _ in history if teller and told == peer}
        while left := hearsay.untried(peer):
            hearsay.trying(peer, left)
        assert len(hearsay.tried(peer)) <= len(tellers) * CONFIG.addresses_max


@given(tellings)
def test_the_truth_is_tried_before_the_second_word_of_anybody(history):
    """However many liars there are, and however much they told before."""
    hearsay = Hearsay(CONFIG.addresses_max)
    for teller, peer, addresses in history:
        if teller not in (b"", b"honest"):
            hearsay.told(teller, peer, addresses)
    for peer in SUBJECTS:
        hearsay.told(b"honest", peer, (TRUE,))
        tried = []
        while TRUE not in tried:
            tried = hearsay.untried(peer)
            hearsay.trying(peer, tried)
        assert len(hearsay.tried(peer)) - len(tried) < len(TELLERS)
