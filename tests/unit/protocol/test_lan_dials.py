"""Who of a LAN is dialled when, as scripts."""

from __future__ import annotations

from ipaddress import IPv4Address

from p2pchat.model.ids import PeerId
from p2pchat.model.machine import TimerFired
from p2pchat.protocol import lan
from p2pchat.protocol.lan import Advertised, Linked, Reachable
from p2pchat.protocol.lan_dials import DIALLED_SOURCES_MAX, DIALS, SOURCE_DIALS, LanDials
from p2pchat.wire.lan_codec import LanKind
from tests.unit.protocol.test_lan import BOB, BOB_AT, CAROL, ELSEWHERE, THERE, Script, stranger


def dialled(effects) -> list[PeerId]:
    return [effect.peer for effect in effects if isinstance(effect, Reachable)]


def test_of_many_that_are_found_at_once_some_are_dialled_at_once_and_soon_everybody():
    """After a power cut, say; each says hello three times."""
    script = Script()
    everybody = [stranger(number) for number in range(200)]

    def hello() -> list[PeerId]:
        said = [
            script.says(LanKind.HELLO, node=peer, source=THERE + number)
            for number, peer in enumerate(everybody)
        ]
        peers = [peer for effects in said for peer in dialled(effects)]
        script.hear(*(Linked(peer, True) for peer in peers))
        return peers

    first = hello()
    assert len(first) == DIALS.burst
    assert script.refused()["too many to dial"] == 200 - DIALS.burst
    later: list[PeerId] = []
    for second in range(14):
        script.wait(1)
        turn = dialled(script.hear(TimerFired(lan.EXPIRY)))
        script.hear(*(Linked(peer, True) for peer in turn))
        later += turn + (hello() if second in (1, 3) else [])
    assert sorted(first + later) == sorted(everybody)


def test_sources_that_say_hello_without_end_leave_the_turns_of_newcomers_alone():
    script = Script()
    found = set[PeerId]()
    for tick in range(600):
        script.wait(0.1)
        for loud in (1, 2):
            script.says(LanKind.HELLO, node=stranger(loud), source=ELSEWHERE + loud)
        if tick >= 300 and tick % 5 == 0:
            number = tick // 5
            source = IPv4Address("10.77.0.100") + number
            effects = script.says(LanKind.HELLO, node=stranger(number), source=source)
            found |= {stranger(number)} & set(dialled(effects))
    assert len(found) == 60


def test_one_source_is_dialled_at_a_pace_of_its_own():
    script = Script()
    script.says()
    said = [dialled(script.says(LanKind.HELLO)) for _ in range(40)]
    assert sum(map(len, said)) == SOURCE_DIALS.burst - 1
    script.wait(1 / SOURCE_DIALS.per_s)
    assert dialled(script.hear(TimerFired(lan.EXPIRY))) == [BOB]
    assert dialled(script.says(node=CAROL, source=THERE + 1)) == [CAROL]


def test_who_is_connected_is_not_dialled_for_its_hello_and_is_again_when_it_is_not():
    script = Script()
    script.says()
    script.hear(Linked(BOB, True))
    assert dialled(script.says(LanKind.HELLO)) == []
    script.hear(Linked(BOB, False))
    assert dialled(script.says(LanKind.HELLO)) == [BOB]


def test_who_is_gone_before_its_turn_is_not_dialled_then():
    script = Script()
    for number in range(int(DIALS.burst) + 1):
        script.says(node=stranger(number), source=THERE + number)
    last = stranger(int(DIALS.burst))
    script.says(LanKind.GOODBYE, node=last, source=THERE + int(DIALS.burst))
    script.wait(10)
    assert dialled(script.hear(TimerFired(lan.EXPIRY))) == []


def test_what_is_advertised_comes_after_all_whose_turn_it_is():
    script = Script()
    for number in range(int(DIALS.burst) + 15):
        script.says(node=stranger(number), source=THERE + number)
    script.wait(1)
    last = [stranger(int(DIALS.burst) + number) for number in range(15)]
    assert dialled(script.hear(Advertised(BOB, (BOB_AT,)))) == last[:10]
    script.wait(1)
    assert dialled(script.hear(Advertised(BOB, (BOB_AT,)))) == [*last[10:], BOB]


def test_who_waits_for_the_pace_of_its_source_does_not_hold_up_what_is_advertised():
    script = Script()
    for _ in range(int(SOURCE_DIALS.burst) + 1):
        script.says(LanKind.HELLO)
    assert script.refused()["too many to dial"] == 1
    assert dialled(script.hear(Advertised(CAROL, ("/ip4/10.77.0.3/tcp/1",)))) == [CAROL]


def test_the_pace_of_the_source_dialled_longest_ago_is_forgotten():
    dials = LanDials(0.0)
    for number in range(DIALLED_SOURCES_MAX + 5):
        assert dials.may_dial_beside(IPv4Address("10.1.0.0") + number, float(number))
    assert len(dials._sources) == DIALLED_SOURCES_MAX
