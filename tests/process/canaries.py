"""What tests that look for canaries have in common: words, and programs with seals and without."""

from __future__ import annotations

import os
from pathlib import Path

from p2pchat.store.home import KeyFile, open_home
from p2pchat.testing.processes import Launch

PASSPHRASE = "canary-passphrase-5ad1"
NAME = "canary-name-c01d"
PATH = os.pathsep.join([str(Path(__file__).parent / "unsealed"), os.environ.get("PYTHONPATH", "")])


def launched(*, unsealed: bool, forwards: str = "", listens: bool = True) -> Launch:
    environment = {"PYTHONPATH": PATH}
    if unsealed:
        environment["P2PCHAT_UNSEALED"] = "1"
    if forwards:
        environment["P2PCHAT_FORWARDS"] = forwards
    listen = Launch().listen if listens else ()
    return Launch(listen=listen, options=("--log-level", "debug"), environment=environment)


def secrets_of(home: Path, keys: KeyFile) -> dict[str, bytes]:
    """The keys and tokens of a home that is shut again."""
    with open_home(home, keys=keys) as opened:
        identity = opened.store.identity()
        assert identity is not None
        return {
            "account seed": identity.account_seed,
            "device seed": identity.device_seed,
            "token of the link": opened.store.snapshot().settings["intro"],
        }
