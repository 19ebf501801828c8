"""The methods of `p2pchat rpc`: each public function of `Methods` is one, with its parameters.

A signature is the contract and the check: names, types and defaults are read from it once, and
what a request gives is turned into them before the function is called. Text that is no id names
nothing, and is answered like an id that nobody has.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, get_type_hints

from p2pchat.cli import shapes
from p2pchat.cli.jsonrpc import InvalidParams, MethodNotFound, Params
from p2pchat.cli.parameters import Parameter, reader
from p2pchat.cli.reading import ReadReceipts, Unread, set_read_receipts
from p2pchat.client.client import Client, Statistics
from p2pchat.client.inviting import INVITE_S
from p2pchat.client.profiles import Profile
from p2pchat.client.proving import read_delivery_proof
from p2pchat.client.transcripts import TranscriptFormat
from p2pchat.config import ConfigChange
from p2pchat.errors import HomeNotEmpty
from p2pchat.model.blocking import Block
from p2pchat.model.completeness import Completeness
from p2pchat.model.contact import ContactInfo, LinkInfo
from p2pchat.model.device import DeviceInfo
from p2pchat.model.diagnosis import Diagnosis
from p2pchat.model.explanation import Explanation
from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
from p2pchat.model.introduction import Introduction
from p2pchat.model.invitation import Invitation, InviteInfo
from p2pchat.model.message import Message
from p2pchat.model.room import Member, Role, RoomInfo, RoomsFrom
from p2pchat.model.status import NetworkStatus, PeerStatus
from p2pchat.wire.delivery_proof import DeliveryProof

__all__ = ["METHODS", "Method", "Methods", "find_method", "require_unused"]

HISTORY_MESSAGES = 50
E = TypeVar("E", bound=StrEnum)


class Methods:
    """What others may ask of one client."""

    def __init__(
        self,
        client: Client,
        shut_down: Callable[[], None],
        relocked: Callable[[str | None], None],
    ) -> None:
        """`relocked` is told of the passphrase that locks the home from now on, or of none."""
        self._client = client
        self._shut_down = shut_down
        self._relocked = relocked

    # Who and where we are

    async def account(self) -> dict[str, object]:
        """Who we are, and the link to give to others."""
        return shapes.account(self._client)

    async def profile(
        self, name: str | None = None, bio: str | None = None, avatar_path: str | None = None
    ) -> Profile:
        """What others see of us; what is given is changed first. An empty path takes the picture
        away."""
        if (name, bio, avatar_path) == (None, None, None):
            return self._client.profile
        return await self._client.set_profile(name, bio, avatar_path)

    async def devices(self, account: AccountId | None = None) -> list[DeviceInfo]:
        """Our own devices, or those of an account."""
        return self._client.devices(account)

    async def revoke_device(self, peer_id: PeerId) -> None:
        """End a device of ours for good."""
        await self._client.revoke_device(peer_id)

    async def status(self) -> NetworkStatus:
        """The network at this moment."""
        return self._client.status()

    async def peers(self) -> tuple[PeerStatus, ...]:
        """The connected peers."""
        return self._client.status().peers

    async def doctor(self, keep_ids: bool = False) -> Diagnosis:
        """What is wrong with the network, within ten seconds."""
        return await self._client.doctor(keep_ids=keep_ids)

    async def statistics(self) -> Statistics:
        """Counters since the start."""
        return self._client.statistics()

    async def wait_ready(self) -> NetworkStatus:
        """The status, once the network is joined or trying has taken 10 s."""
        return await self._client.wait_ready()

    async def connect(self, address: str) -> None:
        """Dial a multiaddr that ends in `/p2p/<peer id>`."""
        await self._client.connect(address)

    async def disconnect(self, peer_id: PeerId) -> None:
        """Close all connections to a peer."""
        await self._client.disconnect(peer_id)

    async def reload_config(self) -> ConfigChange:
        """Read the configuration again; what changed, and what waits for a restart."""
        return await self._client.reload_config()

    async def export(self, path: str, passphrase: str, overwrite: bool = False) -> None:
        """Write everything that a new home can be made of to a file that a passphrase locks."""
        await self._client.export(path, passphrase, overwrite=overwrite)

    async def import_(self, path: str, passphrase: str) -> dict[str, object]:
        """Make this home, in which nothing has happened yet, anew from an export. The client is
        closed for it and opened again, which is the session's to do (`cli.rpc`)."""
        raise AssertionError("an import is carried out between two clients")

    async def change_passphrase(self, old: str | None = None, new: str | None = None) -> None:
        """Lock the home by another passphrase, by one, or by none."""
        await self._client.change_passphrase(old, new)
        self._relocked(new)

    async def use_keyring(self, passphrase: str | None = None) -> None:
        """Have the system's keyring lock the home."""
        await self._client.use_keyring(passphrase)
        self._relocked(None)

    async def shutdown(self) -> None:
        """End the program after this answer."""
        self._shut_down()

    # People

    async def add_contact(self, link: str) -> ContactInfo:
        """Ask the owner of a contact link."""
        return (await self._client.add_contact(link)).info

    async def read_link(self, link: str) -> LinkInfo:
        """Whom a contact link leads to; nothing is dialled."""
        return self._client.read_link(link)

    async def renew_contact_link(self) -> str:
        """Another contact link; the last one leads to nothing any more."""
        return await self._client.renew_contact_link()

    async def remove_contact(self, account: AccountId) -> None:
        """Take back that somebody is a contact, or that we asked."""
        await self._client.remove_contact(account)

    async def introduce(self, account: AccountId, to: AccountId) -> None:
        """Introduce one contact to another, if the first agrees."""
        await self._client.introduce(account, to)

    async def introductions(self) -> list[Introduction]:
        """Introductions that wait, and those that led on."""
        return self._client.introductions()

    async def accept_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Agree to be introduced, or ask who was introduced."""
        await self._client.accept_introduction(introducer, account)

    async def reject_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Say no to an introduction."""
        await self._client.reject_introduction(introducer, account)

    async def contacts(self) -> list[ContactInfo]:
        """Contacts, and those we asked."""
        return [contact.info for contact in self._client.contacts()]

    async def contact_requests(self) -> list[ContactInfo]:
        """Who asks us."""
        return self._client.contact_requests()

    async def accept(self, account: AccountId) -> ContactInfo:
        """Say yes to a request."""
        return (await self._client.accept(account)).info

    async def reject(self, account: AccountId) -> None:
        """Say no to a request."""
        await self._client.reject(account)

    async def contact_profile(self, account: AccountId) -> Profile:
        """What a contact says of itself."""
        return self._client.contact_profile(account)

    async def safety_number(self, account: AccountId) -> str:
        """60 digits to compare with a contact."""
        return self._client.safety_number(account)

    async def verification_code(self, account: AccountId) -> str:
        """What a contact scans to verify us."""
        return self._client.verification_code(account)

    async def verify(self, account: AccountId) -> ContactInfo:
        """Say that the safety number is the same on the contact's side."""
        return (await self._client.verify(account)).info

    async def unverify(self, account: AccountId) -> ContactInfo:
        """Take that back."""
        return (await self._client.unverify(account)).info

    async def verify_code(self, code: str, account: AccountId | None = None) -> ContactInfo:
        """Verify the contact who showed a code, which is that of an account if one is given."""
        return (await self._client.verify_code(code, account)).info

    async def compare_keys(self, account: AccountId) -> None:
        """Ask a contact to compare keys by pictures, or answer one that asks."""
        await self._client.compare_keys(account)

    async def finish_comparison(self, account: AccountId, same: bool) -> ContactInfo:
        """Say whether the pictures are the same, or give up."""
        return (await self._client.finish_comparison(account, same=same)).info

    async def confirm_key(self, account: AccountId) -> ContactInfo:
        """Go on writing to a contact whose key was in doubt."""
        return (await self._client.confirm_key(account)).info

    async def block(self, target: str) -> Block:
        """Refuse an account, a peer or a network from now on."""
        return await self._client.block(target)

    async def unblock(self, target: str) -> None:
        """Welcome somebody again."""
        await self._client.unblock(target)

    async def blocks(self) -> list[Block]:
        """Who is blocked."""
        return self._client.blocks()

    # Rooms

    async def join_open(self, name: str) -> RoomInfo:
        """Enter the open room of this name."""
        return (await self._client.join_open(name)).info

    async def join_with_password(self, name: str, password: str) -> RoomInfo:
        """Enter the room of this name and password."""
        return (await self._client.join_with_password(name, password)).info

    async def read_invite(self, link: str) -> InviteInfo:
        """What an invitation to a room says; nobody is dialled."""
        return self._client.read_invite(link)

    async def join(self, link: str) -> RoomInfo:
        """Ask to be let into the room of an invitation."""
        return (await self._client.join(link)).info

    async def joining(self) -> list[RoomInfo]:
        """The rooms that we wait to be let into."""
        return self._client.joining()

    async def stop_joining(self, room: ConversationId) -> None:
        """Ask to be let in no more."""
        await self._client.stop_joining(room)

    async def invite(self, room: ConversationId, uses: int = 1, expires_s: int = INVITE_S) -> str:
        """A link into a room by invitation."""
        return await self._client.room(room).invite(uses, expires_s)

    async def invitations(self, room: ConversationId) -> list[Invitation]:
        """The invitations to a room that are still good for somebody."""
        return self._client.room(room).invitations()

    async def revoke_invite(self, room: ConversationId, invite: OpId) -> None:
        """Take an invitation back."""
        await self._client.room(room).revoke_invite(invite)

    async def create_room(
        self,
        name: str,
        members: tuple[AccountId, ...] = (),
        owners: tuple[AccountId, ...] = (),
        history: str = "all",
    ) -> RoomInfo:
        """Begin a room by invitation with accepted contacts in it."""
        return (await self._client.create_room(name, members, owners, history)).info

    async def rooms_from(self, value: RoomsFrom | None = None) -> RoomsFrom:
        """Into whose rooms we go without a question; what is given is set first."""
        if value is not None:
            await self._client.set_rooms_from(value)
        return self._client.rooms_from

    async def room_requests(self) -> list[RoomInfo]:
        """Rooms that somebody took us into, and that wait for our word."""
        return self._client.room_requests()

    async def accept_room(self, room: ConversationId) -> RoomInfo:
        """Go into such a room."""
        return (await self._client.accept_room(room)).info

    async def reject_room(self, room: ConversationId) -> None:
        """Stay out of it."""
        await self._client.reject_room(room)

    async def set_role(self, room: ConversationId, account: AccountId, role: Role) -> None:
        """Say what an account is in a room from now on."""
        await self._client.room(room).set_role(account, role)

    async def remove(self, room: ConversationId, account: AccountId) -> None:
        """Remove a member from a room."""
        await self._client.room(room).remove(account)

    async def ban(self, room: ConversationId, account: AccountId) -> None:
        """Remove an account from a room for good."""
        await self._client.room(room).ban(account)

    async def rename(self, room: ConversationId, name: str) -> RoomInfo:
        """Give a room by invitation another name."""
        return await self._client.room(room).rename(name)

    async def describe(self, room: ConversationId, text: str) -> RoomInfo:
        """Say what a room is about."""
        return await self._client.room(room).describe(text)

    async def announce(self, room: ConversationId, text: str) -> RoomInfo:
        """Say what all in a room shall know."""
        return await self._client.room(room).announce(text)

    async def pin(self, message_id: OpId, remove: bool = False) -> None:
        """Keep a message of a room in sight of all, or no longer."""
        message = await self._client.message(message_id)
        await self._client.room(message.conversation).pin(message_id, remove=remove)

    async def pins(self, room: ConversationId) -> list[OpId]:
        """The messages that a room keeps in sight."""
        return self._client.room(room).pins()

    async def rooms(self) -> list[RoomInfo]:
        """The rooms we are in."""
        return [room.info for room in self._client.rooms()]

    async def members(self, room: ConversationId) -> list[Member]:
        """Everybody known to be in a room."""
        return self._client.room(room).members()

    async def leave(self, room: ConversationId) -> None:
        """Forget a room and what it held here."""
        await self._client.room(room).leave()

    # Messages

    async def send(
        self, conversation: ConversationId, text: str, reply_to: OpId | None = None
    ) -> Message:
        """Write a text; answered when it is on disk, queued."""
        return await self._client.conversation(conversation).send(text, reply_to)

    async def history(
        self,
        conversation: ConversationId,
        limit: int = HISTORY_MESSAGES,
        before: OpId | None = None,
        after: OpId | None = None,
    ) -> list[Message]:
        """The newest messages before an anchor, or the oldest after one, oldest first."""
        return await self._client.conversation(conversation).history(limit, before, after)

    async def message(self, message_id: OpId) -> Message:
        """One message as it stands."""
        return await self._client.message(message_id)

    async def edit(self, message_id: OpId, text: str) -> Message:
        """Give a message of ours another text."""
        message = await self._client.message(message_id)
        return await self._client.conversation(message.conversation).edit(message_id, text)

    async def react(self, message_id: OpId, emoji: str, remove: bool = False) -> Message:
        """Put an emoji to a message, or take it away again."""
        message = await self._client.message(message_id)
        where = self._client.conversation(message.conversation)
        return await where.react(message_id, emoji, remove=remove)

    async def delete(self, message_id: OpId) -> None:
        """Take a message of ours back."""
        message = await self._client.message(message_id)
        await self._client.conversation(message.conversation).delete(message_id)

    async def search(
        self,
        text: str,
        conversation: ConversationId | None = None,
        limit: int = HISTORY_MESSAGES,
    ) -> list[Message]:
        """Messages with these words; the newest to come stands first."""
        return await self._client.search(text, conversation, limit)

    async def explain(self, message_id: OpId) -> Explanation:
        """Why a message is in its present state, and that of each recipient."""
        return await self._client.explain(message_id)

    async def transcript(
        self,
        conversation: ConversationId,
        path: str,
        format: TranscriptFormat | None = None,
        overwrite: bool = False,
    ) -> int:
        """Write a conversation to a file to be read; how many messages it has."""
        found = self._client.conversation(conversation)
        return await found.write_transcript(path, format, overwrite=overwrite)

    async def completeness(self, conversation: ConversationId) -> Completeness:
        """What is here of a conversation, and what is known to be missing."""
        return self._client.conversation(conversation).completeness()

    async def prove_delivery(
        self,
        conversation: ConversationId,
        path: str,
        message_id: OpId | None = None,
        with_text: bool = True,
        overwrite: bool = False,
    ) -> DeliveryProof:
        """Write a file that proves what others hold of our messages; what it proves."""
        found = self._client.conversation(conversation)
        return await found.prove_delivery(
            path, message_id, with_text=with_text, overwrite=overwrite
        )

    async def verify_delivery(self, path: str) -> DeliveryProof:
        """Check such a file, whoever made it."""
        return await read_delivery_proof(path)

    async def mark_read(self, message_id: OpId) -> None:
        """Say that everything up to a message was read."""
        message = await self._client.message(message_id)
        await self._client.conversation(message.conversation).mark_read(message_id)

    async def unread(self) -> list[Unread]:
        """Where something is unread, and how much."""
        return [Unread(id, count) for id, count in (await self._client.unread()).items()]

    async def first_unread(self, conversation: ConversationId) -> OpId | None:
        """The oldest message of others that was not read yet; null for none."""
        return await self._client.conversation(conversation).first_unread()

    async def read_receipts(
        self, value: ReadReceipts | None = None, conversation: ConversationId | None = None
    ) -> bool:
        """Whether others are told what was read; what is given is set first."""
        where = self._client if conversation is None else self._client.conversation(conversation)
        if value is not None:
            await set_read_receipts(where, value)
        return where.read_receipts

    async def typing_notices(self, is_on: bool | None = None) -> bool:
        """Whether contacts are told when we write to them, and we when they do; what is given is
        set first."""
        if is_on is not None:
            await self._client.set_typing_notices(is_on)
        return self._client.typing_notices

    async def typing(self, account: AccountId, is_typing: bool) -> None:
        """Our person is writing to a contact, or has stopped."""
        await self._client.contact(account).set_typing(is_typing)

    async def draft(self, conversation: ConversationId, text: str | None = None) -> str:
        """What was begun to be written; what is given is kept first."""
        found = self._client.conversation(conversation)
        if text is not None:
            await found.set_draft(text)
        return found.draft

    async def wait_delivered(self, message_id: OpId) -> Message:
        """The message, once it is on disk at every recipient, however long that takes."""
        return await self._client.wait_delivered(message_id)


