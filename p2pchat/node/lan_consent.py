"""Saying yes to whoever proved the secret of the LAN, where the user has said that this is enough.

`lan.accept_requests`, off by default. The proof is a device's and the consent an account's, so what
is asked is whether the very device that signed the request has proved it in this life of the node.
Other devices of the account count for nothing: anybody can certify anybody's key. Nobody is
accepted whom the user has rejected or blocked.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from p2pchat.errors import LocalProtocolError
from p2pchat.events import ContactRequested, PeerConnected
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.op import Chain
from p2pchat.net.lan_gate import LanGate
from p2pchat.node.hub import Hub
from p2pchat.protocol.state import State

__all__ = ["consent_to_proved"]

logger = logging.getLogger(__name__)


async def consent_to_proved(
    hub: Hub, state: State, gate: LanGate, accept: Callable[[AccountId], Awaitable[None]]
) -> None:
    """Accept requests as they come, and those that wait when their peer does, until cancelled."""
    with hub.subscribe(ContactRequested, PeerConnected) as events:
        await _review(state, gate, accept)
        async for _ in events:
            await _review(state, gate, accept)


async def _review(
    state: State, gate: LanGate, accept: Callable[[AccountId], Awaitable[None]]
) -> None:
    for account in list(_proved(state, gate)):
        try:
            await accept(account)
        except LocalProtocolError as error:
            logger.debug("not accepted by itself: %s", error)  # the user was faster


def _proved(state: State, gate: LanGate) -> Iterable[AccountId]:
    """The accounts that ask, by the hand of a device that proved that it knows the secret."""
    for account in state.contacts:
        if state.contact_state(account) is not ContactState.REQUEST:
            continue
        if any(device.peer_id in gate.proved for device in _askers(state, account)):
            yield account


def _askers(state: State, account: AccountId) -> Iterable[DeviceId]:
    """The devices of an account that signed something of their own in its request."""
    log = state.conversations[state.contacts[account].conversation].log
    for (device, chain), tips in log.tips.items():
        if chain is Chain.CONTROL and any(tip.account == account for tip in tips):
            yield device
