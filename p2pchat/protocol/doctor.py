"""From facts to findings: rules in the order of likelihood, as data.

Each rule looks at the facts and says what speaks for its cause, or nothing. One fault shows in many
places: without a route no name is found, no list comes and no relay answers. So a rule names the
causes that follow from its own, and those are not told beside it; what is told first is what to
mend first.

Who is connected knows better than any probe: as long as somebody answers, causes that would cut off
everybody do not hold. And whoever is cut off is told so, even when no rule knows why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from p2pchat.model.diagnosis import Cause, Diagnosis, Finding, Saying
from p2pchat.model.facts import Attempt, ClockReading, Facts, NetworkFacts, Outcome
from p2pchat.model.lan import LanRefusal
from p2pchat.model.scope import Scope, is_circuit, scope_of
from p2pchat.model.status import Reachability
from p2pchat.protocol.lan_refusals import BY_OURSELVES
from p2pchat.protocol.remedies import REMEDIES

__all__ = ["RULES", "Rule", "diagnose"]

EVIDENCE_MAX = 5
"""Lines of evidence for one finding."""
CLOCK_S_MAX = 60.0
"""How much clocks may differ before it is said; a LAN refuses packets from 90 s on."""
FREE_BYTES_MIN = 16 * 1024 * 1024
"""Room on the disk below which it counts as full."""

Evidence = Sequence[Saying]

_AT_START: Mapping[str, Cause] = {
    "HomeInUse": Cause.HOME_IN_USE,
    "DiskFull": Cause.DISK_FULL,
    "ConfigError": Cause.CONFIG_WRONG,
    "HomeUnwritable": Cause.HOME_UNWRITABLE,
    "Corrupted": Cause.HOME_DAMAGED,
    "WrongKey": Cause.HOME_DAMAGED,
    "AddressInUse": Cause.PORT_TAKEN,
    "SchemaTooNew": Cause.VERSION_TOO_OLD,
}
"""What an error at the start means, by its name."""

_NOBODY_ANSWERS = frozenset(
    {Cause.LIST_UNREACHABLE, Cause.NAME_UNKNOWN, Cause.RELAY_DEAD, Cause.NO_PEERS}
)
_NOTHING_LEADS_OUT = _NOBODY_ANSWERS | {Cause.DNS_DOWN, Cause.LAN_NOBODY}
_NOBODY_FOUND = frozenset({Cause.LAN_NOBODY, Cause.NO_PEERS})
_BESIDE_THE_POINT = frozenset({Cause.SETTING_UNKNOWN})
"""What is told, and is no reason for being cut off that anybody could be sure of."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One cause: what speaks for it, and what follows from it."""

    cause: Cause
    look: Callable[[Facts], Evidence]
    explains: frozenset[Cause] = frozenset()
    advised: Callable[[Facts], Mapping[str, str]] = lambda _: {}
    """What fills the blanks of the advice."""


def diagnose(facts: Facts) -> Diagnosis:
    """What is wrong, the likeliest first."""
    findings: list[Finding] = []
    explained: set[Cause] = set()
    for rule in RULES:
        evidence = () if rule.cause in explained else rule.look(facts)
        if evidence:
            findings.append(_finding(rule, evidence, facts))
            explained |= {rule.cause, *rule.explains}
        if evidence and rule.cause not in _BESIDE_THE_POINT:
            explained.add(Cause.OFFLINE)
    return Diagnosis(tuple(findings), facts)


def _finding(rule: Rule, evidence: Evidence, facts: Facts) -> Finding:
    remedy = REMEDIES[rule.cause]
    advice = Saying(remedy.advice, rule.advised(facts))
    return Finding(rule.cause, Saying(remedy.problem), advice, tuple(evidence[:EVIDENCE_MAX]))


# The start


def _starting(cause: Cause) -> Callable[[Facts], Evidence]:
    """The rule of a client that could not start for this reason."""

    def look(facts: Facts) -> Evidence:
        start = facts.start
        if start is None or _AT_START.get(start.error, Cause.START_FAILED) is not cause:
            return ()
        said = {"error": start.error, "message": start.message}
        return (Saying("At the start: {error}: {message}", said),)

    return look


