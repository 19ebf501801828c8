"""Two peers compare what they hold and fill each other's gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.model.change import AddOp
from p2pchat.model.ids import ConversationId
from p2pchat.model.machine import TimerFired
from p2pchat.model.op import Chain, Op, Position
from p2pchat.protocol import serving as serving_module
from p2pchat.protocol.machine import (
    AddContact,
    Lane,
    LeaveRoom,
    Load,
    Persist,
    Published,
    Received,
    RoomPeerJoined,
    Send,
    SendFailed,
)
from p2pchat.protocol.sync import SESSION_S_MAX, TIMER
from p2pchat.store.memory import MemoryStore
from p2pchat.wire.frames import (
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Wanted,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, Person, between, op_id, person
from tests.unit.protocol.square import (
    KEY,
    ROOM,
    ask,
    branch,
    contradictions,
    digests,
    frames,
    ids,
    meet,
    people_before,
    square,
    tell,
    written,
)
from tests.unit.protocol.table import Table


def test_who_holds_the_same_says_so_in_two_frames():
    table, alice, _bob = square()
    table.carried.clear()
    alice.do(TimerFired(TIMER))
    table.settle()
    assert table.carried[SyncDigest] == table.carried[SyncPage] == 1
    assert table.carried[SyncFrontier] == table.carried[SyncPull] == 0
    assert alice.chat.sync.last_ms == table.now.wall_ms


def test_what_one_side_lacks_is_pulled():
    table, alice, bob = square()
    ops = written(10)
    tell(alice, *ops)
    tell(bob, *ops[:4])
    meet(table, alice, bob)
    assert ids(bob) == ids(alice) == {op.id for op in ops}
    assert len(digests(alice, bob)) == 1


def test_who_is_asked_in_a_room_asks_back():
    """Alice published before she knew that Bob listens, and Bob does not know what he missed."""
    table, alice, bob = square()
    tell(alice, *written(10))
    alice.effects.clear()
    bob.effects.clear()
    ask(table, alice, bob)
    table.settle()
    assert ids(bob) == ids(alice) != set()
    assert [frame.in_answer for frame in frames(alice, SyncDigest)] == [False]
    assert [frame.in_answer for frame in frames(bob, SyncDigest)] == [True]


def test_who_asks_in_answer_is_not_asked_back():
    """Two who can never agree would ask each other for ever."""
    _table, _alice, bob = square()
    bob.effects.clear()
    bob.do(Received(ALICE.device, SyncDigest(ROOM, bytes(32), in_answer=True)))
    assert frames(bob, SyncFrontier)
    assert not frames(bob, SyncDigest)


def test_nothing_is_sent_that_is_there_already():
    table, alice, bob = square()
    ops = written(100)
    tell(alice, *ops)
    tell(bob, *ops[:90])
    alice.effects.clear()
    meet(table, alice, bob)
    assert [op.id for frame in frames(alice, Ops) for op in frame.ops] == [op.id for op in ops[90:]]


def test_the_sets_of_authors_come_with_their_ops_once():
    table, alice, bob = square()
    tell(alice, *written(300))
    alice.effects.clear()
    meet(table, alice, bob)
    sent = frames(alice, Ops)
    assert len(sent) > 1
    assert [devices for frame in sent for devices in frame.devices] == [CAROL.devices]
    assert len(ids(bob)) == 300


def test_a_long_history_comes_in_pages_of_one_exchange():
    table, alice, bob = square()
    tell(alice, *written(400, "x" * 4_000))
    table.carried.clear()
    meet(table, alice, bob)
    assert len(ids(bob)) == 400
    assert 400 * 4_000 / 256_000 - 2 < table.carried[SyncPull] <= 400 * 4_000 / 256_000 + 2


def test_a_page_never_fills_the_peers_queue():
    table, alice, bob = square()
    for number in range(40):
        author = person(f"author {number}")
        tell(alice, *written(10, "x" * 30_000, author), author=author)
    conversation = alice.state.conversations[ROOM]
    biggest = 0
    bob._carry(bob.chat.sync.begin(bob.state.conversations[ROOM], ALICE.device, table.now))
    while table.jobs():
        wire = table.wires.get((alice.device, bob.device, Lane.SYNC), ())
        waiting = [op for frame in wire if isinstance(frame, Ops) for op in frame.ops]
        biggest = max(biggest, sum(op.size_bytes for op in waiting))
        jobs = sorted(table.jobs(), key=lambda job: job[0] == "wire")  # the network is slow
        table.run_job(jobs[0])
    assert biggest < alice.limits.peer_queue_bytes_max // 2
    assert bob.state.conversations[ROOM].log.digest() == conversation.log.digest()


def test_many_chains_are_compared_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving_module, "HEADS_MAX", 10)
    table, alice, bob = square()
    for number in range(50):
        author = person(f"author {number}")
        tell(alice, *written(2, author=author), author=author)
    table.run(30 * 60)
    assert len(digests(alice, bob)) == 1
    assert max(len(frame.heads) for frame in frames(alice, SyncFrontier)) == 10


def test_more_chains_than_one_pull_names_are_pulled_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("p2pchat.protocol.sync.PULL_CHAINS_MAX", 5)
    table, alice, bob = square()
    for number in range(12):
        author = person(f"author {number}")
        tell(alice, *written(2, author=author), author=author)
    monkeypatch.setattr(serving_module, "PULL_CHAINS_MAX", 3)
    table.run(300)
    assert len(digests(alice, bob)) == 1


def test_more_chains_in_one_pull_than_are_served_are_left_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
):
    table, alice, bob = square()
    monkeypatch.setattr(serving_module, "PULL_CHAINS_MAX", 3)
    for number in range(12):
        author = person(f"author {number}")
        tell(alice, *written(2, author=author), author=author)
    meet(table, alice, bob)
    assert len(digests(alice, bob)) == 1


def test_authors_who_find_no_room_keep_nobody_else_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p2pchat.protocol.sync.PULL_CHAINS_MAX", 3)
    table = Table()
    alice, bob = table.sit(ALICE, Limits(open_room_devices_max=2)), table.sit(BOB)
    for seat in (alice, bob):
        seat.join("square")
    ops = written(10)
    tell(alice, *ops[:5])
    for author in people_before(CAROL, 5):
        tell(bob, *written(1, author=author), author=author)
    tell(bob, *ops)
    table.connect(alice, bob)
    meet(table, alice, bob)
    assert ids(alice) == ids(bob)


def test_chains_that_can_never_be_taken_keep_no_other_away_for_ever(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("p2pchat.protocol.sync.PULL_CHAINS_MAX", 3)
    table, alice, bob = square()
    table.disconnect(alice, bob)
    contradictions(alice, bob, *people_before(CAROL, 6))
    tell(bob, *written(3))
    table.connect(alice, bob)
    table.run(30 * 60)
    assert ids(alice) == ids(bob)


def test_what_a_contact_owes_us_is_not_pulled_as_well_when_it_comes_back():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    table.part(alice, bob)
    for number in range(1_000):
        alice.send(direct, f"number {number}")
    alice.effects.clear()
    table.heal()
    table.run(10)
    sent = [op.id for frame in frames(alice, Ops) for op in frame.ops]
    assert len(sent) == len(set(sent)) == len(bob.texts(direct)) == 1_000


def test_what_we_acknowledged_and_lost_is_pulled_from_a_contact_all_the_same():
    """The home was restored from an older copy."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    older = bob.store.fork()
    alice.send(direct, "hello")
    table.settle()
    bob.store = older
    bob.crash()
    table.connect(alice, bob)
    table.run(120)
    assert bob.texts(direct) == ["hello"]


