"""Every decoder of bytes and text from outside: what feeds it, what may come out, where to begin.

`covers` names what an entry exercises; `test_completeness.py` compares that with the code, so that
a decoder without an entry fails. `test_decoders.py` runs all of them under Hypothesis, `hunt.py`
under atheris.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from libp2p.host.autonat.pb.autonat_pb2 import Message as AutoNat
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, StopMessage
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from libp2p.security.exceptions import HandshakeFailure

from p2pchat.cli.chat import typed
from p2pchat.cli.jsonrpc import RequestError, read_call, read_line
from p2pchat.cli.methods import find_method
from p2pchat.config import addresses as configured
from p2pchat.errors import (
    BadProof,
    ConfigError,
    LinkError,
    LocalProtocolError,
    RemoteProtocolError,
    SchemaTooNew,
)
from p2pchat.model.archive import End, Manifest
from p2pchat.model.blocking import BlockList, parse_subnets, parse_target
from p2pchat.model.change import PutName
from p2pchat.model.history import parse_history
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.introduction import Introduction, KeptIntroduction, Stage
from p2pchat.model.scope import Scope
from p2pchat.net.bootstrap_list import parse_list, render_list
from p2pchat.net.libp2p import addresses
from p2pchat.net.libp2p.noise_packets import PacketSealer
from p2pchat.net.libp2p.yamux_frames import encode_header
from p2pchat.wire.archive_codec import decode_record, encode_record
from p2pchat.wire.contents import decode_content
from p2pchat.wire.control import encode_control, read_genesis
from p2pchat.wire.delivery_proof import read_proof
from p2pchat.wire.devices import claimed_set, read_device_set, read_revocation
from p2pchat.wire.frames import decode_frame, decode_ops, encode_frame, encode_ops
from p2pchat.wire.framing import frame
from p2pchat.wire.gossip_codec import decode_rpc, encode_publish, encode_subscription
from p2pchat.wire.introductions import decode_kept, encode_kept
from p2pchat.wire.invite_links import decode_invite, encode_invite
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, decode_kad, encode_kad
from p2pchat.wire.lan_codec import (
    decode_lan,
    decode_proof_mac,
    decode_proof_nonce,
    encode_lan,
    encode_proof_mac,
    encode_proof_nonce,
)
from p2pchat.wire.links import decode_link, encode_link
from p2pchat.wire.mail_codec import (
    MailBody,
    decode_body,
    decode_letter,
    encode_body,
    encode_letter,
)
from p2pchat.wire.mailbox_codec import (
    Answer,
    Open,
    Page,
    PageRow,
    Put,
    Reason,
    Refused,
    Register,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from p2pchat.wire.mdns import decode_txt, encode_txt
from p2pchat.wire.multiaddr import multiaddr_bytes, multiaddr_text
from p2pchat.wire.ops import decode_header, decode_op, encode_op
from p2pchat.wire.receipts import read_receipt
from p2pchat.wire.records import account_key, bundle_key, read_record
from p2pchat.wire.sender_keys import decode_sender_key
from p2pchat.wire.verification import VerificationCode, decode_code, encode_code
from tests.fuzz import feeds
from tests.unit.protocol.people import ALICE
from tests.vectors import golden, proofs
from tests.vectors.room_controls import REVOKED

PEER = ALICE.device.peer_id
ADDRESS = "/ip4/192.0.2.7/tcp/4001"
CIRCUIT = f"{ADDRESS}/p2p/{PEER}/p2p-circuit"
MULTISTREAM = b"/multistream/1.0.0\n"
OPS = golden.all_ops()
FRAMES = golden.all_frames()
RECORDS = [bytes.fromhex(str(vector["value"])) for vector in golden.records()]
PEER_FILE = json.dumps(
    {"peers": [{"peer": str(PEER), "addresses": [ADDRESS], "last_seen_ms": 1}]}
).encode()
REMOTE = (RemoteProtocolError,)
LOCAL = (ValueError,)


ID_KINDS = ("_FixedId", "DeviceId", "AccountId", "PeerId")
ID_PARSERS = tuple(f"model.ids.{kind}.parse" for kind in ID_KINDS)


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way in."""

    decode: Callable[[bytes], object]
    covers: tuple[str, ...]
    """Modules and functions below `p2pchat`."""
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = REMOTE
    """All that may come out beside a value."""


