"""The status as Prometheus metrics.

Each scrape takes one snapshot, and every figure comes from it: nothing is counted twice, and a
figure that the relay does not keep cannot be shown. Counts of one kind share a name and differ in a
label, so that their sum means something. The format itself is the client library's.

Source: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from p2pchat.config import MailboxLimits, RelayLimits
from p2pchat.monitoring.http import Response
from p2pchat.monitoring.status import RelayStatus, ailment
from p2pchat.protocol.mailbox_vocabulary import MailboxStatistics
from p2pchat.wire.mailbox_codec import Reason

__all__ = ["COUNTERS", "GAUGES", "Metrics"]

PREFIX = "dchat_relay_"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without prefix, what it says, and the fields that it shows, by label."""

    name: str
    help: str
    label: str
    fields: Mapping[str, str]
    """The value of the label for each field of `HostStatistics`."""


GAUGES: Mapping[str, tuple[str, str]] = {
    "peers": ("peers", "Peers connected now."),
    "connections": ("connections", "Connections open now."),
    "handshakes_pending": ("handshakes_pending", "Inbound connections not authenticated yet."),
    "streams_served": ("streams_served", "Inbound streams being served now."),
    "reservations": ("reservations", "Peers that can be reached through this relay now."),
    "circuits": ("circuits", "Relayed connections open now."),
}
"""Fields of `HostStatistics` that go up and down, each with its metric."""

COUNTERS: tuple[Family, ...] = (
    Family(
        "connections_accepted_total",
        "Inbound TCP connections.",
        "",
        {"accepted_total": ""},
    ),
    Family(
        "connections_refused_total",
        "Connections refused, by reason.",
        "reason",
        {
            "refused_subnet_total": "subnet",
            "refused_address_total": "address",
            "refused_peer_total": "peer",
            "refused_full_total": "full",
            "refused_gate_total": "gate",
            "refused_pace_total": "pace",
            "refused_shunned_total": "shunned",
        },
    ),
    Family(
        "handshakes_failed_total",
        "Inbound connections that did not authenticate, by reason.",
        "reason",
        {
            "handshakes_evicted_total": "evicted",
            "handshakes_failed_total": "failed",
            "handshakes_timed_out_total": "timed_out",
        },
    ),
    Family("dials_failed_total", "Outbound dials that failed.", "", {"dials_failed_total": ""}),
    Family(
        "connections_cut_total",
        "Connections ended by this side, by reason.",
        "reason",
        {
            "connections_evicted_total": "evicted",
            "connections_silent_total": "silent",
            "connections_flooding_total": "flooding",
        },
    ),
    Family(
        "streams_total",
        "Streams agreed on, by who opened them.",
        "direction",
        {"streams_opened_total": "out", "streams_accepted_total": "in"},
    ),
    Family(
        "streams_refused_total",
        "Inbound streams refused, by reason.",
        "reason",
        {
            "streams_refused_full_total": "full",
            "streams_refused_pace_total": "pace",
            "streams_refused_late_total": "late",
        },
    ),
    Family(
        "streams_failed_total",
        "Inbound streams that did not end in order, by reason.",
        "reason",
        {
            "streams_malformed_total": "malformed",
            "streams_broken_total": "broken",
            "handlers_failed_total": "handler",
        },
    ),
    Family("circuits_total", "Relayed connections made.", "", {"circuits_total": ""}),
    Family(
        "circuits_refused_total",
        "Relayed connections refused, by reason.",
        "reason",
        {
            "circuits_refused_full_total": "full",
            "circuits_refused_address_total": "address",
            "circuits_refused_peer_total": "peer",
            "circuits_refused_bytes_total": "bytes",
            "circuits_refused_pace_total": "pace",
            "circuits_refused_absent_total": "absent",
        },
    ),
    Family(
        "circuits_ended_total",
        "Relayed connections that could not be made, had all they may, or fell silent, by reason.",
        "reason",
        {
            "circuits_failed_total": "unanswered",
            "circuits_spent_total": "spent",
            "circuits_silent_total": "silent",
        },
    ),
    Family("reservations_total", "Reservations made or refreshed.", "", {"reservations_total": ""}),
    Family(
        "reservations_refused_total",
        "Reservations refused, by reason.",
        "reason",
        {
            "reservations_refused_full_total": "full",
            "reservations_refused_address_total": "address",
        },
    ),
    Family(
        "relaying_refused_total",
        "Requests to relay that were not looked at, by reason.",
        "reason",
        {
            "relaying_refused_pace_total": "pace",
            "relaying_refused_malformed_total": "malformed",
        },
    ),
    Family(
        "circuit_bytes_total",
        "Bytes carried through relayed connections, both directions.",
        "",
        {"circuit_bytes_total": ""},
    ),
)
"""Fields of `HostStatistics` that only grow."""