# Forks


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize(
    ("trunk", "ours", "theirs"),
    [(5, 5, 5), (5, 1, 9), (5, 9, 1), (0, 3, 3), (0, 9, 1), (30, 1, 1), (5, 0, 3)],
)
def test_two_branches_become_one_fork_on_both_sides(
    trunk: int, ours: int, theirs: int, is_restarted: bool
):
    table, alice, bob = square()
    ops = written(trunk + ours)
    other = branch(ops, trunk, theirs)
    tell(alice, *ops)
    tell(bob, *ops[:trunk], *other)
    if is_restarted:
        for seat in (alice, bob):
            seat.crash()
        table.connect(alice, bob)
    table.run(300)
    everything = {op.id for op in ops + other}
    assert ids(alice) == everything
    assert ids(bob) == everything
    assert len(digests(alice, bob)) == 1


def test_a_fork_that_fills_many_pages_is_told_whole():
    table, alice, bob = square()
    ops = written(60, "x" * 20_000)
    other = branch(ops, 2, 50, "y" * 20_000)
    tell(alice, *ops)
    tell(bob, *ops[:2], *other)
    meet(table, alice, bob)
    table.run(120)
    assert ids(alice) == ids(bob) == {op.id for op in ops + other}


def test_branches_met_from_several_peers_become_one_log():
    table, alice, bob = square()
    dave = table.sit(person("dave"))
    dave.join("square")
    for seat in (alice, bob):
        table.connect(seat, dave)
    ops = written(8)
    first, second = branch(ops, 3, 2, "first"), branch(ops, 5, 6, "second")
    tell(alice, *ops)
    tell(bob, *ops[:3], *first)
    tell(dave, *ops[:5], *second)
    table.run(300)
    everything = {op.id for op in ops + first + second}
    assert ids(alice) == ids(bob) == ids(dave) == everything
    assert len(digests(alice, bob, dave)) == 1


