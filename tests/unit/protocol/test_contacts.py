"""Nobody's messages come in before both sides have said yes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.errors import LinkError, UnknownContact
from p2pchat.events import ContactAccepted, ContactRequested, SecurityAlert
from p2pchat.model.change import AddOp, PutContact, PutConversation, PutDeviceSet
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.ids import DeviceId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind
from p2pchat.protocol.intake import STRANGER_OPS_MAX
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    Dial,
    PeerUp,
    Persist,
    Received,
    RejectContact,
    Send,
)
from p2pchat.wire.contents import Profile, Reject, Request, encode_content
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import Hello, Ops
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    Author,
    Person,
    between,
    digest,
    person,
    set_of,
)
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)


def two() -> tuple[Table, Seat, Seat]:
    table = Table()
    return table, table.sit(ALICE), table.sit(BOB)


def ask(seat: Seat, other: Seat, **changes: object) -> ContactInfo:
    link = replace(other.person.link, **changes)
    info = seat.ask(lambda id: AddContact(id, link, seat.person.pair_half))
    assert isinstance(info, ContactInfo)
    return info


def accept(seat: Seat, other: Seat) -> object:
    return seat.ask(lambda id: AcceptContact(id, other.person.account, seat.person.pair_half))


def reject(seat: Seat, other: Seat) -> object:
    return seat.ask(lambda id: RejectContact(id, other.person.account))


def contact_state(seat: Seat, other: Seat) -> ContactState | None:
    return seat.state.contact_state(other.person.account)


def request(intro: bytes = BOB.intro, name: str = "alice") -> Request:
    return Request(name, "", intro, bytes(32))


def test_asking_and_accepting_makes_two_contacts():
    table, alice, bob = two()
    assert ask(alice, bob).state is ContactState.ASKED
    table.settle()
    assert bob.told(ContactRequested) == [ContactRequested(ALICE.account, "alice")]

    info = accept(bob, alice)
    table.settle()

    assert isinstance(info, ContactInfo)
    assert (info.state, info.name, info.id) == (ContactState.ACCEPTED, "alice", DIRECT)
    assert alice.told(ContactAccepted) == [ContactAccepted(BOB.account)]
    assert bob.told(ContactAccepted) == [ContactAccepted(ALICE.account)]
    assert alice.state.contact_info(alice.state.contacts[BOB.account]).name == "bob"


def test_what_was_written_while_asking_is_delivered_after_the_yes():
    table, alice, bob = two()
    ask(alice, bob)
    first = alice.send(DIRECT, "one")
    second = alice.send(DIRECT, "two")
    table.run(60)
    assert bob.texts(DIRECT) == []
    assert alice.state_of(first.id) is MessageState.QUEUED

    accept(bob, alice)
    table.settle()

    assert bob.texts(DIRECT) == ["one", "two"]
    assert alice.state_of(second.id) is MessageState.DELIVERED


def test_who_asks_learns_nothing_before_the_answer():
    table, alice, bob = two()
    ask(alice, bob)
    table.run(3600)
    assert [e for e in bob.decided(Send) if isinstance(e.frame, SignedReceipt | Ops)] == []
    assert bob.decided(Dial) == []


def test_a_request_is_repeated_until_it_is_answered_but_ever_more_seldom():
    table, alice, bob = two()
    ask(alice, bob)
    table.run(24 * 3600)
    repeats = [e for e in alice.decided(Send) if isinstance(e.frame, Ops)]
    assert 24 * 3600 / 600 < len(repeats) < 2 * 24 * 3600 / 300 + 20
    assert len(bob.told(ContactRequested)) == 1


def test_a_no_is_told_once_and_leaves_nothing_owed():
    table, alice, bob = two()
    ask(alice, bob)
    alice.send(DIRECT, "please")
    table.settle()

    reject(bob, alice)
    table.settle()

    assert contact_state(bob, alice) is ContactState.REJECTED
    assert contact_state(alice, bob) is ContactState.ASKED
    assert not alice.chat.outbox.owed_devices()
    assert not bob.chat.outbox.owed_devices()
    for seat in (alice, bob):
        seat.effects.clear()
    table.run(3600)
    assert not [e for e in alice.decided(Send) + bob.decided(Send) if isinstance(e.frame, Ops)]
    assert bob.texts(DIRECT) == []


def test_asking_again_after_a_no_does_not_reach_anybody():
    table, alice, bob = two()
    ask(alice, bob)
    table.settle()
    reject(bob, alice)
    table.settle()

    ask(alice, bob)
    ask(alice, bob, intro=digest("a newer link")[:16])
    table.run(60)

    assert contact_state(bob, alice) is ContactState.REJECTED
    assert len(bob.told(ContactRequested)) == 1


def test_adding_somebody_one_has_rejected_accepts():
    table, alice, bob = two()
    ask(alice, bob)
    message = alice.send(DIRECT, "still there?")
    table.settle()
    reject(bob, alice)
    table.settle()

    ask(bob, alice)
    table.settle()

    assert contact_state(alice, bob) is contact_state(bob, alice) is ContactState.ACCEPTED
    assert bob.texts(DIRECT) == ["still there?"]
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_adding_who_has_asked_accepts():
    table, alice, bob = two()
    ask(alice, bob)
    table.settle()
    assert ask(bob, alice).state is ContactState.ACCEPTED
    table.settle()
    assert contact_state(alice, bob) is ContactState.ACCEPTED


def test_two_who_ask_each_other_at_once_are_contacts():
    table, alice, bob = two()
    table.cut.add(frozenset((alice.device, bob.device)))
    ask(alice, bob)
    ask(bob, alice)
    alice.send(DIRECT, "from alice")
    bob.send(DIRECT, "from bob")
    table.settle()
    table.heal()
    table.run(60)

    assert contact_state(alice, bob) is contact_state(bob, alice) is ContactState.ACCEPTED
    assert alice.texts(DIRECT) == bob.texts(DIRECT) == ["from alice", "from bob"]
    assert len(alice.told(ContactAccepted)) == len(bob.told(ContactAccepted)) == 1


def test_a_request_survives_restarts_of_both():
    table, alice, bob = two()
    table.cut.add(frozenset((alice.device, bob.device)))
    ask(alice, bob)
    alice.send(DIRECT, "hello")
    alice.crash()
    table.heal()
    table.run(60)
    assert contact_state(bob, alice) is ContactState.REQUEST
    bob.crash()
    alice.crash()
    accept(bob, alice)
    table.run(60)
    assert bob.texts(DIRECT) == ["hello"]


def test_adding_a_contact_again_changes_nothing():
    table, alice, bob = two()
    table.befriend(alice, bob)
    alice.effects.clear()
    assert ask(alice, bob).state is ContactState.ACCEPTED
    assert alice.decided(Persist) == []
    assert isinstance(accept(alice, bob), ContactInfo)
    assert alice.decided(Persist) == []


def test_asking_twice_with_one_link_writes_one_request():
    _, alice, bob = two()
    ask(alice, bob)
    ask(alice, bob)
    written = [e for e in alice.decided(Persist) if isinstance(e.change, AddOp)]
    assert len(written) == 1


def test_a_newer_link_mends_a_request_made_with_a_revoked_one():
    table, alice, bob = two()
    ask(alice, bob, intro=digest("revoked")[:16])
    table.run(60)
    assert contact_state(bob, alice) is None
    assert bob.state.refused["request with a revoked link"]

    ask(alice, bob)
    table.run(60)

    assert contact_state(bob, alice) is ContactState.REQUEST
    accept(bob, alice)
    alice.crash()
    table.run(60)
    assert contact_state(alice, bob) is ContactState.ACCEPTED


def test_ones_own_link_is_refused_plainly():
    _, alice, _ = two()
    with pytest.raises(LinkError):
        ask(alice, alice)


@pytest.mark.parametrize("answer", [accept, reject])
def test_who_has_not_asked_cannot_be_answered(answer):
    _, alice, bob = two()
    with pytest.raises(UnknownContact):
        answer(alice, bob)


def test_a_contact_cannot_be_rejected_any_more():
    table, alice, bob = two()
    table.befriend(alice, bob)
    with pytest.raises(UnknownContact):
        reject(alice, bob)


# Hostile askers


def test_a_request_with_the_wrong_token_leaves_no_trace():
    _, _, bob = two()
    bob.hear(ALICE, Ops((Author(ALICE, DIRECT).write(request(intro=bytes(16))),)))
    assert bob.decided(Persist) == []
    assert bob.state.conversations == {}
    assert list(bob.state.directory.sets) == [BOB.account]


@pytest.mark.parametrize(
    "change",
    [{"conversation": between(ALICE, CAROL)}, {"seq": 1, "prev": digest("somewhere")}],
    ids=["of another conversation", "in the middle of a chain"],
)
def test_a_request_out_of_place_is_refused(change):
    _, _, bob = two()
    author = Author(ALICE, DIRECT)
    bob.hear(ALICE, Ops((author.write(request(), **change),)))
    assert bob.state.contacts == {}
    assert bob.state.refused["request out of place"] == 1


def test_a_request_comes_from_the_device_that_wrote_it():
    _, _, bob = two()
    bob.hear(MALLORY, Ops((Author(ALICE, DIRECT).write(request()),), (ALICE.devices,)))
    assert bob.state.contacts == {}


def test_requests_of_two_chains_in_one_frame_are_refused():
    _, _, bob = two()
    first = Author(ALICE, DIRECT).write(request(intro=bytes(16)))
    second = Author(CAROL, between(CAROL, BOB)).write(request())
    bob.hear(ALICE, Ops((first, second), (CAROL.devices,)))
    assert bob.state.contacts == {}


def test_a_forged_request_is_the_fault_of_who_sent_it():
    _, _, bob = two()
    op = Author(ALICE, DIRECT).write(request())
    bob.hear(ALICE, Ops((replace(op, signature=bytes(64)),)))
    assert bob.drops == ["a signature for op does not verify"]
    assert bob.state.contacts == {}


def test_a_forged_first_request_is_not_excused_by_a_good_second():
    _, _, bob = two()
    author = Author(ALICE, DIRECT)
    first, second = author.write(request(intro=bytes(16))), author.write(request())
    bob.hear(ALICE, Ops((replace(first, signature=bytes(64)), second)))
    assert bob.state.contacts == {}
    assert bob.decided(Persist) == []


def test_a_request_of_an_uncertified_device_is_refused():
    _, _, bob = two()
    op = Author(ALICE, DIRECT).write(request())
    bob.do(Received(ALICE.device, Ops((op,))))
    assert bob.state.contacts == {}
    assert bob.drops == []


def test_a_request_without_content_is_refused():
    _, _, bob = two()
    op = Author(ALICE, DIRECT).write(request())
    bob.hear(ALICE, Ops((replace(op, content=None),)))
    assert bob.state.contacts == {}


def test_a_flood_of_requests_is_cut_at_the_limit_and_nothing_more_is_kept():
    table = Table()
    bob = table.sit(BOB, Limits(requests_max=5))
    for number in range(20):
        asker = person(f"asker {number}")
        bob.hear(asker, Ops((Author(asker, between(asker, BOB)).write(request()),)))
    assert len(bob.state.contacts) == len(bob.state.conversations) == 5
    assert len(bob.state.directory.sets) == 6
    assert bob.state.refused["too many requests"] == 15

    bob.ask(lambda id: RejectContact(id, person("asker 0").account))
    asker = person("asker 20")
    bob.hear(asker, Ops((Author(asker, between(asker, BOB)).write(request()),)))
    assert asker.account in bob.state.contacts


def test_talk_before_the_yes_is_refused():
    _, _, bob = two()
    author = Author(ALICE, DIRECT)
    bob.hear(ALICE, Ops((author.write(request()),)))
    talk = Author(ALICE, DIRECT)
    bob.hear(ALICE, Ops((talk.write("let me in"),)))
    assert bob.state.refused["not allowed"] == 1
    assert bob.texts(DIRECT) == []


def test_nobody_but_the_two_can_write_in_their_conversation():
    table, alice, bob = two()
    table.befriend(alice, bob)
    op = Author(MALLORY, DIRECT).write("me too")
    bob.hear(MALLORY, Ops((op,)))
    bob.hear(ALICE, Ops((op,), (MALLORY.devices,)))
    assert bob.texts(DIRECT) == []
    assert bob.state.refused["not allowed"] == 2


def test_a_name_with_control_characters_is_shown_without_them():
    _, _, bob = two()
    op = Author(ALICE, DIRECT).write(request(name="al\u202eice\0\n"))
    bob.hear(ALICE, Ops((op,)))
    assert bob.told(ContactRequested) == [ContactRequested(ALICE.account, "alice")]


def test_an_account_without_a_name_is_called_by_its_id():
    _, _, bob = two()
    bob.hear(ALICE, Ops((Author(ALICE, DIRECT).write(request(name="")),)))
    (event,) = bob.told(ContactRequested)
    assert isinstance(event, ContactRequested)
    assert event.name.startswith("z6Mk")


def test_control_ops_that_say_nothing_new_change_nothing():
    table, alice, bob = two()
    table.befriend(alice, bob)
    before = dict(bob.state.contacts)
    author = Author(ALICE, DIRECT)
    author.ops = bob.chain(DIRECT, ALICE, Chain.CONTROL)
    bob.hear(ALICE, Ops((author.write(Reject()), author.write_raw(31, b"a later version's"))))
    assert bob.state.contacts == before
    assert bob.state.refused == {}
    contents = [op.content for op in bob.chain(DIRECT, ALICE, Chain.CONTROL)]
    assert contents[1:] == [b"", b"a later version's"]


def test_a_profile_in_a_direct_conversation_renames():
    table, alice, bob = two()
    table.befriend(alice, bob)
    bob.hear(ALICE, Ops((Author(ALICE, DIRECT).write(Profile("Alice the Great")),)))
    assert bob.state.directory.name(ALICE.account) == "Alice the Great"
    older = Author(ALICE, DIRECT)
    older.ops = bob.chain(DIRECT, ALICE)
    bob.hear(ALICE, Ops((older.write(Profile("Young Alice"), hlc=5),)))
    assert bob.state.directory.name(ALICE.account) == "Alice the Great"


def test_a_hello_of_another_device_is_refused():
    _, _, bob = two()
    bob.do(Received(MALLORY.device, Hello(ALICE.devices)))
    assert bob.state.refused["hello of another device"] == 1
    assert bob.state.directory.accounts == {}


def test_who_is_asked_is_known_by_the_certificate_in_the_link():
    table, alice, bob = two()
    table.cut.add(frozenset((alice.device, bob.device)))
    ask(alice, bob)
    alice.crash()
    assert alice.state.directory.certifies(BOB.account, BOB.device)
    assert not alice.state.directory.certifies(BOB.account, CAROL.device)


def asked(limits: Limits | None = None) -> tuple[Seat, Author]:
    """Bob, whom Alice asked, and Alice's pen."""
    bob = Table().sit(BOB, limits)
    author = Author(ALICE, DIRECT)
    bob.hear(ALICE, Hello(ALICE.devices), Ops((author.write(request()),), (ALICE.devices,)))
    assert bob.state.contact_state(ALICE.account) is ContactState.REQUEST
    return bob, author