def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """A decoder of text, fed with whatever text bytes can make: also half surrogate pairs."""
    return lambda raw: read(raw.decode("utf-8", "surrogateescape"))


def receipt(read: Callable[[bytes, bytes], object]) -> Callable[[bytes], object]:
    return lambda raw: read(raw[:-64], raw[-64:])


def content(raw: bytes) -> object:
    return decode_content(raw[0] if raw else 0, raw[1:])


def announced(raw: bytes) -> None:
    """What a multiaddr of a peer is put through."""
    address = multiaddr_text(raw)
    assert multiaddr_bytes(address) == raw
    addresses.parse(address, PEER)


def json_rpc(raw: bytes) -> None:
    call = read_call(read_line(raw))
    find_method(call.method).arguments(call.params)


def any_id(written: str) -> None:
    for kind in (AccountId, ConversationId, DeviceId, OpId, PeerId):
        with suppress(ValueError):
            kind.parse(written)


def subnets(written: str) -> object:
    parse_subnets(written.split())
    return BlockList.parse(subnets=written.split())


def encoded(name: str, *values: str) -> tuple[bytes, ...]:
    return tuple(value.encode() for value in values)


def relayed(kind: type, *fields: dict[str, object]) -> tuple[bytes, ...]:
    return tuple(frame(kind(**one).SerializeToString()) for one in fields)


