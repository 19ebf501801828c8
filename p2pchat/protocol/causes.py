"""What is said of each cause: one sentence with blanks. The one place of these words.

`{name}` is the recipient (in a room, one member); times are in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2pchat.model.explanation import MessageCause as Why

__all__ = ["SENTENCES"]

SENTENCES: Mapping[Why, str] = {
    Why.READ: "{name} has read it.",
    Why.DELIVERED: "{name} has it: a device of theirs has signed so.",
    Why.DELIVERED_TO_SOME: "{count} of {total} members have it; missing: {missing}.",
    Why.RECEIVED: "{name} wrote it, and it is here since {since}.",
    Why.OWN_OTHER_DEVICE: "Another device of yours wrote it; how far it has come, only that one"
    " knows.",
    Why.NOBODY_ELSE: "Nobody else is known to be in this room; who enters it may get it then.",
    Why.ALL_GONE: "Everybody it was written for has left this room, or was removed, before getting"
    " it; nobody else is given it.",
    Why.BLOCKED_BY_US: "You block {name}, so nothing is sent to them.",
    Why.CONTACT_REMOVED: "You have removed {name} from your contacts, so nothing is sent to them.",
    Why.KEY_CHANGED: "A device of {name} speaks for another account now; nothing is sent before you"
    " have confirmed that this is right.",
    Why.REQUEST_UNANSWERED: "{name} was handed your request and has not accepted it yet; messages"
    " leave when they do.",
    Why.REQUEST_REFUSED: "{name} has refused your request, so no message is sent to them.",
    Why.DEVICES_REVOKED: "All devices of {name} that are known here were revoked; it leaves when"
    " a new one of theirs is found.",
    Why.THIS_DEVICE_REVOKED: "This device was revoked by another one of yours: nobody takes"
    " anything new of it.",
    Why.COPY_OF_HOME: "Two programs have written with the key of this device, as after a copy of"
    " its home was put back; others keep both histories, and {name} has not confirmed this one"
    " yet.",
    Why.ROOM_LEFT: "You have left this room, so nothing more is sent there.",
    Why.ROOM_REMOVED: "You are no member of {room} any more, so nobody there takes it.",
    Why.ROOM_READ_ONLY: "You may only read in {room} now, so nobody there takes it.",
    Why.EPOCH_MISSING: "{room} has no key to seal messages with since somebody was removed; it"
    " leaves when an admin is online who opens the next one.",
    Why.ON_ITS_WAY: "It was handed to {name} on an open connection; their receipt is yet to come.",
    Why.NO_RECEIPT: "{name} is connected and has not confirmed it; it is sent again.",
    Why.TRYING: "{name} is being looked for.",
    Why.RETRY_LATER: "{name} could not be reached; it is tried again by itself.",
    Why.IN_MAILBOX: "It waits for {name} in their mailbox since {since}.",
    Why.NO_NETWORK: "This machine is in no network.",
    Why.NO_ROUTE: "This machine has no route to {name}.",
    Why.SUBNET_BLOCKED: "Every known address of {name} lies in a network that you block.",
    Why.CLOCK_WRONG_HERE: "The clock of this machine differs from that of others, so that {name} is"
    " not heard on this network.",
    Why.CLOCK_WRONG_THERE: "The clock of {name} is wrong, so that they are not heard on this"
    " network.",
    Why.CLOCKS_DIFFER: "Your clock and that of {name} differ, so that you do not hear each other on"
    " this network; one of the two is wrong.",
    Why.LAN_SECRET_DIFFERS: "{name} uses another LAN secret than you, so you do not find each"
    " other.",
    Why.VERSION_TOO_OLD: "{name} speaks only another version of the protocol; one of you has to"
    " update DChat.",
    Why.MAILBOX_FULL: "{name} is away, and their mailbox is full until they fetch what lies there.",
    Why.MAILBOX_REFUSED: "{name} is away, and their mailbox takes nothing of you.",
    Why.MESSAGE_TOO_LARGE: "{name} is away, and the relay that keeps their mail takes nothing as"
    " large.",
    Why.RELAY_FULL: "The relay that leads to {name} is full.",
    Why.RELAY_DEAD: "The relay that leads to {name} does not answer.",
    Why.ANOTHER_PEER: "Somebody else answers where {name} should be.",
    Why.TURNED_AWAY: "{name} answers and takes no connection from you.",
    Why.DIAL_TIMES_OUT: "Nothing answers at the known addresses of {name} in time.",
    Why.DIAL_REFUSED: "At the known address of {name} the connection is refused: no program listens"
    " there.",
    Why.OFFLINE_SINCE: "{name} is offline since {since}.",
    Why.NEVER_SEEN: "{name} was never seen: no device of theirs was found since you know them.",
    Why.HOME_IN_USE: "Another program has this home open, and it alone knows; ask it there.",
    Why.DISK_FULL: "The disk that holds the home is full, so nothing can be kept or sent.",
    Why.HOME_LOCKED: "The home is locked, so nothing leaves it before it is opened.",
    Why.NOT_STARTED: "The client cannot start, so nothing leaves it.",
}
