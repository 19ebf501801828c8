"""What sealing and opening of mail go on from, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, assert_never

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.ratchet import (
    DropRatchet,
    ForgetSeen,
    ForgetSpent,
    MailChange,
    PutBundle,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.snapshot import MailSnapshot

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

__all__ = ["Mail", "by_key"]

K = TypeVar("K", bound="SupportsRichComparison")
V = TypeVar("V")


@dataclass(slots=True)
class Mail:
    """What sealing and opening go on from."""

    account: PutOlmAccount | None = None
    keys: PutMailKeys | None = None
    ratchets: dict[tuple[bytes, bytes], PutRatchet] = field(
        default_factory=dict[tuple[bytes, bytes], PutRatchet]
    )
    spent: dict[bytes, SpendSession] = field(default_factory=dict[bytes, SpendSession])
    seen: dict[bytes, SeeMail] = field(default_factory=dict[bytes, SeeMail])
    bundles: dict[DeviceId, PutBundle] = field(default_factory=dict[DeviceId, PutBundle])
    mailed: dict[tuple[ConversationId, DeviceId], SetMailed] = field(
        default_factory=dict[tuple[ConversationId, DeviceId], SetMailed]
    )

    def forget(self, conversation: ConversationId) -> None:
        """Drop what is about a conversation that is dropped."""
        for key in [key for key in self.mailed if key[0] == conversation]:
            del self.mailed[key]

    def apply(self, change: MailChange) -> None:
        match change:
            case PutOlmAccount():
                self.account = change
            case PutMailKeys():
                self.keys = change
            case PutRatchet(peer, session):
                self.ratchets[peer, session] = change
            case DropRatchet(peer, session):
                self.ratchets.pop((peer, session), None)
            case SpendSession(session):
                self.spent[session] = change
            case SeeMail(hash):
                self.seen[hash] = change
            case ForgetSpent(generation):
                kept = ((id, r) for id, r in self.spent.items() if r.generation >= generation)
                self.spent = dict(kept)
            case ForgetSeen(until_ms):
                self.seen = {id: row for id, row in self.seen.items() if row.until_ms > until_ms}
            case PutBundle(device):
                self.bundles[device] = change
            case SetMailed(conversation, device):
                self.mailed[conversation, device] = change
            case _:
                assert_never(change)

    def snapshot(self) -> MailSnapshot:
        return MailSnapshot(
            self.account,
            self.keys,
            by_key(self.ratchets),
            by_key(self.spent),
            by_key(self.seen),
            by_key(self.bundles),
            by_key(self.mailed),
        )

    def copy(self) -> Mail:
        return Mail(
            self.account,
            self.keys,
            dict(self.ratchets),
            dict(self.spent),
            dict(self.seen),
            dict(self.bundles),
            dict(self.mailed),
        )


def by_key(rows: dict[K, V]) -> tuple[V, ...]:
    """The rows in the order of their keys."""
    return tuple(row for _, row in sorted(rows.items(), key=lambda item: item[0]))
