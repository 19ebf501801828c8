"""Metrics: every figure of the host is shown once, in a form that Prometheus reads."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields

from prometheus_client.parser import text_string_to_metric_families

from p2pchat.config import MailboxLimits, RelayLimits
from p2pchat.monitoring.metrics import COUNTERS, GAUGES, Metrics
from p2pchat.net.libp2p.options import HostStatistics
from tests.unit.monitoring.relays import MAILBOXES, PEER_ID, status

NAME = re.compile(r"(dchat_relay|process)_[a-z0-9_]+")


def scraped(shown) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, as Prometheus reads it."""
    text = Metrics(lambda: shown, RelayLimits()).page().body.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_figure_of_the_host_is_shown_once():
    shown = Counter(GAUGES.keys())
    for family in COUNTERS:
        shown.update(family.fields.keys())
    assert shown == Counter(field.name for field in fields(HostStatistics))


def test_each_figure_stands_under_its_name_and_label():
    numbers = {field.name: number for number, field in enumerate(fields(HostStatistics), 1)}
    samples = scraped(status(HostStatistics(**numbers)))
    for field, (name, _) in GAUGES.items():
        assert samples[f"dchat_relay_{name}", ()] == numbers[field]
    for family in COUNTERS:
        for field, label in family.fields.items():
            labels = ((family.label, label),) if family.label else ()
            assert samples[f"dchat_relay_{family.name}", labels] == numbers[field]


def test_names_follow_the_conventions():
    for family in COUNTERS:
        assert family.name.endswith("_total")
        assert bool(family.label) == all(family.fields.values())
    assert all(NAME.fullmatch(name) for name, _ in scraped(status()))


def test_who_health_limits_and_the_dht_are_shown():
    samples = scraped(status(dht_refused=6))
    assert samples["dchat_relay_info", (("peer_id", PEER_ID), ("version", "1.2.3"))] == 1
    assert samples["dchat_relay_healthy", ()] == 1
    assert samples["dchat_relay_uptime_seconds", ()] == 12.5
    assert samples["dchat_relay_reservations_max", ()] == RelayLimits().reservations_max
    assert samples["dchat_relay_dht_peers", ()] == 5
    assert samples["dchat_relay_dht_refused_total", (("reason", "request"),)] == 6


def test_a_relay_that_is_not_well_shows_it():
    assert scraped(status(is_ready=False))["dchat_relay_healthy", ()] == 0


def test_what_mailboxes_hold_and_refuse_is_shown_where_there_are_any():
    assert not [name for name, _ in scraped(status()) if "mailbox" in name]
    samples = scraped(status(mailboxes=MAILBOXES))
    assert samples["dchat_relay_mailboxes", ()] == 2
    assert samples["dchat_relay_mailbox_blobs", ()] == 3
    assert samples["dchat_relay_mailbox_bytes", ()] == 4_000
    assert samples["dchat_relay_mailbox_bytes_max", ()] == MailboxLimits().bytes_max
    assert samples["dchat_relay_mailbox_stored_total", ()] == 9
    refused = "dchat_relay_mailbox_refused_total"
    assert samples[refused, (("reason", "busy"),)] == 5
    assert samples[refused, (("reason", "denied"),)] == 0
