"""The examples of docs/protocols, by name: bytes taken apart, or values with what they are.

All of them are about Alice and Bob of `people.json`. What the golden files hold is taken from
there; the rest is made here by the code that makes it in earnest.
"""

from __future__ import annotations

import base64
from hashlib import blake2b

from libp2p.relay.circuit_v2.pb.circuit_pb2 import (
    HopMessage,
    Limit,
    Reservation,
    Status,
    StopMessage,
)
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as CircuitPeer

from p2pchat.crypto.password_rooms import password_room as crypto_password_room
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.model.conversation import open_room_id, open_room_key, password_room_salt, room_topic
from p2pchat.model.op import Chain, Position
from p2pchat.net.libp2p.options import CircuitLimits
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.wire import gossip_codec
from p2pchat.wire.dchat_pb2 import (
    Accept,
    ContactLink,
    DeviceSet,
    Frame,
    Header,
    Ops,
    Profile,
    Request,
    Signed,
    SignedOp,
    Text,
)
from p2pchat.wire.frames import Ops as OpsFrame
from p2pchat.wire.frames import encode_ops
from p2pchat.wire.gossip_pb2 import RPC
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord, encode_kad
from p2pchat.wire.kad_pb2 import Message as KadMessagePb
from p2pchat.wire.lan_pb2 import Datagram
from p2pchat.wire.links import PREFIX
from p2pchat.wire.mailbox_pb2 import Answer as MailboxAnswer
from p2pchat.wire.mailbox_pb2 import Request as MailboxRequest
from p2pchat.wire.multiaddr import multiaddr_bytes
from p2pchat.wire.verification import PREFIX as CODE_PREFIX
from tests.unit.protocol.people import ALICE, BOB, WALL_MS
from tests.vectors import golden
from tests.vectors.example import Example, Values, example, framed, stored, vector
from tests.vectors.layout import Message, Plain

ADDRESS = "/ip4/192.0.2.7/tcp/4001"
ROOM_NAME = "square"
NONCE = bytes(range(24))
"""Of the room blob shown; a real one is random."""


# identifiers.md


@example
def people() -> Example:
    values: Values = {}
    for person in golden.read("people"):
        name = str(person["name"]).capitalize()
        values |= {
            f"{name}, account seed": str(person["account_seed"]),
            f"{name}, device seed": str(person["device_seed"]),
            f"{name}, account key": str(person["account"]),
            f"{name}, account id": str(person["account_text"]),
            f"{name}, device key": str(person["device"]),
            f"{name}, peer id": str(person["peer_id"]),
        }
    return Example(values=values)


@example
def account_id() -> Example:
    return Example(
        (Plain("multicodec ed25519-pub", b"\xed\x01"), Plain("the account key", ALICE.account))
    )


@example
def peer_id() -> Example:
    peer = ALICE.device.peer_id
    return Example(
        (
            Plain("multihash: identity", peer[:1]),
            Plain("36 bytes", peer[1:2]),
            Plain("key type: Ed25519", peer[2:4]),
            Plain("key: 32 bytes", peer[4:6]),
            Plain("the device key", peer[6:]),
        )
    )


@example
def direct_conversation() -> Example:
    one, other = sorted((ALICE.account, BOB.account))
    return Example(
        (
            Plain('"dchat/direct/1", NUL', b"dchat/direct/1\0"),
            Plain("the smaller account key, Bob's", bytes(one)),
            Plain("the larger one, Alice's", bytes(other)),
        )
    )


@example
def direct_conversation_id() -> Example:
    return Example(values={"BLAKE2b-256": golden.DIRECT.hex()})


@example
def open_room() -> Example:
    return Example(
        values={
            "name as typed": '"  The  SQUARE "',
            "normal name": '"the square"',
            "id": open_room_id("  The  SQUARE ").hex(),
            "key": open_room_key("  The  SQUARE ").hex(),
            "topic": room_topic(open_room_key("  The  SQUARE ")),
        }
    )


@example
def password_room() -> Example:
    name, password = "Wine Cellar", "café noir"
    room = crypto_password_room(name, password)
    return Example(
        values={
            "name": f'"{room.name}"',
            "password": f'"{password}"',
            "salt": password_room_salt(name).hex(),
            "id": room.id.hex(),
            "key": room.key.hex(),
            "topic": room_topic(room.key),
        }
    )


# devices.md, log.md


@example
def device_set() -> Example:
    return Example((Message(DeviceSet.DESCRIPTOR, ALICE.devices.raw),))


@example
def device_set_with_a_revocation() -> Example:
    return Example((Message(DeviceSet.DESCRIPTOR, stored("devices", "revoked", "set")),))


@example
def header() -> Example:
    raw = stored("ops", "second of its chain", "header_bytes")
    return Example((Message(Header.DESCRIPTOR, raw),))


