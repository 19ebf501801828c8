"""The seam to py-libp2p: its identities become ours, its errors one of ours, its log is quiet.

py-libp2p lets whatever happens below it through (decoding errors, protobuf errors, `OverflowError`
of a socket asked for 2^60 bytes), so its calls are made inside `foreign_errors`, the one place that
catches broadly and answers with one error that has a reason in one line.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from cryptography.exceptions import InvalidTag
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # it has none
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey

from p2pchat.model.ids import PeerId
from p2pchat.net.port import ANOTHER_PEER

__all__ = ["Failed", "TwoInitiators", "foreign_errors", "settle", "to_libp2p", "to_peer"]

REASON_CHARACTERS_MAX = 200
CAUSES_MAX = 16


class Failed(Exception):
    """Something below the host did not work; the text says why, for logs and attempts."""


def to_peer(peer_id: ID) -> PeerId:
    """Our form of a libp2p peer id."""
    return PeerId(peer_id.to_bytes())


def to_libp2p(peer: PeerId) -> ID:
    """The libp2p form of a peer id."""
    return ID(bytes(peer))


class TwoInitiators(Failed):
    """The far end answered our handshake with what is none: it may have begun one as well."""


@contextmanager
def foreign_errors() -> Generator[None]:
    """Raise `Failed` for whatever py-libp2p raises inside; cancellation passes."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        cause = _innermost(error)
        failed = TwoInitiators if isinstance(cause, InvalidTag) else Failed
        raise failed(_reason(cause)) from error


def _innermost(error: BaseException) -> BaseException:
    """The innermost cause, which is the one that says something.

    Bounded: an error that several tasks raise, each from another, ends up among its own causes.
    """
    for _ in range(CAUSES_MAX):
        inner = _inner(error)
        if inner is None:
            break
        error = inner
    return error


def _reason(error: BaseException) -> str:
    if isinstance(error, PeerIDMismatchesPubkey):
        return ANOTHER_PEER
    text = str(error).split("\n", 1)[0]
    return f"{type(error).__name__}: {text}"[:REASON_CHARACTERS_MAX] if text else repr(error)


def _inner(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return cast("tuple[BaseException, ...]", error.exceptions)[0]
    return error.__cause__


_PYTHONS_THRESHOLDS = (700, 10, 10)
_THRESHOLDS = (10_000, 20, 20)
"""Objects made and not freed before the young are looked at; then as many times as follow before
those that survived are."""


def settle() -> None:
    """Once a process: keep py-libp2p's log off stderr, and the garbage collector out of the way.

    It reports each refused dial as an error; its import sets level and propagation, so this comes
    after it. Whoever wants the log adds a handler to the logger `libp2p`. What an import leaves
    behind never becomes garbage, and every full collection would stop the loop for 50 ms over it.
    Of what we make hardly anything is in a cycle: at Python's thresholds a sixth of a busy room's
    time went into looking for it. A program that chose thresholds of its own keeps them, and one
    that switched the collector off, such as the window, looks after it itself.
    """
    logger = logging.getLogger("libp2p")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.ERROR)
        if gc.isenabled():
            _spare_collections()


def _spare_collections() -> None:
    gc.collect()
    gc.freeze()
    if gc.get_threshold() == _PYTHONS_THRESHOLDS:
        gc.set_threshold(*_THRESHOLDS)
