"""Proof: whether a device says itself that it acts for an account.

Anybody can certify any key, so a certificate is the account's word and nobody else's. A hello is
the device's word, because its connection proved the key; so is a signature of its own, under an op
or a receipt of that account. Only the certificates of such devices are kept of what strangers and
contacts bring along, and only such devices does the block of an account hit: else somebody could
have a contact's device blocked by certifying it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pchat.errors import BadSignature
from p2pchat.model.ids import Party
from p2pchat.model.op import Op
from p2pchat.wire.frames import Frame, Ops
from p2pchat.wire.ops import verify_op
from p2pchat.wire.receipts import SignedReceipt, verify_receipt

__all__ = ["is_signed"]


def is_signed(party: Party, frames: Iterable[Frame]) -> bool:
    """Whether a device signed the first of its own statements in a letter."""
    own = next((said for said in _statements(frames) if _author(said) == party), None)
    try:
        match own:
            case Op():
                verify_op(own)
            case SignedReceipt():
                verify_receipt(own)
            case None:
                return False
    except BadSignature:
        return False
    return True


def _statements(frames: Iterable[Frame]) -> Iterator[Op | SignedReceipt]:
    for frame in frames:
        if isinstance(frame, Ops):
            yield from frame.ops
        elif isinstance(frame, SignedReceipt):
            yield frame


def _author(said: Op | SignedReceipt) -> Party:
    named = said.header if isinstance(said, Op) else said.receipt
    return Party(named.account, named.device)
