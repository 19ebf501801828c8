"""Everything that is signed, sealed or authenticated, with one example of it and who reads it.

To add a kind is one entry of `SEALED`: how an example is made, how it is read by whom it is meant
for, and the messages of `wire/*.proto` whose bytes are protected in it. The tests beside flip each
bit of each example and show each signature for every other purpose. A message that has no
protection of its own stands in `UNSIGNED`, with what protects it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO

from google.protobuf.message import Message

from p2pchat.crypto.mail import (
    OlmMailCipher,
    new_mail_account,
    open_mail,
)
from p2pchat.crypto.port import Recipient
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.crypto.sealed_file import CHUNK_BYTES, SealedWriter, unsealed
from p2pchat.crypto.sealed_file import _checksum as export_checksum
from p2pchat.crypto.vault import _CHECKSUM_BYTES as KEY_CHECKSUM_BYTES
from p2pchat.crypto.vault import Vault
from p2pchat.crypto.vault import _checksum as key_checksum
from p2pchat.errors import MalformedMessage
from p2pchat.model.op import Chain, Header, Kind
from p2pchat.model.ratchet import Correspondent
from p2pchat.net.libp2p.noise_packets import PacketOpener, PacketSealer
from p2pchat.protocol.lan_proof import LanProof, Meeting
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.store.memory import MemoryStore
from p2pchat.wire import archive_pb2, dchat_pb2, lan_pb2, mail_pb2, rooms_pb2
from p2pchat.wire import mailbox_pb2 as M
from p2pchat.wire.archive_codec import decode_record, encode_record
from p2pchat.wire.contents import Content, decode_content, encode_content
from p2pchat.wire.control import decode_control
from p2pchat.wire.devices import first_device_set, new_revocation, read_device_set
from p2pchat.wire.envelope import Ed25519Signer, Purpose, Signer, verify
from p2pchat.wire.frames import decode_ops
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.invite_links import decode_invite, encode_invite
from p2pchat.wire.lan_codec import LanKind, Role, decode_lan, encode_lan
from p2pchat.wire.links import decode_link, encode_link
from p2pchat.wire.mail_codec import decode_letter, encode_letter
from p2pchat.wire.mailbox_codec import Put, Request, encode_request, open_body, put_body
from p2pchat.wire.ops import (
    content_hash,
    decode_header,
    decode_op,
    encode_op,
    make_op,
    verify_op,
)
from p2pchat.wire.receipts import Receipt, read_receipt, sign_receipt
from p2pchat.wire.records import (
    AccountRecord,
    BundleRecord,
    Record,
    RecordValidator,
    account_key,
    bundle_key,
    read_record,
)
from p2pchat.wire.records import encode_record as encode_dht_record
from p2pchat.wire.relations import Delete, Edit, React
from p2pchat.wire.sender_keys import (
    SenderKey,
    decode_sender_key,
    sign_sender_key,
    verify_sender_key,
)
from tests.integrity.links import (
    LINK,
    a_link_body,
    an_admission,
    an_invite_body,
    leads_to_the_same,
    mended_link,
    read_invite_body,
    read_link_body,
)
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, Person, digest
from tests.vectors import examples, exports, golden

Misuse = Callable[[Signer], Signer]
"""What stands between a signer and what is made with it: nothing, or another purpose."""


def honest(signer: Signer) -> Signer:
    return signer


@dataclass(frozen=True)
class Sealed:
    """One kind of object whose every bit counts."""

    make: Callable[[Misuse], bytes]
    read: Callable[[bytes], object]
    """Decodes and verifies as whoever it is meant for; answers the value or raises a
    `P2PChatError`."""
    covers: tuple[type[Message], ...] = ()
    """The messages whose bytes stand in the example."""
    purpose: Purpose | None = None
    """Of its signature, where it has one of ours."""
    mend: Callable[[bytes], bytes] = bytes
    """Makes a checksum anew that explains mistakes and protects nothing."""
    free: Callable[[object, object], bool] = lambda whole, flipped: False
    """Whether a flip may be taken for this: the value before and after it."""
    why_free: str = ""


def signed(
    purpose: Purpose,
    make: Callable[[Misuse], bytes],
    read: Callable[[bytes], object],
    *covers: type[Message],
) -> Sealed:
    """Signed by a key of ours."""
    return Sealed(make, read, covers, purpose)


def shut(raw: bytes, read: Callable[[bytes], object], *covers: type[Message]) -> Sealed:
    """Sealed or authenticated with a key that its readers have."""
    return Sealed(lambda misuse: raw, read, covers)


def opened(value: object) -> object:
    """The answer of an opener for which None is a refusal."""
    if value is None:
        raise MalformedMessage("it does not open")
    return value


# Ops and receipts


def an_op(content: Content, misuse: Misuse) -> bytes:
    kind, raw = encode_content(content)
    header = Header(
        conversation=golden.DIRECT,
        chain=kind.chain,
        account=ALICE.account,
        device=ALICE.device,
        seq=1,
        prev=golden.op_id("before"),
        hlc=golden.HLC,
        kind=kind,
        content_hash=content_hash(raw),
        deps=(golden.op_id("dependency"),),
        after=(golden.op_id("shown"),) if kind.chain is Chain.TALK else (),
        devices=ALICE.devices.hash,
        refers=golden.op_id("message") if isinstance(content, Edit | Delete | React) else None,
        was=(golden.op_id("earlier"),) if kind.chain is Chain.TALK else (),
    )
    return encode_op(make_op(header, raw, misuse(ALICE.signer)))


def a_deleted_op(misuse: Misuse) -> bytes:
    """A text without its content, and what took that away."""
    op = golden.op_of(golden.CONTENTS["text"])
    raw = golden.op_of(Delete(), refers=op.id).header_bytes
    deletion = make_op(decode_header(raw), b"", misuse(ALICE.signer))
    return encode_op(replace(op, content=None, deletion=deletion))


def read_op(raw: bytes) -> object:
    """As `protocol.intake` reads it."""
    op = decode_op(raw)
    verify_op(op)
    if op.content is not None:
        return op, decode_content(op.header.kind, op.content)
    if op.deletion is None:
        raise MalformedMessage("an op without its content is not taken")
    verify_op(op.deletion)
    return op, None


CONTROL_COVERS = {
    "genesis": (rooms_pb2.Genesis,),
    "removal": (rooms_pb2.Standing, rooms_pb2.Cut, rooms_pb2.TalkHead),
    "epoch": (rooms_pb2.Epoch,),
    "device revoked": (rooms_pb2.DeviceRevoked,),
    "invite": (rooms_pb2.Invite,),
    "invite revoked": (rooms_pb2.InviteRevoked,),
    "admission": (rooms_pb2.Admission,),
    "standing, with floors": (rooms_pb2.TalkFloor,),
    "name": (rooms_pb2.Detail,),
    "pin": (rooms_pb2.Pin,),
}


def op_entries() -> dict[str, Sealed]:
    """One for each content that there is."""
    types = dchat_pb2.DESCRIPTOR.message_types_by_name
    entries: dict[str, Sealed] = {}
    for name, content in golden.CONTENTS.items():
        kind = type(content).__name__
        covers = [dchat_pb2.SignedOp, dchat_pb2.Header]
        covers += [vars(dchat_pb2)[kind]] if kind in types else []
        covers += [dchat_pb2.Reaction] if isinstance(content, React) else []
        entries[f"op: {name}"] = signed(Purpose.OP, partial(an_op, content), read_op, *covers)
    entries["op: deleted"] = signed(Purpose.OP, a_deleted_op, read_op, dchat_pb2.Deletion)
    for name, control in golden.ROOM_CONTROLS.items():
        make = partial(an_op, control)
        entries[f"op: {name}"] = signed(Purpose.OP, make, read_op, *CONTROL_COVERS.get(name, ()))
    return entries


def a_receipt(misuse: Misuse) -> bytes:
    receipt = replace(golden.all_receipts()["of a part"].receipt, read_below=41)
    made = sign_receipt(receipt, misuse(BOB.signer))
    return dchat_pb2.Signed(body=made.body, signature=made.signature).SerializeToString()


def read_signed_receipt(raw: bytes) -> Receipt:
    made = dchat_pb2.Signed.FromString(raw)
    return read_receipt(made.body, made.signature).receipt


def a_sender_key(misuse: Misuse) -> bytes:
    made = sign_sender_key(golden.a_sender_key().said, misuse(ALICE.signer))
    return dchat_pb2.Signed(body=made.body, signature=made.signature).SerializeToString()


def read_sender_key(raw: bytes) -> SenderKey:
    made = dchat_pb2.Signed.FromString(raw)
    signed = decode_sender_key(made.body, made.signature)
    verify_sender_key(signed)
    return signed.said


# Device sets, records, links


def a_device_set(misuse: Misuse) -> bytes:
    return first_device_set(misuse(ALICE.account_signer), ALICE.device, WALL_MS)


def a_revocation(misuse: Misuse) -> bytes:
    return new_revocation(misuse(ALICE.account_signer), BOB.device, WALL_MS)


def read_revocation(raw: bytes) -> object:
    """A set that revokes a device of Alice's."""
    found = read_device_set(raw)
    if found.account != ALICE.account or BOB.device not in found.revoked:
        raise MalformedMessage("the set of another device")
    return found


