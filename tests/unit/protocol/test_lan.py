"""LAN discovery, as scripts: what is heard, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_network
from random import Random

import pytest

from p2pchat.config import LanConfig
from p2pchat.events import LanClockDiffers, LanPeerFound, LanPeerLost
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.lan import LanRefusal
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.protocol import lan
from p2pchat.protocol.lan import (
    INTERFACES_MAX,
    PATIENCE_S,
    PEERS_MAX,
    PEERS_PER_SOURCE_MAX,
    WINDOW_MS,
    Advertised,
    BlocksChanged,
    Confined,
    Datagram,
    InterfacesChanged,
    LanIdentity,
    LanMachine,
    Linked,
    Reachable,
    Tell,
    Transmit,
)
from p2pchat.protocol.lan_guard import NONCES_MAX, SOURCE_DATAGRAMS
from p2pchat.wire.lan_codec import LanKind, LanPacket, decode_lan, encode_lan

ME, BOB, CAROL = (DeviceId(letter * 32).peer_id for letter in (b"m", b"b", b"c"))
HERE = IPv4Interface("10.77.0.1/24")
THERE = IPv4Address("10.77.0.2")
BROADCAST = IPv4Address("10.77.0.255")
KEY = b"k" * 32
BOB_AT = "/ip4/10.77.0.2/tcp/19123"


class Script:
    """One machine, a clock, and packets made by others."""

    def __init__(self, key: bytes | None = None, **config) -> None:
        self.now = Now(1_767_225_600_000, 1000.0)
        self.rng = Random(7)
        me = LanIdentity(peer=ME, name="Me", listen_port=19123, key=key)
        self.machine = LanMachine(me, LanConfig(enabled=True, **config), Random(1))
        self.key = key
        self.begun = self.machine.start(self.now)
        self.greeted = self.hear(InterfacesChanged((IPv4Interface("127.0.0.1/8"), HERE)))

    def hear(self, *inputs):
        effects = []
        for input in inputs:
            effects += self.machine.handle(input, self.now)
        return effects + self.machine.settle(self.now)

    def wait(self, seconds: float) -> None:
        self.now = Now(self.now.wall_ms + int(seconds * 1000), self.now.monotonic_s + seconds)

    def packet(self, kind: LanKind, node: PeerId = BOB, **fields) -> LanPacket:
        packet = LanPacket(kind, node, "Bob", 19123, self.now.wall_ms, self.rng.randbytes(16))
        return replace(packet, **fields)

    def datagram(self, kind=LanKind.HEARTBEAT, node=BOB, source=THERE, **fields) -> Datagram:
        return Datagram(source, 40_000, encode_lan(self.packet(kind, node, **fields), self.key))

    def says(self, kind: LanKind = LanKind.HEARTBEAT, **given):
        return self.hear(self.datagram(kind, **given))

    def refused(self) -> dict[str, int]:
        return dict(self.machine.refused)


def kinds(effects) -> list[tuple[LanKind, IPv4Address]]:
    """What is said, and to whom."""
    sent = [effect for effect in effects if isinstance(effect, Transmit)]
    return [(decode_lan(effect.data).packet.kind, effect.address) for effect in sent]


def told(effects) -> list[object]:
    return [effect.event for effect in effects if isinstance(effect, Tell)]


FOUND = [Tell(LanPeerFound(BOB, "Bob", BOB_AT)), Reachable(BOB, (BOB_AT,))]


# Coming and going


def test_who_comes_says_hello_to_each_of_its_networks_and_again_for_those_who_missed_it():
    script = Script()
    assert kinds(script.greeted) == [(LanKind.HELLO, BROADCAST)]
    timers = [effect for effect in script.greeted if isinstance(effect, SetTimer)]
    assert [timer.delay_s for timer in timers] == list(lan.GREETINGS_S)
    assert kinds(script.hear(TimerFired(timers[0].name))) == [(LanKind.HELLO, BROADCAST)]


def test_a_hello_is_answered_by_one_heartbeat_to_where_it_came_from():
    script = Script()
    effects = script.says(LanKind.HELLO)
    assert effects[:2] == FOUND
    assert kinds(effects) == [(LanKind.HEARTBEAT, THERE)]
    assert effects[2].port == 40_000


def test_a_heartbeat_is_not_answered_and_says_nothing_new_the_second_time():
    script = Script()
    assert script.says(LanKind.HEARTBEAT) == FOUND
    assert script.says(LanKind.HEARTBEAT) == []


def test_our_answer_names_us_and_the_port_that_is_really_bound():
    script = Script()
    sent = decode_lan(script.says(LanKind.PROBE)[-1].data).packet
    assert (sent.node, sent.name, sent.listen_port) == (ME, "Me", 19123)
    assert sent.time_ms == script.now.wall_ms


def test_we_say_that_we_are_here_all_the_time():
    script = Script()
    beat = next(t for t in script.begun if t.name == lan.HEARTBEAT)
    effects = script.hear(TimerFired(lan.HEARTBEAT))
    assert kinds(effects) == [(LanKind.HEARTBEAT, BROADCAST)]
    assert 13 <= beat.delay_s <= 15
    assert effects[-1].name == lan.HEARTBEAT


def test_silence_ends_an_entry_after_its_time():
    script = Script()
    script.says()
    script.wait(44)
    assert told(script.hear(TimerFired(lan.EXPIRY))) == []
    script.wait(1)
    assert told(script.hear(TimerFired(lan.EXPIRY))) == [LanPeerLost(BOB)]
    assert script.machine.peers == {}


def test_a_goodbye_ends_an_entry_at_once_and_a_second_one_nothing():
    script = Script()
    script.says()
    assert script.says(LanKind.GOODBYE) == [Tell(LanPeerLost(BOB))]
    assert script.says(LanKind.GOODBYE) == []


def test_leaving_we_say_goodbye():
    script = Script()
    assert kinds(script.machine.farewell(script.now)) == [(LanKind.GOODBYE, BROADCAST)]


def test_a_peer_that_moved_is_reachable_where_it_is_now():
    script = Script()
    script.says()
    moved = script.says(listen_port=20_000)
    assert moved == [Reachable(BOB, ("/ip4/10.77.0.2/tcp/20000",))]
    assert len(script.machine.peers) == 1


def test_who_comes_again_without_a_goodbye_is_dialled_again():
    script = Script()
    script.says()
    assert script.says(LanKind.HELLO)[0] == Reachable(BOB, (BOB_AT,))


def test_coming_and_going_20_times_a_minute_is_one_entry_one_event_a_change_and_few_dials():
    script = Script()
    events, dials = [], 0
    for _ in range(100):
        script.wait(1.5)
        came = script.says(LanKind.HELLO)
        script.wait(1.5)
        events += told(came) + told(script.says(LanKind.GOODBYE))
        dials += sum(isinstance(effect, Reachable) for effect in came)
    assert events == [LanPeerFound(BOB, "Bob", BOB_AT), LanPeerLost(BOB)] * 100
    assert dials == 100


def test_coming_and_going_faster_than_that_is_not_followed_each_time():
    script = Script()
    found = 0
    for _ in range(200):
        script.wait(0.2)
        found += len(told(script.says(LanKind.HELLO)))
        script.wait(0.2)
        script.says(LanKind.GOODBYE)
    assert found <= 8 + 0.5 * 80
    assert script.refused()["comes and goes too often"] > 100


# In the name of others

ELSEWHERE = IPv4Address("10.77.0.66")
LIE = "/ip4/10.77.0.66/tcp/19123"


def test_a_goodbye_from_elsewhere_is_not_believed():
    script = Script()
    script.says()
    assert script.says(LanKind.GOODBYE, source=ELSEWHERE) == []
    assert script.machine.peers[BOB].address == BOB_AT
    assert script.refused() == {"is elsewhere": 1}


@pytest.mark.parametrize("kind", [LanKind.HELLO, LanKind.HEARTBEAT])
def test_who_speaks_for_a_peer_elsewhere_gets_a_dial_and_the_peer_stays_where_it_is(kind):
    script = Script()
    script.says()
    effects = script.says(kind, source=ELSEWHERE)
    assert effects[0] == Reachable(BOB, (LIE,))
    assert told(effects) == []
    assert script.machine.peers[BOB].address == BOB_AT


def test_however_much_is_said_in_its_name_a_peer_can_still_come_and_go():
    script = Script()
    for _ in range(60):
        script.wait(0.5)
        script.says(LanKind.HELLO, source=ELSEWHERE)
        script.says(LanKind.GOODBYE, source=ELSEWHERE)
    assert script.says(LanKind.HELLO)[:2] == FOUND
    for _ in range(20):
        script.wait(0.5)
        script.says(LanKind.HELLO, source=ELSEWHERE)
        script.says(LanKind.GOODBYE, source=ELSEWHERE)
    assert script.says(LanKind.GOODBYE) == [Tell(LanPeerLost(BOB))]
    assert script.says(LanKind.HELLO)[:2] == FOUND


def test_a_peer_whose_place_is_taken_by_a_lie_is_dialled_where_it_really_is():
    script = Script()
    script.says(source=ELSEWHERE)
    assert Reachable(BOB, (BOB_AT,)) in script.says(LanKind.HELLO)


def test_a_peer_that_is_silent_for_a_heartbeat_has_moved_to_where_it_is_heard():
    script = Script()
    script.says()
    script.wait(LanConfig().heartbeat_s)
    assert script.says(source=ELSEWHERE) == [Reachable(BOB, (LIE,))]
    assert script.machine.peers[BOB].address == LIE
    assert script.says(LanKind.GOODBYE) == []
    assert script.says(LanKind.GOODBYE, source=ELSEWHERE) == [Tell(LanPeerLost(BOB))]


def test_a_forged_advertisement_does_not_use_up_the_pace_of_the_peer_it_names():
    script = Script()
    for _ in range(20):
        script.hear(Advertised(BOB, (LIE,)))
    assert script.hear(Advertised(BOB, (BOB_AT,))) == [Reachable(BOB, (BOB_AT,))]


# The filter, in its order


def refusal(script: Script, datagram: Datagram) -> str | None:
    """Why a datagram was refused."""
    before = script.machine.refused.copy()
    effects = script.hear(datagram)
    new = script.machine.refused - before
    assert not (new and any(isinstance(e, Reachable | Transmit) for e in effects))
    return next(iter(new), None)


def test_the_first_reason_not_to_take_a_packet_counts():
    script = Script(KEY)
    blocks = BlockList(frozenset({BOB}), frozenset({ip_network("10.77.0.0/30")}))
    script.hear(BlocksChanged(blocks))
    old = script.now.wall_ms - WINDOW_MS - 1
    outside = IPv4Address("192.0.2.1")
    wrong = encode_lan(script.packet(LanKind.HELLO, ME, time_ms=old), b"w" * 32)
    assert refusal(script, Datagram(THERE, 1, wrong)) == "our own"
    wrong = encode_lan(script.packet(LanKind.HELLO, BOB, time_ms=old), b"w" * 32)
    assert refusal(script, Datagram(THERE, 1, wrong)) == "the peer is blocked"
    wrong = encode_lan(script.packet(LanKind.HELLO, CAROL, time_ms=old), b"w" * 32)
    assert refusal(script, Datagram(THERE, 1, wrong)) == "its address is in a blocked subnet"
    assert refusal(script, Datagram(outside, 1, wrong)).endswith("outside the allowed subnets")
    near = IPv4Address("10.77.0.9")
    assert refusal(script, Datagram(near, 1, wrong)) == "wrong secret"
    late = script.datagram(node=CAROL, source=near, time_ms=old)
    assert refusal(script, late) == "clock differs"
    good = script.datagram(node=CAROL, source=near)
    assert refusal(script, good) is None
    assert refusal(script, good) == "seen before"
    assert list(script.machine.peers) == [CAROL]


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"\x0a\x00", bytes(2000)])
def test_what_does_not_decode_is_counted_and_nothing_else(data):
    script = Script()
    assert refusal(script, Datagram(THERE, 1, data)) in {
        "MalformedMessage",
        "UnknownVersion",
        "FrameTooLarge",
    }
    assert script.machine.peers == {}


def test_who_has_another_secret_or_none_is_not_there():
    with_secret, open_lan = Script(KEY), Script()
    assert refusal(with_secret, open_lan.datagram()) == "wrong secret"
    assert refusal(open_lan, with_secret.datagram()) == "wrong secret"


@pytest.mark.parametrize(("off_ms", "is_heard"), [(WINDOW_MS, True), (WINDOW_MS + 1, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_window_is_a_minute_and_a_half_to_either_side(off_ms, is_heard, sign):
    script = Script()
    effects = script.says(time_ms=script.now.wall_ms + sign * off_ms)
    assert (BOB in script.machine.peers) is is_heard
    if not is_heard:
        assert told(effects) == [LanClockDiffers(BOB, "Bob", sign * off_ms / 1000)]


def test_a_clock_that_differs_is_told_of_once_a_minute():
    script = Script()
    told_of = []
    for _ in range(130):
        script.wait(1)
        told_of += told(script.says(time_ms=0))
    assert len(told_of) == 3


def test_who_has_another_secret_is_not_told_that_its_clock_differs():
    script = Script(KEY)
    packet = script.packet(LanKind.HELLO, time_ms=0)
    assert told(script.hear(Datagram(THERE, 1, encode_lan(packet, b"w" * 32)))) == []


@pytest.mark.parametrize(("key", "off_ms"), [(b"w" * 32, 0), (None, 0), (KEY, 10 * WINDOW_MS)])
def test_a_hello_that_is_not_taken_brings_our_heartbeat_forward(key, off_ms):
    """So whoever came with another secret, or another clock, soon hears that somebody is there."""
    script = Script(KEY)

    def hello() -> list[SetTimer]:
        packet = script.packet(LanKind.HELLO, time_ms=script.now.wall_ms + off_ms)
        effects = script.hear(Datagram(THERE, 1, encode_lan(packet, key)))
        assert kinds(effects) == [], "nothing is sent to where it came from"
        return [effect for effect in effects if isinstance(effect, SetTimer)]

    [timer] = hello()
    assert timer.name == lan.HEARTBEAT
    assert timer.delay_s <= lan.HURRY_S
    assert hello() == [], "as often as strangers like it"
    script.wait(5)
    assert len(hello()) == 1


def test_a_heartbeat_that_is_not_taken_brings_nothing_forward():
    script = Script(KEY)
    packet = script.packet(LanKind.HEARTBEAT)
    assert script.hear(Datagram(THERE, 1, encode_lan(packet, None))) == []


def test_what_was_refused_lately_is_forgotten_while_the_counters_stay():
    script = Script(KEY)
    lately = script.machine.refusals.lately
    wrong = Datagram(THERE, 1, encode_lan(script.packet(LanKind.HEARTBEAT), None))
    script.hear(wrong, wrong)
    assert lately(script.now.monotonic_s) == {LanRefusal.WRONG_SECRET: 2}
    script.wait(61)
    assert lately(script.now.monotonic_s) == {}
    assert script.refused() == {"wrong secret": 2}


def test_what_a_setting_refused_is_no_evidence_once_it_is_taken_back():
    script = Script()
    script.hear(Confined((IPv4Network("10.99.0.0/16"),)))
    script.says()
    now_s = script.now.monotonic_s
    assert script.machine.refusals.lately(now_s) == {LanRefusal.OUTSIDE: 1}
    script.hear(Confined(()))
    assert script.machine.refusals.lately(now_s) == {}


def test_a_nonce_is_remembered_twice_as_long_as_a_packet_is_good():
    script = Script()
    early = script.datagram(time_ms=script.now.wall_ms + WINDOW_MS)
    script.hear(early)
    script.wait(2 * WINDOW_MS / 1000 - 0.001)
    assert refusal(script, early) == "seen before"
    script.wait(0.002)
    script.says()  # whatever is heard next sweeps
    assert refusal(script, early) == "clock differs"


def test_where_subnets_are_configured_nothing_else_counts():
    script = Script(allowed_subnets=("10.88.0.0/24",))
    assert kinds(script.greeted) == []
    assert refusal(script, script.datagram()).endswith("outside the allowed subnets")
    assert refusal(script, script.datagram(source=IPv4Address("10.88.0.5"))) is None


# Bounds


def test_a_source_that_says_too_much_is_not_listened_to_and_others_are():
    script = Script()
    for _ in range(SOURCE_DATAGRAMS.burst + 5):
        script.says()
    assert script.refused() == {"too many datagrams": 5}
    script.says(node=CAROL, source=IPv4Address("10.77.0.3"))
    assert CAROL in script.machine.peers


def test_questions_are_answered_a_few_times_and_then_at_a_pace():
    script = Script()
    answers = 0
    for _ in range(20):
        answers += len(kinds(script.says(LanKind.PROBE)))
    assert answers == 5
    script.wait(1)
    assert len(kinds(script.says(LanKind.PROBE))) == 1


def test_an_answer_is_never_longer_than_its_question():
    script = Script()
    question = script.datagram(LanKind.PROBE)
    assert [len(e.data) for e in script.hear(question) if isinstance(e, Transmit)] == [
        len(question.data)
    ]
    body = decode_lan(script.datagram(LanKind.PROBE).data).body
    short = body[: body.index(b"\x7a")]  # before the padding
    assert refusal(script, Datagram(THERE, 1, b"\x0a" + bytes([len(short)]) + short)) == (
        "too short a question"
    )


def stranger(number: int) -> PeerId:
    return DeviceId(number.to_bytes(32, "big")).peer_id


def test_somebody_who_invents_peers_at_sixteen_addresses_keeps_nobody_out():
    script = Script()
    for number in range(PEERS_MAX):
        script.says(node=stranger(number), source=IPv4Address("10.77.0.100") + number // 16)
        script.wait(0.01)
    assert len(script.machine.peers) == PEERS_MAX
    assert FOUND[0] in script.says()
    assert len(script.machine.peers) == PEERS_MAX


def test_who_was_dialled_in_vain_makes_room_and_who_is_connected_does_not():
    """Every address of a network is spoken for, each by one."""
    script = Script(allowed_subnets=["10.77.0.0/16"])
    friends = [stranger(number) for number in range(10)]
    for number in range(PEERS_MAX):
        script.says(node=stranger(number), source=IPv4Address("10.77.1.0") + number)
    for friend in friends:
        script.hear(Linked(friend, is_up=True))
    assert script.says() == []
    assert script.refused()["too many peers"] == 1
    for _ in range(40):
        script.wait(1)
        script.says(node=stranger(10), source=IPv4Address("10.77.1.10"))
    assert FOUND[0] in script.says()
    for number in range(PEERS_MAX, 3 * PEERS_MAX):
        script.says(node=stranger(number), source=IPv4Address("10.77.1.0") + number % 256)
    assert set(friends) < script.machine.peers.keys()
    assert BOB in script.machine.peers, "it was not its turn yet, or just now"
    assert len(script.machine.peers) == PEERS_MAX


def test_who_was_connected_has_a_while_to_come_back():
    script = Script()
    script.says()
    script.hear(Linked(BOB, is_up=True))
    for number in range(PEERS_PER_SOURCE_MAX - 1):
        script.says(node=stranger(number))
    script.wait(2 * PATIENCE_S)
    script.hear(Linked(BOB, is_up=False))
    script.says(node=stranger(100))
    assert BOB in script.machine.peers
    assert stranger(0) not in script.machine.peers


def test_one_source_has_room_for_a_few_peers():
    script = Script()
    for number in range(PEERS_PER_SOURCE_MAX + 3):
        script.says(node=stranger(number))
    assert len(script.machine.peers) == PEERS_PER_SOURCE_MAX
    assert script.refused()["too many peers"] == 3


def test_a_flood_of_strangers_fills_the_table_and_nobody_in_it_is_pushed_out():
    script = Script()
    script.says()
    for number in range(3 * PEERS_MAX):
        script.wait(0.2)
        script.says(node=stranger(number), source=IPv4Address("10.77.0.3") + number % 200)
    assert len(script.machine.peers) == PEERS_MAX
    assert BOB in script.machine.peers


def test_nonces_of_a_flood_push_out_the_oldest():
    script = Script()
    for number in range(NONCES_MAX + 100):
        script.wait(0.01)
        script.says(source=IPv4Address("10.77.0.3") + number % 200)
    assert len(script.machine._nonces) == NONCES_MAX


# Networks, blocks, searching, multicast DNS


def test_a_new_network_is_greeted_and_a_lost_one_takes_its_peers_along():
    script = Script()
    script.says()
    other = IPv4Interface("10.99.0.1/16")
    assert kinds(script.hear(InterfacesChanged((HERE, other)))) == [
        (LanKind.HELLO, IPv4Address("10.99.255.255"))
    ]
    assert script.hear(InterfacesChanged((other,))) == [Tell(LanPeerLost(BOB))]


def test_a_link_of_two_ends_has_no_broadcast():
    script = Script()
    assert kinds(script.hear(InterfacesChanged((IPv4Interface("10.9.0.1/32"),)))) == []


def test_who_is_blocked_is_gone_at_once_and_stays_gone():
    script = Script()
    script.says()
    gone = script.hear(BlocksChanged(BlockList(frozenset({BOB}))))
    assert gone == [Tell(LanPeerLost(BOB))]
    assert script.says(LanKind.HELLO) == []
    script.hear(BlocksChanged(BlockList()))
    assert script.says(LanKind.HEARTBEAT) == FOUND


def test_other_subnets_are_in_force_at_once():
    script = Script()
    script.says()
    elsewhere = (IPv4Network("192.0.2.0/29"),)
    assert told(script.hear(Confined(elsewhere))) == [LanPeerLost(BOB)]
    assert script.machine.allowed == elsewhere
    assert script.says(LanKind.HELLO) == []
    asked = kinds(script.hear(TimerFired(lan.SEARCH)))
    assert [address for _, address in asked] == list(elsewhere[0].hosts())
    script.hear(Confined(()))
    assert script.machine.allowed == (HERE.network,)
    assert script.says(LanKind.HEARTBEAT) == FOUND


def test_configured_subnets_are_walked_address_by_address_at_a_pace():
    script = Script(allowed_subnets=("10.77.0.0/27",))
    script.says()
    script.hear(BlocksChanged(BlockList(subnets=frozenset({ip_network("10.77.0.8/32")}))))
    assert lan.SEARCH in {timer.name for timer in script.begun}
    asked = []
    for _ in range(2):
        effects = script.hear(TimerFired(lan.SEARCH))
        asked += kinds(effects)
    left_out = {1, 2, 8}  # ourselves, who is known, who is blocked
    assert [address for _, address in asked] == [
        IPv4Address("10.77.0.0") + n for n in range(1, 31) if n not in left_out
    ]
    assert {kind for kind, _ in asked} == {LanKind.PROBE}
    assert effects[-1].delay_s == 300


def test_who_was_found_by_asking_hears_from_us_directly():
    script = Script(allowed_subnets=("10.77.0.0/24", "10.88.0.0/24"))
    far = IPv4Address("10.88.0.5")
    script.says(source=far)
    said = kinds(script.hear(TimerFired(lan.HEARTBEAT)))
    assert said == [(LanKind.HEARTBEAT, BROADCAST), (LanKind.HEARTBEAT, far)]


def test_an_advertised_peer_is_dialled_where_that_is_allowed_and_has_no_place_in_the_table():
    script = Script()
    far = "/ip4/192.0.2.1/tcp/1"
    assert script.hear(Advertised(BOB, (far, BOB_AT))) == [Reachable(BOB, (BOB_AT,))]
    assert script.hear(Advertised(CAROL, (far,))) == []
    assert script.hear(Advertised(ME, (BOB_AT,))) == []
    script.hear(BlocksChanged(BlockList(frozenset({BOB}))))
    assert script.hear(Advertised(BOB, (BOB_AT,))) == []
    assert script.machine.peers == {}


def test_an_advertisement_that_is_repeated_without_end_is_followed_now_and_then():
    script = Script()
    dials = [e for _ in range(100) for e in script.hear(Advertised(BOB, (BOB_AT,)))]
    assert len(dials) == 8


def test_a_machine_with_too_many_addresses_speaks_at_the_first_ones():
    script = Script()
    script.wait(60)
    many = [IPv4Interface((f"10.{number}.0.1", 24)) for number in range(INTERFACES_MAX + 1)]
    effects = script.hear(InterfacesChanged(tuple(many)))
    assert len(kinds(effects)) == INTERFACES_MAX
