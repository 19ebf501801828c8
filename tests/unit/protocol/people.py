"""Alice, Bob and the others: whole identities made from their names, the same in every run."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, Party
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.protocol.state import Me
from p2pchat.wire.contents import Content, Text, encode_content
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.devices import DeviceSet, first_device_set, read_device_set
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.links import ContactLink
from p2pchat.wire.ops import content_hash, make_op

WALL_MS = 1_700_000_000_000
"""When every story begins."""


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=32).digest()


class Person:
    """An account with one device."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account_signer = Ed25519Signer(digest(f"account {name}"))
        self.signer = Ed25519Signer(digest(f"device {name}"))
        self.account = AccountId(self.account_signer.public_key)
        self.device = DeviceId(self.signer.public_key)
        self.devices: DeviceSet = read_device_set(
            first_device_set(self.account_signer, self.device, WALL_MS)
        )
        self.intro = digest(f"intro {name}")[:16]
        self.pair_half = digest(f"half {name}")

    @property
    def me(self) -> Me:
        return Me(self.account, self.device, self.name, self.devices, self.signer, self.intro)

    @property
    def party(self) -> Party:
        return Party(self.account, self.device)

    @property
    def link(self) -> ContactLink:
        return ContactLink(self.account, self.device, self.intro, self.devices)

    def __repr__(self) -> str:
        return self.name


@cache
def person(name: str) -> Person:
    return Person(name)


def second_device(account: Person, name: str) -> Person:
    """Another device of an account, which certifies both."""
    other = Person(f"{account.name}'s {name}")
    other.account_signer, other.account = account.account_signer, account.account
    other.devices = set_of(account, account.device, other.device)
    return other


class Author:
    """Writes one chain of ops by hand, honestly or not."""

    def __init__(self, person: Person, conversation: ConversationId) -> None:
        self.person = person
        self.conversation = conversation
        self.ops: list[Op] = []
        self.hlc = WALL_MS << 16

    def fork(self, seq: int) -> Author:
        """An author who has forgotten everything from `seq` on."""
        other = Author(self.person, self.conversation)
        other.ops, other.hlc = self.ops[:seq], self.hlc + (1 << 20)
        return other

    def write(self, content: Content | str = "hello", **changes: object) -> Op:
        """The next op; `changes` replace fields of its header."""
        kind, raw = encode_content(Text(content) if isinstance(content, str) else content)
        return self.write_raw(kind, raw, **changes)

    def write_raw(self, kind: int, raw: bytes, **changes: object) -> Op:
        self.hlc += 1
        fields: dict[str, object] = {
            "conversation": self.conversation,
            "chain": Chain.CONTROL if kind < Kind.PROFILE else Chain.TALK,
            "account": self.person.account,
            "device": self.person.device,
            "seq": self.ops[-1].header.seq + 1 if self.ops else 0,
            "prev": self.ops[-1].id if self.ops else None,
            "hlc": self.hlc,
            "kind": kind,
            "content_hash": content_hash(raw),
            "devices": self.person.devices.hash,
        }
        op = make_op(Header(**{**fields, **changes}), raw, self.person.signer)
        self.ops.append(op)
        return op


def set_of(account: Person, *devices: DeviceId) -> DeviceSet:
    """A set in which `account` certifies these devices."""
    whole = DeviceSetPb()
    for device in devices:
        raw = first_device_set(account.account_signer, device, WALL_MS)
        whole.certificates.extend(DeviceSetPb.FromString(raw).certificates)
    return read_device_set(whole.SerializeToString())


def between(one: Person, other: Person) -> ConversationId:
    return direct_id(one.account, other.account)


def op_id(text: str) -> OpId:
    return OpId(digest(text))


ALICE, BOB, CAROL, MALLORY = map(person, ("alice", "bob", "carol", "mallory"))