def control_count(seat: Seat) -> int:
    return seat.state.conversations[DIRECT].log.count(ALICE.device, Chain.CONTROL)


def test_who_only_asked_cannot_fill_the_disk():
    bob, author = asked()
    for _ in range(50):
        bob.hear(ALICE, Ops((author.write(request()),)))
    assert control_count(bob) == STRANGER_OPS_MAX
    assert bob.state.refused["not allowed"] == 51 - STRANGER_OPS_MAX


@pytest.mark.parametrize(("kind", "size"), [(9, 1), (Kind.REJECT, 4 * 1024 + 1)])
def test_who_only_asked_writes_nothing_but_what_asking_takes(kind: int, size: int):
    bob, author = asked()
    bob.hear(ALICE, Ops((author.write_raw(kind, bytes(size)),)))
    assert control_count(bob) == 1
    assert bob.state.refused["not allowed"] == 1


def test_a_request_of_many_bytes_is_refused():
    bob = Table().sit(BOB)
    kind, raw = encode_content(request())
    padding = b"\xfa\x07\x80\x20" + bytes(4096)  # a field of a later version
    op = Author(ALICE, DIRECT).write_raw(kind, raw + padding)
    bob.hear(ALICE, Ops((op,), (ALICE.devices,)))
    assert bob.state.refused["request that is too large"] == 1
    assert DIRECT not in bob.state.conversations


