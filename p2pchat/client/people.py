"""People: how others become contacts, how they are introduced, who gets no word in."""

from __future__ import annotations

from functools import partial
from typing import cast

from p2pchat.client.handles import Contact
from p2pchat.client.part import ClientPart
from p2pchat.errors import InvalidTarget, UnknownContact
from p2pchat.model.blocking import Block, Target, parse_target
from p2pchat.model.contact import ContactInfo, ContactState, LinkInfo
from p2pchat.model.ids import AccountId
from p2pchat.model.introduction import Introduction
from p2pchat.node.reach import own_form
from p2pchat.protocol.machine import (
    AddContact,
    AnswerIntroduction,
    BlockTarget,
    Consent,
    IntroduceContact,
    RejectContact,
    RemoveContact,
    RenewLink,
    UnblockTarget,
)
from p2pchat.protocol.state import LEFT
from p2pchat.wire.contents import INTRO_BYTES, PAIR_HALF_BYTES
from p2pchat.wire.links import ContactLink, decode_link, encode_link

__all__ = ["People"]

LINK_HINTS = 4


class People(ClientPart):
    """Verbs about contacts, and about those who shall be none."""

    @property
    def contact_link(self) -> str:
        """What to give to somebody who shall ask us: `dchat://u/…`."""
        me = self._state.me
        known = self._state.own_devices
        devices = known if me.device in known.devices else me.devices
        return encode_link(ContactLink(me.account, me.device, me.intro, devices, self._hints()))

    def _hints(self) -> tuple[str, ...]:
        """Where links say that we are."""
        return tuple(own_form(address) for address in self.addresses[:LINK_HINTS])

    async def add_contact(self, link: str) -> Contact:
        """Ask the owner of a contact link; the other side accepts or not. Asking who has asked us
        accepts. Raises `LinkError`."""
        parsed = decode_link(link)
        half = self._ambient.token_bytes(PAIR_HALF_BYTES)
        await self._node.driver.call(lambda id: AddContact(id, parsed, half))
        return Contact(self._node, parsed.account)

    def read_link(self, link: str) -> LinkInfo:
        """Whom a contact link leads to. Nothing is dialled, and nobody learns of it. Raises
        `LinkError`."""
        parsed = decode_link(link)
        state = self._state.contact_state(parsed.account)
        return LinkInfo(parsed.account, parsed.device.peer_id, parsed.addresses, state)

    async def renew_contact_link(self) -> str:
        """Another contact link; the last one leads to nothing from now on."""
        intro = self._ambient.token_bytes(INTRO_BYTES)
        await self._node.driver.call(lambda id: RenewLink(id, intro))
        return self.contact_link

    async def remove_contact(self, account: AccountId) -> None:
        """Take back that somebody is a contact, or that we asked. They are not told; nothing of
        theirs reaches us until we add them again. What was said stays on disk. Raises
        `UnknownContact`."""
        await self._node.driver.call(lambda id: RemoveContact(id, account))

    async def introduce(self, account: AccountId, to: AccountId) -> None:
        """Introduce one contact to another, if the first agrees; the second is told then, and may
        ask to be a contact. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: IntroduceContact(id, account, to))

    def introductions(self) -> list[Introduction]:
        """Those that wait for us or for others, and those of the last 30 days that led on."""
        return self._node.chat.contacts.introductions.shown

    async def accept_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Agree to be introduced, or ask who was introduced to us to be a contact, which dials
        them. Raises `UnknownContact`, `LinkError` for one that is over."""
        token = self._ambient.token_bytes
        consent = Consent(token(INTRO_BYTES), token(PAIR_HALF_BYTES), self._hints())
        command = partial(AnswerIntroduction, introducer=introducer, account=account)
        await self._node.driver.call(lambda id: command(id, consent=consent))

    async def reject_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Say no to an introduction; nobody is told. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: AnswerIntroduction(id, introducer, account, None))

    async def accept(self, account: AccountId) -> Contact:
        """Say yes to a request. Raises `UnknownContact`."""
        await self._node.accept(account)
        return Contact(self._node, account)

    async def reject(self, account: AccountId) -> None:
        """Say no to a request. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: RejectContact(id, account))

    def contacts(self) -> list[Contact]:
        """Contacts, those we asked, and those who are blocked."""
        return self._contacts(ContactState.ACCEPTED, ContactState.ASKED, ContactState.BLOCKED)

    def contact_requests(self) -> list[ContactInfo]:
        """Who asks us."""
        return [contact.info for contact in self._contacts(ContactState.REQUEST)]

    def contact(self, account: AccountId) -> Contact:
        """The contact of an account. Raises `UnknownContact`."""
        contact = Contact(self._node, account)
        if contact.state is ContactState.REJECTED or contact.state in LEFT:
            raise UnknownContact(f"{account} is no contact: {contact.state}")
        return contact

    def _contacts(self, *states: ContactState) -> list[Contact]:
        state = self._state
        return [Contact(self._node, a) for a in state.contacts if state.contact_state(a) in states]

    # Who gets no word in

    async def block(self, target: Target | str) -> Block:
        """Refuse an account with all its devices, a peer, or a network (`203.0.113.0/24`; a bare
        address is its /24, or /64 for IPv6), from now on and after restarts.

        When it returns, they are disconnected and nothing is delivered to them any more; what is
        stored stays. Raises `InvalidTarget` for what is none of these, `LocalProtocolError` for
        ourselves or one too many.
        """
        parsed = _target(target)
        shown = await self._node.driver.call(lambda id: BlockTarget(id, parsed))
        return cast("Block", shown)

    async def unblock(self, target: Target | str) -> None:
        """Welcome somebody again: contacts are what they were, and what is owed goes out. Raises
        `InvalidTarget`, and `LocalProtocolError` for who is not blocked, or is so by configuration.
        """
        parsed = _target(target)
        await self._node.driver.call(lambda id: UnblockTarget(id, parsed))

    def blocks(self) -> list[Block]:
        """Who is blocked, by the user and by the configuration."""
        return self._node.chat.blocking.shown()


def _target(given: Target | str) -> Target:
    if not isinstance(given, str):
        return given
    try:
        return parse_target(given)
    except ValueError as error:
        raise InvalidTarget(str(error)) from error
