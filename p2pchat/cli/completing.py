"""`p2pchat completeness`: up to where a conversation is whole here, and what is missing.

What came too early waits in memory, so the client runs for it and compares with whoever is there.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from p2pchat.cli.commands import Console, online, patience, shown_seconds
from p2pchat.cli.finding import conversation_named
from p2pchat.cli.settings import Settings
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.model.completeness import Completeness
from p2pchat.model.ids import AccountId

__all__ = ["completeness"]

POLL_S = 0.05
COMPARING = "Comparing with whoever is there, {seconds} s at most…"


async def completeness(settings: Settings, of: str, timeout_s: float, as_json: bool) -> int:
    """Say what is here, once it was compared with somebody or the time is over."""
    console = Console(settings, as_json)
    async with online(settings) as client:
        conversation = conversation_named(client, of)
        async with patience(console, COMPARING, seconds=shown_seconds(timeout_s)):
            is_compared = await _compared(client, timeout_s)
        found, names = conversation.completeness(), _names(conversation)
    console.give(found)
    if not is_compared:
        console.say("Nobody was there to compare with: this is what is known here.")
    _tell(console, found, names)
    return 0


def _names(conversation: Contact | Room) -> Mapping[AccountId, str]:
    match conversation:
        case Room():
            return {one.account: one.name for one in conversation.members()}
        case Contact():
            return {conversation.account: conversation.name}


async def _compared(client: Client, timeout_s: float) -> bool:
    """Whether an exchange with somebody came to its end in time."""
    with trio.move_on_after(timeout_s):
        while not client.status().last_sync:  # noqa: ASYNC110 -- no event tells of it
            await trio.sleep(POLL_S)
        return True
    return False


def _tell(console: Console, found: Completeness, names: Mapping[AccountId, str]) -> None:
    heads = [
        (str(head.device.peer_id), head.chain.name.lower(), str(head.seq + 1), head.head.hex()[:16])
        for head in found.heads
    ]
    console.say("Complete up to these heads (device, chain, entries, head):")
    console.rows(heads, "Nothing was said here yet.")
    for gap in found.gaps:
        console.say(
            "Missing of {name}: {count} entries, {first} to {last} of the {chain} chain of"
            " {device}.",
            name=names.get(gap.account, gap.account),
            count=gap.count,
            first=gap.first + 1,
            last=gap.last + 1,
            chain=gap.chain.name.lower(),
            device=gap.device.peer_id.short,
        )
    for id in found.awaited:
        console.say("Missing: the entry {id}, which others build on.", id=id)
    if found.history not in (None, "all"):
        console.say(
            "What this room's history ({history}) does not give you is not counted as missing.",
            history=found.history,
        )
    if found.is_complete:
        console.say("Nothing is known to be missing.")
    console.say("digest  {digest}", digest=found.digest.hex())
    console.say("Whoever sees the same digest has come to the same heads.")
