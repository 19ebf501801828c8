"""The three pages of a relay, and the server that shows them while a block lasts."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_address

from p2pchat.config import MailboxLimits, RelayLimits, parse_metrics
from p2pchat.monitoring.http import PageServer, Response
from p2pchat.monitoring.status import RelayStatus, ailment, render_status
from p2pchat.node.lifetime import running

__all__ = ["open_pages"]

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_pages(
    address: str,
    snapshot: Callable[[], RelayStatus],
    limits: RelayLimits,
    mailbox_limits: MailboxLimits | None = None,
) -> AsyncGenerator[PageServer]:
    """Serve `/metrics`, `/healthz` and `/status` at `address`, `HOST:PORT`, while the block lasts.

    Raises `AddressInUse`, `ConfigError`.
    """
    from p2pchat.monitoring.metrics import Metrics  # a tenth of a second, for those who want it

    server = PageServer(
        {
            "/metrics": Metrics(snapshot, limits, mailbox_limits).page,
            "/healthz": lambda: _health(snapshot()),
            "/status": lambda: Response(render_status(snapshot()), "application/json"),
        }
    )
    host, port = parse_metrics(address)
    await server.listen(host, port)
    if _is_open(host):
        logger.warning(
            "metrics are served at %s, where whoever reaches port %d can read them; name an"
            " address of this machine or of your own network instead",
            host,
            port,
        )
    async with running(server.run):
        yield server


def _is_open(host: str) -> bool:
    """Whether strangers may reach an address that is listened on."""
    ip = ip_address(host)
    return ip.is_unspecified or ip.is_global


def _health(status: RelayStatus) -> Response:
    trouble = ailment(status)
    if trouble is None:
        return Response(b"ok\n")
    return Response(trouble.encode() + b"\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
