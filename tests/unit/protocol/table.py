"""A table of chatting peers: real machines and memory stores, in virtual time.

What a machine decides is carried as the driver carries it: commit, then send, then answer, then
tell. The carrier in between may lose, repeat and reorder what it likes, and a peer may crash before
or after any commit; it comes back on the state of its last commit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from p2pchat.config.limits import Limits
from p2pchat.crypto.port import RoomSessions
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.events import Event, MessageReceived
from p2pchat.gossip.vocabulary import Verdict
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.model.control import Standing
from p2pchat.model.conversation import open_room_id
from p2pchat.model.history import parse_history
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.machine import ClearTimer, Now, Reply, SetTimer, TimerFired
from p2pchat.model.message import Message, MessageState
from p2pchat.model.op import Chain, Op
from p2pchat.model.query import OpsQuery
from p2pchat.node.room_seals import RoomSeals
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    BeginSession,
    ChangeStanding,
    CreateRoom,
    Dial,
    DialFailed,
    DrawEpoch,
    Drop,
    Effect,
    Emit,
    EnforceBlocks,
    EnterTopic,
    EpochDrawn,
    ForOutbox,
    Heard,
    HoldEpochs,
    Input,
    JoinOpen,
    Lane,
    LearnSession,
    LeaveRoom,
    LeaveTopic,
    Load,
    Loaded,
    PeerDown,
    PeerUp,
    Persist,
    Publish,
    Published,
    Received,
    RoomPeerJoined,
    RoomPeerLeft,
    Send,
    SendText,
    ShareSession,
    Unreadable,
)
from p2pchat.protocol.outbox import RETRY_PREFIX
from p2pchat.protocol.recipient import Link
from p2pchat.protocol.relation_vocabulary import Look, Looked
from p2pchat.protocol.room_vocabulary import ShareAgain
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Page
from p2pchat.testing.plain_sessions import PlainSessions
from p2pchat.wire.frames import (
    Frame,
    Hello,
    decode_frame,
    decode_ops,
    encode_frame,
    encode_ops,
)
from p2pchat.wire.ops import restore_op
from tests.unit.protocol.people import WALL_MS, Person, between, digest

COMMAND = 7
"""The id of commands whose reply is looked at right away."""
STEPS_MAX = 100_000
MakeSessions = Callable[[Callable[[int], bytes]], RoomSessions]


class Crash(Exception):
    """A peer stops in the middle of carrying a batch."""


@dataclass(eq=False)
class Seat:
    """One peer at the table."""

    table: Table
    person: Person
    limits: Limits
    store: MemoryStore = field(default_factory=MemoryStore)
    timers: dict[str, float] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    """Everything decided since it was last cleared."""
    replies: dict[int, Reply] = field(default_factory=dict)
    drops: list[str] = field(default_factory=list)
    topics: set[ConversationId] = field(default_factory=set)
    loads: list[Load] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    blocks: BlockList = NOBODY
    """What the host was told to refuse."""
    seals: RoomSeals = field(init=False)
    crash_in: str = ""
    """Where the next batch stops: "before commit" or "after commit"."""
    fired: Counter[str] = field(default_factory=Counter)
    chat: Chat = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    @property
    def device(self) -> DeviceId:
        return self.person.device

    @property
    def state(self):
        return self.chat.state

    def open(self) -> None:
        """Begin from the last commit."""
        rng = Random(f"{self.table.seed}/{self.person.name}/{self.table.steps}")
        tokens = Random(f"{self.table.seed}/{self.person.name}/{self.table.steps}/tokens")
        self.seals = RoomSeals(
            SharedKeyCipher(tokens.randbytes),
            self.table.sessions(tokens.randbytes),
            self.person.me.signer,
        )
        self.chat = Chat(self.person.me, self.store.snapshot(), self.limits, rng)
        self._carry(self.chat.start(self.table.now))

    def crash(self) -> None:
        """Lose everything that is not on disk, and come back."""
        self.table.lose(self.device)
        self.timers.clear()
        self.loads.clear()
        self.looks.clear()
        self.topics.clear()
        self.store = self.store.fork()
        self.open()

    # Inputs

    def do(self, *inputs: Input) -> list[Effect]:
        """Decide on one batch and carry it; the effects."""
        effects: list[Effect] = []
        for input in inputs:
            effects += self.chat.handle(input, self.table.now)
        effects += self.chat.settle(self.table.now)
        try:
            self._carry(effects)
        except Crash:
            self.crash()
        return effects

    def ask(self, command: Callable[[int], Input]) -> Any:
        """Carry a command and give its reply's value; raise its error."""
        self.do(command(COMMAND))
        while self.loads and COMMAND not in self.replies:
            self.answer_load()
        reply = self.replies.pop(COMMAND)
        if reply.error is not None:
            raise reply.error
        return reply.value

    def send(self, conversation: ConversationId, text: str) -> Message:
        return self.ask(lambda id: SendText(id, conversation, text))

    def join(self, name: str) -> ConversationId:
        self.ask(lambda id: JoinOpen(id, name))
        return open_room_id(name)

    def hear(self, peer: Person, *frames: Frame) -> list[Effect]:
        """As if `peer` had sent these frames, after its hello."""
        return self.do(*(Received(peer.device, frame) for frame in (Hello(peer.devices), *frames)))

    def create(
        self, name: str, *members: Person, owners: Sequence[Person] = (), history: str = "all"
    ) -> ConversationId:
        """Begin a room by invitation."""
        drawn = digest(f"nonce {name} {self.person.name} {self.table.steps}")[:16], digest(name)
        who = [tuple(one.account for one in some) for some in (members, owners)]
        rule = parse_history(history)
        return self.ask(lambda id: CreateRoom(id, name, *who, *drawn, rule)).id

    def set(self, room: ConversationId, person: Person, standing: Standing) -> None:
        self.ask(lambda id: ChangeStanding(id, room, person.account, standing))

    def leave(self, room: ConversationId) -> None:
        self.ask(lambda id: LeaveRoom(id, room))

    # What came of it

    def texts(self, conversation: ConversationId) -> list[str]:
        return [message.text for message in self.history(conversation)]

    def history(self, conversation: ConversationId) -> list[Message]:
        return self.store.history(conversation, Page(limit=5_000))

    def chain(
        self, conversation: ConversationId, author: Person, chain: Chain = Chain.TALK
    ) -> list[Op]:
        """All ops of one chain that are on disk."""
        query = OpsQuery(conversation, author.device, chain, 0, 1 << 20, 1 << 30)
        return [restore_op(row) for row in self.store.ops(query)]

    def state_of(self, message: OpId) -> MessageState:
        """As the disk tells it, after a flush."""
        self._carry(self.chat.outbox.flush())
        found = self.store.message(message)
        assert found is not None
        return found.state

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def received(self) -> list[str]:
        return [e.message.text for e in self.events if isinstance(e, MessageReceived)]

    def decided(self, kind: type) -> list:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    # Carrying

    def _carry(self, effects: Iterable[Effect]) -> None:
        effects = list(effects)
        self.effects += effects
        where, self.crash_in = self.crash_in, ""
        if where == "before commit":
            raise Crash
        self.store.commit([effect.change for effect in effects if isinstance(effect, Persist)])
        if where == "after commit":
            raise Crash
        for effect in effects:
            self._carry_one(effect)

    def _carry_one(self, effect: Effect) -> None:
        match effect:
            case HoldEpochs() | BeginSession() | LearnSession():
                for heard in self.seals.apply(effect):
                    self.table.gossip.append((self.device, heard))
            case DrawEpoch(conversation):
                self.table.draw(self, conversation)
            case ShareSession(_, devices):
                frame = decode_frame(self.seals.share(effect))
                for device in devices:
                    self.table.carry(self, device, Lane.LIVE, frame)
            case ShareAgain(_, devices):
                again = self.seals.share_again(effect)
                for device in devices if again is not None else ():
                    self.table.carry(self, device, Lane.LIVE, decode_frame(again))
            case Send(peer, lane, frame):
                self.table.carry(self, peer, lane, frame)
            case Publish():
                self.table.publish(self, effect)
            case Dial(peer):
                self.table.dials.append((self.device, peer))
            case Load():
                self.loads.append(effect)
            case Look():
                self.looks.append(effect)
            case EnterTopic(conversation):
                self.topics.add(conversation)
                self.seals.apply(effect)
                self.table.meet_in(conversation, self)
            case LeaveTopic(conversation):
                self.topics.discard(conversation)
                self.seals.leave(conversation)
                self.table.part_in(conversation, self)
            case Reply(id):
                self.replies[id] = effect
            case Emit(event):
                self.events.append(event)
            case Drop(_, reason):
                self.drops.append(reason)
            case EnforceBlocks(blocks):
                self.blocks = blocks
                self.table.review(self)
            case SetTimer(name, delay_s):
                assert delay_s >= 0
                self.timers[name] = self.table.now.monotonic_s + delay_s
            case ClearTimer(name):
                self.timers.pop(name, None)
            case _:
                assert isinstance(effect, Persist)

    def answer_load(self, index: int = 0) -> None:
        load = self.loads.pop(index)
        self.do(Loaded(load.tag, tuple(self.store.ops(load.query))))

    def answer_looks(self) -> None:
        while self.looks:
            said = self.looks.pop(0).said
            self.do(Looked(said, self.store.message(said.target)))

    # What must always hold

    def check(self) -> None:
        """Whoever is owed something has a connection, a dial on its way, or a timer."""
        outbox = self.chat.outbox
        for device, recipient in outbox.recipients.by_device.items():
            timer = RETRY_PREFIX + device.hex() in self.timers
            assert recipient.timer_set == timer, f"{self.person} thinks otherwise of {device!r}"
            connected = recipient.link in (Link.UP, Link.PAUSED)
            assert connected == (device in self.state.connected)
            if recipient.link is Link.DIALLING:
                assert (self.device, device) in self.table.dials, "nobody dials"
            if recipient.link in (Link.WAITING, Link.PAUSED):
                assert timer, "nobody will try again"
            if recipient.link is Link.IDLE:
                assert not outbox.owes(recipient), "owed, and nothing is done about it"
            if recipient.link is Link.UP and outbox.owes(recipient):
                loading = any(load.tag.device == device for load in self.outbox_loads())
                assert timer or loading, "owed, connected, and nobody looks after it"

    def outbox_loads(self) -> list[Load]:
        return [load for load in self.loads if isinstance(load.tag, ForOutbox)]