def read_own_device_set(raw: bytes) -> object:
    """A set that certifies the device it came from."""
    found = read_device_set(raw)
    if found.account != ALICE.account or ALICE.device not in found.devices:
        raise MalformedMessage("the set of another device")
    return found


EXPIRES_MS = WALL_MS + 1_000


def an_account_record(misuse: Misuse) -> bytes:
    record = AccountRecord(ALICE.account, ALICE.devices, WALL_MS, EXPIRES_MS)
    return encode_dht_record(record, misuse(ALICE.account_signer))


def a_bundle_record(misuse: Misuse) -> bytes:
    record = BundleRecord(ALICE.device, golden.ADDRESSES, WALL_MS, EXPIRES_MS, golden.MAIL)
    return encode_dht_record(record, misuse(ALICE.signer))


def read_valid_record(key: bytes, raw: bytes) -> Record:
    RecordValidator().validate(key, raw, WALL_MS)
    return read_record(key, raw)


# Mail


def mail_store(person: Person) -> MemoryStore:
    """The disk of somebody who takes mail."""
    store, seed = MemoryStore(), digest(f"device {person.name}")
    store.commit([new_mail_account(seed)])
    store.commit(open_mail(person.account, seed, store.snapshot().mail).renew(WALL_MS))
    return store