MAILBOX_REASONS = (
    *(reason.name.lower() for reason in Reason),
    "streams",
    "banned",
    "malformed",
    "slow",
    "disk",
)
"""Why mailboxes refuse: requests by the answer, and streams."""


class Metrics(Collector):
    """Answers scrapes from snapshots of the relay."""

    def __init__(
        self,
        snapshot: Callable[[], RelayStatus],
        limits: RelayLimits,
        mailbox_limits: MailboxLimits | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._limits = limits
        self._mailbox_limits = mailbox_limits or MailboxLimits()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)  # memory, processor, descriptors; Linux has them

    def page(self) -> Response:
        """The text exposition of this moment."""
        return Response(generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: registering shall not take a snapshot."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every metric, from one snapshot."""
        status = self._snapshot()
        info = GaugeMetricFamily(
            PREFIX + "info", "Which relay this is; always 1.", labels=("version", "peer_id")
        )
        info.add_metric((status.version, status.peer_id), 1)
        yield info
        yield _gauge("healthy", "1 when the relay is of use to others.", ailment(status) is None)
        yield _gauge("uptime_seconds", "Since its start.", status.uptime_s)
        yield _gauge(
            "known_peers", "Peers remembered, connected or not.", status.statistics.known_peers
        )
        for field, (name, text) in GAUGES.items():
            yield _gauge(name, text, getattr(status.statistics.network, field))
        for family in COUNTERS:
            yield _counter(family, status)
        yield from self._limits_of()
        yield from _dht(status)
        if status.statistics.mailboxes is not None:
            yield from self._mailboxes(status.statistics.mailboxes)

    def _limits_of(self) -> Iterable[Metric]:
        limits = self._limits
        yield _gauge("connections_max", "Limit of open connections.", limits.connections_max)
        yield _gauge("reservations_max", "Limit of reservations.", limits.reservations_max)
        yield _gauge("circuits_max", "Limit of relayed connections.", limits.circuits_max)

    def _mailboxes(self, statistics: MailboxStatistics) -> Iterable[Metric]:
        limits = self._mailbox_limits
        yield _gauge("mailboxes", "Mailboxes kept for others.", statistics.mailboxes)
        yield _gauge("mailboxes_max", "Limit of mailboxes.", limits.mailboxes_max)
        yield _gauge("mailbox_blobs", "Sealed blobs waiting in mailboxes.", statistics.blobs)
        yield _gauge("mailbox_bytes", "What they take.", statistics.size_bytes)
        yield _gauge("mailbox_bytes_max", "Limit of what they take.", limits.bytes_max)
        yield _gauge("mailbox_streams", "Streams of mailboxes being served.", statistics.sessions)
        yield CounterMetricFamily(
            PREFIX + "mailbox_stored_total", "Blobs taken.", value=statistics.stored
        )
        refused = CounterMetricFamily(
            PREFIX + "mailbox_refused_total", "Refused by mailboxes, by reason.", labels=("reason",)
        )
        for reason in MAILBOX_REASONS:
            refused.add_metric((reason,), statistics.refused.get(reason, 0))
        yield refused


def _dht(status: RelayStatus) -> Iterable[Metric]:
    dht, requests = status.statistics.dht, status.statistics.dht_requests
    yield _gauge("dht_peers", "Peers in the routing table.", dht.table)
    yield _gauge("dht_records", "Records held for others.", dht.records)
    yield _gauge("dht_records_bytes", "Size of the records held.", dht.records_bytes)
    yield _gauge("dht_provider_keys", "Keys with providers held.", dht.provider_keys)
    yield _gauge("dht_streams", "Streams of the DHT being served now.", requests.served_streams)
    refused = CounterMetricFamily(
        PREFIX + "dht_refused_total", "Refused by the DHT, by reason.", labels=("reason",)
    )
    refused.add_metric(("request",), dht.refused)
    refused.add_metric(("stream",), requests.refused_streams)
    refused.add_metric(("malformed",), requests.malformed)
    yield refused


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _counter(family: Family, status: RelayStatus) -> Metric:
    labels = (family.label,) if family.label else ()
    metric = CounterMetricFamily(PREFIX + family.name, family.help, labels=labels)
    for field, label in family.fields.items():
        metric.add_metric((label,) if label else (), getattr(status.statistics.network, field))
    return metric
