"""What the log asks the disk about ops that come (`protocol.intake`, `protocol.pruning`)."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.op import Op

__all__ = ["ForDeletion", "ForFork", "ForIntake", "ForPruning"]


@dataclass(frozen=True, slots=True)
class ForFork:
    """These rows tell which ops, all of one chain, are known and which fork it."""

    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class ForDeletion:
    """These rows tell whether a deletion by a device that was revoked is in our log. It came with
    `op`, if that has no content; else it took the content of our own copy."""

    op: Op
    deletion: Op


@dataclass(frozen=True, slots=True)
class ForPruning:
    """This row lies just below the floor that an open room's chain is to get at `seq`."""

    conversation: ConversationId
    device: DeviceId
    seq: int


ForIntake = ForFork | ForDeletion | ForPruning
