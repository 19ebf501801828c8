"""What `make demo` shows: a relay and two clients, each a process of its own, exchange messages.

Nothing here is special: the relay is `python -m p2pchat.bootstrap`, the clients are `p2pchat rpc`,
and what is printed is what they tell. It ends with 0 only if every message arrived.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from p2pchat.testing.processes import Processes, ProgramEnded, RpcError, RpcPeer, open_processes

TIMEOUT_S = 120


@dataclass
class Transcript:
    """Prints what happens, and keeps what was said to compare it with what is stored."""

    began_s: float = field(default_factory=trio.current_time)
    place: str = ""
    """The conversation that is going on."""
    room: str = ""
    said: dict[str, list[str]] = field(default_factory=dict)
    """Texts by conversation, in the order in which they were delivered."""

    def title(self, text: str) -> None:
        print(f"\n{text}")

    def step(self, text: str) -> None:
        print(f"  [{trio.current_time() - self.began_s:5.1f} s] {text}", flush=True)

    def message(self, sender: RpcPeer, receiver: RpcPeer, message: dict, state: str) -> None:
        if state.endswith("delivered"):
            self.said.setdefault(message["conversation"], []).append(message["text"])
        to = "room" if message["conversation"] == self.room else receiver.name
        self.step(f"{sender.name:>5} → {to:<5}  {message['text']:<32}  {state}")


async def say(transcript: Transcript, sender: RpcPeer, receiver: RpcPeer, text: str) -> None:
    """Send a message and wait until it is delivered."""
    message = await sender.call("send", conversation=transcript.place, text=text)
    await delivered(transcript, sender, receiver, message)


async def delivered(
    transcript: Transcript, sender: RpcPeer, receiver: RpcPeer, message: dict
) -> None:
    """Wait until the receiver has told of a message and the sender has the receipt."""
    await receiver.heard("MessageReceived", lambda event: event["message"]["id"] == message["id"])
    done = await sender.call("wait_delivered", message_id=message["id"])
    transcript.message(sender, receiver, message, f"{message['state']} → {done['state']}")


async def start(transcript: Transcript, processes: Processes) -> tuple[RpcPeer, RpcPeer]:
    transcript.title("A relay and two clients")
    relay = await processes.relay()
    transcript.step(f"the relay listens at {relay.addresses[0]}")
    peers = []
    for name in ("alice", "bob"):
        peer = await processes.peer(name, knows=relay.addresses)
        status = await peer.call("wait_ready")
        transcript.step(f"{name} is ready: health {status['health']}, knows only the relay")
        peers.append(peer)
    return peers[0], peers[1]


async def get_acquainted(transcript: Transcript, alice: RpcPeer, bob: RpcPeer) -> None:
    transcript.title("Contacts: nobody's messages come in before both have agreed")
    link = (await bob.call("account"))["contact_link"]
    transcript.step(f"bob gives alice his link {link[:36]}…")
    contact = await alice.call("add_contact", link=link)
    request = await bob.heard("ContactRequested")
    transcript.step(f"bob is asked by {request['name']} and accepts")
    await bob.call("accept", account=request["account"])
    await alice.heard("ContactAccepted")
    transcript.step("alice knows that bob accepted")
    transcript.place = contact["id"]


async def talk(transcript: Transcript, alice: RpcPeer, bob: RpcPeer) -> None:
    transcript.title("Direct messages: delivered means that the other's disk has it")
    await say(transcript, alice, bob, "Hello Bob, can you read this?")
    await say(transcript, bob, alice, "Every word. 你好，Alice！")
    await say(transcript, alice, bob, "And no server has.")


async def meet(transcript: Transcript, alice: RpcPeer, bob: RpcPeer) -> None:
    transcript.title("An open room: whoever knows its name is in it")
    room = await alice.call("join_open", name="Lounge")
    await bob.call("join_open", name="lounge")
    for peer, other in ((alice, bob), (bob, alice)):
        account = (await other.call("account"))["account"]
        while account not in [m["account"] for m in await peer.call("members", room=room["id"])]:
            await peer.heard("MembersChanged")
            await trio.sleep(0.05)
    transcript.step("alice and bob see each other in the room")
    transcript.place = transcript.room = room["id"]
    await say(transcript, alice, bob, "Welcome to the lounge.")
    await say(transcript, bob, alice, "Nice in here.")


async def be_away(transcript: Transcript, alice: RpcPeer, bob: RpcPeer) -> None:
    transcript.title("Offline delivery: bob is not there, alice writes to him and to the room")
    await bob.stop()
    transcript.step("bob's program has ended")
    waiting = []
    for conversation in transcript.said:
        for text in ("Are you there?", "I write it down for you."):
            waiting.append(await alice.call("send", conversation=conversation, text=text))
            transcript.message(alice, bob, waiting[-1], waiting[-1]["state"])
    bob.launch = replace(bob.launch, knows=())
    await bob.start()
    transcript.step("bob is back, with nothing but his home: no address was given to him")
    for message in waiting:
        await delivered(transcript, alice, bob, message)


async def compare(transcript: Transcript, bob: RpcPeer) -> bool:
    transcript.title("Bob's program starts again: his history against what was printed above")
    await bob.restart()
    agrees = True
    for conversation, said in transcript.said.items():
        stored = [m["text"] for m in await bob.call("history", conversation=conversation)]
        agrees = agrees and stored == said
        verdict = "the same" if stored == said else f"differs: {stored}"
        transcript.step(f"{len(said)} messages were said, {len(stored)} are stored: {verdict}")
    return agrees


async def demonstrate(directory: Path) -> bool:
    transcript = Transcript()
    async with open_processes(directory) as processes:
        alice, bob = await start(transcript, processes)
        await get_acquainted(transcript, alice, bob)
        await talk(transcript, alice, bob)
        await meet(transcript, alice, bob)
        await be_away(transcript, alice, bob)
        return await compare(transcript, bob)


async def main() -> int:
    complete = has_failed = False
    directory = Path(tempfile.mkdtemp(prefix="dchat-demo-"))
    try:
        with trio.fail_after(TIMEOUT_S):
            complete = await demonstrate(directory)
        has_failed = not complete
    except* (ProgramEnded, RpcError, trio.TooSlowError) as group:
        has_failed = True
        print(f"\nThe demonstration failed: {group.exceptions[0]}", file=sys.stderr)
    finally:
        if not has_failed:
            shutil.rmtree(directory)
    if has_failed:
        print(f"Homes and logs are left in {directory} to be looked at.", file=sys.stderr)
    print("\nEvery message arrived." if complete else "\nNot every message arrived.")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(trio.run(main))
