"""The system's keyring (Secret Service, KWallet, Keychain, Windows' vault), through `keyring`.

Asked for only where a home says so: to look for one may open a dialog, and on a machine without a
desktop there is none. A keyring that would only write the secret to a file in plain text, or forget
it, is none for us: ours is better then.
"""

from __future__ import annotations

import binascii

from p2pchat.errors import KeyringUnusable

__all__ = ["keep_secret", "kept_secret"]

SERVICE = "p2pchat"
_PRIORITY_MIN = 1
"""What `keyring` recommends: plain-text, null and failing keyrings are below it."""


def keep_secret(name: str, secret: bytes) -> None:
    """Have the keyring keep a secret. Raises `KeyringUnusable`, also when it does not give back
    what it was given."""
    import keyring  # it looks for backends, which takes a while and few homes need
    from keyring.errors import KeyringError

    _require_keyring()
    try:
        keyring.set_password(SERVICE, name, secret.hex())
    except (KeyringError, RuntimeError) as error:
        raise KeyringUnusable(f"the system's keyring refused the key: {_reason(error)}") from error
    if kept_secret(name) != secret:
        raise KeyringUnusable("the system's keyring did not keep the key: use a passphrase instead")


def kept_secret(name: str) -> bytes:
    """What was kept. Raises `KeyringUnusable`."""
    import keyring
    from keyring.errors import KeyringError

    _require_keyring()
    try:
        text = keyring.get_password(SERVICE, name)
    except (KeyringError, RuntimeError) as error:
        raise KeyringUnusable(f"the system's keyring is locked: {_reason(error)}") from error
    try:
        return binascii.unhexlify(text or "")
    except ValueError:
        return b""


def _require_keyring() -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        is_usable = keyring.get_keyring().priority >= _PRIORITY_MIN
    except (KeyringError, RuntimeError):
        is_usable = False
    if not is_usable:
        raise KeyringUnusable(
            "there is no keyring on this system that keeps secrets: use a passphrase instead"
        )


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