WIRE: dict[str, Decoder] = {
    "op": Decoder(decode_op, ("wire.ops.decode_op",), tuple(map(encode_op, OPS.values()))),
    "header": Decoder(
        decode_header,
        ("wire.ops.decode_header",),
        tuple(op.header_bytes for op in OPS.values()),
    ),
    "content": Decoder(
        content,
        (
            "wire.contents.decode_content",
            "wire.control.decode_control",
            "wire.relations.decode_relation",
        ),
        tuple(bytes([op.header.kind]) + (op.content or b"") for op in OPS.values()),
    ),
    "beginning of a room": Decoder(
        read_genesis,
        ("wire.control.read_genesis",),
        (encode_control(golden.GENESIS)[1],),
    ),
    "frame": Decoder(
        decode_frame,
        ("wire.frames.decode_frame",),
        tuple(map(encode_frame, FRAMES.values())),
    ),
    "ops": Decoder(decode_ops, ("wire.frames.decode_ops",), (encode_ops(FRAMES["ops"]),)),
    "frames": Decoder(
        feeds.frames,
        ("wire.framing",),
        (b"".join(frame(encode_frame(one)[:200]) for one in FRAMES.values()),),
    ),
    "kept introductions": Decoder(
        decode_kept,
        ("wire.introductions.decode_kept", "wire.introductions.decode_introducing"),
        (
            encode_kept(
                [
                    KeptIntroduction(
                        Introduction(ALICE.account, ALICE.account, "Alice", Stage.ASKED, 1),
                        to=ALICE.account,
                        link=encode_link(ALICE.link),
                    )
                ]
            ),
        ),
    ),
    "device set": Decoder(read_device_set, ("wire.devices.read_device_set",), (ALICE.devices.raw,)),
    "revocation": Decoder(read_revocation, ("wire.devices.read_revocation",), (REVOKED,)),
    "account of a device set": Decoder(claimed_set, ("wire.devices",), (ALICE.devices.raw,)),
    "receipt": Decoder(
        receipt(read_receipt),
        ("wire.receipts.read_receipt", "wire.receipts.decode_receipt"),
        tuple(one.body + one.signature for one in golden.all_receipts().values()),
    ),
    "sender key": Decoder(
        receipt(decode_sender_key),
        ("wire.sender_keys.decode_sender_key",),
        (golden.a_sender_key().body + golden.a_sender_key().signature,),
    ),
    "account record": Decoder(
        partial(read_record, account_key(ALICE.account)),
        ("wire.records.read_record",),
        tuple(RECORDS),
    ),
    "bundle record": Decoder(
        partial(read_record, bundle_key(ALICE.device)),
        ("wire.records.read_record",),
        tuple(RECORDS),
    ),
    "export record": Decoder(
        decode_record,
        ("wire.archive_codec.decode_record",),
        tuple(map(encode_record, (Manifest(1, 2), PutName(ALICE.account, "Alice", 3), End(2)))),
    ),
    "proof of delivery": Decoder(
        read_proof,
        ("wire.delivery_proof.read_proof",),
        (bytes.fromhex(str(proofs.made()["file"])),),
        (BadProof, SchemaTooNew),
    ),
    "gossip": Decoder(
        decode_rpc,
        ("wire.gossip_codec.decode_rpc",),
        (encode_publish("room", b"data") + encode_subscription("room", subscribes=True),),
    ),
    "kademlia": Decoder(
        decode_kad,
        ("wire.kad_codec.decode_kad",),
        (
            encode_kad(
                KadMessage(
                    KadKind.FIND_NODE, b"key", None, (KadPeer(PEER, (ADDRESS, CIRCUIT)),), ()
                )
            ),
        ),
    ),
    "lan datagram": Decoder(
        decode_lan,
        ("wire.lan_codec.decode_lan",),
        tuple(encode_lan(packet, b"k" * 32) for packet in golden.lan_packets().values()),
    ),
    "lan nonce": Decoder(
        decode_proof_nonce,
        ("wire.lan_codec.decode_proof_nonce",),
        (encode_proof_nonce(bytes(32)),),
    ),
    "lan proof": Decoder(
        decode_proof_mac, ("wire.lan_codec.decode_proof_mac",), (encode_proof_mac(bytes(32)),)
    ),
    "mail": Decoder(
        decode_body,
        ("wire.mail_codec.decode_body",),
        (encode_body(MailBody(ALICE.party, ALICE.devices, 0, b"sealed", 3)),),
    ),
    "letter": Decoder(
        decode_letter,
        ("wire.mail_codec.decode_letter",),
        (encode_letter(tuple(FRAMES.values())[:3]),),
    ),
    "mailbox request": Decoder(
        decode_request,
        ("wire.mailbox_codec.decode_request",),
        tuple(
            encode_request(Request(1, body))
            for body in (
                Put(b"m" * 32, b"k" * 32, b"s" * 64, b"sealed"),
                Open(b"m" * 32, b"s" * 64),
                Register(frozenset({b"k" * 32}), b"i" * 32),
            )
        ),
    ),
    "mailbox answer": Decoder(
        decode_answer,
        ("wire.mailbox_codec.decode_answer",),
        tuple(
            encode_answer(Answer(1, body))
            for body in (
                Page((PageRow(1, 2, 3, b"sealed"), PageRow(4, 5, 6)), has_more=True),
                Refused(Reason.BUSY, 250),
            )
        ),
    ),
    "mdns record": Decoder(decode_txt, ("wire.mdns.decode_txt",), (encode_txt(PEER, [ADDRESS]),)),
    "multiaddr": Decoder(
        announced,
        ("wire.multiaddr", "net.libp2p.addresses.parse"),
        (multiaddr_bytes(ADDRESS), multiaddr_bytes(CIRCUIT)),
        (RemoteProtocolError, ValueError),
    ),
    "observed multiaddr": Decoder(
        addresses.read_multiaddr,
        ("net.libp2p.addresses.read_multiaddr",),
        (multiaddr_bytes(ADDRESS),),
        (),
    ),
}
"""What peers send inside of a connection, and datagrams."""