Way = tuple[DeviceId, DeviceId, Lane]


class Table:
    """Everybody, and what lies between them."""

    def __init__(
        self, seed: int = 0, *, encode: bool = True, sessions: MakeSessions = PlainSessions
    ) -> None:
        self.seed = seed
        self.sessions = sessions
        self.steps = 0
        self.now = Now(WALL_MS, 0.0)
        self.seats: dict[DeviceId, Seat] = {}
        self.links: set[frozenset[DeviceId]] = set()
        self.cut: set[frozenset[DeviceId]] = set()
        """Pairs that cannot reach each other."""
        self.wires: dict[Way, deque[Frame]] = {}
        self.greeted: set[Way] = set()
        self.dials: list[tuple[DeviceId, DeviceId]] = []
        self.gossip: deque[tuple[DeviceId, Input]] = deque()
        self.blobs: list[bytes] = []
        """Everything that was ever published sealed."""
        self.carried: Counter[type] = Counter()
        self._encode = encode
        self._serial = count()

    def sit(self, person: Person, limits: Limits | None = None) -> Seat:
        seat = Seat(self, person, limits or Limits())
        self.seats[seat.device] = seat
        return seat

    def befriend(self, one: Seat, other: Seat) -> ConversationId:
        """Both are contacts of each other, connected, with nothing owed."""
        one.ask(lambda id: AddContact(id, other.person.link, one.person.pair_half))
        self.settle()
        other.ask(lambda id: AcceptContact(id, one.person.account, other.person.pair_half))
        self.settle()
        return between(one.person, other.person)

    # Connections

    def connect(self, one: Seat, other: Seat) -> None:
        pair = frozenset((one.device, other.device))
        if pair in self.links or self.is_blocked(one, other):
            return
        self.links.add(pair)
        one.do(PeerUp(other.device))
        other.do(PeerUp(one.device))
        for conversation in sorted(one.topics & other.topics):
            one.do(RoomPeerJoined(conversation, other.device))
            other.do(RoomPeerJoined(conversation, one.device))

    def is_blocked(self, one: Seat, other: Seat) -> bool:
        return one.blocks.blocks_peer(other.device.peer_id) or other.blocks.blocks_peer(
            one.device.peer_id
        )

    def review(self, seat: Seat) -> None:
        """The connections that a seat refuses end; both sides hear of it behind what they have."""
        for other in self.seats.values():
            if other is not seat and self.is_blocked(seat, other):
                self.disconnect_later(seat, other)

    def disconnect_later(self, one: Seat, other: Seat) -> None:
        pair = frozenset((one.device, other.device))
        if pair not in self.links:
            return
        self._unlink(pair)
        self.gossip.append((one.device, PeerDown(other.device, "blocked")))
        self.gossip.append((other.device, PeerDown(one.device, "lost")))

    def disconnect(self, one: Seat, other: Seat) -> None:
        """What was under way between the two is lost."""
        pair = frozenset((one.device, other.device))
        if pair not in self.links:
            return
        self._unlink(pair)
        one.do(PeerDown(other.device, "lost"))
        other.do(PeerDown(one.device, "lost"))

    def _unlink(self, pair: frozenset[DeviceId]) -> None:
        """What was under way between two is lost."""
        self.links.discard(pair)
        for way in [way for way in self.wires if frozenset(way[:2]) == pair]:
            del self.wires[way]
        self.greeted = {way for way in self.greeted if frozenset(way[:2]) != pair}
        self.gossip = deque(
            (to, input)
            for to, input in self.gossip
            if not (isinstance(input, Heard) and frozenset((to, input.peer)) == pair)
        )

    def part(self, one: Seat, other: Seat) -> None:
        """Disconnect, and let no dial through."""
        self.cut.add(frozenset((one.device, other.device)))
        self.disconnect(one, other)

    def heal(self) -> None:
        self.cut.clear()

    def lose(self, device: DeviceId) -> None:
        """A peer is gone: the others see its connections end."""
        self.dials = [dial for dial in self.dials if dial[0] != device]
        self.gossip = deque(item for item in self.gossip if item[0] != device)
        for pair in [pair for pair in self.links if device in pair]:
            self.links.discard(pair)
            for way in [way for way in self.wires if frozenset(way[:2]) == pair]:
                del self.wires[way]
            self.greeted = {way for way in self.greeted if frozenset(way[:2]) != pair}
            (other,) = pair - {device}
            self.seats[other].do(PeerDown(device, "crashed"))

    # Carrying

    def carry(self, source: Seat, to: DeviceId, lane: Lane, frame: Frame) -> None:
        self.carried[type(frame)] += 1
        way = (source.device, to, lane)
        if frozenset(way[:2]) not in self.links:
            return  # the connection ended while this was decided; PeerDown is on its way
        wire = self.wires.setdefault(way, deque())
        if way not in self.greeted:
            self.greeted.add(way)
            wire.append(Hello(source.state.own_devices))
        wire.append(decode_frame(encode_frame(frame)) if self._encode else frame)

    def publish(self, source: Seat, effect: Publish) -> None:
        if effect.epoch is not None:
            self._publish_sealed(source, effect)
            return
        ops = decode_ops(encode_ops(effect.ops)) if self._encode else effect.ops
        peers = [
            seat
            for seat in self.seats.values()
            if effect.conversation in seat.topics
            and frozenset((seat.device, source.device)) in self.links
        ]
        for seat in peers:
            self.gossip.append((seat.device, Heard(effect.conversation, source.device, ops)))
        told = Published(effect.conversation, effect.talk_sent, len(peers))
        self.gossip.append((source.device, told))

    def _publish_sealed(self, source: Seat, effect: Publish) -> None:
        """A blob of a room by invitation, from one to the next of all who hear its topic: members
        open it."""
        id, blob = effect.conversation, source.seals.seal(effect)
        assert blob is not None, "who publishes is in the room"
        self.blobs.append(blob)
        peers = self.neighbours(id, source)
        hops, reached = deque((source, seat) for seat in peers), {source.device}
        while hops:
            bringer, seat = hops.popleft()
            if seat.device in reached:
                continue
            reached.add(seat.device)
            found = seat.seals.open(id, blob)
            if found.ops is not None:
                self.gossip.append((seat.device, Heard(id, bringer.device, found.ops)))
            elif found.is_puzzling:
                self.gossip.append((seat.device, Unreadable(id, found.is_of_epoch)))
            if found.verdict is Verdict.ACCEPT:
                hops += ((seat, other) for other in self.neighbours(id, seat))
        self.gossip.append((source.device, Published(id, effect.talk_sent, len(peers))))

    def draw(self, seat: Seat, conversation: ConversationId) -> None:
        secret = digest(f"{self.seed} epoch {next(self._serial)}")
        self.gossip.append((seat.device, EpochDrawn(conversation, secret)))

    def meet_in(self, conversation: ConversationId, seat: Seat) -> None:
        for other in self.neighbours(conversation, seat):
            self.gossip.append((other.device, RoomPeerJoined(conversation, seat.device)))
            self.gossip.append((seat.device, RoomPeerJoined(conversation, other.device)))

    def part_in(self, conversation: ConversationId, seat: Seat) -> None:
        for other in self.neighbours(conversation, seat):
            self.gossip.append((other.device, RoomPeerLeft(conversation, seat.device)))

    def neighbours(self, conversation: ConversationId, seat: Seat) -> list[Seat]:
        return [
            other
            for other in self.seats.values()
            if conversation in other.topics and frozenset((other.device, seat.device)) in self.links
        ]

    # Time

    def jobs(self) -> list[tuple[str, object]]:
        """Everything that may happen now, without waiting."""
        jobs: list[tuple[str, object]] = [("wire", way) for way, wire in self.wires.items() if wire]
        jobs += [("load", seat) for seat in self.seats.values() if seat.loads]
        jobs += [("look", seat) for seat in self.seats.values() if seat.looks]
        jobs += [("dial", dial) for dial in self.dials[:1]]
        jobs += [("gossip", None)] if self.gossip else []
        return jobs

    def run_job(self, job: tuple[str, object], *, batch: int = 200) -> None:
        match job:
            case ("wire", way):
                wire = self.wires[way]
                frames = [wire.popleft() for _ in range(min(len(wire), batch))]
                self.seats[way[1]].do(*(Received(way[0], frame) for frame in frames))
            case ("load", seat):
                seat.answer_load()
            case ("look", seat):
                seat.answer_looks()
            case ("dial", (source, to)):
                self.dials.remove((source, to))
                self._dial(self.seats[source], to)
            case _:
                to, input = self.gossip.popleft()
                self.seats[to].do(input)

    def _dial(self, source: Seat, to: DeviceId) -> None:
        pair = frozenset((source.device, to))
        if pair in self.links:
            return
        other = self.seats.get(to)
        if other is not None and pair not in self.cut and not self.is_blocked(source, other):
            self.connect(source, other)
        else:
            source.do(DialFailed(to, "nobody answers"))

    def step(self, until_s: float) -> bool:
        """One thing that may happen, else the next timer; False when there is nothing to do."""
        self.steps += 1
        assert self.steps < STEPS_MAX, "this never ends"
        jobs = self.jobs()
        if jobs:
            self.run_job(jobs[0])
        elif not self.tick(until_s):
            return False
        for seat in self.seats.values():
            seat.check()
        return True

    def tick(self, until_s: float) -> bool:
        """Let the next timer run out, if one does before `until_s`."""
        due = [
            (at_s, seat.person.name, name, seat)
            for seat in self.seats.values()
            for name, at_s in seat.timers.items()
        ]
        if not due or min(due)[0] > until_s:
            return False
        at_s, _, name, seat = min(due)
        self.advance(max(0.0, at_s - self.now.monotonic_s))
        del seat.timers[name]
        seat.fired[name.split(":")[0]] += 1
        seat.do(TimerFired(name))
        return True

    def advance(self, seconds: float) -> None:
        """Time passes and nothing happens."""
        wall_ms = self.now.wall_ms + round(seconds * 1000)
        self.now = Now(wall_ms, self.now.monotonic_s + seconds)

    def settle(self) -> None:
        """Everything that may happen without waiting."""
        self.run(0.0)

    def run(self, seconds: float) -> None:
        until_s = self.now.monotonic_s + seconds
        while self.step(until_s):
            pass
        self.advance(max(0.0, until_s - self.now.monotonic_s))
