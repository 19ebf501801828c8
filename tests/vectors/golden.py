"""The golden bytes of the protocol, as plain values for JSON.

`python -m tests.vectors.golden` writes the files anew. Do that only for what is added: when an
entry that was there changes, the protocol has changed, and peers of before do not understand it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce
from pathlib import Path

from p2pchat.crypto.lan_key import lan_key
from p2pchat.model.conversation import (
    direct_id,
    open_room_id,
    open_room_key,
    room_topic,
)
from p2pchat.model.ids import DeviceId
from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.model.op import Chain, Header, Op, Position
from p2pchat.wire.contents import (
    Accept,
    Content,
    Profile,
    Reject,
    Request,
    Text,
    encode_content,
)
from p2pchat.wire.control import encode_control
from p2pchat.wire.devices import (
    REVOCATIONS_MAX,
    DeviceKeys,
    DeviceSet,
    claimed_set,
    first_device_set,
    merged,
    new_revocation,
    read_device_set,
)
from p2pchat.wire.frames import (
    Compare,
    Frame,
    Hello,
    Ops,
    Step,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Typing,
    Wanted,
    Welcome,
    encode_frame,
)
from p2pchat.wire.introductions import Introduce, IntroductionConsent, MayIntroduce
from p2pchat.wire.invite_links import Hint, InviteLink, encode_invite
from p2pchat.wire.joining import JoinRefused, Refusal
from p2pchat.wire.lan_codec import (
    NONCE_BYTES,
    LanKind,
    LanPacket,
    Role,
    encode_lan,
    proof_mac,
)
from p2pchat.wire.links import ContactLink, encode_link
from p2pchat.wire.ops import content_hash, encode_op, make_op
from p2pchat.wire.receipts import Receipt, SignedReceipt, sign_receipt
from p2pchat.wire.records import (
    AccountRecord,
    BundleRecord,
    account_key,
    bundle_key,
    encode_record,
)
from p2pchat.wire.relations import Delete, Edit, React
from p2pchat.wire.sender_keys import (
    SenderKey,
    SignedSenderKey,
    audience_of,
    sign_sender_key,
)
from p2pchat.wire.verification import VerificationCode, encode_code, safety_number
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, Person, digest, op_id
from tests.unit.protocol.pictures import AVATAR
from tests.vectors import mailboxes, mails
from tests.vectors.room_controls import (
    CREW,
    GENESIS,
    INVITE_SEED,
    JOIN,
    ROOM,
    ROOM_CONTROLS,
)

FOLDER = Path(__file__).parent
DIRECT = direct_id(ALICE.account, BOB.account)
ADDRESSES = ("/ip4/192.0.2.7/tcp/4001", "/dns4/relay.example/tcp/443/wss")
MAIL = MailBundle(
    digest("fallback alice"),
    (HpkeKey(1, digest("hpke alice")),),
    (MailboxRelay(BOB.device.peer_id, ADDRESSES[:1]),),
)
HLC = WALL_MS << 16 | 3
LAN_SECRET = "correct horse battery staple"
CONTENTS: dict[str, Content] = {
    "request": Request("Alice", "We met in Lisbon.", BOB.intro, ALICE.pair_half),
    "accept": Accept("Bob", BOB.pair_half),
    "reject": Reject(),
    "profile": Profile("Алиса 🌿"),
    "full profile": Profile("Alice", "I grow roses.", AVATAR),
    "text": Text("你好, world"),
    "reply": Text("yes", op_id("question")),
    "edit": Edit("你好, earth"),
    "deletion": Delete(),
    "reaction": React("👍🏽", is_on=True),
    "reaction taken away": React("👍🏽", is_on=False),
    "may introduce": MayIntroduce(CAROL.account, "Carol"),
    "introduction consent": IntroductionConsent(CAROL.account, encode_link(BOB.link)),
    "introduce": Introduce("Bob", encode_link(BOB.link)),
}

Vectors = list[dict[str, object]]


def people() -> Vectors:
    return [
        {
            "name": person.name,
            "account_seed": digest(f"account {person.name}").hex(),
            "device_seed": digest(f"device {person.name}").hex(),
            "account": person.account.hex(),
            "account_text": str(person.account),
            "device": person.device.hex(),
            "peer_id": str(person.device),
            "certified_ms": WALL_MS,
            "device_set": person.devices.raw.hex(),
            "device_set_hash": person.devices.hash.hex(),
        }
        for person in (ALICE, BOB)
    ]


def all_device_sets() -> dict[str, DeviceSet]:
    """What each set says follows from its entries; the last ones are unions of others."""
    signer, old = ALICE.account_signer, DeviceId(digest("old device"))
    keys = DeviceKeys(digest("olm curve25519"), digest("mailbox"))
    renewed = read_device_set(first_device_set(signer, ALICE.device, WALL_MS + 1, keys))
    second = read_device_set(first_device_set(signer, old, WALL_MS + 2))
    revocation = read_device_set(new_revocation(signer, old, WALL_MS + 3))
    gone = (DeviceId(digest(f"gone {number}")) for number in range(REVOCATIONS_MAX))
    many = (read_device_set(new_revocation(signer, device, WALL_MS)) for device in gone)
    revoked = reduce(merged, (ALICE.devices, renewed, second, revocation))
    return {
        "first": ALICE.devices,
        "renewed": renewed,
        "second device": second,
        "revocation": revocation,
        "revoked": revoked,
        "closed": reduce(merged, many, revoked),
    }


def devices() -> Vectors:
    return [
        {
            "name": name,
            "account": found.account.hex(),
            "acting": sorted(device.hex() for device in found.devices),
            "revoked": sorted(device.hex() for device in found.revoked),
            "is_closed": found.is_closed,
            "set": found.raw.hex(),
        }
        for name, found in all_device_sets().items()
    ]


def conversations() -> Vectors:
    rooms = ["square", "  The  SQUARE ", "Straße", "ﬁsh", "广场"]
    return [
        {"accounts": [ALICE.account.hex(), BOB.account.hex()], "id": DIRECT.hex()},
        *(
            {
                "open_room": name,
                "id": open_room_id(name).hex(),
                "key": open_room_key(name).hex(),
                "topic": room_topic(open_room_key(name)),
            }
            for name in rooms
        ),
        {"genesis": encode_control(GENESIS)[1].hex(), "id": CREW.hex()},
    ]


def op_of(content: Content, person: Person = ALICE, **changes: object) -> Op:
    kind, raw = encode_content(content)
    fields: dict[str, object] = {
        "conversation": DIRECT if kind.chain is Chain.CONTROL else ROOM,
        "chain": kind.chain,
        "account": person.account,
        "device": person.device,
        "seq": 0,
        "prev": None,
        "hlc": HLC,
        "kind": kind,
        "content_hash": content_hash(raw),
        "devices": person.devices.hash,
        "refers": op_id("message") if isinstance(content, Edit | Delete | React) else None,
    }
    return make_op(Header(**{**fields, **changes}), raw, person.signer)


def all_ops() -> dict[str, Op]:
    first = op_of(CONTENTS["text"])
    return {
        **{name: op_of(content) for name, content in CONTENTS.items()},
        "second of its chain": op_of(
            Text("and another thing"),
            seq=1,
            prev=first.id,
            hlc=HLC + 1,
            after=(op_id("shown"), op_id("shown, too")),
        ),
        "with dependencies": op_of(
            CONTENTS["accept"], BOB, deps=tuple(sorted((op_id("one"), op_id("two"))))
        ),
        "in knowledge of others": op_of(
            Text("hello Carol"),
            seq=1,
            prev=first.id,
            conversation=CREW,
            deps=(op_id("one"), op_id("two")),
            was=(op_id("one"),),
        ),
        "largest numbers": op_of(
            Text("late"), seq=(1 << 48) - 1, prev=op_id("before"), hlc=(1 << 63) - 1
        ),
        **{name: op_of(control, conversation=CREW) for name, control in ROOM_CONTROLS.items()},
        "deleted": replace(first, content=None, deletion=op_of(Delete(), refers=first.id)),
    }


def ops() -> Vectors:
    return [
        {
            "name": name,
            "signed_by": "alice" if op.header.device == ALICE.device else "bob",
            "header": {
                "version": 1,
                "conversation": op.header.conversation.hex(),
                "chain": int(op.header.chain),
                "account": op.header.account.hex(),
                "device": op.header.device.hex(),
                "seq": op.header.seq,
                "prev": op.header.prev.hex() if op.header.prev is not None else "",
                "hlc": op.header.hlc,
                "kind": int(op.header.kind),
                "content_hash": op.header.content_hash.hex(),
                "deps": [id.hex() for id in op.header.deps],
                "after": [id.hex() for id in op.header.after],
                "devices": op.header.devices.hex(),
                "refers": op.header.refers.hex() if op.header.refers is not None else "",
                **({"was": [id.hex() for id in op.header.was]} if op.header.was else {}),
            },
            "content": (op.content or b"").hex(),
            "deletion": op.deletion.id.hex() if op.deletion is not None else "",
            "header_bytes": op.header_bytes.hex(),
            "id": op.id.hex(),
            "signature": op.signature.hex(),
            "signed_op": encode_op(op).hex(),
        }
        for name, op in all_ops().items()
    ]


def all_receipts() -> dict[str, SignedReceipt]:
    head = Position(ALICE.device, Chain.TALK, 41, op_id("head"))
    branch = Position(ALICE.device, Chain.TALK, 7, op_id("branch"))
    control = Position(ALICE.device, Chain.CONTROL, 0, op_id("control"))
    entries = {"direct": (control, head), "of a fork": (head, branch), "of nothing": ()}
    made = {
        name: Receipt(DIRECT, BOB.account, BOB.device, found, WALL_MS)
        for name, found in entries.items()
    }
    made["of a part"] = replace(made["direct"], from_seq=5, wordless=(6, 40))
    made["read"] = replace(made["direct"], read_below=40)
    return {name: sign_receipt(receipt, BOB.signer) for name, receipt in made.items()}


def a_sender_key() -> SignedSenderKey:
    key = bytes(range(229 - 1)) + b"\xff"
    audience = audience_of(key, (BOB.device, CAROL.device), (ALICE.device, MALLORY.device))
    return sign_sender_key(
        SenderKey(CREW, ALICE.device, WALL_MS << 16, key, audience), ALICE.signer
    )


def sender_keys() -> Vectors:
    signed = a_sender_key()
    said = signed.said
    return [
        {
            "name": "for two devices, and two that have it from them",
            "conversation": said.conversation.hex(),
            "device": said.device.hex(),
            "serial": said.serial,
            "key": said.key.hex(),
            "given_devices": [BOB.device.hex(), CAROL.device.hex()],
            "other_devices": [ALICE.device.hex(), MALLORY.device.hex()],
            "given": said.audience.given.hex(),
            "others": said.audience.others.hex(),
            "body": signed.body.hex(),
            "signature": signed.signature.hex(),
        }
    ]


def receipts() -> Vectors:
    return [
        {
            "name": name,
            "conversation": signed.receipt.conversation.hex(),
            "account": signed.receipt.account.hex(),
            "device": signed.receipt.device.hex(),
            "sent_ms": signed.receipt.sent_ms,
            "entries": [position(entry) for entry in signed.receipt.entries],
            "from_seq": signed.receipt.from_seq,
            "wordless": list(signed.receipt.wordless),
            "read_below": signed.receipt.read_below,
            "body": signed.body.hex(),
            "signature": signed.signature.hex(),
        }
        for name, signed in all_receipts().items()
    ]


def position(place: Position) -> dict[str, object]:
    return {
        "device": place.device.hex(),
        "chain": int(place.chain),
        "seq": place.seq,
        "head": place.head.hex(),
    }


def all_frames() -> dict[str, Frame]:
    claim = claimed_set(ALICE.devices.raw)
    head = Position(ALICE.device, Chain.TALK, 41, op_id("head"))
    floor = Position(ALICE.device, Chain.TALK, 5, op_id("below"))
    known = Wanted(ALICE.device, Chain.TALK, 40, op_id("own head"))
    unknown = Wanted(BOB.device, Chain.CONTROL, 0, None)
    return {
        "hello": Hello(ALICE.devices),
        "ops": Ops((op_of(CONTENTS["text"]), op_of(CONTENTS["reject"])), (claim,)),
        "no ops": Ops(()),
        "receipt": all_receipts()["direct"],
        "sync digest": SyncDigest(ROOM, digest("frontier")),
        "sync digest, in answer": SyncDigest(ROOM, digest("frontier"), in_answer=True),
        "sync frontier": SyncFrontier(ROOM, (head,), (floor,)),
        "sync pull": SyncPull(ROOM, (known, unknown)),
        "sync page, more": SyncPage(ROOM, more=True),
        "sync page, last": SyncPage(ROOM, more=False),
        "comparison, commitment": Compare(digest("session")[:16], Step.COMMIT, digest("hash")),
        "comparison, key": Compare(digest("session")[:16], Step.KEY, digest("one-time key")),
        "comparison, end": Compare(digest("session")[:16], Step.END, b""),
        "typing": Typing(is_typing=True),
        "typing no more": Typing(is_typing=False),
        "welcome": Welcome(
            encode_control(GENESIS)[1],
            digest("room secret"),
            (digest("one epoch"), digest("another")),
            (claim,),
        ),
        "sender key": a_sender_key(),
        "join": JOIN,
        "join refused": JoinRefused(ROOM, op_id("invite"), Refusal.USED_UP),
    }


def frames() -> Vectors:
    return [
        {"name": name, "frame": encode_frame(frame).hex()} for name, frame in all_frames().items()
    ]


def all_links() -> dict[str, ContactLink]:
    return {
        "without hints": ALICE.link,
        "with hints": replace(BOB.link, addresses=ADDRESSES),
    }


def links() -> Vectors:
    return [
        {
            "name": name,
            "account": link.account.hex(),
            "device": link.device.hex(),
            "intro": link.intro.hex(),
            "devices": link.devices.raw.hex(),
            "addresses": list(link.addresses),
            "text": encode_link(link),
        }
        for name, link in all_links().items()
    ]


def all_invites() -> dict[str, InviteLink]:
    hints = (Hint(ALICE.device, ADDRESSES[0]), Hint(BOB.device, ""))
    ids = CREW, op_id("invite"), INVITE_SEED, ALICE.device
    link = InviteLink(*ids, WALL_MS, GENESIS.name, hints, ALICE.devices)
    return {"with hints": link, "without hints": replace(link, hints=())}


def invites() -> Vectors:
    return [
        {
            "name": name,
            "conversation": link.conversation.hex(),
            "invite": link.invite.hex(),
            "seed": link.seed.hex(),
            "device": link.device.hex(),
            "expires_ms": link.expires_ms,
            "room": link.name,
            "hints": [{"device": h.device.hex(), "address": h.address} for h in link.hints],
            "devices": link.devices.raw.hex(),
            "text": encode_invite(link, ALICE.signer),
        }
        for name, link in all_invites().items()
    ]


def records() -> Vectors:
    account = AccountRecord(ALICE.account, ALICE.devices, WALL_MS, WALL_MS + 1_000)
    bundle = BundleRecord(ALICE.device, ADDRESSES, WALL_MS, WALL_MS + 1_000, MAIL)
    return [
        {
            "name": "account",
            "key": account_key(ALICE.account).hex(),
            "seq": WALL_MS,
            "expires_ms": WALL_MS + 1_000,
            "devices": ALICE.devices.raw.hex(),
            "value": encode_record(account, ALICE.account_signer).hex(),
        },
        {
            "name": "bundle",
            "key": bundle_key(ALICE.device).hex(),
            "seq": WALL_MS,
            "expires_ms": WALL_MS + 1_000,
            "addresses": list(ADDRESSES),
            "fallback_key": MAIL.fallback_key.hex(),
            "hpke": [{"suite": key.suite, "public_key": key.raw.hex()} for key in MAIL.hpke],
            "relays": [
                {"peer": str(relay.peer), "addresses": list(relay.addresses)}
                for relay in MAIL.relays
            ],
            "value": encode_record(bundle, ALICE.signer).hex(),
        },
    ]


def lan() -> Vectors:
    """The key that a secret becomes, a datagram of each kind, and both codes of a proof."""
    key = lan_key(LAN_SECRET)
    nonces = [digest(f"nonce {name}").hex() for name in ("opener", "responder")]
    peers = (ALICE.device.peer_id, BOB.device.peer_id)
    codes = [proof_mac(key, role, peers, bytes.fromhex("".join(nonces))) for role in Role]
    return [
        {"name": "key", "secret": LAN_SECRET, "key": key.hex()},
        *(
            {
                "name": f"{kind.name.lower()}{' on an open LAN' if used is None else ''}",
                "kind": int(kind),
                "node": packet.node.hex(),
                "display_name": packet.name,
                "listen_port": packet.listen_port,
                "time_ms": packet.time_ms,
                "nonce": packet.nonce.hex(),
                "datagram": encode_lan(packet, used).hex(),
            }
            for kind, packet in lan_packets().items()
            for used in (key, None)
        ),
        {
            "name": "proof",
            "opener": peers[0].hex(),
            "responder": peers[1].hex(),
            "nonces": nonces,
            "codes": [code.hex() for code in codes],
        },
    ]


def lan_packets() -> dict[LanKind, LanPacket]:
    peer = ALICE.device.peer_id
    return {
        kind: LanPacket(kind, peer, "Алиса", 19_123, WALL_MS, digest(kind.name)[:NONCE_BYTES])
        for kind in LanKind
    }


def verification() -> Vectors:
    return [
        {
            "name": "alice and bob",
            "accounts": [ALICE.account.hex(), BOB.account.hex()],
            "safety_number": safety_number(ALICE.account, BOB.account),
            "code_shown_by_the_first": encode_code(VerificationCode(ALICE.account, BOB.account)),
            "code_shown_by_the_second": encode_code(VerificationCode(BOB.account, ALICE.account)),
        }
    ]


GOLDEN = {
    "people": people,
    "devices": devices,
    "verification": verification,
    "conversations": conversations,
    "ops": ops,
    "receipts": receipts,
    "sender_keys": sender_keys,
    "frames": frames,
    "links": links,
    "invites": invites,
    "records": records,
    "lan": lan,
    "mailbox": mailboxes.mailbox,
    "mail": mails.mail,
}


def read(name: str) -> Vectors:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def main() -> None:
    for name, vectors in GOLDEN.items():
        text = json.dumps(vectors(), indent=2, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
