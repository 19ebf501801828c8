"""Who is chosen to keep our mail, who never is, and when another takes its place."""

from __future__ import annotations

from dataclasses import replace

import trio

from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.model.route import Path
from p2pchat.net.offline import OfflineHost
from p2pchat.net.port import HOP_PROTOCOL, Connectedness
from p2pchat.node.mail_relays import (
    LEFT_MAX,
    LEFT_MS,
    RELAY_ADDRESSES_MAX,
    RELAYS_USED_MAX,
    SILENCE_MS,
    STRANGERS_AFTER_S,
    MailRelays,
    RelayParts,
)
from p2pchat.store.memory import MemoryStore
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL
from tests.unit.node.offices import Clock
from tests.unit.protocol.people import ALICE, person

DAY_MS = 24 * 3600 * 1000


def peer(name: str) -> PeerId:
    return person(name).device.peer_id


def relay(
    name: str, host: str = "", *, inbound: bool = False, announces: tuple[str, ...] = ()
) -> Connectedness:
    """A relay that is connected, each in a network of its own unless `host` says where."""
    address = f"/ip4/{host or f'8.{len(name)}.0.1'}/tcp/4001"
    return Connectedness(
        peer=peer(name),
        addresses=(address,),
        path=Path.DIRECT,
        inbound=inbound,
        protocols=frozenset((MAILBOX_PROTOCOL, HOP_PROTOCOL)),
        announced=announces,
        dialled=() if inbound else (address,),
    )


class House(OfflineHost):
    """A host whose peers come and go."""

    def __init__(self) -> None:
        super().__init__(ALICE.device.peer_id)
        self.here: list[Connectedness] = []

    @property
    def peers(self) -> list[Connectedness]:
        return self.here


class Chooser:
    """The choice of one device through several lives."""

    def __init__(self, *, is_lan: bool = False) -> None:
        self.host, self.clock, self.store = House(), Clock(), MemoryStore()
        self.listed: set[PeerId] = set()
        self.is_lan = is_lan
        self.restart()

    def restart(self) -> None:
        [remembered] = [*self.store.snapshot().settings.values()] or [b""]
        parts = RelayParts(
            (), remembered, lambda: frozenset(self.listed), self.is_lan, self.clock.now, self.commit
        )
        self.relays = MailRelays(self.host, parts)
        self.clock.passed_ms += int(STRANGERS_AFTER_S * 1000)

    async def commit(self, changes) -> None:
        self.store.commit(changes)

    def meet(self, *states: Connectedness) -> None:
        self.host.here += states

    def lists(self, *names: str) -> None:
        self.listed |= {peer(name) for name in names}

    def choose(self) -> list[PeerId]:
        return [one.peer for one in self.told()]

    def told(self) -> tuple[MailboxRelay, ...]:
        return trio.run(self.relays.choose)

    def left(self) -> list[PeerId]:
        return [one.peer for one in self.relays.left]

    def silence(self, name: str, days: float) -> None:
        """It does not answer for so long, and is asked now and then."""
        self.relays.silent(peer(name))
        self.clock.passed_ms += int(days * DAY_MS)
        self.relays.silent(peer(name))


def test_two_relays_keep_our_mail_and_are_remembered():
    one = Chooser()
    one.meet(relay("a"), relay("bb"), relay("ccc"))
    chosen = one.choose()
    assert chosen == [peer("a"), peer("bb")]
    assert len(chosen) == RELAYS_USED_MAX
    one.host.here.clear()
    one.restart()
    assert one.choose() == chosen, "letters may lie there"
    one.relays.refused(chosen[0])
    assert one.choose() == chosen[1:]


def test_who_has_called_us_keeps_no_mail():
    one = Chooser()
    one.meet(relay("a", inbound=True, announces=("/ip4/8.8.0.1/tcp/1",)))
    one.meet(relay("bb", inbound=True, announces=("/ip4/8.9.0.1/tcp/1",)))
    one.clock.passed_ms = DAY_MS
    assert one.choose() == []
    one.lists("bb")
    [told] = one.told()
    assert told == MailboxRelay(peer("bb"), ("/ip4/8.9.0.1/tcp/1",)), "not the port it called from"


def test_those_of_the_list_come_first_and_get_time_to_be_reached():
    one = Chooser()
    one.clock.passed_ms = 0
    one.lists("ccc", "dddd")
    one.meet(relay("a"), relay("bb"))
    assert one.choose() == []
    one.meet(relay("ccc"))
    assert one.choose() == [peer("ccc")]
    one.clock.passed_ms = int(STRANGERS_AFTER_S * 1000)
    assert one.choose() == [peer("ccc"), peer("a")]
    one.meet(relay("dddd"))
    assert one.choose() == [peer("ccc"), peer("dddd")], "a stranger makes room for it"
    assert one.left() == [peer("a")]
    one.restart()
    one.listed.clear()
    one.meet(relay("eeeee"))
    assert one.choose() == [peer("ccc"), peer("dddd")], "the list may not be read yet"