def test_a_chain_that_does_not_begin_with_a_request_that_reads_makes_no_conversation():
    bob, author = Table().sit(BOB), Author(ALICE, DIRECT)
    ops = (author.write_raw(Kind.REQUEST, b"\xff"), author.write(request()))
    bob.hear(ALICE, Ops(ops, (ALICE.devices,)))
    assert DIRECT not in bob.state.conversations


def test_who_was_told_no_writes_nothing_more_and_gets_receipts_for_repeats():
    bob, author = asked()
    bob.do(PeerUp(ALICE.device))
    bob.ask(lambda id: RejectContact(id, ALICE.account))
    bob.effects.clear()
    bob.hear(ALICE, Ops((author.write(request()),)))
    assert control_count(bob) == 1
    assert bob.decided(Persist) == []
    bob.hear(ALICE, Ops((author.ops[0],)))
    assert [e for e in bob.decided(Send) if isinstance(e.frame, SignedReceipt)]


def test_a_control_chain_ends_though_its_author_is_a_contact():
    bob, author = asked(Limits(control_ops_max=3))
    bob.ask(lambda id: AcceptContact(id, ALICE.account, BOB.pair_half))
    bob.hear(ALICE, *(Ops((author.write(Reject()),)) for _ in range(5)))
    assert control_count(bob) == 3


