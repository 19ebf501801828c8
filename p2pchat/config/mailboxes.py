"""Settings of mailboxes: keeping them for others, and where our own are."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.config.addresses import parse_peer_address
from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import ConfigError
from p2pchat.model.ids import AccountId

__all__ = ["ClientMailboxes", "RelayMailboxes"]

DATABASE_PREFIX = "postgresql+psycopg://"
RELAYS_MAX = 8
SERVED_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayMailboxes:
    """What a relay keeps for who is away; table `[mailboxes]` of a relay."""

    enabled: bool = True
    database: str | None = field(default=None, repr=False)
    """URL of a PostgreSQL database, which may hold a password; None keeps them in the home."""
    limits: MailboxLimits = field(default_factory=MailboxLimits)

    def __post_init__(self) -> None:
        if self.database is not None and not self.database.startswith(DATABASE_PREFIX):
            raise ConfigError(
                "mailboxes.database",
                f"give a URL that begins with {DATABASE_PREFIX}, or take the line out",
                "",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMailboxes:
    """Where our mail is kept while we are away, and for whom we keep it; table `[mailboxes]` of a
    client."""

    relays: tuple[str, ...] = ()
    """Multiaddrs of those who shall keep ours, each ending in `/p2p/<peer id>`: relays, or
    contacts who serve us. None: the relays that we can be reached through."""
    serve_for: tuple[str, ...] = ()
    """Accounts of the contacts whose mailboxes we keep."""
    limits: MailboxLimits = field(default_factory=MailboxLimits)

    def __post_init__(self) -> None:
        _require_at_most("mailboxes.relays", self.relays, RELAYS_MAX)
        _require_at_most("mailboxes.serve_for", self.serve_for, SERVED_MAX)
        relays = tuple(_checked_relay(text) for text in self.relays)
        object.__setattr__(self, "relays", tuple(dict.fromkeys(relays)))
        for text in self.serve_for:
            _checked_account(text)

    @property
    def served(self) -> frozenset[AccountId]:
        """Whose mailboxes we keep."""
        return frozenset(map(AccountId.parse, self.serve_for))


def _require_at_most(key: str, values: tuple[str, ...], most: int) -> None:
    if len(values) > most:
        raise ConfigError(key, f"{len(values)} entries are too many; give {most} at most")


def _checked_relay(text: str) -> str:
    try:
        return str(parse_peer_address(text))
    except ValueError as error:
        raise ConfigError("mailboxes.relays", f"{text[:200]!a} cannot be used: {error}") from error


def _checked_account(text: str) -> None:
    try:
        AccountId.parse(text)
    except ValueError as error:
        raise ConfigError(
            "mailboxes.serve_for", f"{text[:200]!a} is no account: {error}"
        ) from error