@example
def op_id() -> Example:
    op = vector("ops", "second of its chain")
    return Example(values={"op id": op["id"], "signature": op["signature"]})


@example
def signed_op() -> Example:
    return Example((Message(SignedOp.DESCRIPTOR, stored("ops", "text", "signed_op")),))


@example
def request() -> Example:
    return Example((Message(Request.DESCRIPTOR, stored("ops", "request", "content")),))


@example
def accept() -> Example:
    return Example((Message(Accept.DESCRIPTOR, stored("ops", "accept", "content")),))


@example
def profile() -> Example:
    return Example((Message(Profile.DESCRIPTOR, stored("ops", "profile", "content")),))


@example
def full_profile() -> Example:
    return Example((Message(Profile.DESCRIPTOR, stored("ops", "full profile", "content")),))


@example
def text() -> Example:
    return Example((Message(Text.DESCRIPTOR, stored("ops", "reply", "content")),))


# direct.md


@example
def hello() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "hello", "frame"))


@example
def receipt() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "receipt", "frame"), "Frame.receipt")


# sync.md


@example
def digest() -> Example:
    heads = (
        Position(ALICE.device, Chain.CONTROL, 0, golden.op_id("control")),
        Position(ALICE.device, Chain.TALK, 41, golden.op_id("head")),
    )
    parts = [Plain('"dchat/frontier/1", NUL', b"dchat/frontier/1\0")]
    for head in heads:
        parts += [
            Plain("device", bytes(head.device)),
            Plain(f"chain: {head.chain.name.lower()}", bytes((head.chain,))),
            Plain(f"seq: {head.seq}, big endian", head.seq.to_bytes(8, "big")),
            Plain("head", bytes(head.head)),
        ]
    return Example(tuple(parts))


@example
def digest_value() -> Example:
    return Example(values={"digest": blake2b(digest().raw, digest_size=32).hexdigest()})


@example
def sync_digest() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "sync digest", "frame"))


@example
def sync_frontier() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "sync frontier", "frame"))


@example
def sync_pull() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "sync pull", "frame"))


@example
def sync_page() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "sync page, more", "frame"))


# verification.md


@example
def safety_number() -> Example:
    number = vector("verification", "alice and bob")["safety_number"]
    first, second = number[:35], number[36:]
    return Example(values={"the smaller half": first, "the larger half": second})


@example
def verification_code() -> Example:
    text = vector("verification", "alice and bob")["code_shown_by_the_first"]
    raw = base64.urlsafe_b64decode(text.removeprefix(CODE_PREFIX) + "==")
    return Example(
        (
            Plain("version", raw[:1]),
            Plain("who shows it: Alice's account key", raw[1:33]),
            Plain("to whom: Bob's account key", raw[33:65]),
            Plain("check: BLAKE2b-32 of all above", raw[65:]),
        )
    )


@example
def verification_code_text() -> Example:
    return Example(
        values={"code": vector("verification", "alice and bob")["code_shown_by_the_first"]}
    )


# rooms.md


@example
def room_keys() -> Example:
    secret = open_room_secret(ROOM_NAME)
    return Example(values={"key": secret.key.hex(), "topic": secret.topic})


@example
def room_plaintext() -> Example:
    return Example((Message(Ops.DESCRIPTOR, _room_plaintext()),))


@example
def room_blob() -> Example:
    secret = open_room_secret(ROOM_NAME)
    blob = SharedKeyCipher(lambda size: NONCE[:size]).seal(secret, _room_plaintext())
    return Example(
        (
            Plain("version", blob[:1]),
            Plain("nonce, 24 bytes", blob[1:25]),
            Plain(f"ciphertext, {len(blob) - 41} bytes", blob[25:-16]),
            Plain("tag, 16 bytes", blob[-16:]),
        )
    )


def _room_plaintext() -> bytes:
    return encode_ops(OpsFrame((golden.op_of(golden.CONTENTS["text"]),), (ALICE.devices,)))


# kad.md


@example
def find_node() -> Example:
    return _kad(KadMessage(KadKind.FIND_NODE, ALICE.device.peer_id))


@example
def find_node_answer() -> Example:
    return _kad(KadMessage(KadKind.FIND_NODE, closer=(KadPeer(ALICE.device.peer_id, (ADDRESS,)),)))


@example
def put_value() -> Example:
    key, value = stored("records", "bundle", "key"), stored("records", "bundle", "value")
    return _kad(KadMessage(KadKind.PUT_VALUE, key, KadRecord(key, value)))


@example
def account_record() -> Example:
    raw = stored("records", "account", "value")
    return Example((Message(Signed.DESCRIPTOR, raw, "account record"),))


@example
def bundle_record() -> Example:
    raw = stored("records", "bundle", "value")
    return Example((Message(Signed.DESCRIPTOR, raw, "bundle record"),))