class SecondDevice(Person):
    """Another device of a person, whose set names both."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = f"{name}, again"
        self.signer = Ed25519Signer(digest(f"second device {name}"))
        first, self.device = self.device, DeviceId(self.signer.public_key)
        self.devices = set_of(person(name), first, self.device)


def test_a_new_device_of_an_account_makes_itself_known_to_contacts():
    """As after an import: the same account and its conversations, under a device key of its own."""
    table, alice, bob = two()
    table.befriend(alice, bob)
    alice.send(DIRECT, "from the old device")
    table.settle()
    table.part(alice, bob)
    known = [
        PutConversation(DIRECT, None, "", 1),
        PutContact(BOB.account, DIRECT, ContactState.ACCEPTED, 1, b""),
        PutDeviceSet(BOB.account, BOB.devices.raw),
    ]
    new = table.sit(SecondDevice("alice"))
    new.store.commit(known)
    new.effects.clear()
    new.crash()
    assert BOB.device in [effect.peer for effect in new.decided(Dial)]
    table.settle()
    assert new.texts(DIRECT) == ["from the old device"]
    assert [message.state for message in new.history(DIRECT)] == [MessageState.SENT]
    assert new.device in bob.state.directory.devices(ALICE.account)
    bob.send(DIRECT, "hello, both of you")
    mine = new.send(DIRECT, "from the new one")
    table.settle()
    texts = ["from the old device", "hello, both of you", "from the new one"]
    assert sorted(new.texts(DIRECT)) == sorted(bob.texts(DIRECT)) == sorted(texts)
    assert new.state_of(mine.id) is MessageState.DELIVERED
    table.heal()
    table.connect(alice, bob)
    table.settle()
    late = bob.send(DIRECT, "are you both there?")
    table.settle()
    for seat in (alice, new):
        assert sorted(seat.texts(DIRECT)) == sorted([*texts, "are you both there?"])
        assert seat.told(SecurityAlert) == []
    assert bob.state_of(late.id) is MessageState.DELIVERED


def test_a_device_that_has_spoken_does_not_introduce_itself_again():
    table, alice, bob = two()
    table.befriend(alice, bob)
    for seat in (alice, bob):
        seat.crash()
        assert seat.chain(DIRECT, seat.person) == []