def test_a_chain_with_too_many_branches_is_not_pulled_for_ever():
    table, alice, bob = square()
    ops = written(3)
    tell(alice, *ops)
    tell(bob, *ops)
    for number in range(3):
        tell(alice, *branch(ops, 1, 1, f"alice's {number}"))
        tell(bob, *branch(ops, 1, 1, f"bob's {number}"))
    table.run(60)
    table.carried.clear()
    table.run(3600)
    assert len(digests(alice, bob)) == 2
    assert table.carried[Ops] == 0


# Who may not


def test_who_may_not_read_gets_the_answer_of_who_asks_for_nothing():
    table, alice, bob = square()
    direct = table.befriend(alice, bob)
    alice.send(direct, "secret")
    alice.effects.clear()
    for conversation in (direct, ConversationId(op_id("nothing"))):
        for frame in (
            SyncDigest(conversation, bytes(32)),
            SyncFrontier(conversation, (), ()),
            SyncPull(conversation, (Wanted(ALICE.device, Chain.TALK, 0, None),)),
            SyncPage(conversation, more=True),
        ):
            alice.hear(CAROL, frame)
    assert alice.decided(Send) == alice.decided(Load) == []
    assert alice.state.refused["no such conversation for this peer"] >= 6


def test_before_both_agreed_nothing_is_served():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    alice.ask(lambda id: AddContact(id, BOB.link, ALICE.pair_half))
    table.settle()
    bob.effects.clear()
    bob.hear(ALICE, SyncDigest(between(ALICE, BOB), bytes(32)))
    assert bob.decided(Send) == []


# Who asks too much


def everything(author: Person = CAROL) -> SyncPull:
    return SyncPull(ROOM, (Wanted(author.device, Chain.TALK, 0, None),))


def test_a_flood_of_pulls_costs_one_read_at_a_time():
    _, alice, _ = square()
    tell(alice, *written(10))
    alice.effects.clear()
    alice.hear(BOB, *[everything()] * 500)
    assert len(alice.decided(Load)) == 1
    assert alice.state.refused["pull during a pull"] == 499
    alice.answer_load()
    alice.hear(BOB, everything())
    assert len(alice.decided(Load)) == 2


def test_coming_back_does_not_buy_more_reads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving_module, "SESSIONS_MAX", 3)
    _, alice, _ = square()
    tell(alice, *written(10))
    alice.effects.clear()
    for _ in range(10):
        alice.hear(BOB, everything())
        alice.do(SendFailed(BOB.device, Lane.SYNC, "reset"))
    assert len(alice.decided(Load)) == 3
    while alice.loads:
        alice.answer_load()
    alice.hear(BOB, everything())
    assert len(alice.decided(Load)) == 4


def test_comparisons_are_answered_in_bursts_and_then_once_a_second():
    table, alice, _ = square()
    tell(alice, *written(10))
    table.run(60)
    alice.effects.clear()
    asked = SyncDigest(ROOM, bytes(32))
    alice.hear(BOB, *[asked] * 500)
    assert len(frames(alice, SyncFrontier)) == 8
    assert alice.state.refused["too many digests"] == 492
    table.run(1)
    alice.effects.clear()
    alice.hear(BOB, asked, asked, asked)
    assert len(frames(alice, SyncFrontier)) == 1


# What does not go on for ever


def test_an_op_whose_content_is_gone_stops_its_chain_and_not_the_exchange():
    table, alice, bob = square()
    ops = written(10)
    tell(alice, *ops)
    alice.store = without_content(alice.store, ops[4])
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[:4]}
    table.carried.clear()
    table.run(600)
    assert table.carried[SyncPull] <= 2 * 600 / 15
    assert bob.drops == []


def without_content(store: MemoryStore, op: Op) -> MemoryStore:
    """A store in which this op's content was deleted."""
    other = store.fork()
    conversation = other._state.conversations[op.header.conversation]
    conversation.ops[op.id] = replace(op, content=None)
    return other


def test_a_peer_that_says_more_and_sends_nothing_is_asked_once():
    table, alice, _bob = square()
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    head = Position(*KEY, 99, op_id("far away"))
    alice.effects.clear()
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (head,), ())))
    for _ in range(5):
        alice.do(Received(BOB.device, SyncPage(ROOM, more=True)))
    assert len(frames(alice, SyncPull)) == 1


def test_answers_that_nobody_asked_for_are_ignored():
    table, alice, _bob = square()
    alice.effects.clear()
    before = alice.chat.sync.last_ms
    table.advance(5)
    head = Position(*KEY, 99, op_id("far away"))
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (head,), ())))
    alice.do(Received(BOB.device, SyncPage(ROOM, more=True)))
    alice.do(Received(BOB.device, SyncPage(ROOM, more=False)))
    assert alice.decided(Send) == []
    assert alice.chat.sync.last_ms == before


