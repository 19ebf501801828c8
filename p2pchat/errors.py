"""Every exception a user of this package can meet.

    P2PChatError
    ├─ ConfigError                  a setting is wrong; `key` names it
    ├─ LinkError                    a link that cannot be used
    ├─ LocalProtocolError           you asked for what the state forbids
    │   ├─ UnknownContact           ├─ UnknownConversation   ├─ UnknownMessage
    │   ├─ PermissionDenied         ├─ MessageTooLarge       ├─ InvalidText
    │   ├─ InvalidTarget            ├─ KeyChanged            ├─ UnknownDevice
    │   ├─ BadPicture               ├─ VerificationFailed    └─ NotProvable
    ├─ RemoteProtocolError          the peer broke the rules: its stream is reset and it is counted
    │   ├─ MalformedMessage         ├─ BadSignature          ├─ FrameTooLarge
    │   └─ UnknownVersion
    ├─ NetworkError
    │   ├─ PeerUnreachable          ├─ StreamReset           ├─ AddressInUse
    │   ├─ RelayRefused             └─ NodeClosed
    └─ StoreError
        ├─ HomeInUse                ├─ HomeUnwritable        ├─ WrongKey
        ├─ PassphraseNeeded         ├─ WrongPassphrase       ├─ KeyringUnusable
        ├─ BadExport                ├─ HomeNotEmpty          ├─ FileExists
        ├─ FileUnusable             ├─ BadProof
        ├─ SchemaTooNew             ├─ Corrupted             └─ DiskFull

Messages are written for the person who reads them: what is wrong, and what to do.
"""

from __future__ import annotations

__all__ = [
    "AddressInUse",
    "BadExport",
    "BadPicture",
    "BadProof",
    "BadSignature",
    "ConfigError",
    "Corrupted",
    "DiskFull",
    "FileExists",
    "FileUnusable",
    "FrameTooLarge",
    "HomeInUse",
    "HomeNotEmpty",
    "HomeUnwritable",
    "InvalidTarget",
    "InvalidText",
    "KeyChanged",
    "KeyringUnusable",
    "LinkError",
    "LocalProtocolError",
    "MalformedMessage",
    "MessageTooLarge",
    "NetworkError",
    "NodeClosed",
    "NotProvable",
    "P2PChatError",
    "PassphraseNeeded",
    "PeerUnreachable",
    "PermissionDenied",
    "RelayRefused",
    "RemoteProtocolError",
    "SchemaTooNew",
    "StoreError",
    "StreamReset",
    "UnknownContact",
    "UnknownConversation",
    "UnknownDevice",
    "UnknownMessage",
    "UnknownVersion",
    "VerificationFailed",
    "WrongKey",
    "WrongPassphrase",
]


class P2PChatError(Exception):
    """Base of everything this package raises on purpose."""


class ConfigError(P2PChatError):
    """A setting is wrong; `key` is its name in the configuration. `quoted` is what the message
    quotes of a value that may be nobody else's business; None when that is not known."""

    def __init__(self, key: str, message: str, quoted: str | None = None) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.quoted = quoted


class LinkError(P2PChatError):
    """A link or address given by the user cannot be used."""


class LocalProtocolError(P2PChatError):
    """The caller asked for what the present state forbids."""


class UnknownContact(LocalProtocolError):
    """No contact or contact request has this account."""


class UnknownConversation(LocalProtocolError):
    """No conversation has this id."""


class UnknownMessage(LocalProtocolError):
    """No message has this id."""


class PermissionDenied(LocalProtocolError):
    """The rules of the conversation do not allow this."""


class MessageTooLarge(LocalProtocolError):
    """A text is over its limit; nothing was stored."""


class InvalidTarget(LocalProtocolError):
    """This is neither an account nor a peer nor a network, so it cannot be blocked."""


class KeyChanged(LocalProtocolError):
    """A device of a contact speaks for another account: nothing is sent before the user says so."""


class UnknownDevice(LocalProtocolError):
    """No device of ours has this peer id, or it cannot be revoked here."""


class BadPicture(LocalProtocolError):
    """A file is no picture that can become an avatar; the profile is as it was."""


class VerificationFailed(LocalProtocolError):
    """What was compared is not the same: somebody is in between, or it was not for each other."""


class NotProvable(LocalProtocolError):
    """Nobody has signed to hold what was asked about, or it is too much for one file."""


class InvalidText(LocalProtocolError):
    """A text holds what UTF-8 cannot carry; nothing was stored."""


class RemoteProtocolError(P2PChatError):
    """A peer broke the rules of a protocol."""


class MalformedMessage(RemoteProtocolError):
    """Bytes from a peer do not decode, or decode to values out of bounds."""


class UnknownVersion(RemoteProtocolError):
    """A peer sent something of a later version: it is skipped, and nobody is to blame."""


class BadSignature(RemoteProtocolError):
    """A signature from a peer does not verify."""


class FrameTooLarge(RemoteProtocolError):
    """A peer announced a frame over the limit of its protocol."""


class NetworkError(P2PChatError):
    """The network could not do it; trying again later may help."""


class PeerUnreachable(NetworkError):
    """No address of a peer answered; `attempts` pairs each address with why: a
    `model.blocking.Refusal` where a block is the reason, else words."""

    def __init__(self, message: str, attempts: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.attempts = attempts


class StreamReset(NetworkError):
    """The stream ended before the exchange did."""


class AddressInUse(NetworkError):
    """A listen address is taken by another program; `address` is the multiaddr, if it has one."""

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class RelayRefused(NetworkError):
    """A relay refused a reservation or a circuit."""


class NodeClosed(NetworkError):
    """The node stopped before it could answer."""


class StoreError(P2PChatError):
    """The home directory or its database cannot be used."""


class HomeInUse(StoreError):
    """Another process has this home open."""


class HomeUnwritable(StoreError):
    """The home directory cannot be made or written."""


class WrongKey(StoreError):
    """The key file does not open the database."""


class PassphraseNeeded(StoreError):
    """The home is locked by a passphrase, and none was given."""


class WrongPassphrase(StoreError):
    """The passphrase does not open what it was given for; nothing has changed."""


class KeyringUnusable(StoreError):
    """The system's keyring is not there, is locked, or has lost what it kept."""


class BadExport(StoreError):
    """A file is no export, or is damaged or not whole; nothing of it was taken."""


class BadProof(StoreError):
    """A file is no proof of delivery, or proves nothing."""


class HomeNotEmpty(StoreError):
    """An export goes into a home in which nothing has happened yet."""


class FileExists(StoreError):
    """A file of this name is there already and was left alone."""


class FileUnusable(StoreError):
    """A file outside of the home cannot be read or written."""


class SchemaTooNew(StoreError):
    """The database or one of its files was written by a newer version of this program."""


class Corrupted(StoreError):
    """The database is damaged."""


class DiskFull(StoreError):
    """The disk has no room; what was not yet committed was not acknowledged."""
