"""What each change means: read back at once, after opening anew, and when applied twice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from p2pchat.errors import UnknownMessage
from p2pchat.model.blocking import parse_target
from p2pchat.model.change import (
    AddOp,
    Change,
    DropBlock,
    DropConversation,
    DropPeer,
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutName,
    PutPeer,
    PutProfile,
    PutReceipt,
    PutSetting,
    PutTrust,
    SetFloor,
    SetPublished,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import OpId
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.model.ratchet import (
    DropRatchet,
    ForgetSeen,
    ForgetSpent,
    HpkeSecret,
    PutMailKeys,
    PutOlmAccount,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import (
    DropEpoch,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    SetLost,
    SetSettled,
)
from p2pchat.model.search import Query
from p2pchat.model.snapshot import RoomsSnapshot, Snapshot
from p2pchat.store.driver import connect
from p2pchat.store.port import Page, Store
from tests.compliance.store.conftest import KEY, Opened
from tests.compliance.store.values import (
    ALICE,
    BOB,
    CAROL,
    OTHER_ROOM,
    ROOM,
    ROOMS,
    Writer,
    delivery,
    digest,
    one_of_each,
    peer_id,
    ratchet,
)


def everything(store: Store) -> tuple[object, ...]:
    """All that the port tells, for comparing."""
    chains = [
        OpsQuery(room, person.device, chain, 0, 10_000, 1 << 30)
        for room in (ROOM, OTHER_ROOM)
        for person in (ALICE, BOB, CAROL)
        for chain in Chain
    ]
    return (
        store.snapshot(),
        [store.ops(query) for query in chains],
        [store.history(room, Page(limit=5_000)) for room in (ROOM, OTHER_ROOM)],
        [store.authors(room) for room in (ROOM, OTHER_ROOM)],
        [store.receipts(room) for room in (ROOM, OTHER_ROOM)],
    )


def test_a_new_store_holds_nothing(store: Store) -> None:
    assert store.snapshot() == Snapshot(conversations=ROOMS)
    assert store.history(ROOM, Page()) == []
    assert store.authors(ROOM) == []
    assert store.receipts(ROOM) == []
    assert store.message(Writer().op().op.id) is None


def test_the_examples_hold_every_kind_of_change() -> None:
    assert {type(change) for change in one_of_each()} == set(Change.__args__)


def test_what_was_committed_is_there_when_opened_anew(opened: Opened) -> None:
    for change in one_of_each():
        opened.store.commit([change])
        assert everything(opened.reopen()) == everything(opened.store)


def test_each_change_applied_twice_is_applied_once(store: Store) -> None:
    for change in one_of_each():
        store.commit([change])
        once = everything(store)
        store.commit([change])
        assert everything(store) == once, change
        store.commit([change, change])
        assert everything(store) == once, change


def test_one_commit_is_the_same_as_one_commit_a_change(opened: Opened) -> None:
    changes = one_of_each()
    opened.store.commit(changes)
    told = everything(opened.store)
    assert told[0] != Snapshot()
    opened.store.commit([DropConversation(ROOM, CAROL.device)])
    for change in changes:
        opened.store.commit([change])
    assert everything(opened.store) == told


def test_an_empty_commit_changes_nothing(store: Store) -> None:
    store.commit([])
    assert store.snapshot() == Snapshot(conversations=ROOMS)


def test_what_is_put_again_is_replaced(store: Store) -> None:
    conversation = PutConversation(ROOM, RoomKind.OPEN, "garden", 1)
    contact = PutContact(BOB.account, ROOM, ContactState.ASKED, 7, b"")
    name = PutName(BOB.account, "Bob", 3)
    profile = PutProfile(BOB.account, "gardener", b"picture", 4)
    trust = PutTrust(BOB.account, 5, None, is_confirmed=False)
    devices = PutDeviceSet(BOB.account, b"one")
    peer = PutPeer(peer_id("bob"), ("/ip4/10.0.0.1/tcp/1",), 77)
    setting = PutSetting("theme", b"dark")
    store.commit([conversation, contact, name, profile, trust, devices, peer, setting])
    conversation = replace(conversation, kind=None, name="")
    contact = replace(contact, state=ContactState.BLOCKED, intro=b"i" * 16)
    name = replace(name, name="Bobby", hlc=4)
    profile = replace(profile, bio="", avatar=b"", hlc=5)
    claimers = (BOB.device, ALICE.device)
    trust = PutTrust(BOB.account, 0, ALICE.account, is_confirmed=True, devices=claimers)
    devices = replace(devices, raw=b"two")
    peer = replace(peer, addresses=(), last_seen_ms=78)
    setting = replace(setting, value=b"")
    store.commit([conversation, contact, name, profile, trust, devices, peer, setting])
    snapshot = store.snapshot()
    assert conversation in snapshot.conversations
    assert snapshot.contacts == (contact,)
    assert snapshot.names == (name,)
    assert (snapshot.profiles, snapshot.trust) == ((profile,), (trust,))
    assert snapshot.device_sets == (devices,)
    assert snapshot.peers == (peer,)
    assert snapshot.settings == {"theme": b""}


def test_rows_come_back_in_the_order_of_their_ids(store: Store) -> None:
    people = sorted((ALICE, BOB, CAROL), key=lambda person: person.account)
    store.commit([PutName(person.account, person.name, 1) for person in people[::-1]])
    assert [name.name for name in store.snapshot().names] == [person.name for person in people]


def test_what_is_dropped_is_gone_and_may_be_dropped_again(store: Store) -> None:
    gone = peer_id("bob")
    store.commit([PutPeer(gone, (), 1)])
    store.commit([DropPeer(gone)])
    store.commit([DropPeer(gone)])
    assert store.snapshot() == Snapshot(conversations=ROOMS)


def test_blocks_come_back_as_they_were_put_in_the_order_of_their_texts(store: Store) -> None:
    texts = sorted(["10.0.0.0/8", "2001:db8::/32", str(peer_id("bob")), str(BOB.account)])
    blocks = tuple(PutBlock(parse_target(text), 7) for text in texts)
    store.commit(blocks[::-1])
    assert store.snapshot().blocks == blocks
    store.commit([DropBlock(blocks[0].target), replace(blocks[1], blocked_ms=8)])
    assert store.snapshot().blocks == (replace(blocks[1], blocked_ms=8), *blocks[2:])


def test_the_order_of_changes_in_one_commit_counts(store: Store) -> None:
    bob, carol = PutPeer(peer_id("bob"), (), 1), PutPeer(peer_id("carol"), (), 1)
    store.commit([bob, DropPeer(bob.peer), carol, DropPeer(carol.peer), carol])
    assert store.snapshot() == Snapshot(conversations=ROOMS, peers=(carol,))


def heads(store: Store) -> list[OpId]:
    return [head.id for head in store.snapshot().heads]


def test_the_newest_op_of_a_chain_is_its_head(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op()])
    store.commit([writer.op(), writer.op()])
    (head,) = store.snapshot().heads
    newest = writer.ops[-1]
    assert (head.id, head.seq, head.hlc) == (newest.id, 2, newest.header.hlc)
    assert (head.conversation, head.account, head.device) == (ROOM, ALICE.account, ALICE.device)
    assert (head.chain, head.sort_key) == (Chain.TALK, newest.header.hlc)


def test_chains_have_their_own_heads(store: Store) -> None:
    writers = [
        Writer(),
        Writer(chain=Chain.CONTROL),
        Writer(person=BOB),
        Writer(conversation=OTHER_ROOM),
    ]
    store.commit([writer.op() for writer in writers])
    assert set(heads(store)) == {writer.ops[0].id for writer in writers}


@pytest.mark.parametrize("apart", [False, True], ids=["in one commit", "in two commits"])
def test_a_fork_has_two_heads_and_both_branches_stay(store: Store, *, apart: bool) -> None:
    left = Writer()
    trunk = [left.op(f"trunk {n}") for n in range(2)]
    right = left.fork(2)
    branches = [left.op("left"), right.op("right"), left.op("left again")]
    for changes in [trunk, branches] if apart else [trunk + branches]:
        store.commit(changes)
    assert heads(store) == [right.ops[-1].id, left.ops[-1].id]
    query = OpsQuery(ROOM, ALICE.device, Chain.TALK, 2, 10, 1 << 20)
    assert {op.id for op in store.ops(query)} == {added.op.id for added in branches}
    store.commit([right.op("right again")])
    assert set(heads(store)) == {right.ops[-1].id, left.ops[-1].id}


def test_an_op_that_comes_again_does_not_become_a_head_again(store: Store) -> None:
    writer = Writer()
    first, second = writer.op(), writer.op()
    store.commit([first, second])
    store.commit([first])
    assert heads(store) == [second.op.id]


def test_every_control_op_is_told(store: Store) -> None:
    writers = [Writer(chain=Chain.CONTROL), Writer(person=BOB, chain=Chain.CONTROL), Writer()]
    added = [writer.op() for writer in writers for _ in range(3)]
    store.commit(added)
    told = sorted((ROOM, a.op.id) for a in added if a.op.header.chain is Chain.CONTROL)
    assert store.snapshot().control == tuple(told)


def floor(writer: Writer, seq: int) -> SetFloor:
    return SetFloor(ROOM, writer.person.device, writer.chain, seq, writer.ops[seq - 1].id)


def test_a_floor_removes_what_lies_below_and_nothing_else(store: Store) -> None:
    writer, other, control = Writer(), Writer(person=BOB), Writer(chain=Chain.CONTROL)
    store.commit(writer.messages(5) + other.messages(5) + [control.op() for _ in range(5)])
    store.commit([floor(writer, 3)])
    query = OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 10, 1 << 20)
    assert [op.seq for op in store.ops(query)] == [3, 4]
    assert store.message(writer.ops[2].id) is None
    assert len(store.history(ROOM, Page())) == 2 + 5
    assert len(store.ops(replace(query, device=BOB.device))) == 5
    assert len(store.ops(replace(query, chain=Chain.CONTROL))) == 5
    assert store.snapshot().floors == (floor(writer, 3),)
    assert len(heads(store)) == 3


def test_a_head_just_below_the_floor_stays_so_that_the_chain_goes_on(store: Store) -> None:
    writer = Writer()
    store.commit(writer.messages(3))
    store.commit([floor(writer, 3)])
    assert store.history(ROOM, Page()) == []
    assert store.authors(ROOM) == []
    assert heads(store) == [writer.ops[2].id]
    store.commit(writer.message())
    assert heads(store) == [writer.ops[3].id]
    assert len(store.history(ROOM, Page())) == 1


@pytest.mark.parametrize("apart", [False, True], ids=["in one commit", "in two commits"])
def test_a_floor_above_all_that_is_here_leaves_no_head_to_wait_at(
    store: Store, *, apart: bool
) -> None:
    writer = Writer()
    below = writer.messages(2)
    unseen = [writer.op() for _ in range(3)]
    if apart:
        store.commit(below)
    store.commit([*below, floor(writer, 5)])
    assert heads(store) == []
    store.commit([writer.op()])
    assert heads(store) == [writer.ops[5].id]
    assert unseen[0].op.id not in {
        op.id for op in store.ops(OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 10, 1 << 20))
    }


def test_a_floor_counts_within_a_commit(store: Store) -> None:
    writer = Writer()
    changes: list[Change] = writer.messages(3)
    store.commit([*changes, floor(writer, 2), *writer.messages(1)])
    assert [m.text for m in store.history(ROOM, Page())] == ["number 2", "number 0"]
    assert heads(store) == [writer.ops[3].id]


def test_a_dropped_conversation_is_forgotten_with_all_that_belongs_to_it(opened: Opened) -> None:
    store = opened.store
    contact = PutContact(BOB.account, ROOM, ContactState.ACCEPTED, 7, b"")
    store.commit([contact])
    before = everything(store)
    writer = Writer()
    store.commit(
        [
            PutConversation(ROOM, RoomKind.OPEN, "garden", 1),
            *writer.messages(3),
            Writer(chain=Chain.CONTROL).op(),
            delivery(BOB, acked=1),
            SetPublished(ROOM, 1),
            PutReceipt(ROOM, BOB.device, b"body", b"signature"),
            floor(writer, 1),
        ]
    )
    kept = Writer(conversation=OTHER_ROOM).op()
    store.commit([kept])
    store.commit([DropConversation(ROOM, CAROL.device)])
    assert store.message(writer.ops[2].id) is None
    assert heads(store) == [kept.op.id]
    store.commit(
        [DropConversation(OTHER_ROOM, CAROL.device), DropConversation(OTHER_ROOM, CAROL.device)]
    )
    assert everything(store) == everything(opened.reopen()) == before


def test_a_dropped_conversation_may_begin_anew(store: Store) -> None:
    writer = Writer()
    first: AddOp = writer.op()
    store.commit([first, SetPublished(ROOM, 1), DropConversation(ROOM, CAROL.device), first])
    assert heads(store) == [first.op.id]
    assert store.snapshot().published == {}
    store.commit([DropConversation(ROOM, CAROL.device), *ROOMS, *Writer(person=BOB).messages(2)])
    assert len(store.history(ROOM, Page())) == 2


def asked(text: str) -> Query:
    query = Query.of(text)
    assert query is not None
    return query


NUMBER = asked("number")


def own_talk(store: Store) -> list[str]:
    query = OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 10, 1 << 20)
    return [(op.content or b"").decode() for op in store.ops(query)]


def test_of_a_dropped_conversation_stays_what_one_device_said_and_nothing_else(
    opened: Opened,
) -> None:
    store, mine, other = opened.store, Writer(), Writer(person=BOB)
    control = Writer(chain=Chain.CONTROL)
    branch = mine.fork(0)
    store.commit([*ROOMS, *mine.messages(3), *other.messages(3), control.op(), control.op()])
    store.commit([floor(control, 1), floor(mine, 1), floor(other, 1), branch.op("number 0b")])
    store.commit([SetPublished(ROOM, 3), delivery(BOB, acked=2)])
    for _ in range(2):
        store.commit([DropConversation(ROOM, ALICE.device)])
        for found in (store, opened.reopen()):
            snapshot = found.snapshot()
            assert set(heads(found)) == {mine.ops[-1].id, branch.ops[-1].id}
            assert snapshot.floors == (floor(mine, 1),)
            assert (snapshot.control, snapshot.deliveries, snapshot.published) == ((), (), {})
            assert [row.conversation for row in snapshot.conversations] == [OTHER_ROOM]
            assert own_talk(found) == ["number 0b", "number 1", "number 2"]
            assert not found.ops(OpsQuery(ROOM, BOB.device, Chain.TALK, 0, 10, 1 << 20))


def test_what_was_said_in_a_room_that_was_left_is_not_shown_until_it_is_entered_again(
    opened: Opened,
) -> None:
    store, mine = opened.store, Writer()
    store.commit([*ROOMS, *mine.messages(2)])
    shown = store.history(ROOM, Page())
    assert len(shown) == 2
    store.commit([DropConversation(ROOM, ALICE.device)])
    guest = PutRoom(ROOM, b"genesis", digest("secret"), BOB.account, is_entered=False)
    entered = PutConversation(ROOM, RoomKind.INVITED, "garden", 2)
    for change in (SetFloor(ROOM, ALICE.device, Chain.CONTROL, 1, mine.ops[0].id), guest, entered):
        store.commit([change])
        for found in (store, opened.reopen()):
            assert found.history(ROOM, Page()) == []
            assert found.message(mine.ops[0].id) is None
            assert found.search(NUMBER, None, 10) == []
            assert found.search(NUMBER, ROOM, 10) == []
            with pytest.raises(UnknownMessage):
                found.history(ROOM, Page(after=mine.ops[0].id))
    store.commit([replace(guest, is_entered=True)])
    for found in (store, opened.reopen()):
        assert found.history(ROOM, Page()) == shown
        assert found.message(mine.ops[0].id) == shown[0]
        assert found.search(NUMBER, ROOM, 10) == shown[::-1]
    store.commit(mine.messages(1))
    assert heads(store) == [mine.ops[-1].id]


def test_a_conversation_that_is_dropped_without_a_word_said_leaves_no_row(
    sqlite_store: Opened, tmp_path: Path
) -> None:
    store = sqlite_store.store
    store.commit([*ROOMS, *Writer(person=BOB).messages(2), DropConversation(ROOM, ALICE.device)])
    store.commit([SetPublished(OTHER_ROOM, 1), DropConversation(OTHER_ROOM, ALICE.device)])
    with closing(connect(tmp_path / "store.db", KEY)) as connection:
        assert connection.execute("SELECT count(*) FROM conversations").fetchone() == (0,)


def test_of_a_device_the_newest_receipt_is_kept(store: Store) -> None:
    first = PutReceipt(ROOM, BOB.device, b"one", b"1")
    second = PutReceipt(ROOM, BOB.device, b"two", b"2")
    other = PutReceipt(ROOM, CAROL.device, b"three", b"3")
    store.commit([first, other])
    store.commit([second])
    kept = sorted((second, other), key=lambda receipt: receipt.device)
    assert store.receipts(ROOM) == kept
    assert store.receipts(OTHER_ROOM) == []


def test_deliveries_come_back_as_they_were_set(store: Store) -> None:
    older, newer = delivery(BOB, acked=1), delivery(BOB, acked=4, sent=5)
    elsewhere = delivery(BOB, acked=2, conversation=OTHER_ROOM)
    store.commit([older, elsewhere])
    store.commit([newer])
    told = sorted((newer, elsewhere), key=lambda row: row.conversation)
    assert list(store.snapshot().deliveries) == told


def test_numbers_and_texts_at_their_limits_come_back(store: Store) -> None:
    largest = (1 << 63) - 1
    writer = Writer()
    added = replace(writer.op(), sort_key=largest, received_ms=largest)
    text = "\0 灯 \U0001f7e0 e\u0301 \u202e"
    name = PutName(ALICE.account, text, largest)
    setting = PutSetting(text, bytes(range(256)))
    store.commit([added, writer.shown(added, text), name, setting])
    (message,) = store.history(ROOM, Page())
    assert (message.text, message.author_name, message.received_at) == (text, text, largest)
    assert store.snapshot().heads[0].sort_key == largest
    assert store.snapshot().names == (name,)
    assert store.snapshot().settings == {text: setting.value}


def test_a_ratchet_goes_on_from_its_newest_step(store: Store) -> None:
    steps = [ratchet(BOB, "one", counter=n) for n in range(3)]
    other = replace(ratchet(CAROL, "one"), is_answered=True)
    store.commit([steps[0], steps[1], other])
    store.commit([steps[2]])
    told = sorted((steps[2], other), key=lambda row: row.peer)
    assert list(store.snapshot().mail.ratchets) == told
    store.commit([DropRatchet(BOB.device, steps[0].session), DropRatchet(BOB.device, b"s" * 32)])
    assert store.snapshot().mail.ratchets == (other,)


def test_account_and_keys_are_replaced_as_a_whole(store: Store) -> None:
    old = PutMailKeys(digest("old"), 1, (HpkeSecret(2, b"a", 1), HpkeSecret(1, b"b", 1)))
    new = PutMailKeys(digest("new"), 2, (HpkeSecret(1, b"c", 2),))
    store.commit([PutOlmAccount("one"), old])
    store.commit([PutOlmAccount("two", 7), new])
    kept = store.snapshot().mail
    assert (kept.account, kept.keys) == (PutOlmAccount("two", 7), new)


def test_what_was_spent_and_seen_is_remembered_until_its_time(store: Store) -> None:
    spent = [SpendSession(digest(f"session {n}"), n, BOB.account) for n in range(4)]
    seen = [SeeMail(digest(f"blob {n}"), n) for n in range(4)]
    store.commit([*spent, *seen, ForgetSpent(3), ForgetSeen(2)])
    kept = store.snapshot().mail
    assert (kept.spent, kept.seen) == ((spent[3],), (seen[3],))


def test_what_was_mailed_goes_with_its_conversation(store: Store) -> None:
    here = SetMailed(ROOM, BOB.device, 1, 2, 3)
    there = SetMailed(OTHER_ROOM, BOB.device, 4, 5, 6)
    store.commit([Writer().op(), here, there, replace(here, talk=7)])
    kept = sorted((replace(here, talk=7), there), key=lambda row: row.conversation)
    assert list(store.snapshot().mail.mailed) == kept
    store.commit([DropConversation(ROOM, CAROL.device)])
    assert store.snapshot().mail.mailed == (there,)


def test_a_room_is_kept_with_its_control_ops_in_their_order(store: Store) -> None:
    control = Writer(chain=Chain.CONTROL)
    ops = [control.op("one"), control.op("two")]
    elsewhere = Writer(conversation=OTHER_ROOM, chain=Chain.CONTROL).op()
    room = PutRoom(ROOM, b"genesis", digest("secret"))
    store.commit([room, *ops, Writer().op("talk"), elsewhere])
    kept = store.snapshot().rooms
    assert kept.rooms == (room,)
    assert [(row.id, row.content) for row in kept.control] == [
        (added.op.id, added.op.content) for added in ops
    ]


def test_who_took_us_in_and_how_we_left_are_kept(store: Store) -> None:
    room = PutRoom(ROOM, b"genesis", digest("secret"), BOB.account, is_entered=False)
    said = [StoredOp(OpId(digest(f"{n}")), n, b"header", bytes(64), b"word") for n in range(2, 5)]
    leave = PutLeave(OTHER_ROOM, tuple(said))
    store.commit([PutLeave(OTHER_ROOM, (replace(said[0], seq=0),))])
    store.commit([replace(room, inviter=None), room, leave])
    assert store.snapshot().rooms == RoomsSnapshot((room,), leaves=(leave,))
    entered = replace(room, is_entered=True)
    store.commit([entered, DropConversation(OTHER_ROOM, ALICE.device)])
    assert store.snapshot().rooms == RoomsSnapshot((entered,))


def test_epochs_are_replaced_dropped_and_go_with_their_room(store: Store) -> None:
    one, other = (PutEpoch(ROOM, OpId(digest(n)), digest(n), 1) for n in ("one", "other"))
    later = replace(one, learned_ms=2)
    store.commit([PutRoom(ROOM, b"genesis", digest("secret")), one, other, later])
    assert set(store.snapshot().rooms.epochs) == {later, other}
    store.commit([DropEpoch(ROOM, other.op)])
    assert store.snapshot().rooms.epochs == (later,)
    store.commit([DropConversation(ROOM, ALICE.device)])
    assert store.snapshot().rooms == RoomsSnapshot()


def test_who_is_expected_to_have_what_is_replaced_forgotten_and_goes_with_the_room(store: Store):
    bob, carol = ExpectMember(ROOM, BOB.account, 3), ExpectMember(ROOM, CAROL.account, 0)
    there = ExpectMember(OTHER_ROOM, BOB.account, 1)
    lost = SetLost(ROOM, ((1, 2), (3, 5)))
    store.commit([SetLost(ROOM, ((0, 9),)), lost, SetLost(OTHER_ROOM, ((0, 1),))])
    assert store.snapshot().rooms.lost == tuple(
        sorted((lost, SetLost(OTHER_ROOM, ((0, 1),))), key=lambda row: row.conversation)
    )
    store.commit([SetLost(OTHER_ROOM, ())])
    assert store.snapshot().rooms.lost == (lost,)
    store.commit([bob, carol, there, SetSettled(ROOM, 2), SetSettled(ROOM, 4, 3)])
    in_room = sorted((bob, carol), key=lambda row: row.account)
    found = store.snapshot().rooms
    kept = sorted((*in_room, there), key=lambda row: (row.conversation, row.account))
    assert (list(found.expected), found.settled) == (kept, (SetSettled(ROOM, 4, 3),))
    moved = replace(bob, since=0)
    store.commit([moved, ForgetMember(ROOM, CAROL.account), ForgetMember(ROOM, ALICE.account)])
    assert set(store.snapshot().rooms.expected) == {moved, there}
    store.commit([DropConversation(ROOM, ALICE.device)])
    assert store.snapshot().rooms == RoomsSnapshot(expected=(there,))


def test_secrets_of_rooms_are_not_shown() -> None:
    shown = repr([PutRoom(ROOM, b"", b"hidden"), PutEpoch(ROOM, OpId(digest("e")), b"hidden", 1)])
    assert "hidden" not in shown