STREAMS: dict[str, Decoder] = {
    "yamux frames": Decoder(
        feeds.yamux_frames,
        ("net.libp2p.yamux_frames",),
        (encode_header(0, 0, 2, 5) + b"hello", encode_header(1, 1, 2, 1 << 18)),
    ),
    "yamux session": Decoder(
        feeds.yamux_session,
        ("net.libp2p.yamux_session",),
        (
            encode_header(0, 1, 2, 5) + b"hello",
            encode_header(2, 1, 0, 7),
            encode_header(3, 0, 0, 1),
        ),
    ),
    "noise packets": Decoder(
        feeds.noise_packets,
        ("net.libp2p.noise_packets",),
        (PacketSealer(bytes(32)).seal(b"hello"),),
    ),
    "noise handshake": Decoder(
        feeds.noise_handshake,
        ("net.libp2p.noise",),
        (b"\x00\x20" + bytes(range(32)),),
        (HandshakeFailure,),
    ),
    "noise payload": Decoder(
        feeds.noise_payload,
        ("net.libp2p.noise",),
        (b"\x0a\x24\x08\x01\x12\x20" + bytes(32) + b"\x12\x40" + bytes(64),),
        (),
    ),
    "proposals": Decoder(
        feeds.proposals,
        ("net.libp2p.negotiation",),
        (frame(MULTISTREAM) + frame(b"/none\n") + frame(b"/test\n"),),
    ),
    "answers": Decoder(
        feeds.answers,
        ("net.libp2p.negotiation",),
        (frame(MULTISTREAM) + frame(b"na\n") + frame(b"/test\n"),),
    ),
    "hop message": Decoder(
        partial(feeds.relay_message, HopMessage),
        ("net.libp2p.relay_messages.read_message",),
        relayed(HopMessage, {"type": HopMessage.CONNECT}, {"status": 100}),
    ),
    "stop message": Decoder(
        partial(feeds.relay_message, StopMessage),
        ("net.libp2p.relay_messages.read_message",),
        relayed(StopMessage, {"type": StopMessage.CONNECT}),
    ),
    "hole punch": Decoder(
        partial(feeds.relay_message, HolePunch),
        ("net.libp2p.relay_messages.read_message",),
        relayed(HolePunch, {"type": 100, "ObsAddrs": [multiaddr_bytes(ADDRESS)]}),
    ),
    "dial back": Decoder(
        partial(feeds.relay_message, AutoNat),
        ("net.libp2p.relay_messages.read_message",),
        relayed(AutoNat, {"type": AutoNat.DIAL}),
    ),
    "identify": Decoder(
        feeds.identify,
        ("net.libp2p.identify.read_identify",),
        relayed(Identify, {"protocols": ["/a"], "listen_addrs": [multiaddr_bytes(ADDRESS)]}),
    ),
    "http": Decoder(
        feeds.http,
        ("monitoring.http",),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.0\r\n\r\n"),
        (),
    ),
}
"""What comes over streams, from the socket up."""