MAIL_OF = {person: mail_store(person) for person in (ALICE, BOB)}


def mail_of(person: Person) -> OlmMailCipher:
    """As it was before anything was sealed or opened."""
    kept = MAIL_OF[person].snapshot().mail
    return open_mail(person.account, digest(f"device {person.name}"), kept)


def a_mail() -> bytes:
    bob, keys = mail_of(BOB), mail_of(BOB).keys
    assert keys is not None
    to = Recipient(Correspondent(BOB.party, bob.identity_key), keys.fallback_key, bob.published[-1])
    letter = encode_letter(tuple(golden.all_frames().values())[:1])
    return mail_of(ALICE).seal(to, letter, ALICE.devices, WALL_MS).blob


def read_mail(raw: bytes) -> object:
    bob = mail_of(BOB)
    body = bob.unwrap(raw)
    return decode_letter(bob.open(body, mail_of(ALICE).identity_key, WALL_MS).plaintext)


A_MAIL = a_mail()


def read_letter(raw: bytes) -> object:
    """The ratchet's message, as if the envelope's maker had put another one in."""
    bob = mail_of(BOB)
    body = replace(bob.unwrap(A_MAIL), ciphertext=raw)
    return decode_letter(bob.open(body, mail_of(ALICE).identity_key, WALL_MS).plaintext)


# What shared keys protect


def key_file() -> bytes:
    return Vault("passphrase", exports.COST).lock(digest("database key"))


def mended_key_file(raw: bytes) -> bytes:
    return raw[:-KEY_CHECKSUM_BYTES] + key_checksum(raw[:-KEY_CHECKSUM_BYTES])


def read_key_file(raw: bytes) -> bytes:
    return Vault("passphrase").unlock(raw)


def an_export() -> bytes:
    raw = BytesIO()
    writer = SealedWriter(raw, exports.PASSPHRASE, exports.COST)
    for record in exports.records():
        writer.write(frame(encode_record(record)))
    writer.finish()
    return raw.getvalue()


def read_export(raw: bytes) -> object:
    content = b"".join(unsealed(BytesIO(raw), exports.PASSPHRASE))
    return [decode_record(record) for record in FrameParser(CHUNK_BYTES).feed(content)]


def mended_export(raw: bytes) -> bytes:
    return raw[:54] + export_checksum(raw[:54]) + raw[62:]


def a_datagram() -> bytes:
    return encode_lan(golden.lan_packets()[LanKind.HELLO], digest("lan"))


def read_datagram(raw: bytes) -> object:
    datagram = decode_lan(raw)
    if not datagram.is_authentic(digest("lan")):
        raise MalformedMessage("a code that is wrong")
    return datagram.packet


