"""Short authentication strings, by vodozemac: an X25519 exchange, shown as seven pictures.

The string has 42 bits. By itself that could be searched for by whoever chooses a key last; the
commitment of `protocol.comparing` is what leaves one try.
"""

from __future__ import annotations

from vodozemac import Curve25519PublicKey, Sas, SasException

from p2pchat.errors import MalformedMessage

__all__ = ["SasExchange"]


class SasExchange:
    """A key pair for one comparison."""

    def __init__(self) -> None:
        self._sas = Sas()
        self.public_key: bytes = self._sas.public_key.to_bytes()

    def pictures(self, theirs: bytes, info: str) -> tuple[int, ...]:
        """Seven numbers below 64 that both sides have; once only. Raises `MalformedMessage` for
        what is no key."""
        try:
            agreed = self._sas.diffie_hellman(Curve25519PublicKey.from_bytes(theirs))
        except (SasException, ValueError) as error:
            raise MalformedMessage("a key for a comparison is of no use") from error
        return tuple(agreed.bytes(info).emoji_indices)
