"""DChat's library: a chatting peer in one `async with`, a relay in another.

    async with p2pchat.open_client("alice", name="Alice") as client:
        print(client.contact_link)

These are the public names, with `p2pchat.events`, `p2pchat.errors` and `p2pchat.config` beside
them. Each is imported when it is first used, so that `import p2pchat` and `p2pchat --help` cost
next to nothing: the network and the database behind `open_client` take half a second to load.
"""

from __future__ import annotations

import importlib
import typing

if typing.TYPE_CHECKING:
    from p2pchat.client.client import Client, Statistics
    from p2pchat.client.configuring import change_config
    from p2pchat.client.exporting import import_home
    from p2pchat.client.handles import Contact, Conversation, Messages, Room
    from p2pchat.client.opening import open_client
    from p2pchat.client.profiles import Profile
    from p2pchat.client.proving import read_delivery_proof
    from p2pchat.client.transcripts import TranscriptFormat
    from p2pchat.config import ClientConfig, RelayConfig
    from p2pchat.errors import P2PChatError
    from p2pchat.events import (
        ContactAccepted,
        ContactRequested,
        DiagnosisProgress,
        Event,
        EventsDropped,
        ExportProgress,
        GapFilled,
        GapFound,
        MembersChanged,
        MessageReceived,
        MessageStateChanged,
        PeerConnected,
        PeerDisconnected,
        RoomJoined,
        SecurityAlert,
        StartupProgress,
    )
    from p2pchat.model.blocking import Block, BlockKind
    from p2pchat.model.completeness import Completeness, Gap
    from p2pchat.model.contact import ContactInfo, ContactState
    from p2pchat.model.diagnosis import Cause, Diagnosis, Finding, Saying
    from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
    from p2pchat.model.message import Message, MessageState
    from p2pchat.model.room import Member, Role, RoomInfo, RoomKind
    from p2pchat.model.route import Path
    from p2pchat.model.status import (
        ContactStatus,
        Health,
        NetworkStatus,
        PeerStatus,
        Reachability,
    )
    from p2pchat.relay import Relay, RelayStatistics, open_relay
    from p2pchat.wire.delivery_proof import DeliveryProof

__all__ = [
    "AccountId",
    "Block",
    "BlockKind",
    "Cause",
    "Client",
    "ClientConfig",
    "Completeness",
    "Contact",
    "ContactAccepted",
    "ContactInfo",
    "ContactRequested",
    "ContactState",
    "ContactStatus",
    "Conversation",
    "ConversationId",
    "DeliveryProof",
    "Diagnosis",
    "DiagnosisProgress",
    "Event",
    "EventsDropped",
    "ExportProgress",
    "Finding",
    "Gap",
    "GapFilled",
    "GapFound",
    "Health",
    "Member",
    "MembersChanged",
    "Message",
    "MessageReceived",
    "MessageState",
    "MessageStateChanged",
    "Messages",
    "NetworkStatus",
    "OpId",
    "P2PChatError",
    "Path",
    "PeerConnected",
    "PeerDisconnected",
    "PeerId",
    "PeerStatus",
    "Profile",
    "Reachability",
    "Relay",
    "RelayConfig",
    "RelayStatistics",
    "Role",
    "Room",
    "RoomInfo",
    "RoomJoined",
    "RoomKind",
    "Saying",
    "SecurityAlert",
    "StartupProgress",
    "Statistics",
    "TranscriptFormat",
    "change_config",
    "import_home",
    "open_client",
    "open_relay",
    "read_delivery_proof",
]

_NAMES = {
    "client.client": ("Client", "Statistics"),
    "client.configuring": ("change_config",),
    "client.exporting": ("import_home",),
    "client.opening": ("open_client",),
    "client.profiles": ("Profile",),
    "client.proving": ("read_delivery_proof",),
    "client.handles": ("Contact", "Conversation", "Messages", "Room"),
    "client.transcripts": ("TranscriptFormat",),
    "config": ("ClientConfig", "RelayConfig"),
    "errors": ("P2PChatError",),
    "events": (
        *("ContactAccepted", "ContactRequested", "DiagnosisProgress", "Event"),
        *("EventsDropped", "ExportProgress", "GapFilled", "GapFound", "MembersChanged"),
        *("MessageReceived", "MessageStateChanged", "PeerConnected", "PeerDisconnected"),
        *("RoomJoined", "SecurityAlert", "StartupProgress"),
    ),
    "model.blocking": ("Block", "BlockKind"),
    "model.completeness": ("Completeness", "Gap"),
    "model.contact": ("ContactInfo", "ContactState"),
    "model.diagnosis": ("Cause", "Diagnosis", "Finding", "Saying"),
    "model.ids": ("AccountId", "ConversationId", "OpId", "PeerId"),
    "model.message": ("Message", "MessageState"),
    "model.room": ("Member", "Role", "RoomInfo", "RoomKind"),
    "model.route": ("Path",),
    "model.status": (*("ContactStatus", "Health", "NetworkStatus", "PeerStatus", "Reachability"),),
    "wire.delivery_proof": ("DeliveryProof",),
    "relay": ("Relay", "RelayStatistics", "open_relay"),
}
_MODULES = {name: f"p2pchat.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name at its first use (PEP 562); afterwards it is an ordinary attribute."""
    if name not in _MODULES:
        raise AttributeError(f"module 'p2pchat' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
