"""What becomes of messages that are edited and deleted, whatever order it comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2pchat.model.change import AddOp, Change, DropConversation, RestoreContent, SetFloor
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.message import REACTIONS_MAX, Message
from p2pchat.model.op import WORDLESS_MAX, Chain, Op
from p2pchat.model.query import OpsQuery, StoredDeletion
from p2pchat.model.search import Query
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Page, Store
from tests.compliance.store.conftest import Opened
from tests.compliance.store.values import ALICE, BOB, OTHER_ROOM, ROOM, ROOMS, Person, Writer

ALICES_PHONE = Person("alice", "phone")


def shown(store: Store, id: OpId) -> tuple[str, bool, bool]:
    message = store.message(id)
    assert message is not None
    return message.text, message.edited, message.deleted


def finds(store: Store, words: str) -> list[Message]:
    query = Query.of(words)
    assert query is not None
    return store.search(query, None, 10)


def content(store: Store, person: Person, seq: int) -> bytes | None:
    (row,) = store.ops(OpsQuery(ROOM, person.device, Chain.TALK, seq, 1, 1 << 20))
    return row.content


def test_an_edit_is_shown_and_found_in_place_of_what_was_said(store: Store) -> None:
    alice = Writer()
    store.commit(alice.message("sunflowers"))
    target = alice.ops[0].id
    store.commit(alice.edit(target, "tulips"))
    assert shown(store, target) == ("tulips", True, False)
    assert finds(store, "sunflowers") == []
    assert [message.id for message in finds(store, "tulips")] == [target]
    assert len(store.history(ROOM, Page())) == 1


def test_the_latest_edit_wins_whatever_came_last(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    store.commit(alice.message("one"))
    target = alice.ops[0].id
    store.commit(phone.edit(target, "three", hlc=3_000))
    store.commit(alice.edit(target, "two", hlc=2_000))
    assert shown(store, target) == ("three", True, False)


def test_of_edits_of_one_moment_the_greater_id_wins(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    store.commit(alice.message("one"))
    target = alice.ops[0].id
    store.commit([*alice.edit(target, "mine", hlc=2_000), *phone.edit(target, "other", hlc=2_000)])
    winner = max((alice.ops[-1].id, "mine"), (phone.ops[-1].id, "other"))
    assert shown(store, target) == (winner[1], True, False)


def test_nobody_edits_or_deletes_what_another_said(store: Store) -> None:
    alice, bob = Writer(), Writer(BOB)
    store.commit(alice.message("mine"))
    target = alice.ops[0].id
    store.commit([*bob.edit(target, "yours"), *bob.delete(target)])
    assert shown(store, target) == ("mine", False, False)
    assert content(store, ALICE, 0) == b"mine"


def test_an_edit_of_an_edit_changes_nothing(store: Store) -> None:
    alice = Writer()
    store.commit(alice.message("one"))
    target = alice.ops[0].id
    store.commit(alice.edit(target, "two"))
    store.commit(alice.edit(alice.ops[1].id, "three"))
    assert shown(store, target) == ("two", True, False)


def test_what_is_said_in_another_conversation_says_nothing_about_a_message(store: Store) -> None:
    alice, elsewhere = Writer(), Writer(conversation=OTHER_ROOM)
    store.commit(alice.message("here"))
    target = alice.ops[0].id
    store.commit([*elsewhere.edit(target, "there"), *elsewhere.delete(target)])
    assert shown(store, target) == ("here", False, False)


def test_of_a_deleted_message_no_word_is_left(store: Store) -> None:
    alice = Writer()
    reply_to = OpId(bytes(32))
    store.commit(alice.message("sunflowers", reply_to=reply_to))
    target = alice.ops[0].id
    store.commit(alice.edit(target, "tulips"))
    store.commit(alice.delete(target))
    (message,) = store.history(ROOM, Page())
    assert (message.text, message.reply_to) == ("", None)
    assert shown(store, target) == ("", False, True)
    assert finds(store, "sunflowers") == finds(store, "tulips") == []
    rows = store.ops(OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 9, 1 << 20))
    deletion = StoredDeletion(alice.ops[2].header_bytes, alice.ops[2].signature)
    assert [(row.content, row.deletion) for row in rows] == [
        (None, deletion),
        (None, deletion),
        (b"", None),
    ]
    assert [row.header for row in rows] == [op.header_bytes for op in alice.ops]


def test_a_deletion_takes_edits_that_come_after_it(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    store.commit(alice.message("one"))
    target = alice.ops[0].id
    store.commit(alice.delete(target))
    store.commit(phone.edit(target, "two"))
    assert shown(store, target) == ("", False, True)
    assert content(store, ALICES_PHONE, 0) is None


def test_a_message_that_comes_without_content_is_shown_as_deleted(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    added, message = alice.message("never told")
    assert isinstance(added, AddOp)
    target = added.op.id
    store.commit(phone.edit(target, "nor this"))
    deletion = Writer(ALICES_PHONE).fork(0).delete(target)[0]
    assert isinstance(deletion, AddOp)
    gone = replace(added, op=replace(added.op, content=None, deletion=deletion.op))
    store.commit([gone, message])
    assert shown(store, target) == ("", False, True)
    assert content(store, ALICES_PHONE, 0) is None


def test_what_was_said_about_a_message_goes_with_its_op(store: Store) -> None:
    """A deletion below a floor says nothing any more about what comes later."""
    alice, phone = Writer(), Writer(ALICES_PHONE)
    shown_later = alice.message("late")
    target = alice.ops[0].id
    store.commit([*phone.delete(target), *phone.edit(target, "later")])
    store.commit([SetFloor(ROOM, ALICES_PHONE.device, Chain.TALK, 2, phone.ops[1].id)])
    store.commit(shown_later)
    assert shown(store, target) == ("late", False, False)


def test_an_edit_stays_shown_when_its_op_is_below_a_floor(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    store.commit(alice.message("one"))
    target = alice.ops[0].id
    store.commit(phone.edit(target, "two", hlc=5_000))
    store.commit([SetFloor(ROOM, ALICES_PHONE.device, Chain.TALK, 1, phone.ops[0].id)])
    store.commit(alice.edit(target, "earlier", hlc=4_000))
    assert shown(store, target) == ("two", True, False)


def put(store: Store, id: OpId) -> list[tuple[str, AccountId]]:
    message = store.message(id)
    assert message is not None
    assert store.history(message.conversation, Page()) == [message]
    return [(reaction.emoji, reaction.account) for reaction in message.reactions]


def test_reactions_of_everybody_are_shown_and_the_last_word_of_each_counts(store: Store) -> None:
    alice, phone, bob = Writer(), Writer(ALICES_PHONE), Writer(BOB)
    store.commit(alice.message("said"))
    target = alice.ops[0].id
    store.commit([*bob.react(target, "👍", hlc=7), *alice.react(target, "👍", hlc=5)])
    store.commit([*bob.react(target, "✓", hlc=8), *phone.react(target, "👍", is_on=False, hlc=4)])
    everybody = sorted([ALICE.account, BOB.account])
    assert put(store, target) == [("✓", BOB.account), *(("👍", one) for one in everybody)]
    (found,) = finds(store, "said")
    assert len(found.reactions) == 3
    store.commit(phone.react(target, "👍", is_on=False, hlc=6))
    assert put(store, target) == [("✓", BOB.account), ("👍", BOB.account)]


def test_a_reaction_waits_for_its_message_and_goes_with_it(store: Store) -> None:
    alice, bob = Writer(), Writer(BOB)
    said = alice.message("said")
    target = alice.ops[0].id
    store.commit(bob.react(target, "👍"))
    store.commit(said)
    assert put(store, target) == [("👍", BOB.account)]
    store.commit(alice.delete(target))
    assert put(store, target) == []


def test_a_reaction_to_what_is_elsewhere_is_not_shown(store: Store) -> None:
    alice, bob = Writer(), Writer(BOB, OTHER_ROOM)
    store.commit([*alice.message("said"), *bob.react(alice.ops[0].id, "👍")])
    assert put(store, alice.ops[0].id) == []


def test_a_reaction_goes_with_its_op(store: Store) -> None:
    alice, bob = Writer(), Writer(BOB)
    store.commit([*alice.message("said"), *bob.react(alice.ops[0].id, "👍")])
    store.commit([SetFloor(ROOM, BOB.device, Chain.TALK, 1, bob.ops[0].id)])
    assert put(store, alice.ops[0].id) == []


@pytest.mark.parametrize("is_backwards", [False, True])
def test_of_a_thousand_reactions_of_one_account_the_newest_count(
    store: Store, is_backwards: bool
) -> None:
    alice, bob = Writer(), Writer(BOB)
    store.commit(alice.message("said"))
    target = alice.ops[0].id
    signs = [chr(0x2600 + n % 100) + chr(0xFE00 + n // 100 % 16) for n in range(1_000)]
    put_all = [bob.react(target, sign, hlc=n) for n, sign in enumerate(signs)]
    order = put_all[::-1] if is_backwards else put_all
    store.commit([change for changes in order for change in changes])
    assert {sign for sign, _ in put(store, target)} == set(signs[-REACTIONS_MAX:])


# Leaving

Told = tuple[str, bool, bool, list[str]]


def told(store: Store, ids: Sequence[OpId]) -> list[Told | None]:
    messages = [store.message(id) for id in ids]
    return [
        None if m is None else (m.text, m.edited, m.deleted, [r.emoji for r in m.reactions])
        for m in messages
    ]


def test_what_one_device_said_of_messages_stays_when_a_conversation_is_dropped(
    opened: Opened,
) -> None:
    """With its ops; what others said goes with theirs, but words that are shown or gone stay so."""
    store, mine, phone, bob = opened.store, Writer(), Writer(ALICES_PHONE), Writer(BOB)
    own = mine.messages(3)
    others = [*phone.messages(2), *bob.message("of bob")]
    ids = [op.id for writer in (mine, phone, bob) for op in writer.ops]
    for target in ids[0], ids[3]:
        own += mine.edit(target, "by mine")
    own += [*mine.delete(ids[4]), *mine.react(ids[0], "👍"), *mine.react(ids[5], "👍")]
    others += [*phone.edit(ids[1], "by phone"), *phone.delete(ids[2]), *bob.react(ids[0], "✓")]
    store.commit([*ROOMS, *own, *others])
    before: list[Told | None] = [
        ("by mine", True, False, ["✓", "👍"]),
        ("by phone", True, False, []),
        ("", False, True, []),
        ("by mine", True, False, []),
        ("", False, True, []),
        ("of bob", False, False, ["👍"]),
    ]
    assert told(store, ids) == before
    store.commit([DropConversation(ROOM, ALICE.device)])
    assert told(store, ids) == [None] * 6
    store.commit(ROOMS)
    kept = [("by mine", True, False, ["👍"]), *before[1:3], None, None, None]
    for found in (store, opened.reopen()):
        assert told(found, ids) == kept
        assert [content(found, ALICE, seq) for seq in range(2)] == [b"number 0", b"number 1"]
        assert content(found, ALICE, 2) is None
    store.commit(others)
    for found in (store, opened.reopen()):
        assert told(found, ids) == before
        assert finds(found, "number") == []


# Whatever order

Step = Callable[[Writer, OpId, int], Sequence[Change]]
STEPS: dict[str, Step] = {
    "edit": lambda writer, target, n: writer.edit(target, f"words {n}", hlc=1_000 + n % 3),
    "delete": lambda writer, target, n: writer.delete(target),
    "react": lambda writer, target, n: writer.react(
        target, "👍👎✓"[n % 3], is_on=n % 2 == 0, hlc=1_000 + n % 4
    ),
    "text": lambda writer, target, n: writer.message(f"more {n}"),
}
WRITERS = (ALICE, ALICES_PHONE, BOB)
steps = st.lists(
    st.tuples(st.sampled_from(range(3)), st.sampled_from(sorted(STEPS)), st.integers(0, 3)),
    max_size=9,
)


def histories(plan: list[tuple[int, str, int]]) -> list[list[Change]]:
    """The changes of each device, in the order of its chain."""
    writers = [Writer(person) for person in WRITERS]
    commits: list[list[Change]] = [[] for _ in writers]
    commits[0] += writers[0].message("first")
    commits[2] += writers[2].message("mine")
    known = [writers[0].ops[0].id, writers[2].ops[0].id]
    for n, (who, step, about) in enumerate(plan):
        commits[who] += STEPS[step](writers[who], known[about % len(known)], n)
        known.append(writers[who].ops[-1].id)
    return commits


def pieces(changes: list[Change]) -> list[list[Change]]:
    """One op each, with what it does."""
    found: list[list[Change]] = []
    for change in changes:
        if isinstance(change, AddOp):
            found.append([])
        found[-1].append(change)
    return found


def merged(chains: list[list[Change]], turns: list[int]) -> list[list[Change]]:
    """The ops of all devices, each chain in order, as the turns say."""
    queues = [pieces(chain) for chain in chains]
    order = [*turns, *(n for n, queue in enumerate(queues) for _ in queue)]
    return [queues[turn].pop(0) for turn in order if queues[turn]]


def state(store: Store) -> list[object]:
    """What is shown and served, but for when and where it came."""
    rows: list[object] = [
        (m.id, m.text, m.edited, m.deleted, m.reply_to, m.reactions)
        for m in store.history(ROOM, Page())
    ]
    for person in WRITERS:
        found = store.ops(OpsQuery(ROOM, person.device, Chain.TALK, 0, 99, 1 << 20))
        rows += [(row.id, row.content, row.deletion is not None) for row in found]
    return rows


@pytest.mark.parametrize("is_repeated", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps, turns=st.lists(st.integers(0, 2), max_size=12))
def test_any_order_of_arrival_ends_in_one_state(
    plan: list[tuple[int, str, int]], turns: list[int], is_repeated: bool
) -> None:
    chains = histories(plan)
    plain, mixed = MemoryStore(), MemoryStore()
    plain.commit(ROOMS)
    mixed.commit(ROOMS)
    for piece in merged(chains, []):
        plain.commit(piece)
    for piece in merged(chains, turns):
        mixed.commit(piece)
        mixed = mixed.fork()
        if is_repeated:
            mixed.commit(piece)
    assert state(mixed) == state(plain)


@given(plan=steps, turns=st.lists(st.integers(0, 2), max_size=12))
def test_who_leaves_and_comes_back_hears_the_rest_again(
    plan: list[tuple[int, str, int]], turns: list[int]
) -> None:
    chains, store = histories(plan), MemoryStore()
    for piece in merged(chains, turns):
        store.commit(piece)
    store.commit(ROOMS)
    before = state(store)
    store.commit([DropConversation(ROOM, ALICE.device)])
    assert state(store) != before
    store.commit([*ROOMS, *chains[2], *chains[1]])
    assert state(store) == before


# What came without its content


def came_without(writer: Writer, text: str, *, deletion: Op) -> tuple[Op, list[Change]]:
    """A message as it comes from somebody who has no content of it."""
    added, *rest = writer.message(text)
    assert isinstance(added, AddOp)
    gone = replace(added.op, content=None, deletion=deletion)
    return added.op, [replace(added, op=gone), *rest]


def test_what_came_without_words_is_known_until_they_come(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    added = phone.op()
    said, changes = came_without(alice, "said", deletion=added.op)
    store.commit([*changes, *alice.message("other")])
    assert shown(store, said.id) == ("", False, True)
    assert store.snapshot().wordless == ((ROOM, ALICE.device, 0),)
    store.commit([*alice.edit(said.id, "edited"), RestoreContent(said, "said")])
    assert store.snapshot().wordless == ()
    assert shown(store, said.id) == ("said", False, False), "the edit went with the deletion"
    store.commit(alice.edit(said.id, "edited again"))
    assert shown(store, said.id) == ("edited again", True, False)
    assert [message.id for message in finds(store, "edited again")] == [said.id]


def test_words_do_not_come_back_that_a_deletion_in_the_log_took(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    said, changes = came_without(alice, "said", deletion=phone.op().op)
    store.commit([*changes, *alice.delete(said.id), RestoreContent(said, "said")])
    assert shown(store, said.id) == ("", False, True)
    (row,) = store.ops(OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 1, 1 << 20))
    deletion = alice.ops[-1]
    assert row.deletion == StoredDeletion(deletion.header_bytes, deletion.signature)
    absent = Writer(BOB).op("nowhere").op
    store.commit([RestoreContent(absent, "nowhere")])
    assert store.message(absent.id) is None


def test_of_a_chain_the_newest_without_words_are_told(store: Store) -> None:
    alice, phone = Writer(), Writer(ALICES_PHONE)
    deletion = phone.op().op
    for number in range(WORDLESS_MAX + 5):
        store.commit(came_without(alice, f"number {number}", deletion=deletion)[1])
    expected = tuple((ROOM, ALICE.device, seq) for seq in range(4, WORDLESS_MAX + 5))
    assert store.snapshot().wordless == expected
    store.commit([DropConversation(ROOM, BOB.device)])
    assert store.snapshot().wordless == ()
