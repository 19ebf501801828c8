"""From options to settings: the home, and the configuration in it with what was given over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.language import Language, language_of
from p2pchat.cli.logs import start_logging
from p2pchat.cli.options import HOME_VARIABLE, LAN_SECRET_VARIABLE, NetworkOptions, Options
from p2pchat.config import (
    CONFIG_FILE,
    ClientConfig,
    LanConfig,
    Loaded,
    RelayConfig,
    load_client_config,
)
from p2pchat.errors import ConfigError
from p2pchat.store.home import DATABASE_FILE, KEY_FILE

__all__ = [
    "Settings",
    "has_identity",
    "home_of",
    "network_settings",
    "require_usable",
    "settle",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with."""

    home: Path
    config: ClientConfig
    language: Language
    passphrase_file: Path | None
    load: Callable[[], Loaded[ClientConfig]]
    """Reads the configuration again, with what was given over it."""
    warnings: tuple[str, ...] = ()
    """Keys of the file that were ignored."""


def settle(options: Options) -> Settings:
    """Check the options and read the configuration.

    Raises `WrongUsage` for an option, `ConfigError` for the file.
    """
    start_logging(options.log_level or "warning", "text")
    given = network_settings(options)
    if options.name is not None:
        given["name"] = options.name
    require_usable(ClientConfig(), given)
    home = home_of(options)
    language = options.language or language_of((), os.environ)

    def load() -> Loaded[ClientConfig]:
        config, warnings = load_client_config(home / CONFIG_FILE)
        lan = _lan_settings(config.lan, options)
        return replace(config, lan=lan, **given), warnings

    config, warnings = load()
    if options.lan_secret_file is not None and not config.lan.enabled:
        raise WrongUsage("--lan-secret-file does nothing without --lan")
    return Settings(home, config, language, options.passphrase_file, load, warnings)


def network_settings(options: NetworkOptions) -> dict[str, object]:
    """The settings of client or relay that stand on the command line."""
    values: dict[str, object] = {
        "bootstrap_peers": options.bootstrap_peer,
        "listen": options.listen,
        "announce": options.announce,
        "identity_file": options.identity,
    }
    given = {key: value for key, value in values.items() if value}
    return given | ({"fetch": False} if options.no_fetch else {})


def _lan_settings(lan: LanConfig, options: Options) -> LanConfig:
    """LAN mode with what was given over it: a file named on the command line, else the variable."""
    secret = os.environ.get(LAN_SECRET_VARIABLE, "")
    given: dict[str, object] = {"enabled": True} if options.lan else {}
    if options.lan_secret_file is not None:
        given |= {"secret": "", "secret_file": options.lan_secret_file}
    elif secret:
        given |= {"secret": secret, "secret_file": None}
    try:
        return replace(lan, **given)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


def require_usable(config: ClientConfig | RelayConfig, given: Mapping[str, object]) -> None:
    """Raise `WrongUsage` when a value of the command line is wrong by itself."""
    try:
        replace(config, **given)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


def home_of(options: Options) -> Path:
    """Where the client lives: as given, as the variable says, or where such things are kept."""
    if options.home is not None:
        return options.home
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("p2pchat", appauthor=False)


def has_identity(home: Path) -> bool:
    """Whether somebody lives there, or did before a file of theirs was lost."""
    return any(os.path.exists(home / name) for name in (DATABASE_FILE, KEY_FILE))
