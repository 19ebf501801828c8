"""Settings written into the file of a home, which a client that runs can then read again.

Whatever interrupts it, the file is the old one or the new one, and the new one opens: it is written
beside the old one, and takes its place when it has been checked and is on disk.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from p2pchat.config import (
    CONFIG_FILE,
    ClientConfig,
    Loaded,
    edited_config,
    read_client_config,
)
from p2pchat.config.loading import config_text
from p2pchat.net.interfaces import require_listenable, usable_listen
from p2pchat.net.lan import require_own
from p2pchat.store.files import file_error, write_private

__all__ = ["change_config"]


def change_config(
    home: str | os.PathLike[str], changes: Mapping[str, object]
) -> Loaded[ClientConfig]:
    """Write other values under these keys into `<home>/config.toml`: keys with dots
    (`lan.enabled`), values as in TOML, None for the default. Comments, order and unknown keys stay.
    Answers the settings and warnings that the file has now.

    It blocks for a moment. A client that is open takes them over by `reload_config`. Raises
    `ConfigError`, whose `key` is the setting that is wrong, `DiskFull`, `FileUnusable`; then
    nothing has changed.
    """
    path = Path(home) / CONFIG_FILE
    text = config_text(path)
    written = edited_config(text, changes, path)
    loaded = read_client_config(written, path, changes)
    _require_openable(loaded[0], changes)
    if written != text:
        place = Path(os.path.realpath(path))  # who keeps it elsewhere has a link here
        try:
            write_private(place, written.encode())
        except OSError as error:
            raise file_error(place, error) from error
    return loaded


def _require_openable(config: ClientConfig, changes: Mapping[str, object]) -> None:
    """That a client opens with what was changed, as far as that can be known before it does."""
    if "listen" in changes:
        for address in usable_listen(config.listen):
            require_listenable(address)
    if config.lan.enabled and any(key.startswith("lan.") for key in changes):
        config.lan.require_secret()
        require_own(config.lan.listen_host)
