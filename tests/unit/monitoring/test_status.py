"""One snapshot, shown as JSON and judged."""

from __future__ import annotations

import json

from p2pchat.monitoring.status import ailment, refusals, render_status
from p2pchat.net.libp2p.options import HostStatistics
from tests.unit.monitoring.relays import ADDRESS, MAILBOXES, PEER_ID, status


def test_a_relay_that_is_ready_and_has_an_address_is_well():
    assert ailment(status()) is None


def test_a_relay_that_has_not_joined_yet_says_so():
    assert "starting" in ailment(status(is_ready=False))


def test_a_relay_without_an_address_is_of_no_use():
    assert "no address" in ailment(status(addresses=(), is_ready=False))


def test_refusals_are_named_by_reason_and_only_those_that_occurred():
    network = HostStatistics(refused_full_total=2, circuits_refused_full_total=1, accepted_total=9)
    assert refusals(status(network, dht_refused=4)) == {
        "refused_full": 2,
        "circuits_refused_full": 1,
        "dht_requests_refused": 4,
    }


def test_the_status_is_json_for_programs():
    shown = json.loads(render_status(status(HostStatistics(connections=3, circuit_bytes_total=8))))
    assert (shown["version"], shown["peer_id"]) == ("1.2.3", PEER_ID)
    assert (shown["addresses"], shown["uptime_s"]) == ([ADDRESS], 12.5)
    assert (shown["healthy"], shown["reason"]) == (True, None)
    assert (shown["connections"], shown["circuit_bytes_total"]) == (3, 8)
    assert shown["dht"] == {"peers": 5, "records": 3, "records_bytes": 300, "provider_keys": 2}
    assert shown["totals"]["circuit_bytes_total"] == 8


def test_the_status_says_why_a_relay_is_not_well():
    shown = json.loads(render_status(status(is_ready=False)))
    assert (shown["healthy"], shown["reason"]) == (False, ailment(status(is_ready=False)))


def test_the_status_shows_mailboxes_where_there_are_any():
    assert json.loads(render_status(status()))["mailboxes"] is None
    shown = json.loads(render_status(status(mailboxes=MAILBOXES)))
    assert shown["mailboxes"] == {
        "mailboxes": 2,
        "blobs": 3,
        "size_bytes": 4_000,
        "streams": 1,
        "stored_total": 9,
    }
    assert shown["refused"] == {"mailboxes_busy": 5, "mailboxes_slow": 1}
