"""Each rule on facts made up for it: what it sees, and what it is silent about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.model.diagnosis import Cause
from p2pchat.model.facts import (
    Attempt,
    ClockReading,
    Facts,
    LanFacts,
    ListFacts,
    MachineFacts,
    NameFacts,
    NetworkFacts,
    Outcome,
    PeerFacts,
    RelayFacts,
    StartFailure,
)
from p2pchat.model.lan import LanRefusal
from p2pchat.model.status import Health, Reachability
from p2pchat.protocol.doctor import EVIDENCE_MAX, FREE_BYTES_MIN, RULES, diagnose
from p2pchat.protocol.remedies import REMEDIES

MACHINE = MachineFacts(
    version="1",
    python="3",
    system="Linux",
    addresses=("192.168.1.7",),
    has_route=True,
    free_bytes=10**9,
)
RELAY = PeerFacts("relay", "direct", ("/dchat/clock/1.0.0", "/dchat/kad/1.0.0"))
ONLINE = NetworkFacts(
    health=Health.GOOD,
    reachability=Reachability.NAT,
    known_peers=1,
    listening=("/ip4/192.168.1.7/tcp/4001",),
    peers=(RELAY,),
    relays=(RelayFacts("relay", is_held=True),),
)
OFFLINE = replace(
    ONLINE, health=Health.OFFLINE, reachability=Reachability.UNKNOWN, peers=(), relays=()
)
HEALTHY = Facts(
    machine=MACHINE,
    network=ONLINE,
    names=(NameFacts("relay.example"),),
    lists=(ListFacts("https://lists.example/", 1),),
    attempts=(Attempt("relay", "configured", "/dns4/relay.example/tcp/1", Outcome.REACHED),),
    clocks=(ClockReading("peer", "relay", 0.4),),
)
UNCONNECTED = replace(HEALTHY, network=OFFLINE, clocks=())


def causes(facts: Facts) -> list[Cause]:
    return [finding.cause for finding in diagnose(facts).findings]


def tried(outcome: Outcome, source: str = "configured") -> Attempt:
    return Attempt("dead", source, "/ip4/1.2.3.4/tcp/1", outcome, "why")


def test_every_cause_has_one_rule_and_words():
    assert sorted(rule.cause for rule in RULES) == sorted(Cause)
    assert set(REMEDIES) == set(Cause)


def test_a_rule_explains_only_causes_that_are_told_later():
    order = [rule.cause for rule in RULES]
    for place, rule in enumerate(RULES):
        assert rule.explains <= set(order[place + 1 :])


def test_nothing_is_wrong_with_a_healthy_client():
    assert causes(HEALTHY) == []
    assert diagnose(HEALTHY).facts is HEALTHY


def test_nothing_is_wrong_on_a_lan_that_leads_nowhere_with_somebody_there():
    lonely = replace(MACHINE, has_route=False)
    near = replace(ONLINE, relays=(), reachability=Reachability.UNKNOWN)
    lan = LanFacts(is_open=True, peers=1)
    assert causes(Facts(machine=lonely, network=near, lan=lan)) == []


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("HomeInUse", Cause.HOME_IN_USE),
        ("DiskFull", Cause.DISK_FULL),
        ("ConfigError", Cause.CONFIG_WRONG),
        ("HomeUnwritable", Cause.HOME_UNWRITABLE),
        ("Corrupted", Cause.HOME_DAMAGED),
        ("WrongKey", Cause.HOME_DAMAGED),
        ("AddressInUse", Cause.PORT_TAKEN),
        ("SchemaTooNew", Cause.VERSION_TOO_OLD),
        ("PermissionError", Cause.START_FAILED),
    ],
)
def test_what_keeps_the_client_from_starting_is_told_alone(error, cause):
    [finding] = diagnose(Facts(machine=MACHINE, start=StartFailure(error, "why"))).findings
    assert finding.cause is cause
    assert str(finding.evidence[0]) == f"At the start: {error}: why"


def test_a_disk_counts_as_full_before_nothing_is_left():
    nearly = replace(MACHINE, free_bytes=FREE_BYTES_MIN - 1024)
    assert causes(replace(HEALTHY, machine=nearly)) == [Cause.DISK_FULL]
    enough = replace(MACHINE, free_bytes=FREE_BYTES_MIN)
    assert causes(replace(HEALTHY, machine=enough)) == []


UNNAMED = (NameFacts("relay.example", "nobody answers", is_answered=False),)
UNFETCHED = (ListFacts("https://lists.example/", error="no route"),)


def test_without_a_network_only_that_is_said_of_the_network():
    off = replace(MACHINE, addresses=(), has_route=False)
    stuck = (tried(Outcome.NO_ROUTE),)
    facts = replace(UNCONNECTED, machine=off, attempts=stuck, names=UNNAMED, lists=UNFETCHED)
    assert causes(facts) == [Cause.NO_INTERFACE]


def test_a_network_that_leads_nowhere_is_told_before_what_comes_of_it():
    inland = replace(MACHINE, has_route=False)
    facts = replace(UNCONNECTED, machine=inland, names=UNNAMED, lists=UNFETCHED)
    stuck = replace(facts, attempts=(tried(Outcome.NO_ROUTE), tried(Outcome.NO_NAME)))
    assert causes(stuck) == causes(replace(facts, attempts=())) == [Cause.NO_ROUTE]


def test_names_that_nobody_answers_for_explain_lists_and_relays():
    facts = replace(UNCONNECTED, names=UNNAMED, lists=UNFETCHED, attempts=(tried(Outcome.NO_NAME),))
    assert causes(facts) == [Cause.DNS_DOWN]


def test_a_name_that_does_not_exist_is_no_fault_of_the_name_server():
    unknown = (NameFacts("typo.example", "not known", is_answered=True),)
    facts = replace(UNCONNECTED, names=unknown, attempts=(tried(Outcome.NO_NAME),))
    assert causes(facts) == [Cause.NAME_UNKNOWN]


@pytest.mark.parametrize(
    ("differences_s", "is_wrong"),
    [
        ([-61.0, -62.0], True),
        ([60.0], False),
        ([0.1, 0.2, 9999.0], False),
        ([0.1, 9999.0], False),
        ([0.1, 9999.0, 9999.0], True),
    ],
)
def test_the_clock_is_wrong_when_most_others_tell_another_time(differences_s, is_wrong):
    readings = tuple(ClockReading("peer", "x", one) for one in differences_s)
    found = diagnose(replace(HEALTHY, clocks=readings)).findings
    assert [finding.cause for finding in found] == [Cause.CLOCK_WRONG] * is_wrong


@pytest.mark.parametrize("origin", ["peer", "lan"])
def test_a_lone_witness_does_not_say_which_of_two_clocks_is_wrong(origin):
    alone = ClockReading(origin, "cat", 34_560_000.0)
    [finding] = diagnose(replace(HEALTHY, clocks=(alone,))).findings
    assert finding.cause is Cause.CLOCKS_DIFFER
    assert "one of the two is wrong" in str(finding.problem)
    assert "is 400 d ahead" in str(finding.evidence[0])
    assert causes(replace(HEALTHY, clocks=(replace(alone, origin="https"),))) == [Cause.CLOCK_WRONG]


@pytest.mark.parametrize(
    ("seconds", "span"),
    [(61, "61 s"), (-300, "5 min"), (7_199, "120 min"), (7_200, "2 h"), (-200_000, "2 d")],
)
def test_a_difference_of_clocks_is_told_in_a_unit_that_suits_it(seconds, span):
    [finding] = diagnose(replace(HEALTHY, clocks=(ClockReading("peer", "x", seconds),))).findings
    assert f" is {span} " in str(finding.evidence[0])


def test_a_wrong_clock_explains_servers_that_are_not_trusted():
    readings = (ClockReading("https", "lists.example", -90_000.0),)
    facts = replace(HEALTHY, clocks=readings, lists=UNFETCHED)
    [finding] = diagnose(facts).findings
    assert finding.cause is Cause.CLOCK_WRONG
    assert "behind ours" in str(finding.evidence[0])


def test_who_is_blocked_by_ourselves_is_not_called_dead():
    facts = replace(UNCONNECTED, attempts=(tried(Outcome.BLOCKED),))
    assert causes(facts) == [Cause.BLOCKED_BY_US]
    for reason in (LanRefusal.PEER, LanRefusal.SUBNET, LanRefusal.OUTSIDE):
        refused = LanFacts(is_open=True, refused={reason: 3})
        assert causes(replace(UNCONNECTED, lan=refused)) == [Cause.BLOCKED_BY_US]


def test_who_was_there_until_we_blocked_them_is_told_while_nobody_else_is():
    parted = (tried(Outcome.BLOCKED, "parted"),)
    assert causes(replace(UNCONNECTED, attempts=parted)) == [Cause.BLOCKED_BY_US]
    assert causes(replace(HEALTHY, attempts=parted)) == []


def test_a_list_in_whose_place_others_answer_is_poisoned():
    facts = replace(UNCONNECTED, attempts=(tried(Outcome.STRANGER, "listed"),))
    assert causes(facts) == [Cause.LIST_POISONED]
    empty = (ListFacts("https://lists.example/", 0, ("it is no JSON",)),)
    assert causes(replace(HEALTHY, lists=empty)) == [Cause.LIST_POISONED]


def test_a_list_with_one_bad_entry_is_none():
    spotted = (ListFacts("https://lists.example/", 3, ("entry 4 is skipped",)),)
    assert causes(replace(HEALTHY, lists=spotted)) == []


def test_a_configured_peer_in_whose_place_another_answers_is_named():
    facts = replace(UNCONNECTED, attempts=(tried(Outcome.STRANGER),))
    assert causes(facts) == [Cause.WRONG_PEER_ID]


def test_one_mirror_that_comes_is_enough():
    lists = (*UNFETCHED, ListFacts("https://mirror.example/", 2))
    assert causes(replace(HEALTHY, lists=lists)) == []
    assert causes(replace(HEALTHY, lists=UNFETCHED)) == [Cause.LIST_UNREACHABLE]


def test_configured_peers_that_are_silent_are_told_even_beside_others():
    facts = replace(HEALTHY, attempts=(*HEALTHY.attempts, tried(Outcome.SILENT)))
    assert causes(facts) == [Cause.RELAY_DEAD]


def test_listed_peers_that_are_silent_are_told_only_when_nobody_is_there():
    silent = (tried(Outcome.REFUSED, "listed"),)
    assert causes(replace(HEALTHY, attempts=silent)) == []
    assert causes(replace(UNCONNECTED, attempts=silent)) == [Cause.RELAY_DEAD]


def test_an_address_that_fails_beside_one_that_answers_is_nothing():
    half = (tried(Outcome.SILENT), replace(tried(Outcome.REACHED), address="/ip4/1.2.3.5/tcp/1"))
    assert causes(replace(HEALTHY, attempts=half)) == []


def test_another_lan_secret_is_told_while_nobody_is_found():
    alone = replace(OFFLINE, known_peers=0)
    lan = LanFacts(
        is_open=False, refused={LanRefusal.WRONG_SECRET: 4, LanRefusal.OUR_OWN: 9}, listened_s=5.0
    )
    facts = Facts(machine=MACHINE, network=alone, lan=lan)
    assert causes(facts) == [Cause.LAN_SECRET_WRONG]
    neighbours = replace(lan, peers=1)
    assert causes(replace(HEALTHY, lan=neighbours)) == []


@pytest.mark.parametrize("outcome", [Outcome.SILENT, Outcome.REFUSED, Outcome.FAILED])
def test_who_is_heard_but_takes_no_connection_is_told(outcome):
    facts = Facts(
        machine=MACHINE,
        network=OFFLINE,
        lan=LanFacts(is_open=True, peers=1),
        attempts=(replace(tried(outcome, "lan"), address="/ip4/10.0.0.2/tcp/40123"),),
    )
    [finding] = diagnose(facts).findings
    assert finding.cause is Cause.LAN_PEERS_SILENT
    assert "Allow TCP port 40123 in" in str(finding.advice)


@pytest.mark.parametrize("source", ["lan", "configured", "listed"])
def test_who_answers_and_takes_no_connection_is_not_called_dead(source):
    lan = LanFacts(is_open=True, peers=1)
    away = (tried(Outcome.TURNED_AWAY, source),)
    assert causes(replace(UNCONNECTED, lan=lan, attempts=away)) == [Cause.TURNED_AWAY]
    online = replace(HEALTHY, attempts=away)
    assert causes(online) == [Cause.TURNED_AWAY] * (source == "configured")


def test_a_stranger_on_a_lan_accuses_no_clock_that_others_there_agree_with():
    lan = LanFacts(is_open=True, peers=1)
    clocks = (ClockReading("lan", "cat", 300.0),)
    assert causes(replace(HEALTHY, lan=lan, clocks=clocks)) == []


def test_what_we_block_ourselves_is_told_in_place_of_strangers_on_the_lan():
    """Whoever came by with another secret or clock has nothing to do with it."""
    refused = {LanRefusal.SUBNET: 1, LanRefusal.WRONG_SECRET: 9, LanRefusal.CLOCK_DIFFERS: 1}
    lan = LanFacts(is_open=False, refused=refused)
    clocks = (ClockReading("lan", "cat", 300.0),)
    assert causes(replace(UNCONNECTED, lan=lan, clocks=clocks)) == [Cause.BLOCKED_BY_US]


def test_a_lan_on_which_nobody_was_heard_is_told_with_for_how_long():
    """And nobody is advised to do what they have done."""
    lan = LanFacts(is_open=True, subnets=("10.77.0.0/24",), listened_s=5.2, discovery_port=20_001)
    facts = Facts(machine=MACHINE, network=replace(OFFLINE, known_peers=0), lan=lan)
    [finding] = diagnose(facts).findings
    assert finding.cause is Cause.LAN_NOBODY
    assert [str(line) for line in finding.evidence] == [
        "Listened for 5 s, in 10.77.0.0/24: nobody was heard."
    ]
    assert "UDP port 20001" in str(finding.advice)


@pytest.mark.parametrize("origin", ["lan", "https"])
def test_a_clock_that_differs_explains_that_nobody_is_found(origin):
    alone = replace(OFFLINE, known_peers=0)
    clocks = (ClockReading(origin, "cat", 300.0),)
    lan = LanFacts(is_open=True, refused={LanRefusal.CLOCK_DIFFERS: 1})
    for there in (lan, None):
        told = causes(Facts(machine=MACHINE, network=alone, lan=there, clocks=clocks))
        assert told == [Cause.CLOCKS_DIFFER if origin == "lan" else Cause.CLOCK_WRONG]


def test_whoever_is_offline_is_told_something():
    [finding] = diagnose(replace(UNCONNECTED, attempts=())).findings
    assert finding.cause is Cause.OFFLINE
    assert [str(line) for line in finding.evidence] == ["Peers known: 1; connected: none."]
    blocking = replace(OFFLINE, blocked_subnets=("10.77.0.2/32",), blocked_peers=2)
    [finding] = diagnose(replace(UNCONNECTED, network=blocking, attempts=())).findings
    assert [str(line) for line in finding.evidence[1:]] == [
        "You block 10.77.0.2/32.",
        "Peers that you block: 2.",
    ]


def test_a_line_of_the_configuration_that_nobody_knows_is_told_and_explains_nothing():
    odd = replace(HEALTHY, ignored=("config.toml: the unknown key lan.enabeld is ignored",))
    [finding] = diagnose(odd).findings
    assert finding.cause is Cause.SETTING_UNKNOWN
    assert "lan.enabeld" in str(finding.evidence[0])
    cut_off = replace(odd, network=OFFLINE, attempts=(), clocks=())
    assert causes(cut_off) == [Cause.SETTING_UNKNOWN, Cause.OFFLINE]


def test_nobody_known_at_all_is_told():
    facts = Facts(machine=MACHINE, network=replace(OFFLINE, known_peers=0))
    assert causes(facts) == [Cause.NO_PEERS]


def test_peers_of_a_later_version_only_mean_that_we_are_too_old():
    later = PeerFacts("new", "direct", ("/dchat/clock/1.0.0", "/dchat/kad/2.0.0"))
    both = replace(later, protocols=("/dchat/kad/1.0.0", "/dchat/kad/2.0.0"))
    foreign = replace(later, protocols=())
    odd = replace(later, protocols=("/dchat/kad/" + "9" * 5_000,))
    assert causes(replace(HEALTHY, network=replace(ONLINE, peers=(later,)))) == [
        Cause.VERSION_TOO_OLD
    ]
    for healthy in ((both, foreign, odd), (later, both)):
        assert causes(replace(HEALTHY, network=replace(ONLINE, peers=healthy))) == []


def test_a_public_address_that_nobody_gets_through_to_is_behind_a_firewall():
    machine = replace(MACHINE, addresses=("45.33.1.1", "2600:3c00::1"))
    listening = ("/ip4/45.33.1.1/tcp/4001", "/ip4/10.0.0.1/tcp/4001")
    network = replace(ONLINE, listening=listening)
    [finding] = diagnose(replace(HEALTHY, machine=machine, network=network)).findings
    assert finding.cause is Cause.INBOUND_BLOCKED
    assert [str(line) for line in finding.evidence] == [
        "Others tried to dial /ip4/45.33.1.1/tcp/4001 in vain."
    ]
    reached = replace(network, reachability=Reachability.PUBLIC)
    assert causes(replace(HEALTHY, machine=machine, network=reached)) == []


def test_relays_that_all_refuse_are_full_and_none_at_all_is_another_thing():
    full = replace(ONLINE, relays=(RelayFacts("relay", False, "it is at its limit"),))
    assert causes(replace(HEALTHY, network=full)) == [Cause.RELAY_FULL]
    public = replace(full, reachability=Reachability.PUBLIC)
    assert causes(replace(HEALTHY, network=public)) == []
    spare = replace(full, relays=(*full.relays, RelayFacts("other", is_held=True)))
    assert causes(replace(HEALTHY, network=spare)) == []
    assert causes(replace(HEALTHY, network=replace(ONLINE, relays=()))) == [Cause.NO_RELAY]


def test_ports_that_differ_are_a_symmetric_nat_unless_we_are_dialled():
    unstable = replace(ONLINE, is_mapping_stable=False)
    assert causes(replace(HEALTHY, network=unstable)) == [Cause.SYMMETRIC_NAT]
    public = replace(unstable, reachability=Reachability.PUBLIC)
    assert causes(replace(HEALTHY, network=public)) == []


def test_evidence_is_bounded():
    many = tuple(
        replace(tried(Outcome.SILENT), peer=str(number)) for number in range(2 * EVIDENCE_MAX)
    )
    [finding] = diagnose(replace(UNCONNECTED, attempts=many)).findings
    assert len(finding.evidence) == EVIDENCE_MAX
    assert str(finding.evidence[0]) == "0 at /ip4/1.2.3.4/tcp/1: why"
