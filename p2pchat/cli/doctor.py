"""`p2pchat doctor`: what is wrong, in words, also when the client cannot start.

Whatever keeps it from starting is what it tells: that is when it is needed most. Its own exit
status says only that it could look.
"""

from __future__ import annotations

import os
import sys

import trio
import typer

from p2pchat.cli import shapes
from p2pchat.cli.failing import WrongUsage, foreseen
from p2pchat.cli.language import Language, language_of
from p2pchat.cli.options import Options
from p2pchat.cli.passphrases import home_passphrase
from p2pchat.cli.settings import Settings, home_of, settle
from p2pchat.cli.showing import said, words
from p2pchat.client.diagnosing import diagnose_start
from p2pchat.client.opening import open_client
from p2pchat.errors import ConfigError, P2PChatError
from p2pchat.events import DiagnosisProgress
from p2pchat.model.diagnosis import Diagnosis, Finding
from p2pchat.model.facts import Facts
from p2pchat.node.hub import Subscription

__all__ = ["doctor"]


async def doctor(options: Options, keep_ids: bool, as_json: bool) -> int:
    """Look, and tell."""
    language = options.language or language_of((), os.environ)
    watched = sys.stderr.isatty() and not as_json
    try:
        diagnosis = await _examine(settle(options), keep_ids, language if watched else None)
    except ConfigError as error:
        diagnosis = diagnose_start(error, home_of(options), keep_ids=keep_ids)
    if as_json:
        typer.echo(shapes.to_json(diagnosis))
    else:
        _tell(diagnosis, language)
    return 0


async def _examine(settings: Settings, keep_ids: bool, watched: Language | None) -> Diagnosis:
    """Ask a running client, or say why it does not run. Progress is told in a language, if any."""
    try:
        passphrase = home_passphrase(settings)
        as_read = settings.config, settings.warnings
        async with (
            open_client(settings.home, config=lambda: as_read, passphrase=passphrase) as client,
            client.subscribe(DiagnosisProgress) as events,
            trio.open_nursery() as nursery,
        ):
            if watched is not None:
                nursery.start_soon(_show, events, watched)
            diagnosis = await client.doctor(keep_ids=keep_ids)
            nursery.cancel_scope.cancel()
        return diagnosis
    except (P2PChatError, OSError, BaseExceptionGroup) as error:
        failure = foreseen(error)
        if not isinstance(failure, P2PChatError | OSError) or isinstance(failure, WrongUsage):
            raise
        return diagnose_start(failure, settings.home, keep_ids=keep_ids)


async def _show(events: Subscription, language: Language) -> None:
    async for event in events:
        if isinstance(event, DiagnosisProgress):
            step = words(event.step, language)
            typer.echo(f"· {step}  {event.done}/{event.total}", err=True)


def _tell(diagnosis: Diagnosis, language: Language) -> None:
    for number, finding in enumerate(diagnosis.findings, 1):
        _tell_finding(number, finding, language)
    facts = diagnosis.facts
    if not diagnosis.findings:
        typer.echo(words("Nothing is wrong.", language))
    if facts.unfinished:
        steps = ", ".join(words(step, language) for step in facts.unfinished)
        typer.echo(words("Not found out in time: {steps}.", language, steps=steps))
    typer.echo("\n".join(_summary(facts, language)))


def _tell_finding(number: int, finding: Finding, language: Language) -> None:
    typer.echo(f"{number}. {said(finding.problem, language)}")
    typer.echo(f"   {said(finding.advice, language)}")
    for sign in finding.evidence:
        typer.echo(f"   · {said(sign, language)}")


def _summary(facts: Facts, language: Language) -> list[str]:
    machine, network = facts.machine, facts.network
    lines = [
        words(
            "p2pchat {version}, Python {python}, {system}",
            language,
            version=machine.version,
            python=machine.python,
            system=machine.system,
        )
    ]
    if network is not None:
        lines.append(
            words(
                "Connected: {peers}, relays among them: {relays}; reachability: {reach}",
                language,
                peers=len(network.peers),
                relays=len(network.relays),
                reach=words(network.reachability, language),
            )
        )
    return lines
