"""Handing on, after any history of peers that come and go and records that do."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.kad.config import KadConfig
from p2pchat.kad.handover import Handover
from p2pchat.kad.records import Namespaces, RecordStore
from p2pchat.kad.table import Entry, RoutingTable, kad_id
from p2pchat.model.ids import DeviceId
from p2pchat.model.machine import Now

CONFIG = KadConfig(k=4, handover_records_max=6, records_max=8)
PEERS = [DeviceId(sha256(bytes([n])).digest()).peer_id for n in range(30)]
OWN = PEERS.pop()
GIVERS = 3
KEYS = [b"/test/%d" % n for n in range(12)]
LASTING = b"/test/ever"
END_MS = 100


class Dated:
    """Any value is good until 100, and one key names no end."""

    def validate(self, key, value, now_ms): ...

    def select(self, key, values, now_ms):
        return values.index(max(values))

    def expires_ms(self, key, value):
        return None if key == LASTING else END_MS


steps = st.lists(
    st.tuples(st.just("meet"), st.sampled_from(PEERS))
    | st.tuples(st.just("lose"), st.sampled_from(PEERS))
    | st.tuples(st.just("hold"), st.sampled_from([LASTING, *KEYS]))
    | st.tuples(st.just("give"), st.just(b"")),
    max_size=80,
)


class Holder:
    """One holder and its gifts."""

    def __init__(self, config=CONFIG):
        self.config = config
        self.table = RoutingTable(OWN, config)
        self.records = RecordStore(OWN, config, Namespaces({"/test/": Dated()}))
        self.handover = Handover(OWN, config, self.table, self.records)

    def play(self, history):
        for step, name in history:
            match step:
                case "meet":
                    self.table.offer(Entry(name, (), (), Now(0, 0.0)))
                case "lose":
                    self.table.remove(name)
                case "hold" if len(self.records) < self.config.records_max:
                    self.records.put(OWN, name, b"1", 0)
                case "give":
                    self.judge(self.give())
                case _:
                    pass

    def give(self, now_ms=0):
        return list(self.handover.take_due(now_ms))

    def judge(self, gifts):
        assert len({record.key for _, record in gifts}) <= self.config.handover_records_max
        assert len(gifts) == len({(entry.peer, record.key) for entry, record in gifts})
        for entry, record in gifts:
            assert record.key != LASTING
            assert self.records.get(record.key, 0) == record.value
            place = kad_id(record.key)
            nearest = sorted(self.table, key=lambda one: one.place ^ place)[: self.config.k]
            nearer = sum(one.place ^ place < kad_id(OWN) ^ place for one in nearest)
            assert entry in nearest
            assert nearer < GIVERS or entry in nearest[:GIVERS]


@given(steps)
def test_what_is_given_is_held_dated_and_due_to_one_of_the_nearest(history):
    Holder().play(history)


@given(steps)
def test_nothing_is_given_twice_while_nobody_comes(history):
    holder = Holder(KadConfig(k=4, handover_records_max=40, records_max=20))
    holder.play(history)
    holder.give()
    assert holder.give() == []


@given(steps)
def test_what_has_expired_is_neither_given_nor_remembered(history):
    holder = Holder()
    holder.play(history)
    assert holder.give(END_MS) == []
    holder.play([("meet", peer) for peer in PEERS])
    assert holder.give() == [], "it is as new as it was at first"
