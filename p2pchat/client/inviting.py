"""Links into rooms by invitation: made from a control op, and where its members may be found."""

from __future__ import annotations

from typing import cast

from p2pchat.errors import LocalProtocolError
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.invitation import InviteInfo
from p2pchat.node.ambient import Ambient
from p2pchat.node.node import Node
from p2pchat.node.reach import own_form
from p2pchat.protocol.room_vocabulary import GiveInvite
from p2pchat.wire.control import INVITE_USES_MAX
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.invite_links import (
    INVITE_HINTS_MAX,
    Hint,
    InviteLink,
    decode_invite,
    encode_invite,
)
from p2pchat.wire.joining import KEY_BYTES

__all__ = ["INVITE_S", "invite_info", "new_invite"]

INVITE_S = 7 * 24 * 3600
"""How long an invitation is good for, unless something else is said."""
INVITE_S_MAX = 10 * 365 * 24 * 3600


async def new_invite(
    node: Node, ambient: Ambient, room: ConversationId, uses: int, expires_s: int
) -> str:
    """Give an invitation, and answer its link."""
    if not 0 < uses <= INVITE_USES_MAX:
        raise LocalProtocolError(f"an invitation is good for 1 to {INVITE_USES_MAX} uses")
    if not 0 < expires_s <= INVITE_S_MAX:
        raise LocalProtocolError("an invitation is good for some time, and for ten years at most")
    seed = ambient.token_bytes(KEY_BYTES)
    expires_ms = ambient.now().wall_ms + expires_s * 1000
    key = Ed25519Signer(seed).public_key
    given = await node.driver.call(lambda id: GiveInvite(id, room, key, uses, expires_ms))
    state = node.chat.state
    me, known = state.me, state.own_devices
    link = InviteLink(
        conversation=room,
        invite=cast("OpId", given),
        seed=seed,
        device=me.device,
        expires_ms=expires_ms,
        name=state.conversations[room].name,
        hints=_hints(node, room),
        devices=known if me.device in known.devices else me.devices,
    )
    return encode_invite(link, me.signer)


def invite_info(link: str) -> InviteInfo:
    """What a link says. Raises `LinkError`."""
    found = decode_invite(link)
    return InviteInfo(found.conversation, found.name, found.giver, found.expires_ms)


def _hints(node: Node, room: ConversationId) -> tuple[Hint, ...]:
    """Where we are, and members who are connected: they let in when we are away."""
    state = node.chat.state
    invited = state.conversations[room].invited
    readers = state.readers(invited) if invited is not None else set[DeviceId]()
    own = [Hint(state.me.device, own_form(address)) for address in node.parts.host.addresses]
    others = [
        Hint(device, next(iter(peer.announced), ""))
        for peer in node.parts.host.peers
        if (device := peer.peer.device) is not None and device in readers
    ]
    first = [*own[:1], *others[: INVITE_HINTS_MAX - 1]]
    return (*first, *own[1:])[:INVITE_HINTS_MAX]