TEXTS: dict[str, Decoder] = {
    "verification code": Decoder(
        text(decode_code),
        ("wire.verification.decode_code",),
        (encode_code(VerificationCode(ALICE.account, ALICE.account)).encode(),),
        (LinkError,),
    ),
    "contact link": Decoder(
        text(decode_link),
        ("wire.links.decode_link", "cli.methods.Methods.read_link"),
        tuple(encode_link(link).encode() for link in golden.all_links().values()),
        (LinkError,),
    ),
    "invitation": Decoder(
        text(decode_invite),
        (
            "wire.invite_links.decode_invite",
            "cli.methods.Methods.read_invite",
        ),
        tuple(encode_invite(link, ALICE.signer).encode() for link in golden.all_invites().values()),
        (LinkError,),
    ),
    "bootstrap list": Decoder(
        lambda raw: parse_list(raw, Scope.PUBLIC, 256),
        ("net.bootstrap_list.parse_list",),
        (render_list([f"{ADDRESS}/p2p/{PEER}"]),),
        LOCAL,
    ),
    "typed line": Decoder(
        text(typed.parse),
        ("cli.chat.typed.parse",),
        (b"/open Bob", b"//said", b"hello"),
    ),
    "json-rpc": Decoder(
        json_rpc,
        ("cli.jsonrpc.read_line", "cli.jsonrpc.read_call"),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "history", "params": {"limit": 3}}',
            json.dumps(
                {"jsonrpc": "2.0", "id": None, "method": "block", "params": [str(PEER)]}
            ).encode(),
        ),
        (RequestError, LocalProtocolError),
    ),
    "client settings": Decoder(
        feeds.client_settings,
        ("config.loading.load_client_config", "config.loading.read_client_config"),
        (
            b'name = "a"\nlisten = ["/ip4/127.0.0.1/tcp/1"]\n[limits]\nconnections_max = 10\n',
            b'[[bootstrap_urls]]\nurl = "https://a.example/b.json"\n[lan]\nenabled = true\n',
        ),
        (ConfigError,),
    ),
    "settings that are changed": Decoder(
        text(feeds.changed_settings),
        ("config.loading.parse_config",),
        (
            b'fetch = true  # so\nlisten = [\n  "a",  # one\n]\n[lan]\nname = "x"\n',
            b'lan = { name = "x" }\n[[bootstrap_urls]]\nurl = "https://a.example/"\n',
        ),
        (ConfigError,),
    ),
    "relay settings": Decoder(
        feeds.relay_settings,
        ("config.loading.load_relay_config",),
        (b'metrics = "9464"\n[limits]\ncircuits_max = 10\n',),
        (ConfigError,),
    ),
    "identity file": Decoder(
        feeds.identity_file,
        ("store.key_file.read_identity_file", "store.key_file.parse_key"),
        (b"ab" * 32, bytes(32)),
        (ConfigError,),
    ),
    "relay peers": Decoder(
        feeds.peer_file,
        ("store.relay_home",),
        (
            json.dumps(
                {"peers": [{"peer": str(PEER), "addresses": [], "last_seen_ms": 1}]}
            ).encode(),
        ),
        (),
    ),
    "ids": Decoder(
        text(any_id),
        tuple(
            f"model.ids.{kind}.parse" for kind in ("_FixedId", "DeviceId", "AccountId", "PeerId")
        ),
        encoded("ids", str(PEER), str(ALICE.account), "ab" * 32),
        (),
    ),
    "block target": Decoder(
        text(parse_target),
        ("model.blocking.parse_target", "model.blocking.parse_subnet"),
        encoded("targets", str(PEER), str(ALICE.account), "192.0.2.0/24", "2001:db8::/32"),
        LOCAL,
    ),
    "history of a room": Decoder(
        text(parse_history),
        ("model.history.parse_history",),
        encoded("histories", "none", "joining", "last:500", "all"),
        LOCAL,
    ),
    "block list": Decoder(
        text(subnets),
        ("model.blocking.parse_subnets", "model.blocking.BlockList.parse"),
        encoded("subnets", "192.0.2.0/24 2001:db8::1 ::ffff:1.2.3.4"),
        LOCAL,
    ),
    **{
        name: Decoder(text(read), covers, seeds, LOCAL)
        for name, read, covers, seeds in (
            (
                "peer address",
                configured.parse_peer_address,
                ("config.addresses.parse_peer_address",),
                encoded("peer", f"{ADDRESS}/p2p/{PEER}", f"/dns4/a.example/tcp/1/p2p/{PEER}"),
            ),
            (
                "listen address",
                lambda given: (configured.parse_listen(given), addresses.parse_listen(given)),
                ("config.addresses.parse_listen", "net.libp2p.addresses.parse_listen"),
                encoded("listen", ADDRESS, "/ip6/::/tcp/0"),
            ),
            (
                "announced address",
                configured.parse_announce,
                ("config.addresses.parse_announce",),
                encoded("announce", ADDRESS, "/dns4/a.example/tcp/1"),
            ),
            (
                "metrics address",
                configured.parse_metrics,
                ("config.addresses.parse_metrics",),
                encoded("metrics", "9464", "127.0.0.1:9464", "[::1]:1"),
            ),
            (
                "dialled address",
                lambda given: addresses.parse(given, PEER),
                ("net.libp2p.addresses.parse",),
                encoded("dial", ADDRESS, CIRCUIT),
            ),
        )
    },
}
"""Text and files: from people, from lists, from the disk."""

DECODERS: dict[str, Decoder] = WIRE | STREAMS | TEXTS
