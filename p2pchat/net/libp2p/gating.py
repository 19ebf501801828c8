"""Passing a gate: what a new connection has to go through before this host has it.

A gate (`net.port.Gate`) is the last step of the upgrade, after Noise has said who the peer is and
the streams are multiplexed. The dialler opens the first stream for it, and whoever accepted answers
that one stream and no other; those that come after wait in the connection. So a peer that does not
pass was never connected, was told nothing, and had nothing of ours served.
"""

from __future__ import annotations

import logging

import trio

from p2pchat.errors import RemoteProtocolError, StreamReset
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.negotiation import NotServed, answer, propose
from p2pchat.net.libp2p.streams import Farewells, LibP2PStream
from p2pchat.net.port import Gate

__all__ = ["pass_gate"]

logger = logging.getLogger(__name__)

_FAILURES = (
    Failed,
    NotServed,
    RemoteProtocolError,
    StreamReset,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
)


async def pass_gate(gate: Gate, connection: Connection, farewells: Farewells) -> None:
    """Return when `connection` may be used. Raises `Refused`; takes as long as the peer lets it,
    so the caller bounds it."""
    origin = connection.origin
    if not gate.guards(origin.remote):
        return
    is_known = gate.knows(origin.peer)
    if origin.inbound and is_known:
        return  # it may still want to be shown that we know the secret, on a stream like any other
    try:
        await (_answer if origin.inbound else _prove)(gate, connection, farewells)
    except _FAILURES as error:
        if is_known:
            logger.debug("%s passes as one we know: %s", origin.peer.short, error)
            return
        raise Refused("refused_gate_total", str(error) or "it ended the proof") from error


async def _prove(gate: Gate, connection: Connection, farewells: Farewells) -> None:
    muxed = await connection.open_stream()
    try:
        choice = await propose(muxed, [gate.protocol])
        await gate.prove(LibP2PStream(muxed, connection.origin, choice, farewells))
    except BaseException:
        farewells.drop(muxed)
        raise


async def _answer(gate: Gate, connection: Connection, farewells: Farewells) -> None:
    with foreign_errors():
        muxed = await connection.muxed.accept_stream()
    try:
        choice = await answer(muxed, gate.protocol.__eq__)
        await gate.answer(LibP2PStream(muxed, connection.origin, choice, farewells))
    except BaseException:
        farewells.drop(muxed)
        raise
