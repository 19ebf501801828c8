"""A diagnosis: what is wrong, what to do about it, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from p2pchat.model.facts import Facts

__all__ = ["Cause", "Diagnosis", "Finding", "Saying"]


class Cause(StrEnum):
    """What can be wrong; docs/doctor.md has a section for each."""

    HOME_IN_USE = "home_in_use"
    DISK_FULL = "disk_full"
    CONFIG_WRONG = "config_wrong"
    HOME_UNWRITABLE = "home_unwritable"
    HOME_DAMAGED = "home_damaged"
    PORT_TAKEN = "port_taken"
    START_FAILED = "start_failed"
    SETTING_UNKNOWN = "setting_unknown"
    VERSION_TOO_OLD = "version_too_old"
    NO_INTERFACE = "no_interface"
    NO_ROUTE = "no_route"
    DNS_DOWN = "dns_down"
    CLOCK_WRONG = "clock_wrong"
    CLOCKS_DIFFER = "clocks_differ"
    BLOCKED_BY_US = "blocked_by_us"
    LIST_POISONED = "list_poisoned"
    WRONG_PEER_ID = "wrong_peer_id"
    LIST_UNREACHABLE = "list_unreachable"
    NAME_UNKNOWN = "name_unknown"
    TURNED_AWAY = "turned_away"
    RELAY_DEAD = "relay_dead"
    LAN_SECRET_WRONG = "lan_secret_wrong"  # noqa: S105 -- a finding's name
    LAN_PEERS_SILENT = "lan_peers_silent"
    LAN_NOBODY = "lan_nobody"
    NO_PEERS = "no_peers"
    INBOUND_BLOCKED = "inbound_blocked"
    NO_RELAY = "no_relay"
    RELAY_FULL = "relay_full"
    SYMMETRIC_NAT = "symmetric_nat"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence with blanks, so that it can be said in another language; `str` says it in
    English."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return self.text.format(**self.values)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    cause: Cause
    problem: Saying
    advice: Saying
    evidence: tuple[Saying, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings, the likeliest cause first; none means that nothing is wrong. The facts hold no
    text, no contact, no name, no key, and fit into a bug report."""

    findings: tuple[Finding, ...]
    facts: Facts
