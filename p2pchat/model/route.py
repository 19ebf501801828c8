"""How a peer is reached."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Path"]


class Path(StrEnum):
    """The kind of connection to a peer; of several the best counts, in this order."""

    LAN = "lan"
    DIRECT = "direct"
    PUNCHED = "punched"
    RELAYED = "relayed"