MEETING = Meeting(ALICE.device.peer_id, BOB.device.peer_id)


def lan_sides() -> tuple[LanProof, LanProof]:
    one = LanProof(digest("lan"), MEETING, Role.OPENER, digest("one"))
    other = LanProof(digest("lan"), MEETING, Role.RESPONDER, digest("other"))
    return one, other


def a_lan_proof() -> bytes:
    one, other = lan_sides()
    nonce = other.handle(one.start() or b"")
    return one.handle(nonce or b"") or b""


def read_lan_proof(raw: bytes) -> object:
    one, other = lan_sides()
    other.handle(one.start() or b"")
    return other.handle(raw)


def read_noise(raw: bytes) -> object:
    opener = PacketOpener(bytes(32))
    opener.feed(raw)
    return opened(opener.next())


MAILBOX = Ed25519Signer(digest("mailbox"))
WRITER = Ed25519Signer(digest("writer"))


def a_mailbox_put(misuse: Misuse) -> bytes:
    body = put_body(MAILBOX.public_key, b"sealed")
    signature = misuse(WRITER).sign(Purpose.MAILBOX_PUT, body)
    return put_bytes(Put(MAILBOX.public_key, WRITER.public_key, signature, b"sealed"))


def read_mailbox_put(raw: bytes) -> object:
    put = M.Put.FromString(raw)
    verify(put.key, Purpose.MAILBOX_PUT, put_body(put.mailbox, put.blob), put.signature)
    return put.mailbox, put.key, put.blob


def put_bytes(put: Put) -> bytes:
    request = M.Request.FromString(encode_request(Request(1, put)))
    return request.put.SerializeToString()


OPENING = (digest("nonce"), BOB.device.peer_id, ALICE.device.peer_id)


def a_mailbox_proof(misuse: Misuse) -> bytes:
    body = open_body(MAILBOX.public_key, *OPENING)
    signature = misuse(MAILBOX).sign(Purpose.MAILBOX_OPEN, body)
    return M.Open(mailbox=MAILBOX.public_key, signature=signature).SerializeToString()


def read_mailbox_proof(raw: bytes) -> object:
    opening = M.Open.FromString(raw)
    body = open_body(opening.mailbox, *OPENING)
    verify(opening.mailbox, Purpose.MAILBOX_OPEN, body, opening.signature)
    return opening.mailbox


ROOM = open_room_secret(examples.ROOM_NAME)


def read_room_blob(raw: bytes) -> object:
    plaintext = opened(SharedKeyCipher(bytes).open(ROOM, raw))
    assert isinstance(plaintext, bytes)
    return decode_ops(plaintext)