@example
def record_keys() -> Example:
    return Example(
        values={
            "account record": stored("records", "account", "key").hex(),
            "bundle record": stored("records", "bundle", "key").hex(),
        }
    )


def _kad(message: KadMessage) -> Example:
    return framed(KadMessagePb.DESCRIPTOR, encode_kad(message))


# gossip.md


@example
def subscribe() -> Example:
    topic = open_room_secret(ROOM_NAME).topic
    return framed(RPC.DESCRIPTOR, gossip_codec.encode_subscription(topic, subscribes=True))


@example
def publish() -> Example:
    topic = open_room_secret(ROOM_NAME).topic
    return framed(RPC.DESCRIPTOR, gossip_codec.encode_publish(topic, room_blob().raw))


@example
def message_id() -> Example:
    return Example(values={"message id": gossip_codec.message_id(room_blob().raw).hex()})


@example
def control() -> Example:
    topic = open_room_secret(ROOM_NAME).topic
    entries = (
        gossip_codec.encode_ihave(topic, [gossip_codec.message_id(room_blob().raw)]),
        gossip_codec.encode_graft(topic),
    )
    return framed(RPC.DESCRIPTOR, gossip_codec.encode_control(entries))


@example
def prune() -> Example:
    topic = open_room_secret(ROOM_NAME).topic
    entry = gossip_codec.encode_prune(topic, 60)
    return framed(RPC.DESCRIPTOR, gossip_codec.encode_control((entry,)))


# links.md


@example
def link() -> Example:
    text = vector("links", "with hints")["text"].removeprefix(PREFIX)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return Example(
        (
            Plain("version", raw[:1]),
            Message(ContactLink.DESCRIPTOR, raw[1:-4]),
            Plain("check: BLAKE2b-32 of all above", raw[-4:]),
        )
    )


@example
def link_text() -> Example:
    return Example(values={"link": vector("links", "with hints")["text"]})


# relay.md


@example
def reserve() -> Example:
    return _circuit(HopMessage(type=HopMessage.RESERVE))


@example
def reserved() -> Example:
    reservation = Reservation(
        expire=WALL_MS // 1000 + CircuitLimits().reservation_s,
        addrs=[multiaddr_bytes(f"{ADDRESS}/p2p/{BOB.device}")],
    )
    return _circuit(_ok(reservation=reservation))


@example
def connect() -> Example:
    peer = CircuitPeer(id=bytes(ALICE.device.peer_id))
    return _circuit(HopMessage(type=HopMessage.CONNECT, peer=peer))


@example
def stop() -> Example:
    peer = CircuitPeer(id=bytes(BOB.device.peer_id))
    return _circuit(StopMessage(type=StopMessage.CONNECT, peer=peer, limit=_limit()))


@example
def stop_answer() -> Example:
    return _circuit(StopMessage(type=StopMessage.STATUS, status=Status.OK))


@example
def circuit_address() -> Example:
    address = f"{ADDRESS}/p2p/{BOB.device}/p2p-circuit"
    return Example(values={"address": address, "bytes": multiaddr_bytes(address).hex()})


def _ok(**fields: object) -> HopMessage:
    return HopMessage(type=HopMessage.STATUS, status=Status.OK, limit=_limit(), **fields)


def _limit() -> Limit:
    limits = CircuitLimits()
    return Limit(duration=limits.circuit_s_max, data=limits.circuit_bytes_max)


def _circuit(message: HopMessage | StopMessage) -> Example:
    return framed(type(message).DESCRIPTOR, message.SerializeToString())


# mailbox.md


def asked(name: str) -> Example:
    raw = stored("mailbox", name, "request")
    return framed(MailboxRequest.DESCRIPTOR, raw)


@example
def mailbox_put() -> Example:
    return asked("put")


@example
def mailbox_open() -> Example:
    return asked("open")


@example
def mailbox_page() -> Example:
    return framed(MailboxAnswer.DESCRIPTOR, stored("mailbox", "page", "answer"))


# lan.md


@example
def lan_hello() -> Example:
    raw = stored("lan", "hello", "datagram")
    return Example((Message(Datagram.DESCRIPTOR, raw),))


@example
def lan_proof() -> Example:
    entries = {str(entry["name"]): entry for entry in golden.read("lan")}
    key, proof = entries["key"], entries["proof"]
    return Example(
        values={
            "secret": str(key["secret"]),
            "key": str(key["key"]),
            "opener": str(ALICE.device.peer_id),
            "responder": str(BOB.device.peer_id),
            "nonce of the opener": proof["nonces"][0],
            "nonce of the responder": proof["nonces"][1],
            "code of the opener": proof["codes"][0],
            "code of the responder": proof["codes"][1],
        }
    )
