"""An explanation: why a message is in the state that it is in, in one sentence, with evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.diagnosis import Saying
from p2pchat.model.ids import AccountId, OpId

__all__ = ["Explanation", "MessageCause", "RecipientExplanation"]


class MessageCause(StrEnum):
    """Why a message has come as far as it has; docs/explain.md has a line for each."""

    # It has arrived
    READ = "read"
    DELIVERED = "delivered"
    DELIVERED_TO_SOME = "delivered_to_some"
    RECEIVED = "received"
    """Somebody else wrote it, and it is here."""
    OWN_OTHER_DEVICE = "own_other_device"
    """Another device of ours wrote it, and keeps count."""
    NOBODY_ELSE = "nobody_else"
    """A room with nobody else in it."""
    ALL_GONE = "all_gone"
    """Of whom it was expected to have it nobody is in the room any more."""

    # What forbids it
    BLOCKED_BY_US = "blocked_by_us"
    CONTACT_REMOVED = "contact_removed"
    KEY_CHANGED = "key_changed"
    REQUEST_UNANSWERED = "request_unanswered"
    REQUEST_REFUSED = "request_refused"
    DEVICES_REVOKED = "devices_revoked"
    THIS_DEVICE_REVOKED = "this_device_revoked"
    COPY_OF_HOME = "copy_of_home"
    ROOM_LEFT = "room_left"
    ROOM_REMOVED = "room_removed"
    ROOM_READ_ONLY = "room_read_only"
    EPOCH_MISSING = "epoch_missing"

    # It is under way
    ON_ITS_WAY = "on_its_way"
    NO_RECEIPT = "no_receipt"
    TRYING = "trying"
    RETRY_LATER = "retry_later"
    IN_MAILBOX = "in_mailbox"

    # Nobody can be reached from here
    NO_NETWORK = "no_network"
    NO_ROUTE = "no_route"
    SUBNET_BLOCKED = "subnet_blocked"
    CLOCK_WRONG_HERE = "clock_wrong_here"
    CLOCK_WRONG_THERE = "clock_wrong_there"
    CLOCKS_DIFFER = "clocks_differ"
    LAN_SECRET_DIFFERS = "lan_secret_differs"  # noqa: S105 -- a cause's name

    # The recipient cannot be reached
    VERSION_TOO_OLD = "version_too_old"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_REFUSED = "mailbox_refused"
    MESSAGE_TOO_LARGE = "message_too_large"
    RELAY_FULL = "relay_full"
    RELAY_DEAD = "relay_dead"
    ANOTHER_PEER = "another_peer"
    TURNED_AWAY = "turned_away"
    DIAL_TIMES_OUT = "dial_times_out"
    DIAL_REFUSED = "dial_refused"
    OFFLINE_SINCE = "offline_since"
    NEVER_SEEN = "never_seen"

    # No client runs here, so nothing leaves
    HOME_IN_USE = "home_in_use"
    DISK_FULL = "disk_full"
    HOME_LOCKED = "home_locked"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class RecipientExplanation:
    """Of one account that shall have the message."""

    account: AccountId
    name: str
    cause: MessageCause
    sentence: Saying
    evidence: tuple[Saying, ...]
    next_try_at: int | None = None
    """Milliseconds since the epoch; None where something else has to happen first."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of the whole message; in a room with what is to be said of each other member."""

    message: OpId
    cause: MessageCause
    sentence: Saying
    evidence: tuple[Saying, ...] = ()
    next_try_at: int | None = None
    recipients: tuple[RecipientExplanation, ...] = ()
