"""What sealing costs: each run as it is, and beside it the same run without its seals.

    python -m benchmarks.sealing [--quick] [--only PART]

Without seals the same programs run with what `tests/process/unsealed` puts in place: packets, blobs
of rooms, letters and pages of the database as they are. Clients are on disk at both ends, in
processes of their own; the members of a room share two processes, as in `benchmarks.chat`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from benchmarks.chat import Process, processes, quantile
from p2pchat.crypto import mail
from p2pchat.crypto.hpke import HpkeSuite, new_hpke_key
from p2pchat.crypto.megolm import MegolmSessions
from p2pchat.crypto.olm import Ratchets, new_account
from p2pchat.crypto.padding import pad
from p2pchat.crypto.vault import Vault, WithPassphrase, relock
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, Party
from p2pchat.model.ratchet import Correspondent
from p2pchat.net.libp2p.noise_packets import PacketSealer
from p2pchat.store.home import BARE, open_home, relock_home
from p2pchat.testing.processes import Launch, open_processes
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import encode_frame
from p2pchat.wire.sender_keys import SenderKey, audience_of, sign_sender_key

UNSEALED = str(Path(__file__).parents[1] / "tests" / "process" / "unsealed")
DEVICES = 1_000
ROUNDS = 3
PASSPHRASE = "correct horse battery staple"
Figures = dict[str, float]
Environment = Mapping[str, str]


def environment(*, sealed: bool) -> Environment:
    """For programs as they are, or without their seals."""
    if sealed:
        return {}
    path = os.pathsep.join([UNSEALED, os.environ.get("PYTHONPATH", "")])
    return {"PYTHONPATH": path, "P2PCHAT_UNSEALED": "1"}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is, in which unit, and what it should be."""

    name: str
    unit: str
    goal: str = ""
    digits: int = 2

    def line(self, *values: float) -> str:
        """With what was measured sealed, and unsealed."""
        sealed, unsealed = values
        shown = " | ".join(f"{value:,.{self.digits}f} {self.unit}".rstrip() for value in values)
        return f"| {self.name} | {shown} | {sealed / unsealed:.2f} | {self.goal} |"


# Two people


def pair(variables: Environment, quick: bool) -> Figures:
    """Two clients on a connection of their own."""
    with tempfile.TemporaryDirectory() as folder, processes(2, variables) as (one, two):
        bob = two.call("open", str(Path(folder, "bob")), [])
        one.call("open", str(Path(folder, "alice")), [bob["address"]])
        two.call("accept_all")
        account = one.call("befriend", 0, bob["link"])
        one.call("closed_loop", 0, [account, 100])
        times = one.call("closed_loop", 0, [account, 100 if quick else 500])
        count, before_s = 2_000 if quick else 10_000, one.cpu_s + two.cpu_s
        rates = [one.call("window", 0, [account, count]) for _ in range(ROUNDS)]
        spent_s = one.cpu_s + two.cpu_s - before_s
    return {
        "p50": quantile(times, 0.5),
        "p99": quantile(times, 0.99),
        "rate": statistics.median(rates),
        "processor": 1000 * spent_s / (ROUNDS * count),
    }


# Rooms by invitation


