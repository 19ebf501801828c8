"""Commands about keys and what stands behind them: devices, verification, profiles."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from io import StringIO

import typer

from p2pchat.cli.commands import Console
from p2pchat.cli.finding import find_contact
from p2pchat.cli.passphrases import home_passphrase
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import local_time, plain, words
from p2pchat.client.client import Client
from p2pchat.client.opening import open_client
from p2pchat.errors import UnknownDevice
from p2pchat.model.ids import PeerId

__all__ = ["NewProfile", "confirm", "devices", "profile", "revoke", "safety", "unverify", "verify"]


def _offline(settings: Settings) -> AbstractAsyncContextManager[Client]:
    passphrase = home_passphrase(settings)
    return open_client(settings.home, config=settings.config, passphrase=passphrase, offline=True)


async def devices(settings: Settings, as_json: bool) -> int:
    """List our own devices."""
    console = Console(settings, as_json)
    async with _offline(settings) as client:
        found = client.devices()
    console.give(found)
    rows = [
        (
            str(one.peer_id),
            local_time(one.certified_at),
            words(_standing(one.is_this, one.revoked_at), settings.language),
        )
        for one in found
    ]
    console.rows(rows, "No device is known.")
    return 0


def _standing(is_this: bool, revoked_at: int | None) -> str:
    if revoked_at is not None:
        return "revoked"
    return "this device" if is_this else ""


async def revoke(settings: Settings, peer_id: str) -> int:
    """End a device of ours."""
    try:
        peer = PeerId.parse(peer_id)
    except ValueError as error:
        raise UnknownDevice(f"{peer_id[:100]!a} is no peer id; see `p2pchat devices`") from error
    async with _offline(settings) as client:
        await client.revoke_device(peer)
    Console(settings, as_json=False).say(
        "Revoked {peer_id}. Others learn of it when a node runs here.", peer_id=peer
    )
    return 0


async def safety(settings: Settings, who: str, as_json: bool) -> int:
    """Show what is to be compared with a contact."""
    console = Console(settings, as_json)
    async with _offline(settings) as client:
        contact = find_contact(client, who)
        number = client.safety_number(contact.account)
        code = client.verification_code(contact.account)
        info = contact.info
    console.give({"account": info.account, "safety_number": number, "code": code})
    console.say("Safety number with {name}, {account}", name=info.name, account=info.account)
    console.say("{number}", number=number)
    console.say("Compare it by another way, or have {name} scan this:", name=info.name)
    if not as_json:
        typer.echo(_qr(code))
    console.say("{code}", code=code)
    return 0


def _qr(text: str) -> str:
    """A QR symbol of half blocks, two rows a line."""
    import segno  # drawing is for this command alone

    drawn = StringIO()
    segno.make_qr(text, error="m").terminal(drawn, compact=True)
    return drawn.getvalue()


async def verify(settings: Settings, who: str, code: str, as_json: bool) -> int:
    """Say that a contact's key is the person's, as compared or as scanned."""
    console = Console(settings, as_json)
    async with _offline(settings) as client:
        contact = find_contact(client, who)
        if code:
            await client.verify_code(code, contact.account)
        else:
            await client.verify(contact.account)
        info = contact.info
    console.give(info)
    console.say("{name} is verified.", name=info.name)
    return 0


async def unverify(settings: Settings, who: str) -> int:
    """Take that back."""
    async with _offline(settings) as client:
        contact = find_contact(client, who)
        await client.unverify(contact.account)
        name = contact.name
    Console(settings, as_json=False).say("{name} is not verified any more.", name=name)
    return 0


async def confirm(settings: Settings, who: str) -> int:
    """Go on with a contact whose key was in doubt."""
    async with _offline(settings) as client:
        contact = find_contact(client, who)
        await client.confirm_key(contact.account)
        name = contact.name
    Console(settings, as_json=False).say(
        "What waits for {name} leaves when a node runs here.", name=name
    )
    return 0


@dataclass(frozen=True, slots=True)
class NewProfile:
    """What shall change; None stays, an empty picture is taken away."""

    name: str | None
    bio: str | None
    avatar: str | None


async def profile(settings: Settings, new: NewProfile, as_json: bool) -> int:
    """Show what others see of us, after changing it."""
    console = Console(settings, as_json)
    async with _offline(settings) as client:
        if new != NewProfile(None, None, None):
            await client.set_profile(new.name, new.bio, new.avatar)
        shown = client.profile
    console.give(shown)
    console.say("name    {name}", name=shown.name)
    console.say("avatar  {size} bytes", size=len(shown.avatar))
    if not as_json:
        for line in shown.bio.splitlines():
            typer.echo(plain(line))
    return 0
