"""Our own devices: what the account says of them, and who is told.

The account key signs elsewhere (`client.identity`); what arrives here is signed already. Every peer
that is connected and concerned hears at once what is new, others with the hello of the next stream,
and everybody by the account record. Devices of one account greet each other when they meet, so that
each knows of all.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.errors import PermissionDenied
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Reply
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.machine import DevicesTold, Dial, Effect, Lane, ReviseDevices, Send
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.state import State
from p2pchat.protocol.trust import KNOWN
from p2pchat.wire.frames import Frame, Hello

__all__ = ["RETIRED", "OwnDevices"]

RETIRED = "this device was revoked: others take nothing new of it; go on with another of yours"


class OwnDevices:
    """What this device knows of the others, and they of it."""

    def __init__(self, state: State, outbox: Outbox, intake: Intake) -> None:
        self._state = state
        self._outbox = outbox
        self._intake = intake

    def start(self) -> list[Effect]:
        """Look for the other devices: each may know of more."""
        return [Dial(device) for device in self._others()]

    def peer_up(self, peer: DeviceId) -> list[Effect]:
        """Another device of ours is connected."""
        is_ours = self._state.directory.certifies(self._state.me.account, peer)
        return [self._hello(peer)] if is_ours else []

    def revise(self, command: ReviseDevices) -> list[Effect]:
        """Take what the account's key signed just now."""
        if self._state.is_retired:
            return [Reply(command.id, error=PermissionDenied(RETIRED))]
        return [*self._keep(command), Reply(command.id)]

    def told(self, told: DevicesTold) -> list[Effect]:
        """A record names the devices of an account that we know."""
        state, account = self._state, told.devices.account
        if account == state.me.account:
            return self._keep(told)
        contact = state.contacts.get(account)
        if contact is None or contact.state not in KNOWN:
            return []
        effects = self._intake.keep(told.devices)
        for device in sorted(state.directory.sets[account].devices) if effects else ():
            effects += self._outbox.watch(contact.conversation, account, device)
        return effects

    def written(self, account: AccountId, frames: Iterable[Frame]) -> list[Effect]:
        """A letter tells what its account says of its devices."""
        said = [f.devices for f in frames if isinstance(f, Hello) and f.devices.account == account]
        return [effect for devices in said for effect in self.told(DevicesTold(devices))]

    def _keep(self, said: ReviseDevices | DevicesTold) -> list[Effect]:
        """Merge into our own set; if something is new, those who are connected hear of it."""
        effects = self._intake.keep(said.devices)
        if not effects:
            return []
        state = self._state
        concerned = [
            peer
            for peer in sorted(state.connected)
            if state.is_contacts(peer) or state.directory.certifies(state.me.account, peer)
        ]
        return effects + [self._hello(peer) for peer in concerned]

    def _others(self) -> list[DeviceId]:
        return sorted(self._state.own_devices.devices - {self._state.me.device})

    def _hello(self, peer: DeviceId) -> Send:
        return Send(peer, Lane.LIVE, Hello(self._state.own_devices))