def test_a_digest_is_answered_by_one_frontier():
    table, alice, _bob = square()
    conversation = alice.state.conversations[ROOM]
    alice._carry(alice.chat.sync.begin(conversation, BOB.device, table.now))
    first, second = (Position(*KEY, seq, op_id("far away")) for seq in (98, 99))
    alice.effects.clear()
    for head in (first, second):
        floor = Position(*KEY, head.seq, head.head)
        alice.do(Received(BOB.device, SyncFrontier(ROOM, (head,), (floor,))))
    assert len(frames(alice, SyncPull)) == 1
    assert conversation.log.claims[KEY].floor.seq == first.seq
    assert alice.state.refused["frontier that nobody asked for"] == 1


def test_a_frontier_that_comes_after_its_exchange_was_given_up_is_ignored():
    table, alice, _bob = square()
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    table.advance(SESSION_S_MAX)
    alice.effects.clear()
    head = Position(*KEY, 99, op_id("far away"))
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (head,), ())))
    assert frames(alice, SyncPull) == []


def test_an_exchange_without_an_answer_is_given_up_and_begun_anew():
    table, alice, _bob = square()
    conversation = alice.state.conversations[ROOM]
    sync = alice.chat.sync
    assert sync.begin(conversation, BOB.device, table.now)
    assert sync.begin(conversation, BOB.device, table.now) == []
    table.advance(SESSION_S_MAX)
    assert sync.begin(conversation, BOB.device, table.now)
    table.advance(SESSION_S_MAX)
    sync.fired(table.now)
    assert len(sync._sessions) == 1


def test_a_lost_stream_ends_what_it_carried():
    table, alice, bob = square()
    tell(bob, *written(5))
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    table.wires.clear()
    alice.do(SendFailed(BOB.device, Lane.SYNC, "reset"))
    meet(table, alice, bob)
    assert len(ids(alice)) == 5


def test_a_room_that_was_left_is_not_compared_any_more():
    table, alice, bob = square()
    tell(bob, *written(5))
    sync = alice.chat.sync
    alice._carry(sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    bob.do(
        Received(ALICE.device, SyncPull(ROOM, (Wanted(*KEY, 0, None),))),
    )
    for seat in (alice, bob):
        seat.ask(lambda id: LeaveRoom(id, ROOM))
    assert sync._sessions == {}
    assert ROOM not in sync.room_peers
    table.settle()
    assert bob.chat.sync.serving._sessions == {}


def test_an_exchange_needs_a_connection():
    table, alice, bob = square()
    table.disconnect(alice, bob)
    conversation = alice.state.conversations[ROOM]
    assert alice.chat.sync.begin(conversation, BOB.device, table.now) == []
    alice.do(RoomPeerJoined(ROOM, BOB.device))  # late news of who is gone
    alice.effects.clear()
    alice.do(TimerFired(TIMER))
    assert alice.decided(Send) == []


def test_ops_that_arrive_live_during_an_exchange_are_not_lost():
    table, alice, bob = square()
    ops = written(30)
    tell(alice, *ops[:20])
    bob._carry(bob.chat.sync.begin(bob.state.conversations[ROOM], ALICE.device, table.now))
    table.run_job(table.jobs()[0])
    tell(bob, *ops[20:])
    tell(alice, *ops[20:])
    table.settle()
    assert len(ids(bob)) == 30
    assert [e for e in bob.decided(Persist) if isinstance(e.change, AddOp)]


def test_news_of_publishing_in_a_room_that_was_left_are_ignored():
    _table, alice, _bob = square()
    alice.ask(lambda id: LeaveRoom(id, ROOM))
    alice.effects.clear()
    alice.do(Published(ROOM, 5, 3))
    assert alice.effects == []


def test_only_what_was_asked_for_and_taken_counts_as_progress():
    table, alice, _bob = square()
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    ops = written(3)
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (ops[2].position,), ())))
    (session,) = alice.chat.sync._sessions.values()
    forged = replace(ops[1], signature=bytes(64))
    unasked = Author(person("somebody"), ROOM).write()
    devices = (CAROL.devices, person("somebody").devices)
    for part in ((ops[0],), (unasked,), (forged,)):
        alice.do(Received(BOB.device, Ops(part, devices)))
    assert session.reached == {KEY: 0}


def test_a_branch_that_begins_far_above_the_first_page_is_reached():
    table, alice, bob = square()
    ops = written(60, "x" * 20_000)
    other = branch(ops, 25, 50, "y" * 20_000)
    tell(alice, *ops[:40])
    tell(bob, *ops[:25], *other)
    meet(table, alice, bob)
    table.run(120)
    assert ids(alice) == ids(bob) == {op.id for op in ops[:40] + other}
