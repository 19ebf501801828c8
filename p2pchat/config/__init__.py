"""Frozen settings and limits: what a person may set, and every bound with its unit.

`limits` is pure and may be imported by the core as `p2pchat.config.limits`.
"""

from p2pchat.config.addresses import (
    PeerAddress,
    parse_announce,
    parse_listen,
    parse_metrics,
    parse_peer_address,
    speaks_tcp,
)
from p2pchat.config.changes import ConfigChange, SettingsInForce
from p2pchat.config.editing import edited_config, settings_in
from p2pchat.config.fetch_url import FetchUrl
from p2pchat.config.lan import LanConfig
from p2pchat.config.limits import FetchLimits, Limits, MailboxLimits, RelayLimits
from p2pchat.config.loading import (
    CONFIG_FILE,
    Loaded,
    load_client_config,
    load_relay_config,
    read_client_config,
)
from p2pchat.config.mailboxes import ClientMailboxes, RelayMailboxes
from p2pchat.config.settings import (
    ClientConfig,
    DhtConfig,
    DhtMode,
    RelayConfig,
    TransportKind,
    checked_name,
)

__all__ = [
    "CONFIG_FILE",
    "ClientConfig",
    "ClientMailboxes",
    "ConfigChange",
    "DhtConfig",
    "DhtMode",
    "FetchLimits",
    "FetchUrl",
    "LanConfig",
    "Limits",
    "Loaded",
    "MailboxLimits",
    "PeerAddress",
    "RelayConfig",
    "RelayLimits",
    "RelayMailboxes",
    "SettingsInForce",
    "TransportKind",
    "checked_name",
    "edited_config",
    "load_client_config",
    "load_relay_config",
    "parse_announce",
    "parse_listen",
    "parse_metrics",
    "parse_peer_address",
    "read_client_config",
    "settings_in",
    "speaks_tcp",
]