def room(members: int, variables: Environment, quick: bool) -> Figures:
    """Who began a room speaks in it, fifty times a second."""
    with tempfile.TemporaryDirectory() as place, processes(3, variables) as (sender, *others):
        first = sender.call("open", str(Path(place, "0")), [])["address"]
        places = [(others[i % 2], i // 2) for i in range(members - 1)]
        accounts: list[str] = []
        for number, (process, index) in enumerate(places, 1):
            link = process.call("open", str(Path(place, str(number))), [first])["link"]
            process.call("accept_all", index)
            accounts.append(sender.call("befriend", 0, link))
        sender.call("create_room", 0, accounts)
        for process, index in [(sender, 0), *places]:
            process.call("entered", index, members)
        for process, index in places:
            process.call("count", index)
        sender.call("paced", 0, [50, 50])
        for process, index in places:
            process.call("heard", index, 50)
        count, before_s = 50 * (4 if quick else 10), sum(one.cpu_s for one in others)
        sender.call("paced", 0, [count, 50])
        times = [process.call("heard", index, count) for process, index in places]
        spent_s = sum(one.cpu_s for one in others) - before_s
    everything = [value for one in times for value in one]
    return {
        "p50": quantile(everything, 0.5),
        "p99": quantile(everything, 0.99),
        "delivery": len(everything) / (count * len(places)),
        "processor": 1000 * spent_s / (count * len(places)),
    }


# A mailbox


def mailbox(variables: Environment, quick: bool) -> Figures:
    """A thousand texts, from one who is there alone to one who comes when the other is gone."""

    async def main() -> Figures:
        with tempfile.TemporaryDirectory() as place:
            async with open_processes(Path(place)) as programs:
                relay = await programs.relay("relay", Launch(environment=variables))
                known = list(relay.addresses)
                return await trio.to_thread.run_sync(
                    lambda: letters(Path(place), known, variables, 100 if quick else 1_000)
                )

    return trio.run(main)


def letters(place: Path, known: list[str], variables: Environment, count: int) -> Figures:
    alice, bob = Process(variables), Process(variables)
    homes = str(place / "alice"), str(place / "bob")
    there = bob.call("open", homes[1], known)
    alice.call("open", homes[0], known)
    bob.call("accept_all")
    account = alice.call("befriend", 0, there["link"])
    alice.call("closed_loop", 0, [account, 10])
    bob.close()
    alice.call("mail", 0, [account, 1])
    put_s = alice.call("mail", 0, [account, count])
    alice.close()
    bob = Process(variables)
    fetch_s = bob.call("read_mail", homes[1], [*known, count + 1])
    bob.close()
    return {"put": put_s, "fetch": fetch_s, "both": put_s + fetch_s}


# Keys


def rekey() -> float:
    """Seconds of processor for a new session of a room, whose key a thousand connected devices are
    given, each on a stream of its own."""
    room, sessions = ConversationId(bytes(32)), MegolmSessions(os.urandom)
    lines = [PacketSealer(os.urandom(32)) for _ in range(DEVICES)]
    began_s = time.process_time()
    sessions.begin(room)
    raw, devices = sessions.key(room), [DeviceId(os.urandom(32)) for _ in lines]
    signer = Ed25519Signer(os.urandom(32))
    said = SenderKey(room, DeviceId(signer.public_key), 1, raw, audience_of(raw, devices))
    key = encode_frame(sign_sender_key(said, signer))
    for line in lines:
        line.seal(key)
    return time.process_time() - began_s


def rekey_by_mail() -> float:
    """The same for a thousand devices that are away: a letter each in its envelope, with the step
    of the ratchet as it goes to disk."""
    pickle_key, letter = bytes(32), bytes(240)
    own = Ratchets(new_account(pickle_key).change, (), (), pickle_key)
    others: list[Correspondent] = []
    for _ in range(DEVICES):
        other = Ratchets(new_account(pickle_key).change, (), (), pickle_key)
        fallback_key, *_ = other.rotate_fallback()
        key = other.identity_key
        others.append(Correspondent(Party(AccountId(key), DeviceId(key)), key))
        own.begin(others[-1], fallback_key, 0)
    envelope = new_hpke_key(HpkeSuite.MLKEM768_X25519).public
    began_s = time.process_time()
    for to in others:
        box = own.seal(to, letter).box
        mail.seal_envelope(envelope, to.party.device, pad(box.ciphertext))
    return time.process_time() - began_s


def keys(variables: Environment, quick: bool) -> Figures:
    """In a process of its own, whose seals may be off."""
    command = [sys.executable, "-m", "benchmarks.sealing", "--role", "rekey"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **variables}
    )
    streams_s, mail_s = map(float, done.stdout.split())
    return {"streams": streams_s, "mail": mail_s}


def unlocking(variables: Environment, quick: bool) -> Figures:
    """Opening a home that a passphrase locks, and beside it one that nothing locks."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place, "home")
        with open_home(home):
            pass
        keys = BARE
        if not variables:
            keys = Vault(PASSPHRASE)
            relock_home(home, lambda raw: relock(raw, None, WithPassphrase(PASSPHRASE)))
        took: list[float] = []
        for _ in range(3):
            began_s = time.perf_counter()
            with open_home(home, keys=keys):
                took.append(time.perf_counter() - began_s)
    return {"open": statistics.median(took)}


Measure = Callable[[Environment, bool], Figures]

PARTS: dict[str, tuple[Measure, dict[str, Row]]] = {
    "pair": (
        pair,
        {
            "p50": Row("delivered receipt, closed loop, p50", "ms", "≤ 2"),
            "p99": Row("delivered receipt, closed loop, p99", "ms", "≤ 5"),
            "rate": Row("confirmed messages", "1/s", "≥ 5,000", 0),
            "processor": Row("confirmed messages, processor each, both sides", "ms"),
        },
    ),
    **{
        f"room{members}": (
            partial(room, members),
            {
                "p50": Row(f"room of {members} by invitation at 50/s, p50", "ms", goal),
                "p99": Row(f"room of {members} by invitation at 50/s, p99", "ms"),
                "delivery": Row(f"room of {members} by invitation, delivery", "", "1.0"),
                "processor": Row(f"room of {members} by invitation, processor a delivery", "ms"),
            },
        )
        for members, goal in ((10, "≤ 3"), (30, "≤ 8"))
    },
    "mailbox": (
        mailbox,
        {
            "put": Row("1,000 messages to one who is away: written, sealed, put", "s"),
            "fetch": Row("  and fetched, opened, stored, from when the other comes", "s"),
            "both": Row("  both", "s", "≤ 2"),
        },
    ),
    "keys": (
        keys,
        {
            "streams": Row("a room's key to 1,000 connected devices, processor", "s", "≤ 0.5", 3),
            "mail": Row("a letter to each of 1,000 devices, processor", "s", "≤ 0.5", 3),
        },
    ),
    "unlocking": (
        unlocking,
        {"open": Row("opening a home with a passphrase; beside it with none", "s", "0.5 to 2", 3)},
    ),
}


def table(names: list[str], quick: bool) -> Iterator[str]:
    """The figures of some parts, each as soon as it is there."""
    yield "| | sealed | without seals | ratio | goal |"
    yield "|---|---:|---:|---:|---|"
    for name in names:
        measure, rows = PARTS[name]
        sealed, unsealed = (measure(environment(sealed=is_so), quick) for is_so in (True, False))
        for key, row in rows.items():
            yield row.line(sealed[key], unsealed[key])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--role", choices=["rekey"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role is not None:
        print(rekey(), rekey_by_mail())
        return
    names = [arguments.only] if arguments.only is not None else list(PARTS)
    for line in table(names, arguments.quick):
        print(line, flush=True)


if __name__ == "__main__":
    main()
