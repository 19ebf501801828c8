"""Whom to be connected with, and never giving up on it."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.events import PeerConnected, PeerDisconnected
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.protocol import peering as peering_module
from p2pchat.protocol.peering import (
    BACK_OFF_S_MAX,
    DIALS_MAX,
    LAN_TRIES_MAX,
    LATELY_S,
    REMEMBER_EVERY_MS,
    REMEMBERED_TRIES_MAX,
    SHARE_MAX,
    TIMER,
    Announce,
    Blocked,
    Configured,
    Connect,
    Connected,
    DialFailed,
    Disconnected,
    Found,
    NetworkChanged,
    Peering,
    PeeringEffect,
    PeeringInput,
    Remember,
    Resolve,
    Resolved,
    Source,
    Unreachable,
    Wanted,
)
from p2pchat.protocol.places import ADDRESSES_MAX, OWN_ADDRESSES_MAX
from tests.unit.protocol.people import WALL_MS, person

ME = person("me").device.peer_id
A, B, C = (person(name).device.peer_id for name in "abc")


def at(port: int) -> tuple[str, ...]:
    return (f"/ip4/192.0.2.1/tcp/{port}",)


class Script:
    """Inputs in, effects out, with a clock that moves when told to."""

    def __init__(self, *remembered: PutPeer, mesh: int = 30) -> None:
        self.peering = Peering(ME, remembered, mesh, Random(1))
        self.now_s = 0.0

    @property
    def now(self) -> Now:
        return Now(WALL_MS + int(self.now_s * 1000), self.now_s)

    def start(self) -> list[PeeringEffect]:
        return self.peering.start(self.now)

    def hear(self, *inputs: PeeringInput) -> list[PeeringEffect]:
        """Everything decided but timers."""
        effects = [e for input in inputs for e in self.peering.handle(input, self.now)]
        effects += self.peering.settle(self.now)
        return [effect for effect in effects if not isinstance(effect, SetTimer)]

    def wait(self, seconds: float) -> list[PeeringEffect]:
        """Until the time is over, each timer firing when it is due."""
        until_s = self.now_s + seconds
        decided: list[PeeringEffect] = []
        while True:
            timers = [e for e in self.peering.settle(self.now) if isinstance(e, SetTimer)]
            if not timers or self.now_s + timers[0].delay_s > until_s:
                self.now_s = until_s
                return decided
            assert timers[0].name == TIMER
            self.now_s += timers[0].delay_s
            decided += self.hear(TimerFired(TIMER))


def test_remembered_peers_are_dialled_at_the_start():
    script = Script(PutPeer(A, at(1), 0))
    assert script.start() == [Connect(A, at(1))]
    assert script.hear(Connected(A, at(1))) == [
        Announce(PeerConnected(A)),
        Remember(PutPeer(A, at(1), WALL_MS)),
    ]
    assert script.peering.connected_count == 1


def test_a_peer_that_was_found_is_dialled_once():
    script = Script()
    assert script.hear(Found(A, at(1), Source.LISTED)) == [Connect(A, at(1))]
    assert script.hear(Found(A, at(1), Source.LISTED)) == []
    assert script.hear(Found(ME, at(9), Source.LISTED)) == []


def test_a_peer_without_an_address_is_not_looked_up_until_somebody_wants_it():
    script = Script()
    assert script.hear(Found(A, (), Source.LISTED)) == []
    assert script.hear(Wanted(A)) == [Resolve(A)]
    assert script.hear(Wanted(A)) == []
    assert script.hear(Resolved(A, at(1))) == [Connect(A, at(1))]
    assert script.hear(Connected(A, ())) == [Announce(PeerConnected(A))]


def test_hints_are_tried_before_a_look_up():
    script = Script()
    assert script.hear(Wanted(A, at(1))) == [Connect(A, at(1))]
    assert script.hear(DialFailed(A, "refused")) == [Resolve(A)]
    assert script.hear(Resolved(A, at(2))) == [Connect(A, at(2) + at(1))]
    assert script.hear(DialFailed(A, "refused, too")) == [Unreachable(A, "refused, too")]


def test_who_is_not_found_is_reported_to_who_wanted_it():
    script = Script()
    script.hear(Wanted(A))
    (report,) = script.hear(Resolved(A, ()))
    assert report == Unreachable(A, "not found in the network")
    assert script.hear(Wanted(A)) == [Resolve(A)]


def test_a_peer_that_nobody_wants_is_retried_for_ever_with_back_off():
    script = Script()
    script.hear(Found(A, at(1), Source.LISTED))
    assert script.hear(DialFailed(A, "no")) == []
    times: list[float] = []
    while len(times) < 20:
        assert script.wait(BACK_OFF_S_MAX + 1)
        times.append(script.now_s)
        script.hear(DialFailed(A, "no"))
    assert A in script.peering.known


def test_the_back_off_grows_to_a_minute_and_no_further():
    script = Script()
    script.hear(Found(A, at(1), Source.LISTED))
    for _ in range(10):
        script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    script.hear(DialFailed(A, "no"))
    waits = [e.delay_s for e in script.peering.settle(script.now) if isinstance(e, SetTimer)]
    assert BACK_OFF_S_MAX / 2 <= waits[0] <= BACK_OFF_S_MAX


def test_a_peer_that_was_only_heard_of_is_forgotten_after_three_failures():
    script = Script()
    script.hear(Found(A, at(1), Source.DISCOVERED))
    for _ in range(3):
        script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    assert A not in script.peering.known


def test_a_lost_peer_is_dialled_again_after_a_moment():
    script = Script()
    script.hear(Found(A, at(1), Source.LISTED), Connected(A, at(1)))
    assert script.hear(Disconnected(A)) == [Announce(PeerDisconnected(A))]
    assert script.wait(1) == [Connect(A, at(1))]


def test_until_when_a_peer_was_there_goes_to_disk_once_a_minute_at_most():
    script = Script(PutPeer(A, at(1), WALL_MS))
    script.hear(Connected(A, at(1)))
    script.wait(90)
    gone = Announce(PeerDisconnected(A))
    seen = PutPeer(A, at(1), WALL_MS + 90_000)
    assert script.hear(Disconnected(A)) == [gone, Remember(seen)]
    script.hear(Connected(A, at(1)))
    assert script.hear(Disconnected(A)) == [gone]


def test_who_was_lost_lately_is_tried_every_few_seconds_and_not_given_up():
    script = Script()
    script.hear(Connected(B, at(2)))  # somebody is there: it is not our network that fails
    script.hear(Found(A, at(1), Source.DISCOVERED), Connected(A, at(1)), Disconnected(A))
    lost_s, waits = script.now_s, list[float]()
    while script.now_s - lost_s < LATELY_S - BACK_OFF_S_MAX:
        before_s = script.now_s
        while not script.wait(0.5):
            pass
        waits.append(script.now_s - before_s)
        script.hear(DialFailed(A, "no"))
    assert max(waits) <= 8.5
    for _ in range(REMEMBERED_TRIES_MAX):
        script.wait(BACK_OFF_S_MAX)
        script.hear(DialFailed(A, "no"))
    assert A not in script.peering.known, "in the end it is"


def test_a_peer_that_comes_and_goes_makes_one_event_a_change_and_no_storm():
    script = Script(PutPeer(A, at(1), WALL_MS))
    script.start()
    dials = 0
    for _ in range(20):
        assert script.hear(Connected(A, at(1)), Connected(A, at(1))) == [Announce(PeerConnected(A))]
        assert script.hear(Disconnected(A), Disconnected(A)) == [Announce(PeerDisconnected(A))]
        dials += sum(isinstance(effect, Connect) for effect in script.wait(3))
    assert dials == 20
    assert len(script.peering.known) == 1


def test_whom_somebody_wants_while_it_is_being_lost_is_dialled_at_once():
    """The chat may hear of the end of a connection first, and ask at once."""
    script = Script(mesh=1)
    script.hear(Connected(A, at(1)), Wanted(A))
    effects = script.hear(Disconnected(A))
    assert effects == [Announce(PeerDisconnected(A)), Connect(A, at(1))]
    script.hear(DialFailed(A, "no"))
    assert script.hear(Resolved(A, ())) == [Unreachable(A, "not found in the network")]


def test_connections_are_sought_up_to_the_size_of_the_mesh():
    script = Script(mesh=3)
    peers = [person(f"peer {number}").device.peer_id for number in range(10)]
    effects = script.hear(*(Found(peer, at(1), Source.LISTED) for peer in peers))
    assert len(effects) == 3
    assert script.hear(Wanted(peers[9])) == [Connect(peers[9], at(1))]


def test_configured_peers_come_first():
    script = Script(mesh=1)
    found = [Found(A, at(1), Source.DISCOVERED), Found(B, at(2), Source.CONFIGURED)]
    assert script.hear(*found) == [Connect(B, at(2))]
    script.hear(Found(A, at(1), Source.REMEMBERED))
    assert script.peering.known[A].source is Source.REMEMBERED


def test_no_more_dials_are_under_way_than_may():
    script = Script(mesh=100)
    peers = [person(f"peer {number}").device.peer_id for number in range(40)]
    effects = script.hear(*(Found(peer, at(1), Source.LISTED) for peer in peers))
    assert len(effects) == DIALS_MAX
    assert len(script.hear(DialFailed(peers[0], "no"))) == 1


def test_a_changed_network_makes_everything_worth_trying_again():
    script = Script()
    script.hear(Found(A, at(1), Source.LISTED))
    for _ in range(6):
        script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    script.hear(DialFailed(A, "no"))
    assert script.hear(NetworkChanged()) == [Connect(A, at(1))]


def test_a_new_address_is_worth_trying_at_once():
    script = Script()
    script.hear(Found(A, at(1), Source.LISTED))
    script.hear(DialFailed(A, "no"))
    assert script.hear(Found(A, at(2), Source.LISTED)) == [Connect(A, at(2) + at(1))]


def test_addresses_of_one_peer_are_bounded_and_the_newest_stay():
    script = Script(mesh=1)
    script.hear(Connected(B, ()))
    for port in range(1, 40):
        script.hear(Found(A, at(port), Source.LISTED))
    addresses = script.peering.known[A].addresses
    assert len(addresses) == ADDRESSES_MAX
    assert addresses[0] == at(39)[0]


def test_what_others_tell_displaces_no_address_that_we_know_ourselves():
    script = Script(mesh=2)
    script.hear(Found(A, at(1), Source.CONFIGURED))
    script.hear(DialFailed(A, "it restarts"))
    script.hear(Connected(B, at(2)))
    script.hear(Disconnected(B))
    for port in range(3, 60):
        script.hear(Found(A, at(port), Source.DISCOVERED), Found(B, at(port), Source.LAN))
    for peer, own in ((A, at(1)), (B, at(2))):
        addresses = script.peering.known[peer].addresses
        assert addresses[:1] == own
        assert len(addresses) == ADDRESSES_MAX


def test_who_has_been_at_many_places_is_still_found_where_others_say_it_is():
    script = Script(mesh=1)
    for port in range(1, 30):
        script.hear(Connected(A, at(port)), Disconnected(A))
    script.hear(Found(A, at(99), Source.DISCOVERED))
    own = [at(port)[0] for port in range(29, 29 - OWN_ADDRESSES_MAX, -1)]
    assert script.peering.known[A].addresses == (*own, *at(99))


def test_hearsay_about_a_peer_that_is_waited_for_makes_nobody_dial_at_once():
    script = Script()
    script.hear(Found(A, at(1), Source.CONFIGURED))
    script.hear(DialFailed(A, "it restarts"))
    assert not [
        effect
        for port in range(2, 9)
        for effect in script.hear(Found(A, at(port), Source.DISCOVERED))
        if isinstance(effect, Connect)
    ]


def test_a_look_up_is_tried_first_where_it_found_the_peer_and_then_where_it_was():
    script = Script()
    script.hear(Connected(A, at(1)), Disconnected(A))
    script.hear(Wanted(A))
    assert script.hear(DialFailed(A, "not there")) == [Resolve(A)]
    found = tuple(at(port)[0] for port in range(2, 200))
    assert script.hear(Resolved(A, found)) == [Connect(A, found[:OWN_ADDRESSES_MAX] + at(1))]


def test_news_that_come_too_late_change_nothing():
    script = Script()
    for late in (
        Resolved(A, at(1)),
        DialFailed(A, "no"),
        Disconnected(A),
        TimerFired(TIMER),
    ):
        assert script.hear(late) == []
    script.hear(Connected(A, ()))
    assert script.hear(DialFailed(A, "another dial")) == []
    assert script.hear(Resolved(A, at(1))) == []
    assert script.peering.connected_count == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peering_module, "KNOWN_MAX", 3)
    monkeypatch.setattr(peering_module, "REMEMBERED_MAX", 2)


@pytest.mark.usefixtures("small")
def test_who_is_worth_least_makes_room():
    script = Script(mesh=1)
    script.hear(Connected(A, ()))
    script.hear(Found(B, at(1), Source.DISCOVERED), Found(C, at(1), Source.LISTED))
    fresh = person("fresh").device.peer_id
    script.hear(Found(fresh, at(1), Source.CONFIGURED))
    assert set(script.peering.known) == {A, C, fresh}
    script.hear(Found(B, at(1), Source.DISCOVERED))
    assert B not in script.peering.known


@pytest.mark.usefixtures("small")
def test_who_is_wanted_is_not_forgotten_before_it_is_answered():
    script = Script(mesh=1)
    wanted = [person(f"wanted {number}").device.peer_id for number in range(3)]
    script.peering.handle(Found(A, at(1), Source.LISTED), script.now)
    for peer in wanted:
        script.peering.handle(Wanted(peer), script.now)
    assert A not in script.peering.known
    assert script.hear(Wanted(B))[0] == Unreachable(B, "too many peers are known")
    assert set(script.peering.known) == set(wanted)


@pytest.mark.usefixtures("small")
def test_a_connection_beyond_what_can_be_known_is_not_followed():
    script = Script()
    script.hear(*(Connected(peer, ()) for peer in (A, B, C)))
    assert script.hear(Connected(person("fresh").device.peer_id, ())) == []


@pytest.mark.usefixtures("small")
def test_the_peer_seen_longest_ago_is_forgotten_on_disk():
    script = Script()
    for peer in (A, B):
        script.hear(Connected(peer, at(1)))
        script.now_s += 1
    assert Remember(DropPeer(A)) in script.hear(Connected(C, at(1)))


def test_where_a_peer_is_goes_to_disk_when_that_is_news():
    script = Script()
    script.hear(Connected(A, at(1)))
    assert script.hear(Connected(A, at(1))) == []
    moved = script.hear(Connected(A, at(2)))
    assert moved == [Remember(PutPeer(A, at(2), WALL_MS))]
    script.now_s += REMEMBER_EVERY_MS / 1000
    assert len(script.hear(Connected(A, at(2)))) == 1
    assert script.hear(Connected(B, ())) == [Announce(PeerConnected(B))]


def test_a_peer_without_a_chat_key_is_a_peer():
    relay = PeerId(b"\x12\x20" + bytes(32))
    script = Script()
    assert script.hear(Found(relay, at(1), Source.CONFIGURED)) == [Connect(relay, at(1))]


def test_who_came_to_us_is_not_remembered_until_we_have_reached_it():
    script = Script()
    assert script.hear(Connected(A, (), at(1))) == [Announce(PeerConnected(A))]
    assert script.peering.known[A].source is Source.DISCOVERED
    script.hear(Disconnected(A))
    assert script.wait(2) == [Connect(A, at(1))]
    assert Remember(PutPeer(A, at(1), WALL_MS + 2000)) in script.hear(Connected(A, at(1)))


def test_throw_away_identities_leave_room_for_others_and_no_row():
    script = Script(mesh=0)
    for number in range(SHARE_MAX[Source.DISCOVERED] + 10):
        stranger = PeerId(b"\x12\x20" + number.to_bytes(32, "big"))
        script.hear(Found(stranger, at(1), Source.DISCOVERED))
    assert len(script.peering.known) == SHARE_MAX[Source.DISCOVERED]
    script.hear(Found(A, at(1), Source.LISTED))
    assert A in script.peering.known


def test_a_remembered_peer_that_fails_while_others_answer_is_forgotten_on_disk():
    script = Script(PutPeer(A, at(1), 0))
    script.hear(Connected(B, ()))
    effects: list[PeeringEffect] = []
    for _ in range(REMEMBERED_TRIES_MAX):
        effects += script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    assert effects == [Remember(DropPeer(A))]
    assert A not in script.peering.known


@pytest.mark.parametrize("source", [Source.CONFIGURED, Source.WANTED])
def test_who_was_asked_for_is_never_given_up(source: Source):
    script = Script()
    script.hear(Connected(B, ()), Found(A, at(1), source))
    for _ in range(REMEMBERED_TRIES_MAX + 8):
        script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    assert A in script.peering.known


def test_announced_addresses_go_to_disk_once_a_minute_and_a_dialled_one_at_once():
    script = Script()
    script.hear(Connected(A, at(1)))
    rows = sum(len(script.hear(Connected(A, at(1), at(port)))) for port in range(2, 50))
    assert rows == 0
    assert script.hear(Connected(A, at(9))) == [Remember(PutPeer(A, at(9), WALL_MS))]
    script.now_s += 60
    (row,) = script.hear(Connected(A, (), at(7)))
    assert row == Remember(PutPeer(A, at(7) + at(9), WALL_MS + 60_000))


@pytest.mark.usefixtures("small")
def test_a_configured_peer_stays_what_it_is_when_its_row_on_disk_goes():
    script = Script()
    script.hear(Found(A, at(1), Source.CONFIGURED))
    for peer in (A, B):
        script.hear(Connected(peer, at(1)))
        script.now_s += 1
    assert Remember(DropPeer(A)) in script.hear(Connected(C, at(1)))
    assert script.peering.known[A].source is Source.CONFIGURED


# Blocking

ONLY_A = BlockList(frozenset({A}))
NEAR = BlockList.parse(subnets=["192.0.2.0/24"])
FAR = ("/ip4/198.51.100.1/tcp/1",)


def row(peer: PeerId, *addresses: str) -> PutPeer:
    return PutPeer(peer, addresses, WALL_MS)


def test_a_blocked_peer_is_not_dialled_and_not_remembered():
    script = Script(row(A, *at(1)))
    assert script.hear(Blocked(ONLY_A)) == [Remember(DropPeer(A))]
    assert script.wait(3600) == []
    assert script.hear(Found(A, at(2), Source.LISTED), Wanted(A)) == [
        Unreachable(A, "the peer is blocked")
    ]
    assert script.wait(3600) == []


def test_who_waits_for_a_peer_that_is_blocked_is_told():
    script = Script()
    script.hear(Wanted(A, at(1)))
    assert script.hear(Blocked(ONLY_A)) == [Unreachable(A, "the peer is blocked")]
    assert script.hear(DialFailed(A, "the peer is blocked")) == []


def test_a_blocked_peer_that_was_connected_goes_and_does_not_come_back():
    script = Script()
    script.hear(Connected(A, at(1)))
    assert script.hear(Blocked(ONLY_A)) == [Remember(DropPeer(A))]
    assert script.hear(Disconnected(A)) == [Announce(PeerDisconnected(A))]
    assert script.wait(3600) == []
    assert script.hear(Connected(A, at(1))) == []


def test_a_peer_that_is_welcome_again_is_dialled_where_it_was():
    script = Script(row(A, *at(1)))
    script.hear(Blocked(ONLY_A))
    script.wait(60)
    assert script.hear(Blocked(NOBODY)) == [Connect(A, at(1))]


def test_blocked_peers_make_room_first():
    script = Script(row(A, *at(1)))
    script.hear(Blocked(ONLY_A))
    assert script.peering.known[A].source is Source.DISCOVERED


def test_a_configured_peer_stays_configured_while_it_is_blocked():
    script = Script()
    script.hear(Found(A, at(1), Source.CONFIGURED))
    script.hear(DialFailed(A, "down"))
    script.hear(Blocked(ONLY_A))
    assert script.wait(3600) == []
    assert script.hear(Blocked(NOBODY)) == [Connect(A, at(1))]
    assert script.peering.known[A].source is Source.CONFIGURED


def test_addresses_in_a_blocked_subnet_are_neither_learnt_nor_dialled():
    script = Script(row(A, *at(1)))
    assert script.hear(Blocked(NEAR)) == []
    script.hear(Found(B, at(2), Source.DISCOVERED))
    assert script.wait(3600) == []
    assert script.hear(Found(B, at(3) + FAR, Source.DISCOVERED)) == [Connect(B, FAR)]
    assert script.hear(Wanted(C, at(4))) == [Resolve(C)]
    assert script.hear(Resolved(C, at(4))) == [Unreachable(C, "not found in the network")]


def test_a_peer_connected_elsewhere_is_remembered_without_its_blocked_addresses():
    script = Script()
    script.hear(Blocked(NEAR))
    effects = script.hear(Connected(A, FAR, at(1)))
    assert Remember(PutPeer(A, FAR, WALL_MS)) in effects


def test_a_subnet_that_is_welcome_again_is_dialled_again():
    script = Script(row(A, *at(1), *FAR))
    assert script.hear(Blocked(NEAR)) == [Connect(A, FAR)]
    script.hear(DialFailed(A, "down"))
    assert script.hear(Blocked(NOBODY)) == [Connect(A, FAR + at(1))]


def test_who_is_taken_out_of_the_configuration_is_given_up_like_others():
    script = Script()
    for peer in (A, B):
        script.hear(Found(peer, at(1), Source.CONFIGURED), DialFailed(peer, "down"))
    script.hear(Configured(frozenset({B})))
    sources = {peer: known.source for peer, known in script.peering.known.items()}
    assert sources == {A: Source.LISTED, B: Source.CONFIGURED}


def test_who_was_reached_and_is_taken_out_of_the_configuration_stays_remembered():
    script = Script()
    script.hear(Found(A, at(1), Source.CONFIGURED), Connected(A, at(1)))
    script.hear(Configured(frozenset()))
    assert script.peering.known[A].source is Source.REMEMBERED


def test_who_speaks_up_on_our_own_network_is_dialled_at_once_whatever_failed_before():
    script = Script()
    assert script.hear(Found(A, at(1), Source.LAN)) == [Connect(A, at(1))]
    assert script.hear(DialFailed(A, "refused")) == []
    assert script.hear(Found(A, at(1), Source.LISTED)) == []
    assert script.hear(Found(A, at(1), Source.LAN)) == [Connect(A, at(1))]
    assert script.hear(Found(A, at(1), Source.LAN)) == []


def test_liars_on_our_own_network_fill_their_share_of_the_table_and_no_more():
    script = Script(PutPeer(B, at(2), 0))
    for number in range(SHARE_MAX[Source.LAN] + 10):
        stranger = person(f"liar {number}").device.peer_id
        script.hear(Found(stranger, at(1), Source.LAN))
    assert len(script.peering.known) == SHARE_MAX[Source.LAN] + 1
    assert B in script.peering.known


def test_who_was_heard_on_the_lan_and_does_not_answer_is_forgotten_in_the_end():
    script = Script()
    script.hear(Connected(B, at(2)))  # somebody is there: it is not our network that fails
    script.hear(Found(A, at(1), Source.LAN))
    for _ in range(LAN_TRIES_MAX):
        assert A in script.peering.known
        script.hear(DialFailed(A, "no"))
        script.wait(BACK_OFF_S_MAX)
    assert A not in script.peering.known
