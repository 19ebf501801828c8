"""`p2pchat contacts compare`: two people who are both there say whether they see the same pictures.

Nothing is verified before a person has said so. Who types the command first waits for the other.
"""

from __future__ import annotations

import math
import os

import trio

from p2pchat.cli.commands import REACHED_GRACE_S, Console, online, progress, reach
from p2pchat.cli.finding import find_contact
from p2pchat.cli.settings import Settings
from p2pchat.errors import LocalProtocolError, PeerUnreachable, VerificationFailed
from p2pchat.events import ComparisonEnded, PicturesShown
from p2pchat.model.ids import AccountId
from p2pchat.node.hub import Subscription

__all__ = ["compare"]

YES = frozenset({"y", "yes", "是", "对"})
NO = frozenset({"n", "no", "否", "不"})
_STDIN, _ANSWER_BYTES = 0, 1024


async def compare(settings: Settings, who: str, timeout_s: float) -> int:
    """Compare keys with a contact by pictures."""
    console = Console(settings, as_json=False)
    async with (
        online(settings) as client,
        progress(client, console),
        client.subscribe(PicturesShown, ComparisonEnded) as events,
    ):
        contact = find_contact(client, who)
        name, account = contact.name, contact.account
        console.say("Waiting for {name}, who types the same with your name, now.", name=name)
        with trio.move_on_after(timeout_s) as waiting:
            await reach(client, lambda peer: peer.account == account, math.inf)
            await client.compare_keys(account)
            console.say("{pictures}", pictures="  ".join(await _pictures(events, account)))
        if waiting.cancelled_caught:
            raise PeerUnreachable(
                f"{name} was not there: both of you have to compare at the same time"
            )
        console.say("Does {name} see the same, in the same order? Ask them. yes or no:", name=name)
        is_same = await _answer()
        await client.finish_comparison(account, same=is_same)
        await trio.sleep(REACHED_GRACE_S)  # the last of our steps may not have left yet
    if not is_same:
        raise VerificationFailed(
            f"{name} is not verified: somebody may stand between you, so meet, or try another way"
        )
    console.say("{name} is verified.", name=name)
    return 0


async def _pictures(events: Subscription, account: AccountId) -> tuple[str, ...]:
    async for event in events:
        match event:
            case PicturesShown(whose, pictures) if whose == account:
                return pictures
            case ComparisonEnded(whose, reason) if whose == account:
                raise LocalProtocolError(f"the comparison is over: {reason}")
            case _:
                pass  # about somebody else
    raise AssertionError("a subscription ends with its node, by an error")


async def _answer() -> bool:
    """What the person says; the network goes on meanwhile. Whatever is neither yes nor no is asked
    for no second time: nothing changes."""
    # A console is waited for in a thread. Read without buffers, so that one that is given up keeps
    # no lock of the interpreter's at the end.
    typed = await trio.to_thread.run_sync(  # noqa: TID251
        os.read, _STDIN, _ANSWER_BYTES, abandon_on_cancel=True
    )
    word = typed.decode(errors="replace").strip().casefold()
    if word not in YES | NO:
        raise LocalProtocolError("that is neither yes nor no: nothing has changed; compare again")
    return word in YES