D, A, L = dchat_pb2, archive_pb2, lan_pb2
HINTS_ARE_FREE = (
    "the token and the addresses are not signed: who passes a link on can spoil the token or send"
    " the first dial elsewhere, where nobody has the device's key"
)
OLM_READS_ON = (
    "the same letter comes out: X25519 ignores the top bit of a key, and Olm reads past fields that"
    " it does not know; who repeats it so is known by the session's id, and in the envelope around"
    " it (`sealed mail`) every bit counts"
)
SEALED: dict[str, Sealed] = {
    **op_entries(),
    "receipt": signed(
        Purpose.RECEIPT, a_receipt, read_signed_receipt, D.Signed, D.Receipt, D.FrontierEntry
    ),
    "sender key": signed(Purpose.SENDER_KEY, a_sender_key, read_sender_key, D.Signed, D.SenderKey),
    "device set": signed(
        Purpose.CERTIFICATE, a_device_set, read_own_device_set, D.DeviceSet, D.Certificate
    ),
    "revocation": signed(Purpose.REVOCATION, a_revocation, read_revocation, D.Revocation),
    "account record": signed(
        Purpose.ACCOUNT_RECORD,
        an_account_record,
        partial(read_valid_record, account_key(ALICE.account)),
        D.AccountRecord,
    ),
    "bundle record": signed(
        Purpose.BUNDLE_RECORD,
        a_bundle_record,
        partial(read_valid_record, bundle_key(ALICE.device)),
        D.BundleRecord,
        D.HpkeKey,
        D.MailboxRelay,
    ),
    "contact link": Sealed(
        lambda misuse: encode_link(LINK).encode(),
        lambda raw: decode_link(raw.decode("latin-1")),
        (D.ContactLink,),
    ),
    "contact link, its check made anew": Sealed(
        a_link_body,
        read_link_body,
        mend=mended_link,
        free=leads_to_the_same,
        why_free=HINTS_ARE_FREE,
    ),
    "invitation": Sealed(
        lambda misuse: encode_invite(golden.all_invites()["with hints"], ALICE.signer).encode(),
        lambda raw: decode_invite(raw.decode("latin-1")),
        (D.InviteLink, D.InviteLink.Hint),
    ),
    "invitation, its check made anew": replace(
        signed(Purpose.INVITE, an_invite_body, read_invite_body), mend=mended_link
    ),
    "admission": signed(
        Purpose.JOIN, an_admission, lambda raw: decode_control(Kind.ADMISSION, raw)
    ),
    "mailbox put": signed(Purpose.MAILBOX_PUT, a_mailbox_put, read_mailbox_put, M.Put),
    "mailbox proof": signed(Purpose.MAILBOX_OPEN, a_mailbox_proof, read_mailbox_proof, M.Open),
    "letter": replace(
        shut(mail_of(BOB).unwrap(A_MAIL).ciphertext, read_letter, mail_pb2.Letter),
        free=lambda whole, flipped: whole == flipped,
        why_free=OLM_READS_ON,
    ),
    "room blob": shut(examples.room_blob().raw, read_room_blob),
    "sealed mail": shut(A_MAIL, read_mail, mail_pb2.Body),
    "noise packet": shut(PacketSealer(bytes(32)).seal(b"hello"), read_noise),
    "lan datagram": shut(a_datagram(), read_datagram, L.Datagram, L.Packet),
    "lan proof": shut(a_lan_proof(), read_lan_proof, L.Proof),
    "key file": shut(key_file(), read_key_file),
    "key file, its checksum made anew": replace(
        shut(key_file(), read_key_file), mend=mended_key_file
    ),
    "export": shut(
        an_export(),
        read_export,
        A.Record,
        A.Manifest,
        A.Identity,
        A.Contact,
        A.Name,
        A.Profile,
        A.Trust,
        A.Conversation,
        A.Floor,
        A.Op,
        A.Receipt,
        A.Block,
        A.Setting,
        A.Peer,
        A.End,
    ),
    "export, its checksum made anew": replace(shut(an_export(), read_export), mend=mended_export),
}

_STREAM = "only on streams that end at the reader: Noise authenticates every byte (`noise packet`)"
_DHT = "what a node answers is believed by nobody: records in it certify themselves"
_GOSSIP = "from hop to hop, on Noise; what is published is a room's blob, and its id is its hash"
UNSIGNED: dict[str, str] = {
    "dchat.KeptIntroductions": "on our own disk alone, inside the database",
    "dchat.KeptIntroduction": "on our own disk alone, inside the database",
    "dchat.Frame": _STREAM,
    "dchat.Hello": _STREAM,
    "dchat.Ops": "a list of ops, each signed; on streams under Noise, in rooms inside a blob",
    "dchat.SyncDigest": _STREAM,
    "dchat.SyncFrontier": _STREAM,
    "dchat.SyncPull": _STREAM,
    "dchat.Wanted": _STREAM,
    "dchat.Welcome": _STREAM,
    "dchat.SyncPage": _STREAM,
    "dchat.Compare": _STREAM,
    "dchat.Typing": _STREAM,
    "dchat.Join": "the invitation's key signs who shall be let in (`admission`)",
    "dchat.JoinRefused": _STREAM,
    **{
        f"dchat.mailbox.{name}": _STREAM
        for name in (
            "Request",
            "Ask",
            "Register",
            "Fetch",
            "Delete",
            "Answer",
            "Refused",
            "Done",
            "Challenge",
            "Opened",
            "Page",
            "Kept",
            "Notice",
        )
    },
    "p2pchat.kad.Record": "an envelope round a record that is signed itself",
    "p2pchat.kad.Message": _DHT,
    "p2pchat.kad.Message.Peer": _DHT,
    "dchat.gossip.RPC": _GOSSIP,
    "dchat.gossip.RPC.SubOpts": _GOSSIP,
    "dchat.gossip.Message": _GOSSIP,
    "dchat.gossip.ControlMessage": _GOSSIP,
    "dchat.gossip.ControlIHave": _GOSSIP,
    "dchat.gossip.ControlIWant": _GOSSIP,
    "dchat.gossip.ControlGraft": _GOSSIP,
    "dchat.gossip.ControlChoke": _GOSSIP,
    "dchat.gossip.ControlPrune": _GOSSIP,
}
"""Messages without a signature or seal of their own, and why none is needed."""