def test_the_two_are_not_of_one_network():
    one = Chooser()
    one.meet(relay("a", "8.1.1.1"), relay("bb", "8.1.200.7"))
    assert one.choose() == [peer("a")]
    one.meet(relay("ccc", "8.2.1.1"))
    assert one.choose() == [peer("a"), peer("ccc")]
    six = Chooser()
    for name, place in (("a", "2600:1:2::1"), ("bb", "2600:1:2:ffff::1"), ("ccc", "2600:1:3::1")):
        address = f"/ip6/{place}/tcp/1"
        six.meet(replace(relay(name), addresses=(address,), dialled=(address,)))
    assert six.choose() == [peer("a"), peer("ccc")]


def test_a_relay_of_the_list_takes_the_place_of_a_stranger_in_its_network():
    one = Chooser()
    one.meet(relay("a", "8.1.1.1"))
    assert one.choose() == [peer("a")]
    one.lists("bb")
    one.meet(relay("bb", "8.1.1.2"))
    assert one.choose() == [peer("bb")]


def test_others_are_told_of_public_addresses_alone():
    narrow = "/ip4/192.168.1.9/tcp/4001"
    hotel = replace(relay("a", "192.168.1.9"), announced=(narrow, "/ip4/8.1.1.1/tcp/1"))
    one = Chooser()
    one.meet(replace(relay("far away"), protocols=frozenset()), hotel, relay("bb", "10.0.0.1"))
    assert one.told() == (), "what it announces on a LAN is not believed, and the rest is of a LAN"
    one.meet(replace(relay("ccc"), announced=(narrow, "/ip4/8.3.0.2/tcp/1")))
    assert one.told() == (
        MailboxRelay(peer("ccc"), ("/ip4/8.3.0.1/tcp/4001", "/ip4/8.3.0.2/tcp/1")),
    )
    many = tuple(f"/ip4/8.4.0.1/tcp/{port}" for port in range(9))
    one.meet(replace(relay("dddd"), announced=many))
    assert len(one.told()[1].addresses) == RELAY_ADDRESSES_MAX


def test_where_nobody_is_public_nobody_needs_to_be():
    one = Chooser()
    one.meet(relay("a", "10.0.0.1"), relay("bb", "127.0.0.1"))
    assert one.choose() == [peer("a")]


def test_on_a_lan_of_their_own_and_for_who_is_named_others_will_do():
    lan = Chooser(is_lan=True)
    lan.meet(relay("a", "192.168.1.9"), replace(relay("far away"), protocols=frozenset()))
    assert lan.choose() == [peer("a")]
    named = Chooser()
    named.lists("a")
    named.meet(relay("a", "127.0.0.1"), replace(relay("far away"), protocols=frozenset()))
    assert named.choose() == [peer("a")]


def test_who_is_silent_for_three_days_makes_room_and_is_visited_for_a_month():
    one = Chooser()
    one.meet(relay("a"), relay("bb"), relay("ccc"))
    one.choose()
    one.silence("a", 2.9)
    assert one.choose() == [peer("a"), peer("bb")]
    one.relays.answered(peer("a"))
    one.silence("a", 2.9)
    one.restart()
    assert one.choose() == [peer("a"), peer("bb")]
    one.clock.passed_ms += SILENCE_MS
    assert one.choose() == [peer("a"), peer("bb")], "nobody has asked since"
    one.relays.silent(peer("a"))
    assert one.choose() == [peer("bb"), peer("ccc")]
    assert one.left() == [peer("a")]
    one.restart()
    assert one.choose() == [peer("bb"), peer("ccc")]
    assert one.left() == [peer("a")]
    one.clock.passed_ms += LEFT_MS
    one.choose()
    assert one.left() == []


def test_who_takes_no_writers_any_more_makes_room_and_is_visited_for_a_month():
    one = Chooser()
    one.meet(relay("a"), relay("bb"), relay("ccc"), relay("dddd"))
    one.choose()
    one.relays.refused(peer("a"))
    assert one.choose() == [peer("bb"), peer("ccc")]
    assert one.left() == [peer("a")]
    one.restart()
    assert one.choose() == [peer("bb"), peer("ccc")]
    assert one.left() == [peer("a")]
    one.relays.refused(peer("bb"))
    one.relays.keeps_nothing(peer("bb"))
    assert one.choose() == [peer("ccc"), peer("a")], "nothing of ours lies with that one"
    assert one.left() == []


def test_who_is_silent_stays_while_there_is_nobody_else():
    one = Chooser()
    one.meet(relay("a"), relay("bb"))
    one.choose()
    one.silence("a", 10)
    assert one.choose() == [peer("a"), peer("bb")]


def test_silence_says_nothing_while_we_are_cut_off_ourselves():
    one = Chooser()
    one.meet(relay("a"), relay("bb"), relay("ccc"))
    one.choose()
    one.host.here.clear()
    one.silence("a", 10)
    one.meet(relay("ccc"))
    assert one.choose() == [peer("a"), peer("bb")]
    one.relays.silent(peer("a"))
    assert one.choose() == [peer("a"), peer("bb")], "the three days begin now"


def test_those_who_kept_our_mail_before_are_bounded():
    one = Chooser()
    for number in range(LEFT_MAX + 4):
        one.meet(relay("x" * (number + 1)))
        for name in one.choose():
            one.relays.silent(name)
        one.clock.passed_ms += SILENCE_MS
        for name in one.choose():
            one.relays.silent(name)
    assert len(one.left()) == LEFT_MAX
