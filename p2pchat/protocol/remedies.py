"""What the doctor says of each cause: what is wrong, and what to do. The one place of its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from p2pchat.model.diagnosis import Cause

__all__ = ["REMEDIES", "Remedy"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """Two sentences."""

    problem: str
    advice: str


REMEDIES: Mapping[Cause, Remedy] = {
    Cause.HOME_IN_USE: Remedy(
        "Another program has this home open.",
        "End it first, or give each program a home of its own with --home.",
    ),
    Cause.DISK_FULL: Remedy(
        "The disk that holds the home is full, so nothing more can be kept.",
        "Free some space; nothing that was acknowledged is lost.",
    ),
    Cause.CONFIG_WRONG: Remedy(
        "The configuration has a mistake.",
        "Mend the line in config.toml, or the option that you gave.",
    ),
    Cause.HOME_UNWRITABLE: Remedy(
        "The home directory cannot be made or written.",
        "Choose a directory that you may write to with --home, or mend its permissions.",
    ),
    Cause.HOME_DAMAGED: Remedy(
        "The home is damaged, or its key is not the one that it was made with.",
        "Put back the files of the home from a copy, key and database together.",
    ),
    Cause.PORT_TAKEN: Remedy(
        "Another program listens on a port that this client should listen on.",
        "End the other program, or choose another port with --listen or in config.toml.",
    ),
    Cause.START_FAILED: Remedy(
        "The client cannot start.",
        "Read the evidence; if it does not help, report it together with this diagnosis.",
    ),
    Cause.SETTING_UNKNOWN: Remedy(
        "A line of the configuration is ignored, because nobody knows its key.",
        "Mend its spelling, or take it out.",
    ),
    Cause.VERSION_TOO_OLD: Remedy(
        "This program is too old: others speak, or wrote, only a later version.",
        "Update DChat.",
    ),
    Cause.NO_INTERFACE: Remedy(
        "This machine is in no network.",
        "Plug in a cable or join a Wi-Fi network, and look whether the interface is up.",
    ),
    Cause.NO_ROUTE: Remedy(
        "This machine is in a network that leads nowhere: it has no route to others.",
        "Look whether the router is on and named as the default gateway (`ip route`); joining the"
        " network anew often helps.",
    ),
    Cause.DNS_DOWN: Remedy(
        "Names cannot be looked up: no name server answers.",
        "Set another name server in the system's network settings, such as the router's address;"
        " relays that are given by IP address need none.",
    ),
    Cause.CLOCK_WRONG: Remedy(
        "The clock of this machine differs from that of others.",
        "Let the system set its clock by the network. On a LAN packets are refused from 90 s on,"
        " and servers are not trusted when the date is wrong.",
    ),
    Cause.CLOCKS_DIFFER: Remedy(
        "The clock of this machine differs from that of one other; one of the two is wrong.",
        "Compare both with a third clock, and let the system of the wrong one set it by the"
        " network. On a LAN packets are refused from 90 s on.",
    ),
    Cause.BLOCKED_BY_US: Remedy(
        "You block those whom you try to reach.",
        "Look at `p2pchat blocks`, and at [blocks] and lan.allowed_subnets in config.toml;"
        " `p2pchat unblock` takes one back.",
    ),
    Cause.LIST_POISONED: Remedy(
        "A bootstrap list is wrong: it is no such list, or others answer than it names.",
        "Ask who keeps the list, use another one, or name a relay that you trust with"
        " --bootstrap-peer. Nobody was spoken to who is not who they should be.",
    ),
    Cause.WRONG_PEER_ID: Remedy(
        "Somebody else answers where a known peer should be.",
        "Ask for the address again: a relay that lost its key has a new peer id after /p2p/.",
    ),
    Cause.LIST_UNREACHABLE: Remedy(
        "No bootstrap list could be fetched.",
        "Look whether the server is there and the URL is right; a relay that is named with"
        " --bootstrap-peer does as well.",
    ),
    Cause.NAME_UNKNOWN: Remedy(
        "The host name of a peer is not known.",
        "Look whether it is written as you were told.",
    ),
    Cause.TURNED_AWAY: Remedy(
        "Somebody answers, and takes no connection from you.",
        "They may refuse you, your network, or anybody for the moment: ask who runs it. Nothing has"
        " to be opened in a firewall.",
    ),
    Cause.RELAY_DEAD: Remedy(
        "Peers that lead into the network do not answer.",
        "Ask who runs them whether they are up and their port is open, or name others with"
        " --bootstrap-peer.",
    ),
    Cause.LAN_SECRET_WRONG: Remedy(
        "Others on this network use another LAN secret than you.",
        "Give all of them the same secret, character by character, or none.",
    ),
    Cause.LAN_PEERS_SILENT: Remedy(
        "Others on this network are heard, but do not take a connection.",
        "Allow TCP port {ports} in their firewall, and look whether the Wi-Fi keeps its guests"
        " apart (client isolation).",
    ),
    Cause.LAN_NOBODY: Remedy(
        "Nobody else was heard on this network yet.",
        "Start DChat with --lan on another machine of this network, and let UDP port {port} in on"
        " both; some Wi-Fi keeps its guests apart. Ask again in half a minute.",
    ),
    Cause.NO_PEERS: Remedy(
        "Nobody is known whom this client could ask.",
        "Name a relay or another client with --bootstrap-peer, or find others on your own network"
        " with --lan.",
    ),
    Cause.INBOUND_BLOCKED: Remedy(
        "A firewall drops what comes in: this machine has a public address, and nobody gets"
        " through.",
        "Allow the TCP port that this client listens on, in the machine's firewall and in the one"
        " of the provider; until then relays stand in.",
    ),
    Cause.NO_RELAY: Remedy(
        "Nobody can dial this machine, and no relay is connected that would carry.",
        "Name a relay with --bootstrap-peer, or forward the port that this client listens on in the"
        " router.",
    ),
    Cause.RELAY_FULL: Remedy(
        "No relay holds a place for this client, and nobody can dial it.",
        "Name another relay with --bootstrap-peer, or ask who runs the relay to allow more"
        " reservations.",
    ),
    Cause.SYMMETRIC_NAT: Remedy(
        "The router gives each connection another port (symmetric NAT), so that no direct"
        " connections come about.",
        "Nothing has to be done while a relay carries. To be faster, forward the port that this"
        " client listens on in the router.",
    ),
    Cause.OFFLINE: Remedy(
        "Nobody is connected, and nothing is found that would be in the way.",
        "Ask again in a minute, for trying goes on; look whether the others are there, and whether"
        " one of you blocks the other.",
    ),
}
