"""LAN discovery under whatever comes, and on a network that loses, doubles and reorders."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import LanConfig
from p2pchat.errors import RemoteProtocolError
from p2pchat.model.ids import DeviceId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.protocol.lan import (
    Datagram,
    InterfacesChanged,
    LanIdentity,
    LanMachine,
    Reachable,
    Transmit,
)
from p2pchat.protocol.lan_proof import LanProof, Meeting
from p2pchat.wire.lan_codec import (
    DATAGRAM_BYTES_MAX,
    LanKind,
    LanPacket,
    Role,
    decode_lan,
    encode_lan,
)
from p2pchat.wire.lan_pb2 import Datagram as DatagramPb
from p2pchat.wire.lan_pb2 import Packet as PacketPb

WALL_MS = 1_767_225_600_000
NETWORK = "10.77.0.{}/24"
KEYS = st.sampled_from([None, b"k" * 32, b"o" * 32])


def person(number: int) -> DeviceId:
    return DeviceId(number.to_bytes(32, "big"))


near_misses = st.builds(
    lambda body, mac: DatagramPb(body=body.SerializeToString(), mac=mac).SerializeToString(),
    st.builds(
        PacketPb,
        version=st.integers(0, 2),
        kind=st.integers(0, 9),
        node=st.binary(max_size=70) | st.just(bytes(person(1).peer_id)),
        name=st.text(max_size=70),
        listen_port=st.integers(0, 70_000),
        time_ms=st.integers(0, 2**64 - 1),
        nonce=st.binary(max_size=20) | st.just(bytes(16)),
    ),
    st.binary(max_size=40) | st.just(bytes(32)),
)


@given(st.binary(max_size=DATAGRAM_BYTES_MAX + 10) | near_misses)
def test_whatever_bytes_come_they_are_a_packet_or_against_the_rules(data):
    try:
        packet = decode_lan(data).packet
    except RemoteProtocolError:
        return
    assert decode_lan(encode_lan(packet, None)).packet == packet


@given(
    st.builds(
        LanPacket,
        st.sampled_from(LanKind),
        st.integers(1, 9).map(lambda number: person(number).peer_id),
        st.text(
            st.characters(exclude_categories=["C", "Z"], codec="utf-8"), min_size=0, max_size=64
        ),
        st.integers(1, 65_535),
        st.integers(0, 2**64 - 1),
        st.binary(min_size=16, max_size=16),
    ),
    KEYS,
    KEYS,
)
def test_a_packet_is_read_as_it_was_written_and_confirmed_by_its_own_key_alone(packet, key, other):
    read = decode_lan(encode_lan(packet, key))
    assert read.packet == packet
    assert read.is_authentic(key)
    assert read.is_authentic(other) is (key == other)


@given(st.lists(st.binary(max_size=64), max_size=4), st.sampled_from(Role))
def test_whatever_frames_come_no_proof_is_made_of_them(frames, role):
    meeting = Meeting(person(1).peer_id, person(2).peer_id)
    proof = LanProof(b"k" * 32, meeting, role, bytes(32))
    proof.start()
    try:
        for frame in frames:
            proof.handle(frame)
    except RemoteProtocolError:
        return
    assert len(frames) <= 1, "a code cannot be guessed"


@given(st.lists(st.tuples(st.integers(1, 254), near_misses | st.binary(max_size=60)), max_size=60))
def test_strangers_get_no_more_bytes_than_they_send(sent):
    me = LanIdentity(peer=person(1).peer_id, name="Me", listen_port=1)
    machine = LanMachine(me, LanConfig(enabled=True), Random(1))
    now = Now(WALL_MS, 0.0)
    machine.start(now)
    machine.handle(InterfacesChanged((IPv4Interface(NETWORK.format(1)),)), now)
    for host, data in sent:
        effects = machine.handle(Datagram(IPv4Address("10.77.0.0") + host, 9, data), now)
        assert sum(len(e.data) for e in effects if isinstance(e, Transmit)) <= len(data)


class Lan:
    """Machines on one network that treats each copy of each datagram as it likes."""

    def __init__(self, keys, rng: Random) -> None:
        self.rng = rng
        self.now_s = 0.0
        self.queue: list[tuple[float, int, int, object]] = []
        self.serial = 0
        self.found = [set() for _ in keys]
        self.machines = []
        for number, key in enumerate(keys, 1):
            me = LanIdentity(peer=person(number).peer_id, name="", listen_port=number, key=key)
            self.machines.append(LanMachine(me, LanConfig(enabled=True), Random(number)))
        for index, machine in enumerate(self.machines):
            own = IPv4Interface(NETWORK.format(index + 1))
            self.carry(index, machine.start(self.now))
            self.carry(index, machine.handle(InterfacesChanged((own,)), self.now))

    @property
    def now(self) -> Now:
        return Now(WALL_MS + int(self.now_s * 1000), self.now_s)

    def later(self, delay_s: float, index: int, input: object) -> None:
        self.serial += 1
        self.queue.append((self.now_s + delay_s, self.serial, index, input))

    def carry(self, index: int, effects) -> None:
        for effect in effects:
            match effect:
                case SetTimer(name, delay_s):
                    self.later(delay_s, index, TimerFired(name))
                case Transmit():
                    self.send(index, effect)
                case Reachable(peer):
                    self.found[index].add(peer)
                case _:
                    pass

    def send(self, index: int, effect: Transmit) -> None:
        last = int(effect.address) & 255
        targets = range(len(self.machines)) if last == 255 else [last - 1]
        source = IPv4Address("10.77.0.1") + index
        for target in targets:
            for _ in range(self.rng.choice([0, 1, 1, 1, 2])):
                delay_s = self.rng.uniform(0, 0.5)
                self.later(delay_s, target, Datagram(source, 9, effect.data))

    def run(self, until_s: float) -> None:
        while (due := min(self.queue))[0] <= until_s:
            self.queue.remove(due)
            self.now_s, _, index, input = due
            self.carry(index, self.machines[index].handle(input, self.now))


@given(st.lists(KEYS, min_size=2, max_size=6), st.integers(0, 2**32))
def test_all_who_share_a_secret_find_each_other_and_nobody_else(keys, seed):
    lan = Lan(keys, Random(seed))
    lan.run(until_s=100.0)
    for index, key in enumerate(keys):
        same = {
            person(number).peer_id
            for number, other in enumerate(keys, 1)
            if other == key and number != index + 1
        }
        assert lan.found[index] == same
        assert lan.machines[index].peers.keys() <= same  # three heartbeats in a row may get lost