def _disk(facts: Facts) -> Evidence:
    at_start = _starting(Cause.DISK_FULL)(facts)
    free = facts.machine.free_bytes
    if free is None or free >= FREE_BYTES_MIN:
        return at_start
    return (*at_start, Saying("{free} KiB are free.", {"free": str(free // 1024)}))


def _ignored(facts: Facts) -> Evidence:
    return [Saying("{warning}", {"warning": one}) for one in facts.ignored]


# The machine


def _interface(facts: Facts) -> Evidence:
    is_somewhere = facts.machine.addresses or any(
        one.outcome not in _UNDER_WAY for one in facts.attempts
    )
    if is_somewhere or _is_connected(facts):
        return ()
    return (Saying("No interface that is up has an address."),)


def _route(facts: Facts) -> Evidence:
    """Nothing that was tried had a way, or nothing could be tried and the internet has none."""
    tried = [one for one in facts.attempts if one.outcome is not Outcome.BLOCKED]
    if _is_connected(facts) or any(one.outcome not in _UNDER_WAY for one in tried):
        return ()
    stuck = [one for one in tried if one.outcome is Outcome.NO_ROUTE]
    is_asked = any(one.error for one in facts.lists) or any(one.error for one in facts.names)
    if not stuck and (facts.machine.has_route or not is_asked):
        return ()
    addresses = ", ".join(facts.machine.addresses)
    own = Saying("The addresses of this machine: {addresses}.", {"addresses": addresses})
    return (own, *_attempts(stuck))


_UNDER_WAY = frozenset({Outcome.NO_ROUTE, Outcome.NO_NAME})
"""What comes of dialling when no packet gets out."""


def _dns(facts: Facts) -> Evidence:
    if any(one.is_answered for one in facts.names):
        return ()
    return [
        Saying("{name}: {error}", {"name": one.name, "error": one.error}) for one in facts.names
    ]


def _clock(facts: Facts) -> Evidence:
    """Most of those who tell the time tell another: several people, or a server."""
    wrong = _wrong_clocks(facts)
    is_plain = len(wrong) > 1 or any(one.origin == "https" for one in wrong)
    return [_differing(one) for one in wrong] if is_plain else ()


def _clocks_differ(facts: Facts) -> Evidence:
    """Only one person tells the time: who of the two is right, nobody knows. A stranger on the LAN
    does not count beside those who are heard there: packets are not taken at another time."""
    are_others_heard = facts.lan is not None and facts.lan.peers > 0
    return [
        _differing(one) for one in _wrong_clocks(facts) if one.origin != LAN or not are_others_heard
    ]


def _wrong_clocks(facts: Facts) -> Sequence[ClockReading]:
    wrong = [one for one in facts.clocks if abs(one.difference_s) > CLOCK_S_MAX]
    return wrong if 2 * len(wrong) > len(facts.clocks) else ()


def _differing(clock: ClockReading) -> Saying:
    return Saying(
        "The clock of {who} ({origin}) is {span} ahead of ours."
        if clock.difference_s > 0
        else "The clock of {who} ({origin}) is {span} behind ours.",
        {"who": clock.who, "origin": clock.origin, "span": _span(abs(clock.difference_s))},
    )


def _span(seconds: float) -> str:
    """A time in the largest unit that says it in two digits or more."""
    for unit, size_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} s"


# Whom to ask


def _blocked(facts: Facts) -> Evidence:
    """Who was tried, who was there until we blocked them, and whoever speaks on the LAN."""
    reached, is_alone = _reached(facts), not _is_connected(facts)
    blocked = [
        one
        for one in facts.attempts
        if one.outcome is Outcome.BLOCKED
        and one.peer not in reached
        and (is_alone or one.source != PARTED)
    ]
    return [*_attempts(blocked), *_refused_on_lan(facts, *BY_OURSELVES)]


def _poisoned(facts: Facts) -> Evidence:
    """A list that names nobody usable, or only those in whose place another answers."""
    empty = [one for one in facts.lists if one.complaints and not one.usable]
    said = [
        Saying("{source}: {complaint}", {"source": one.source, "complaint": complaint})
        for one in empty
        for complaint in one.complaints
    ]
    return [*said, *_strangers(facts, "listed")]


def _stranger(facts: Facts) -> Evidence:
    return _strangers(facts, "configured")


def _strangers(facts: Facts, source: str) -> Evidence:
    reached = _reached(facts)
    among = [one for one in facts.attempts if one.source == source and one.peer not in reached]
    return _attempts([one for one in among if one.outcome is Outcome.STRANGER])


def _unfetched(facts: Facts) -> Evidence:
    if not all(one.error for one in facts.lists):
        return ()
    return [
        Saying("{source}: {error}", {"source": one.source, "error": one.error})
        for one in facts.lists
    ]


def _dead(facts: Facts) -> Evidence:
    """Peers that lead into the network and do not answer."""
    return _attempts([one for one in _missed(facts) if one.outcome in _NO_ANSWER])


def _misnamed(facts: Facts) -> Evidence:
    """Of such peers, those whose name is not known."""
    return _attempts([one for one in _missed(facts) if one.outcome is Outcome.NO_NAME])


def _turned_away(facts: Facts) -> Evidence:
    """Of such peers, and of those on the LAN, who answers and takes no connection."""
    away = [one for one in facts.attempts if one.outcome is Outcome.TURNED_AWAY]
    missed, is_alone = _missed(facts), not _is_connected(facts)
    return _attempts([one for one in away if one in missed or (is_alone and one.source == LAN)])


def _missed(facts: Facts) -> Sequence[Attempt]:
    """Peers of the configuration that were not reached; those of lists, when none of them was."""
    reached = _reached(facts)
    listed = {one.peer for one in facts.attempts if one.source == "listed"}
    sources = (
        {"configured"} if listed & reached or _is_connected(facts) else {"configured", "listed"}
    )
    return [one for one in facts.attempts if one.peer not in reached and one.source in sources]


PARTED, LAN = "parted", "lan"
_NO_ANSWER = frozenset({Outcome.REFUSED, Outcome.SILENT, Outcome.NO_ROUTE, Outcome.FAILED})


def _alone(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.peers or network.known_peers or facts.lan is not None:
        return ()
    return (Saying("No peer is configured, listed, remembered, or found on this network."),)


def _outdated(facts: Facts) -> Evidence:
    """Peers that speak what makes a network in later versions only; or a home of a later one.
    Anybody may say so: while one peer speaks our version, it is not what keeps us apart."""
    if facts.start is not None:
        return _starting(Cause.VERSION_TOO_OLD)(facts)
    said: list[Saying] = []
    for peer in facts.network.peers if facts.network is not None else ():
        needed = [one for one in peer.protocols if one.startswith(_NEEDED)]
        if any(_major(one) <= OWN_MAJOR for one in needed):
            return ()
        if needed:
            values = {"peer": peer.peer, "protocols": ", ".join(needed)}
            said.append(Saying("{peer} speaks {protocols}.", values))
    return said


OWN_MAJOR = 1
"""Of the versions of all our protocols."""
_NEEDED = ("/dchat/kad/", "/dchat/direct/", "/dchat/sync/")


def _major(protocol: str) -> int:
    """The first number of a protocol's version: of `/dchat/kad/1.0.0` it is 1."""
    number = protocol.rpartition("/")[2].partition(".")[0]
    return int(number) if number.isdecimal() and len(number) < 10 else 0


# The local network


def _lan_secret(facts: Facts) -> Evidence:
    return _refused_on_lan(facts, LanRefusal.WRONG_SECRET)


def _refused_on_lan(facts: Facts, *reasons: LanRefusal) -> Evidence:
    """Datagrams refused for such a reason, while nobody is found."""
    lan = facts.lan
    if lan is None or lan.peers:
        return ()
    return [
        Saying("LAN packets refused: {count} ({reason}).", {"count": str(count), "reason": reason})
        for reason, count in lan.refused.items()
        if reason in reasons
    ]


def _lan_silent(facts: Facts) -> Evidence:
    return [] if _is_connected(facts) else _attempts(_silent_on_lan(facts))


def _silent_on_lan(facts: Facts) -> Sequence[Attempt]:
    return [one for one in facts.attempts if one.source == LAN and one.outcome in _NO_ANSWER]


def _their_ports(facts: Facts) -> Mapping[str, str]:
    ports = {one.address.rpartition("/tcp/")[2] for one in _silent_on_lan(facts)}
    return {"ports": ", ".join(sorted(ports))}


def _lan_nobody(facts: Facts) -> Evidence:
    lan = facts.lan
    if lan is None or lan.peers or _is_connected(facts):
        return ()
    subnets = ", ".join(lan.subnets)
    said = {"seconds": f"{lan.listened_s:.0f}", "subnets": subnets or "–"}
    return (Saying("Listened for {seconds} s, in {subnets}: nobody was heard.", said),)


def _lan_port(facts: Facts) -> Mapping[str, str]:
    return {"port": str(facts.lan.discovery_port) if facts.lan is not None else ""}


# Being reached


def _inbound(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.reachability is not Reachability.NAT:
        return ()
    own = [f"/ip{6 if ':' in ip else 4}/{ip}/" for ip in facts.machine.addresses]
    public = [
        one
        for one in network.listening
        if not is_circuit(one) and scope_of(one) is Scope.PUBLIC and one.startswith(tuple(own))
    ]
    return [Saying("Others tried to dial {address} in vain.", {"address": one}) for one in public]


def _no_relay(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.reachability is not Reachability.NAT or network.relays:
        return ()
    return (Saying("Others tried to dial this machine in vain, and no connected peer is a relay."),)


def _relay_full(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.reachability is Reachability.PUBLIC:
        return ()
    if any(one.is_held for one in network.relays):
        return ()
    return [
        Saying("{peer}: {reason}", {"peer": one.peer, "reason": one.refusal})
        for one in network.relays
        if one.refusal
    ]


def _symmetric(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.is_mapping_stable:
        return ()
    if network.reachability is Reachability.PUBLIC:
        return ()
    return (Saying("Peers see this machine at different ports of one address."),)


def _offline(facts: Facts) -> Evidence:
    """Nobody is connected; whether what is blocked has to do with it, the reader knows."""
    network = facts.network
    if network is None or network.peers:
        return ()
    known = Saying("Peers known: {known}; connected: none.", {"known": str(network.known_peers)})
    said = [known]
    if network.blocked_subnets:
        said.append(Saying("You block {nets}.", {"nets": ", ".join(network.blocked_subnets)}))
    if network.blocked_peers:
        said.append(Saying("Peers that you block: {count}.", {"count": str(network.blocked_peers)}))
    return said


# What rules have in common


def _is_connected(facts: Facts) -> bool:
    return facts.network is not None and bool(facts.network.peers)


def _reached(facts: Facts) -> set[str]:
    network: NetworkFacts | None = facts.network
    connected = {one.peer for one in network.peers} if network is not None else set[str]()
    return connected | {one.peer for one in facts.attempts if one.outcome is Outcome.REACHED}


def _attempts(attempts: Iterable[Attempt]) -> list[Saying]:
    return [
        Saying(
            "{peer} at {address}: {reason}",
            {"peer": one.peer, "address": one.address, "reason": one.reason or one.outcome},
        )
        for one in attempts
    ]


RULES: tuple[Rule, ...] = (
    Rule(Cause.HOME_IN_USE, _starting(Cause.HOME_IN_USE)),
    Rule(Cause.DISK_FULL, _disk),
    Rule(Cause.CONFIG_WRONG, _starting(Cause.CONFIG_WRONG)),
    Rule(Cause.HOME_UNWRITABLE, _starting(Cause.HOME_UNWRITABLE)),
    Rule(Cause.HOME_DAMAGED, _starting(Cause.HOME_DAMAGED)),
    Rule(Cause.PORT_TAKEN, _starting(Cause.PORT_TAKEN)),
    Rule(Cause.START_FAILED, _starting(Cause.START_FAILED)),
    Rule(Cause.SETTING_UNKNOWN, _ignored),
    Rule(
        Cause.NO_INTERFACE,
        _interface,
        _NOTHING_LEADS_OUT | {Cause.NO_ROUTE, Cause.LAN_PEERS_SILENT},
    ),
    Rule(Cause.NO_ROUTE, _route, _NOTHING_LEADS_OUT),
    Rule(
        Cause.CLOCK_WRONG,
        _clock,
        _NOBODY_FOUND | {Cause.CLOCKS_DIFFER, Cause.LIST_UNREACHABLE},
    ),
    Rule(Cause.DNS_DOWN, _dns, _NOBODY_ANSWERS),
    Rule(
        Cause.VERSION_TOO_OLD,
        _outdated,
        frozenset({Cause.RELAY_DEAD, Cause.NO_PEERS, Cause.NO_RELAY, Cause.RELAY_FULL}),
    ),
    Rule(
        Cause.BLOCKED_BY_US,
        _blocked,
        _NOBODY_FOUND
        | {Cause.LAN_SECRET_WRONG, Cause.RELAY_DEAD, Cause.NO_RELAY, Cause.CLOCKS_DIFFER},
    ),
    Rule(
        Cause.LIST_POISONED,
        _poisoned,
        frozenset({Cause.RELAY_DEAD, Cause.NO_PEERS}),
    ),
    Rule(Cause.WRONG_PEER_ID, _stranger, frozenset({Cause.NO_PEERS})),
    Rule(Cause.LAN_SECRET_WRONG, _lan_secret, _NOBODY_FOUND),
    Rule(Cause.LAN_PEERS_SILENT, _lan_silent, advised=_their_ports),
    Rule(Cause.LIST_UNREACHABLE, _unfetched, frozenset({Cause.NO_PEERS})),
    Rule(Cause.NAME_UNKNOWN, _misnamed, frozenset({Cause.NO_PEERS, Cause.NO_RELAY})),
    Rule(Cause.TURNED_AWAY, _turned_away, _NOBODY_FOUND | {Cause.NO_RELAY}),
    Rule(Cause.RELAY_DEAD, _dead, frozenset({Cause.NO_PEERS, Cause.NO_RELAY})),
    Rule(Cause.CLOCKS_DIFFER, _clocks_differ, _NOBODY_FOUND),
    Rule(Cause.LAN_NOBODY, _lan_nobody, advised=_lan_port),
    Rule(Cause.NO_PEERS, _alone),
    Rule(Cause.INBOUND_BLOCKED, _inbound, frozenset({Cause.SYMMETRIC_NAT})),
    Rule(Cause.RELAY_FULL, _relay_full),
    Rule(Cause.NO_RELAY, _no_relay),
    Rule(Cause.SYMMETRIC_NAT, _symmetric),
    Rule(Cause.OFFLINE, _offline),
)
"""What is told first is nearest to this machine: what lies farther off cannot be seen past it."""