_WAITING = frozenset({"connect", "doctor", "join_with_password", "wait_delivered", "wait_ready"})
"""Methods that take as long as the network does, or as a password takes to be stretched."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the contract."""

    function: Callable[..., Awaitable[object]]
    parameters: tuple[Parameter, ...]
    waits: bool

    def arguments(self, params: Params) -> dict[str, object]:
        """What the function is called with. Raises `InvalidParams`, or `UnknownContact` and its
        like for an id that can be nobody's."""
        given = params if isinstance(params, Mapping) else self._by_position(params)
        unknown = given.keys() - {parameter.name for parameter in self.parameters}
        if unknown:
            raise InvalidParams(f"there is no parameter {', '.join(sorted(unknown))[:100]}")
        arguments: dict[str, object] = {}
        for parameter in self.parameters:
            value = given.get(parameter.name)
            if value is not None:
                arguments[parameter.name] = parameter.read(parameter.name, value)
            elif parameter.is_required:
                raise InvalidParams(f"the parameter {parameter.name} is missing")
        return arguments

    def _by_position(self, params: Sequence[object]) -> dict[str, object]:
        if len(params) > len(self.parameters):
            raise InvalidParams(f"there are {len(self.parameters)} parameters at most")
        names = [parameter.name for parameter in self.parameters]
        return dict(zip(names, params, strict=False))


def require_unused(client: Client, *, is_moving: bool) -> None:
    """That an import would lose nothing here, and is the only one. Raises `HomeNotEmpty`."""
    if client.contacts() or client.contact_requests() or client.rooms() or is_moving:
        raise HomeNotEmpty(
            "this home holds contacts or rooms already: start with a new --home to import"
        )


def find_method(name: str) -> Method:
    """The method of this name. Raises `MethodNotFound`."""
    method = METHODS.get(name)
    if method is None:
        raise MethodNotFound(f"there is no method {name[:100]!a}")
    return method


def _method(name: str, function: Callable[..., Awaitable[object]]) -> Method:
    hints = get_type_hints(function)
    parameters = [
        Parameter(each.name, reader(hints[each.name]), each.default is inspect.Parameter.empty)
        for each in list(inspect.signature(function).parameters.values())[1:]
    ]
    return Method(function, tuple(parameters), name in _WAITING)


METHODS: Mapping[str, Method] = {
    name.rstrip("_"): _method(name, function)
    for name, function in vars(Methods).items()
    if not name.startswith("_")
}
"""Every method by its name."""
