"""The JSON that other programs rely on, field by field."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from p2pchat import events
from p2pchat.cli.shapes import event, to_json
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.diagnosis import Cause, Finding, Saying
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.message import Message, MessageState, Reaction
from p2pchat.model.room import Member, Role, RoomInfo, RoomKind
from p2pchat.model.route import Path
from p2pchat.model.status import (
    ContactStatus,
    Health,
    LanPeerStatus,
    LanStatus,
    NetworkStatus,
    PeerStatus,
    Reachability,
)

ALICE = AccountId(bytes(32))
PEER = DeviceId(bytes(32)).peer_id
PLACE = ConversationId(b"\x01" * 32)
ROOM = RoomInfo(PLACE, "lounge", RoomKind.OPEN, "", "", Role.MEMBER, 2, 5, public=True)
MESSAGE = Message(
    id=OpId(b"\x02" * 32),
    conversation=PLACE,
    author=ALICE,
    author_name="Alice",
    type="text",
    text=f"你好 @{ALICE}",
    sent_at=1,
    received_at=2,
    state=MessageState.QUEUED,
    reply_to=OpId(b"\x03" * 32),
    signature=b"\x04" * 64,
    reactions=(Reaction("👍", ALICE),),
)


def shown(value):
    return json.loads(to_json(value))


def test_a_message_has_the_fields_of_the_contract():
    assert shown(MESSAGE) == {
        "id": "02" * 32,
        "conversation": "01" * 32,
        "author": str(ALICE),
        "author_name": "Alice",
        "type": "text",
        "text": f"你好 @{ALICE}",
        "mentions": [str(ALICE)],
        "sent_at": 1,
        "received_at": 2,
        "state": "queued",
        "reply_to": "03" * 32,
        "edited": False,
        "deleted": False,
        "reactions": [{"emoji": "👍", "account": str(ALICE)}],
        "signature": "04" * 64,
    }


def test_every_field_of_a_message_is_shown():
    assert set(shown(MESSAGE)) == {*Message.__slots__, "mentions"}


def test_a_contact_has_the_fields_of_the_contract():
    contact = ContactInfo(ALICE, PLACE, "Alice", ContactState.ACCEPTED, 5)
    assert shown(contact) == {
        "id": "01" * 32,
        "account": str(ALICE),
        "name": "Alice",
        "state": "accepted",
        "created_at": 5,
        "flags": [],
        "introduced_by": None,
        "bio": "",
        "key_changed": False,
        "verified": False,
    }


def test_a_room_and_a_member_have_the_fields_of_the_contract():
    assert shown(ROOM) == {
        "id": "01" * 32,
        "name": "lounge",
        "kind": "open",
        "description": "",
        "announcement": "",
        "role": "member",
        "members_count": 2,
        "created_at": 5,
        "public": True,
        "history": None,
    }
    assert shown(Member(ALICE, "Alice", Role.OWNER)) == {
        "account": str(ALICE),
        "name": "Alice",
        "role": "owner",
    }


def test_a_status_has_the_fields_of_the_contract():
    peers = (
        PeerStatus(PEER, None, ("/ip4/127.0.0.1/tcp/1",), Path.DIRECT),
        PeerStatus(PEER, ALICE, (), Path.RELAYED),
    )
    status = NetworkStatus(Health.GOOD, Reachability.NAT, 2, 3, 1, 4, 5, peers)
    contacts = (ContactStatus(ALICE, Path.RELAYED),)
    status = replace(status, addresses=("/ip4/10.0.0.1/tcp/1",), contacts=contacts)
    status = replace(status, mailboxes=(PEER,))
    assert shown(status) == {
        "health": "good",
        "reachability": "NAT",
        "connected_peers": 2,
        "known_peers": 3,
        "relays": 1,
        "last_sync": 4,
        "outbox": 5,
        "peers": [
            {
                "peer_id": str(PEER),
                "account": None,
                "addresses": ["/ip4/127.0.0.1/tcp/1"],
                "path": "direct",
            },
            {"peer_id": str(PEER), "account": str(ALICE), "addresses": [], "path": "relayed"},
        ],
        "lan": None,
        "addresses": ["/ip4/10.0.0.1/tcp/1"],
        "contacts": [{"account": str(ALICE), "path": "relayed"}],
        "mailboxes": [str(PEER)],
    }


def test_a_diagnosis_is_told_in_sentences():
    said = Saying("{peer} is silent.", {"peer": "relay"})
    finding = Finding(Cause.RELAY_DEAD, said, Saying("Wait."), (said,))
    assert shown(finding) == {
        "cause": "relay_dead",
        "problem": "relay is silent.",
        "advice": "Wait.",
        "evidence": ["relay is silent."],
    }


def test_lan_mode_has_the_fields_of_the_contract():
    peers = (LanPeerStatus(PEER, "Bob", "/ip4/192.0.2.1/tcp/1", 5),)
    assert shown(LanStatus(True, 19123, ("192.0.2.0/24",), peers)) == {
        "is_open": True,
        "listen_port": 19123,
        "subnets": ["192.0.2.0/24"],
        "peers": [
            {
                "peer_id": str(PEER),
                "name": "Bob",
                "address": "/ip4/192.0.2.1/tcp/1",
                "last_heard": 5,
            }
        ],
    }


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        (events.MessageReceived(MESSAGE), {"message": shown(MESSAGE), "mentions_me": False}),
        (
            events.MessageStateChanged(MESSAGE.id, MessageState.SENT),
            {"message_id": "02" * 32, "state": "sent"},
        ),
        (events.MessageEdited(MESSAGE), {"message": shown(MESSAGE)}),
        (events.ReactionChanged(MESSAGE), {"message": shown(MESSAGE)}),
        (
            events.MessageDeleted(MESSAGE.id, ROOM.id),
            {"message_id": "02" * 32, "conversation": str(ROOM.id)},
        ),
        (events.ContactRequested(ALICE, "Alice"), {"account": str(ALICE), "name": "Alice"}),
        (events.ContactAccepted(ALICE), {"account": str(ALICE)}),
        (events.RoomJoined(ROOM), {"room": shown(ROOM)}),
        (events.PeerConnected(PEER), {"peer_id": str(PEER)}),
        (events.PeerDisconnected(PEER), {"peer_id": str(PEER)}),
        (events.EventsDropped(7), {"count": 7}),
    ],
)
def test_an_event_is_its_fields_and_its_type(told, fields):
    assert shown(event(told)) == {"type": type(told).__name__} | fields


STEPS = {
    "network_detected": events.NetworkDetected(("192.0.2.1",)),
    "listening": events.Listening(("/ip4/192.0.2.1/tcp/1",)),
    "bootstrap_connecting": events.BootstrapConnecting(2),
    "bootstrap_connected": events.BootstrapConnected(1, 2),
    "relays_discovering": events.RelaysDiscovering(),
    "relays_discovered": events.RelaysDiscovered(1),
    "relay_probed": events.RelayProbed("/ip4/192.0.2.1/tcp/1", 1.5, True),
    "relay_selected": events.RelaySelected("/ip4/192.0.2.1/tcp/1"),
    "keys_fetching": events.KeysFetching(),
    "keys_ready": events.KeysReady("z6Mk"),
    "ready": events.Ready(()),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_start_is_named_in_lower_case(step):
    assert shown(event(STEPS[step]))["type"] == "StartupProgress"
    assert shown(event(STEPS[step]))["step"] == step


def test_every_step_of_the_start_has_its_name_here():
    steps = {
        cls
        for cls in vars(events).values()
        if isinstance(cls, type) and issubclass(cls, events.StartupProgress)
    }
    assert steps - {events.StartupProgress} == {type(step) for step in STEPS.values()}


def test_half_a_surrogate_pair_from_a_file_name_can_be_read_back():
    assert shown("caf\udce9") == "caf\udce9"


def test_what_has_no_shape_is_a_fault_of_ours():
    with pytest.raises(TypeError):
        to_json(object())
