"""From facts to findings: rules in the order of likelihood, as data.

Each rule looks at the facts and says what speaks for its cause, or nothing. One fault shows in many
places: without a route no name is found, no list comes and no relay answers. So a rule names the
causes that follow from its own, and those are not told beside it; what is told first is what to
mend first.

Who is connected knows better than any probe: as long as somebody answers, causes that would cut off
everybody do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from p2pchat.model.diagnosis import Cause, Diagnosis, Finding, Saying
from p2pchat.model.facts import Attempt, Facts, NetworkFacts, Outcome
from p2pchat.model.scope import Scope, is_circuit, scope_of
from p2pchat.model.status import Reachability
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

_NOBODY_ANSWERS = frozenset({Cause.LIST_UNREACHABLE, Cause.RELAY_DEAD, Cause.NO_PEERS})
_NOTHING_LEADS_OUT = _NOBODY_ANSWERS | {Cause.DNS_DOWN}


@dataclass(frozen=True, slots=True)
class Rule:
    """One cause: what speaks for it, and what follows from it."""

    cause: Cause
    look: Callable[[Facts], Evidence]
    explains: frozenset[Cause] = frozenset()


def diagnose(facts: Facts) -> Diagnosis:
    """What is wrong, the likeliest first."""
    findings: list[Finding] = []
    explained: set[Cause] = set()
    for rule in RULES:
        evidence = () if rule.cause in explained else rule.look(facts)
        if evidence:
            findings.append(_finding(rule.cause, evidence))
            explained |= {rule.cause, *rule.explains}
    return Diagnosis(tuple(findings), facts)


def _finding(cause: Cause, evidence: Evidence) -> Finding:
    remedy = REMEDIES[cause]
    shown = tuple(evidence[:EVIDENCE_MAX])
    return Finding(cause, Saying(remedy.problem), Saying(remedy.advice), shown)


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
    """Most of those who tell the time tell another."""
    wrong = [one for one in facts.clocks if abs(one.difference_s) > CLOCK_S_MAX]
    if 2 * len(wrong) <= len(facts.clocks):
        return ()
    return [
        Saying(
            "The clock of {who} ({origin}) is {seconds} s ahead of ours."
            if one.difference_s > 0
            else "The clock of {who} ({origin}) is {seconds} s behind ours.",
            {"who": one.who, "origin": one.origin, "seconds": f"{abs(one.difference_s):.0f}"},
        )
        for one in wrong
    ]


# Whom to ask


def _blocked(facts: Facts) -> Evidence:
    reached = _reached(facts)
    blocked = [
        one for one in facts.attempts if one.outcome is Outcome.BLOCKED and one.peer not in reached
    ]
    return [*_attempts(blocked), *_refused_on_lan(facts, "blocked", "outside the allowed")]


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
    """Peers of the configuration that do not answer; those of lists, when none of them does."""
    reached = _reached(facts)
    dead = [
        one
        for one in facts.attempts
        if one.peer not in reached and one.outcome not in (Outcome.BLOCKED, Outcome.STRANGER)
    ]
    listed = {one.peer for one in facts.attempts if one.source == "listed"}
    sources = (
        {"configured"} if listed & reached or _is_connected(facts) else {"configured", "listed"}
    )
    return _attempts([one for one in dead if one.source in sources])


def _alone(facts: Facts) -> Evidence:
    network = facts.network
    if network is None or network.peers or network.known_peers:
        return ()
    return (Saying("No peer is configured, listed, remembered, or found on this network."),)


def _outdated(facts: Facts) -> Evidence:
    """Peers that speak what makes a network in later versions only; or a home of a later one."""
    if facts.start is not None:
        return _starting(Cause.VERSION_TOO_OLD)(facts)
    said: list[Saying] = []
    for peer in facts.network.peers if facts.network is not None else ():
        needed = [one for one in peer.protocols if one.startswith(_NEEDED)]
        if needed and all(_major(one) > OWN_MAJOR for one in needed):
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
    return _refused_on_lan(facts, "wrong secret")


def _refused_on_lan(facts: Facts, *reasons: str) -> Evidence:
    """Datagrams refused for such a reason, while nobody is found."""
    lan = facts.lan
    if lan is None or lan.peers:
        return ()
    return [
        Saying("LAN packets refused: {count} ({reason}).", {"count": str(count), "reason": reason})
        for reason, count in lan.refused.items()
        if any(part in reason for part in reasons)
    ]


def _lan_silent(facts: Facts) -> Evidence:
    if _is_connected(facts):
        return ()
    return _attempts(
        [
            one
            for one in facts.attempts
            if one.source == "lan" and one.outcome in (Outcome.SILENT, Outcome.REFUSED)
        ]
    )


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
    Rule(
        Cause.NO_INTERFACE,
        _interface,
        _NOTHING_LEADS_OUT | {Cause.NO_ROUTE, Cause.LAN_PEERS_SILENT},
    ),
    Rule(Cause.NO_ROUTE, _route, _NOTHING_LEADS_OUT),
    Rule(Cause.CLOCK_WRONG, _clock, frozenset({Cause.LIST_UNREACHABLE})),
    Rule(Cause.DNS_DOWN, _dns, _NOBODY_ANSWERS),
    Rule(
        Cause.VERSION_TOO_OLD,
        _outdated,
        frozenset({Cause.RELAY_DEAD, Cause.NO_PEERS, Cause.NO_RELAY, Cause.RELAY_FULL}),
    ),
    Rule(
        Cause.BLOCKED_BY_US,
        _blocked,
        frozenset({Cause.RELAY_DEAD, Cause.NO_PEERS, Cause.NO_RELAY}),
    ),
    Rule(
        Cause.LIST_POISONED,
        _poisoned,
        frozenset({Cause.RELAY_DEAD, Cause.NO_PEERS}),
    ),
    Rule(Cause.WRONG_PEER_ID, _stranger, frozenset({Cause.NO_PEERS})),
    Rule(Cause.LAN_SECRET_WRONG, _lan_secret, frozenset({Cause.NO_PEERS})),
    Rule(Cause.LAN_PEERS_SILENT, _lan_silent),
    Rule(Cause.LIST_UNREACHABLE, _unfetched, frozenset({Cause.NO_PEERS})),
    Rule(Cause.RELAY_DEAD, _dead, frozenset({Cause.NO_PEERS, Cause.NO_RELAY})),
    Rule(Cause.NO_PEERS, _alone),
    Rule(Cause.INBOUND_BLOCKED, _inbound, frozenset({Cause.SYMMETRIC_NAT})),
    Rule(Cause.RELAY_FULL, _relay_full),
    Rule(Cause.NO_RELAY, _no_relay),
    Rule(Cause.SYMMETRIC_NAT, _symmetric),
)
"""What is told first is nearest to this machine: what lies farther off cannot be seen past it."""
