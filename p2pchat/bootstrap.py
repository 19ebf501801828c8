"""`python -m p2pchat.bootstrap`: run a relay.

Its first lines on standard output are its addresses, for people to hand on and for programs to
read; nothing else is printed there. It ends in order at SIGINT and SIGTERM, and reads its
configuration again at SIGHUP.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from p2pchat.cli.logs import LogFormat, start_logging
from p2pchat.cli.options import NetworkOptions, takes_options

if TYPE_CHECKING:
    from p2pchat.config import Loaded, RelayConfig
    from p2pchat.relay import Relay

__all__ = ["main"]

PROGRAM = "p2pchat.bootstrap"

logger = logging.getLogger(PROGRAM)

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions(NetworkOptions):
    """The options of a relay."""

    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where its key is kept. Default: the platform's directory for user data.",
        ),
    ] = None
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve /metrics, /healthz and /status here; a port alone means this machine only.",
        ),
    ] = None
    log_format: Annotated[
        LogFormat | None,
        typer.Option(metavar="FORMAT", help="Log as text or json, one object a line."),
    ] = None


@app.command()
@takes_options(RelayOptions)
def relay(
    options: RelayOptions,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a bootstrap.json that names this relay."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of addresses.")
    ] = False,
) -> None:
    """Run a relay: others find the network through it, and reach each other when nothing else does.

    It needs a port that is reachable from outside, and keeps its key, the peers it met, and sealed
    letters for who is away. The first relay of a network boots alone.

    \b
    Examples:
      python -m p2pchat.bootstrap
      python -m p2pchat.bootstrap --announce /dns4/relay.example.org/tcp/4001
      python -m p2pchat.bootstrap --export bootstrap.json
      python -m p2pchat.bootstrap --metrics 9464 --log-format json --log-level info
    """
    from p2pchat.cli.failing import run

    async def start() -> int:
        return await _serve(_settle(options), export, json)

    raise typer.Exit(run(PROGRAM, start, _log_failure if options.log_format == "json" else None))


def main() -> None:
    """The program."""
    app(prog_name=f"python -m {PROGRAM}")


async def _serve(
    load: Callable[[], Loaded[RelayConfig]], export: Path | None, as_json: bool
) -> int:
    import trio

    from p2pchat.cli.signals import at_hangup, hangups, until_signal

    with hangups() as signals:
        from p2pchat.relay import open_relay  # half a second, in which a signal may come

        async with (
            until_signal() as ending,
            open_relay(load) as relay,
            at_hangup(signals, relay.reload_config),
        ):
            if export is not None:
                _export(export, relay.addresses)
            _introduce(relay, as_json)
            logger.info("the relay listens", extra={"addresses": relay.addresses})
            await trio.sleep_forever()
    logger.info("the relay ended at %s", ending.name)
    return 0


def _log_failure(_program: str, message: str) -> None:
    logger.error("%s", message)


def _settle(options: RelayOptions) -> Callable[[], Loaded[RelayConfig]]:
    """Check the options; answers what reads the configuration in the home, and over it what was
    given."""
    import platformdirs

    from p2pchat.cli.failing import WrongUsage
    from p2pchat.cli.settings import has_identity, network_settings, require_usable
    from p2pchat.config import CONFIG_FILE, RelayConfig, load_relay_config

    start_logging(options.log_level or "warning", options.log_format or "text")
    given = network_settings(options)
    if options.metrics is not None:
        given["metrics"] = options.metrics
    require_usable(RelayConfig(home=None), given)
    home = options.home or platformdirs.user_data_path("p2pchat-relay", appauthor=False)
    if has_identity(home):
        raise WrongUsage(f"--home: a client lives in {home}; give the relay a directory of its own")

    def load() -> Loaded[RelayConfig]:
        config, warnings = load_relay_config(home / CONFIG_FILE)
        return replace(config, **given), warnings

    return load


def _introduce(relay: Relay, as_json: bool) -> None:
    from p2pchat.cli.shapes import to_json

    if as_json:
        ready = {"event": "ready", "peer_id": relay.peer_id, "addresses": relay.addresses}
        typer.echo(to_json(ready))
    else:
        typer.echo("\n".join(relay.addresses))


def _export(file: Path, addresses: Sequence[str]) -> None:
    """Write a list for others, in one step. Only what reaches farthest is of use to them: beside a
    public address the private ones would be dialled in vain."""
    from p2pchat.model.scope import scope_of, scope_of_all
    from p2pchat.net.bootstrap_list import render_list

    widest = scope_of_all(tuple(addresses))
    beside = file.with_name(file.name + ".new")
    beside.write_bytes(render_list(one for one in addresses if scope_of(one) is widest))
    beside.replace(file)


if __name__ == "__main__":
    main()
