"""Agreeing on Noise and on Yamux in one round trip each instead of two.

py-libp2p's dialler waits for the greeting of multistream-select before it proposes. There is only
one proposal to make, so it can go with our own greeting: a connection is up two round trips
earlier, which over the Internet is most of what a dial takes. The listener cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import trio
from libp2p.abc import IMultiselectCommunicator
from libp2p.custom_types import TProtocol
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.protocol_muxer.multiselect_client import (
    DEFAULT_NEGOTIATE_TIMEOUT,
    MULTISELECT_PROTOCOL_ID,
    MultiselectClient,
)
from libp2p.transport.upgrader import TransportUpgrader

from p2pchat.wire.framing import frame

__all__ = ["make_eager"]


def make_eager(upgrader: TransportUpgrader) -> TransportUpgrader:
    """Let `upgrader` propose without being greeted."""
    for multistream in (upgrader.security_multistream, upgrader.muxer_multistream):
        cast("Any", multistream)._selector.multiselect_client = _EagerClient()
    return upgrader


class _EagerClient(MultiselectClient):
    async def select_one_of(
        self,
        protocols: Sequence[TProtocol],
        communicator: IMultiselectCommunicator,
        negotiate_timeout: int = DEFAULT_NEGOTIATE_TIMEOUT,
    ) -> TProtocol:
        """Greet and propose in one write, then read both answers."""
        (protocol,) = protocols
        lines = (MULTISELECT_PROTOCOL_ID, protocol)
        pipe: Any = cast("Any", communicator).read_writer
        with trio.fail_after(negotiate_timeout):
            await pipe.write(b"".join(frame(line.encode() + b"\n") for line in lines))
            for line in lines:
                if await communicator.read() != line:
                    raise MultiselectClientError(f"the peer does not speak {line}")
        return protocol
