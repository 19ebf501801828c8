"""`p2pchat explain`: why a message is where it is, in a sentence, with what speaks for it.

The client runs for it as for `status`, until something is known: an answer from the disk alone
would be about last time. What keeps it from running is an answer, too.
"""

from __future__ import annotations

import os

import trio
import typer

from p2pchat.cli import shapes
from p2pchat.cli.commands import Console, online, patience, shown_seconds
from p2pchat.cli.failing import WrongUsage, foreseen
from p2pchat.cli.finding import find_message
from p2pchat.cli.language import Language, language_of
from p2pchat.cli.options import Options
from p2pchat.cli.settings import Settings, settle
from p2pchat.cli.showing import said
from p2pchat.client.client import Client
from p2pchat.client.diagnosing import explain_start
from p2pchat.errors import P2PChatError, StoreError
from p2pchat.model.diagnosis import Saying
from p2pchat.model.explanation import Explanation, MessageCause
from p2pchat.model.ids import OpId

__all__ = ["explain"]

POLL_S = 0.05
WAITING = "Waiting until it is known where the message is, {seconds} s at most…"
UNDECIDED = frozenset({MessageCause.TRYING, MessageCause.ON_ITS_WAY})
"""Where one moment later more is known."""


async def explain(options: Options, message: str, timeout_s: float, as_json: bool) -> int:
    """Look, and tell."""
    language = options.language or language_of((), os.environ)
    id, settings = find_message(message), settle(options)
    explanation = await _explained(settings, id, timeout_s, as_json)
    if as_json:
        typer.echo(shapes.to_json(explanation))
    else:
        _tell(explanation, language)
    return 0


async def _explained(settings: Settings, id: OpId, timeout_s: float, as_json: bool) -> Explanation:
    """Ask a running client, or say why it does not run."""
    console = Console(settings, as_json)
    try:
        async with (
            online(settings) as client,
            patience(console, WAITING, seconds=shown_seconds(timeout_s)),
        ):
            return await _settled(client, id, timeout_s)
    except (P2PChatError, OSError, BaseExceptionGroup) as error:
        failure = foreseen(error)
        if not isinstance(failure, StoreError | OSError) or isinstance(failure, WrongUsage):
            raise
        return explain_start(failure, id)


async def _settled(client: Client, id: OpId, timeout_s: float) -> Explanation:
    """Once nothing is undecided any more, or the time is over."""
    explanation = await client.explain(id)
    with trio.move_on_after(timeout_s):
        while any(one.cause in UNDECIDED for one in explanation.recipients):
            await trio.sleep(POLL_S)
            explanation = await client.explain(id)
    return explanation


def _tell(explanation: Explanation, language: Language) -> None:
    typer.echo(said(explanation.sentence, language))
    if len(explanation.recipients) < 2:
        _tell_evidence(explanation.evidence, language)
        return
    for one in explanation.recipients:
        typer.echo(f"   {said(one.sentence, language)}")
        _tell_evidence(one.evidence, language)


def _tell_evidence(evidence: tuple[Saying, ...], language: Language) -> None:
    for sign in evidence:
        typer.echo(f"   · {said(sign, language)}")
