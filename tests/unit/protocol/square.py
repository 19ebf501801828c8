"""An open room with Alice and Bob in it, and what Carol wrote there before she went."""

from __future__ import annotations

from itertools import islice

from p2pchat.model.conversation import open_room_id
from p2pchat.model.op import Chain, Op, Position
from p2pchat.protocol.machine import Heard, PeerDown, PeerUp, Send
from p2pchat.wire.frames import Frame, Ops, SyncDigest, SyncFrontier
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, Person
from tests.unit.protocol.table import Seat, Table

ROOM = open_room_id("square")
KEY = (CAROL.device, Chain.TALK)


def square() -> tuple[Table, Seat, Seat]:
    """Alice and Bob in a room, connected, each knowing the other's first op."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.connect(alice, bob)
    for seat in (alice, bob):
        seat.join("square")
    table.run(5)
    return table, alice, bob


def tell(seat: Seat, *ops: Op, author: Person = CAROL) -> None:
    """Ops of Carol's reach a seat by gossip, from somebody who is gone."""
    for start in range(0, len(ops), 64):
        blob = Ops(tuple(ops[start : start + 64]), (author.devices,))
        seat.do(Heard(ROOM, author.device, blob))
    while seat.loads:
        seat.answer_load()


def written(count: int, text: str = "number", author: Person = CAROL) -> list[Op]:
    writer = Author(author, ROOM)
    return [writer.write(f"{text} {number}") for number in range(count)]


def branch(ops: list[Op], seq: int, count: int, text: str = "other") -> list[Op]:
    author = Author(CAROL, ROOM)
    author.ops, author.hlc = ops[:seq], author.hlc + 10_000
    return [author.write(f"{text} {number}") for number in range(count)]


def frames(seat: Seat, kind: type[Frame]) -> list:
    return [e.frame for e in seat.decided(Send) if isinstance(e.frame, kind)]


def ids(seat: Seat) -> set[bytes]:
    return {op.id for op in seat.chain(ROOM, CAROL)}


def digests(*seats: Seat) -> set[bytes]:
    return {seat.state.conversations[ROOM].log.digest() for seat in seats}


def meet(table: Table, one: Seat, other: Seat) -> None:
    """They compare themselves at once, and nothing else happens."""
    ask(table, one, other)
    ask(table, other, one)
    table.settle()


def ask(table: Table, one: Seat, other: Seat) -> None:
    """One begins to compare itself with the other."""
    conversation = one.state.conversations[ROOM]
    one._carry(one.chat.sync.begin(conversation, other.device, table.now))


def tell_late(seat: Seat, author: Person, before: Op, op: Op) -> None:
    """An author brings a chain that begins with `op`, says that it follows `before`, and goes."""
    key = (author.device, Chain.TALK)
    seat.do(PeerUp(author.device))
    seat.hear(author, SyncDigest(ROOM, bytes(32)))
    floor = Position(*key, op.header.seq, before.id)
    seat.hear(author, SyncFrontier(ROOM, (op.position,), (floor,)))
    seat.hear(author, Ops((op,), (author.devices,)))
    while seat.loads:
        seat.answer_load()
    seat.do(PeerDown(author.device, "gone"))


def contradictions(alice: Seat, bob: Seat, *authors: Person) -> None:
    """Chains that Bob holds, and can serve, and that Alice can never take from him."""
    for author in authors:
        writer = Author(author, ROOM)
        ops = [writer.write() for _ in range(2)]
        tell(alice, *ops, author=author)
        tell_late(bob, author, ops[1], writer.write("skips", seq=10))


def people_before(person: Person, count: int) -> list[Person]:
    """Others whose devices stand before this one's."""
    some = (Person(f"somebody {number}") for number in range(100))
    return list(islice((one for one in some if one.device < person.device), count))
