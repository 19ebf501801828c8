"""The commands that make proofs of delivery and check them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from p2pchat.cli.commands import Console, offline
from p2pchat.cli.finding import conversation_named, find_message
from p2pchat.cli.language import Language
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import local_time, plain, words
from p2pchat.client.proving import read_delivery_proof
from p2pchat.wire.delivery_proof import DeliveryProof, ProvenMessage

__all__ = ["Wanted", "prove", "verify"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file to be written."""

    file: Path
    message: str | None
    with_text: bool


async def prove(settings: Settings, of: str, wanted: Wanted) -> int:
    """Write what others have signed to hold."""
    file = wanted.file
    id = None if wanted.message is None else find_message(wanted.message)
    console = Console(settings, as_json=False)
    async with offline(settings) as client:
        conversation = conversation_named(client, of)
        proof = await conversation.prove_delivery(file, id, with_text=wanted.with_text)
    console.say(
        "{file} proves the delivery of {count} messages to {devices} devices. `p2pchat verify`"
        " checks it, anywhere.",
        file=file,
        count=len(proof.messages),
        devices=len(proof.receipts),
    )
    return 0


async def verify(settings: Settings, file: Path, as_json: bool) -> int:
    """Check a proof, and show what it proves."""
    console = Console(settings, as_json)
    proof = await read_delivery_proof(file)
    console.give(proof)
    if not as_json:
        _show(console, settings, proof)
    return 0


def _show(console: Console, settings: Settings, proof: DeliveryProof) -> None:
    language, count = settings.language, len(proof.messages)
    console.say("Conversation {id}", id=proof.conversation)
    console.say("written by   {account}", account=proof.account)
    for message in proof.messages:
        typer.echo(f"{local_time(message.sent_at)}  {_text(message, language)}")
    if proof.is_revoked:
        console.say("That account has revoked this device: ask whether it was stolen then.")
    for receipt in proof.receipts:
        console.say(
            "{account} signed on {time} to hold {held} of these {count} messages, with its device"
            " {device}.",
            account=receipt.account,
            time=local_time(receipt.sent_at),
            held=proof.held_by(receipt),
            count=count,
            device=receipt.device,
        )
        if wordless := proof.wordless_at(receipt):
            console.say(
                "{count} more came to that device without their words, which had been deleted"
                " before.",
                count=wordless,
            )
        if receipt.is_revoked:
            console.say("That account has revoked this device: ask whether it was stolen then.")
    console.say(
        "The signatures are right. Whose accounts these are, only people know: compare them with"
        " their contact links. Times are those of the devices' own clocks."
    )


def _text(message: ProvenMessage, language: Language) -> str:
    if message.is_deleted:
        return words("[deleted]", language)
    if message.text is None:
        return words("(not in the file)", language)
    return "\n    ".join(plain(line) for line in message.text.split("\n"))
