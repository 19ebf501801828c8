"""From what is known about a message to why it is where it is: a pure decision.

Causes are looked at in the order in which they would hold it back: what forbids it to leave, what
keeps this machine from everybody, what is under way, and how reaching the recipient failed last. So
the first that holds is the one, and the rest is evidence. Only a receipt, signed by a device of the
recipient, makes a message delivered; of what is not known nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from p2pchat.model.contact import ContactState
from p2pchat.model.diagnosis import Saying
from p2pchat.model.explanation import Explanation, RecipientExplanation
from p2pchat.model.explanation import MessageCause as Why
from p2pchat.model.facts import Attempt, Outcome, StartFailure
from p2pchat.model.mailbox import KeeperRefusal
from p2pchat.model.message_facts import (
    DeviceFacts,
    HereFacts,
    MailFacts,
    MessageFacts,
    RecipientFacts,
    SightFacts,
)
from p2pchat.model.room import Role
from p2pchat.model.scope import is_circuit
from p2pchat.protocol.causes import SENTENCES
from p2pchat.protocol.mail_vocabulary import UNASKED

__all__ = ["explain"]

EVIDENCE_MAX = 8
"""Lines of evidence for one recipient."""
MISSING_NAMED_MAX = 20
"""Members who are named in one sentence as missing."""
DIRECT = "/dchat/direct/"
_LATEST_MS = 253_370_764_800_000
"""The year 9999: what a clock elsewhere says may be beyond any calendar."""

_HAS_IT = (Why.READ, Why.DELIVERED)
_HOPE = (
    Why.ON_ITS_WAY,
    Why.NO_RECEIPT,
    Why.TRYING,
    Why.IN_MAILBOX,
)
"""Of several devices of one account the one that is nearest to having it counts."""

_AT_START: Mapping[str, Why] = {
    "HomeInUse": Why.HOME_IN_USE,
    "DiskFull": Why.DISK_FULL,
    "PassphraseNeeded": Why.HOME_LOCKED,
    "WrongPassphrase": Why.HOME_LOCKED,
    "KeyringUnusable": Why.HOME_LOCKED,
}


def explain(facts: MessageFacts) -> Explanation:
    """Why the message is in its present state."""
    if facts.start is not None:
        return _unstarted(facts, facts.start)
    told = tuple(_recipient(one, facts) for one in facts.recipients)
    cause = _of_the_message(facts, told)
    if cause is None and facts.room is None:
        only = told[0]
        shown = (facts.message, only.cause, only.sentence, only.evidence, only.next_try_at, told)
        return Explanation(*shown)
    cause = cause or Why.DELIVERED_TO_SOME
    missing = [one for one in told if one.cause not in _HAS_IT]
    tries = [one.next_try_at for one in missing if one.next_try_at is not None]
    sentence = Saying(SENTENCES[cause], _room_values(facts, told, missing))
    evidence = [Saying("{name}: {why}", {"name": m.name, "why": str(m.sentence)}) for m in missing]
    return Explanation(
        facts.message,
        cause,
        sentence,
        tuple(evidence[:EVIDENCE_MAX]),
        min(tries, default=None),
        told,
    )


def _unstarted(facts: MessageFacts, start: StartFailure) -> Explanation:
    cause = _AT_START.get(start.error, Why.NOT_STARTED)
    said = Saying("{error}: {message}", {"error": start.error, "message": start.message})
    return Explanation(facts.message, cause, Saying(SENTENCES[cause]), (said,))


def _of_the_message(facts: MessageFacts, told: Sequence[RecipientExplanation]) -> Why | None:
    """What holds for the message as a whole; None where it is a matter of its recipients."""
    writer, room = facts.writer, facts.room
    if not writer.is_own:
        return Why.RECEIVED
    if not writer.is_this_device:
        return Why.OWN_OTHER_DEVICE
    if room is not None and room.is_left:
        return Why.ROOM_LEFT
    if told and all(one.cause is Why.READ for one in told):
        return Why.READ if room is not None else None
    if told and all(one.cause in _HAS_IT for one in told):
        return Why.DELIVERED if room is not None else None
    if facts.here.is_revoked:
        return Why.THIS_DEVICE_REVOKED
    if room is None:
        return None
    if room.role in (Role.REMOVED, Role.BANNED):
        return Why.ROOM_REMOVED
    if room.role is Role.READ_ONLY:
        return Why.ROOM_READ_ONLY
    if not told:
        return Why.ALL_GONE if room.is_lost else Why.NOBODY_ELSE
    return None if room.has_epoch else Why.EPOCH_MISSING


def _room_values(
    facts: MessageFacts,
    told: Sequence[RecipientExplanation],
    missing: Sequence[RecipientExplanation],
) -> Mapping[str, str]:
    names = [one.name for one in missing]
    more = f" … ({len(names) - MISSING_NAMED_MAX})" if len(names) > MISSING_NAMED_MAX else ""
    return {
        "name": facts.writer.name or ", ".join(one.name for one in told[:MISSING_NAMED_MAX]),
        "room": facts.room.name if facts.room is not None else "",
        "count": str(len(told) - len(missing)),
        "total": str(len(told)),
        "missing": ", ".join(names[:MISSING_NAMED_MAX]) + more,
        "since": _time(facts.writer.received_ms),
    }


# One recipient


def _recipient(one: RecipientFacts, facts: MessageFacts) -> RecipientExplanation:
    cause = _consent(one) or _way(one, facts.here)
    device = _nearest(one, facts.here) if cause not in _HAS_IT else None
    since_ms = min(_since(cause, device), facts.now_ms)
    values = {"name": one.name, "since": _time(since_ms)}
    evidence = tuple(_evidence(one, device, facts.here)[:EVIDENCE_MAX])
    next_try = _next_try(device) if cause not in _SETTLED else None
    sentence = Saying(SENTENCES[cause], values)
    return RecipientExplanation(one.account, one.name, cause, sentence, evidence, next_try)


def _consent(one: RecipientFacts) -> Why | None:
    """What decides before any connection does."""
    if one.has_it:
        return Why.READ if one.has_read else Why.DELIVERED
    if one.contact is ContactState.BLOCKED:
        return Why.BLOCKED_BY_US
    if one.contact in (ContactState.REMOVED, ContactState.WITHDRAWN):
        return Why.CONTACT_REMOVED
    if one.is_key_doubtful:
        return Why.KEY_CHANGED
    if one.contact is ContactState.ASKED and one.has_answered:
        return Why.REQUEST_REFUSED
    if one.contact is ContactState.ASKED and one.is_request_out:
        return Why.REQUEST_UNANSWERED
    return Why.DEVICES_REVOKED if one.are_revoked else None


_SETTLED = frozenset(
    {
        *_HAS_IT,
        Why.BLOCKED_BY_US,
        Why.CONTACT_REMOVED,
        Why.KEY_CHANGED,
        Why.REQUEST_UNANSWERED,
        Why.REQUEST_REFUSED,
        Why.DEVICES_REVOKED,
    }
)
"""What no further try changes."""


def _way(one: RecipientFacts, here: HereFacts) -> Why:
    """How far the nearest of its devices is."""
    device = _nearest(one, here)
    return Why.NEVER_SEEN if device is None else _device(device, here)


def _nearest(one: RecipientFacts, here: HereFacts) -> DeviceFacts | None:
    def distance(device: DeviceFacts) -> tuple[int, int]:
        cause = _device(device, here)
        place = _HOPE.index(cause) if cause in _HOPE else len(_HOPE)
        return place, -device.sight.seen_ms

    return min(one.devices, key=distance, default=None)


def _device(device: DeviceFacts, here: HereFacts) -> Why:
    """The first of these that holds."""
    looks: Iterable[Callable[[DeviceFacts, HereFacts], Why | None]] = (
        _connected,
        _kept,
        _barred,
        _cut_off,
        _unheard,
        _unkept,
        _dialled,
    )
    found = (look(device, here) for look in looks)
    return next((cause for cause in found if cause is not None), Why.TRYING)


def _connected(device: DeviceFacts, here: HereFacts) -> Why | None:
    link = device.link
    if not link.is_connected:
        return None
    if link.speaks and not any(one.startswith(f"{DIRECT}1.") for one in link.speaks):
        return Why.VERSION_TOO_OLD
    if link.is_paused:
        return Why.COPY_OF_HOME if here.is_forked else Why.NO_RECEIPT
    return Why.ON_ITS_WAY


def _kept(device: DeviceFacts, here: HereFacts) -> Why | None:
    return Why.IN_MAILBOX if device.mail.is_kept else None


def _barred(device: DeviceFacts, here: HereFacts) -> Why | None:
    outcomes = _outcomes(device)
    if device.sight.is_blocked:
        return Why.BLOCKED_BY_US
    is_barred = outcomes and all(one is Outcome.BLOCKED for one in outcomes)
    return Why.SUBNET_BLOCKED if device.sight.is_barred or is_barred else None


def _cut_off(device: DeviceFacts, here: HereFacts) -> Why | None:
    """This machine reaches nobody."""
    if here.peers:
        return None
    if not here.has_address:
        return Why.NO_NETWORK
    outcomes = _outcomes(device)
    is_stuck = outcomes and all(one in (Outcome.NO_ROUTE, Outcome.NO_NAME) for one in outcomes)
    return Why.NO_ROUTE if is_stuck or (not here.has_route and not outcomes) else None


def _unheard(device: DeviceFacts, here: HereFacts) -> Why | None:
    """The LAN does not take what it says."""
    if device.clock_s is not None:
        if here.clocks_differing > 1:
            return Why.CLOCK_WRONG_HERE
        return Why.CLOCK_WRONG_THERE if here.lan_peers else Why.CLOCKS_DIFFER
    is_told = Outcome.OTHER_SECRET in _outcomes(device)
    is_hidden = here.lan_wrong_secret and not here.lan_peers and not here.peers
    is_unmet = not device.sight.seen_ms and Outcome.REACHED not in _outcomes(device)
    return Why.LAN_SECRET_DIFFERS if is_told or (is_hidden and is_unmet) else None


_REFUSED_MAIL: Mapping[KeeperRefusal, Why] = {
    KeeperRefusal.MAILBOX_FULL: Why.MAILBOX_FULL,
    KeeperRefusal.RELAY_FULL: Why.RELAY_FULL,
    KeeperRefusal.TOO_LARGE: Why.MESSAGE_TOO_LARGE,
    KeeperRefusal.DENIED: Why.MAILBOX_REFUSED,
}


def _unkept(device: DeviceFacts, here: HereFacts) -> Why | None:
    """It is away, and those who keep its mail did not take the letter, or are away as well."""
    mail = device.mail
    for refusal, cause in _REFUSED_MAIL.items():
        if refusal in mail.failure:
            return cause
    return Why.RELAY_DEAD if mail.failure and mail.failure not in UNASKED else None


def _dialled(device: DeviceFacts, here: HereFacts) -> Why | None:
    """How reaching it failed last."""
    sight, outcomes = device.sight, _outcomes(device)
    is_known = _last_there(sight) > 0
    for outcome, cause in _BY_OUTCOME.items():
        if outcome in outcomes:
            return cause
    direct = [one.outcome for one in sight.attempts if not is_circuit(one.address)]
    through = [one.outcome for one in sight.attempts if is_circuit(one.address)]
    if through and not direct and Outcome.ABSENT not in through:
        return Why.RELAY_DEAD
    if Outcome.SILENT in direct:
        return Why.DIAL_TIMES_OUT
    if is_known and (outcomes or sight.tried_ms):
        return Why.OFFLINE_SINCE
    if Outcome.REFUSED in direct:
        return Why.DIAL_REFUSED
    if sight.is_unfound or Outcome.ABSENT in through:
        return Why.NEVER_SEEN
    if device.link.tries:
        return Why.RETRY_LATER
    return None


_BY_OUTCOME: Mapping[Outcome, Why] = {
    Outcome.STRANGER: Why.ANOTHER_PEER,
    Outcome.TURNED_AWAY: Why.TURNED_AWAY,
    Outcome.RELAY_FULL: Why.RELAY_FULL,
}
"""Somebody answers, which says more than all the addresses where nobody does."""


def _outcomes(device: DeviceFacts) -> tuple[Outcome, ...]:
    return tuple(one.outcome for one in device.sight.attempts)


# What speaks for it


def _since(cause: Why, device: DeviceFacts | None) -> int:
    if device is None:
        return 0
    if cause is Why.IN_MAILBOX:
        return device.mail.since_ms
    return _last_there(device.sight)


def _last_there(sight: SightFacts) -> int:
    """When a device was there for sure, as late as is known; 0 when it never was."""
    return sight.seen_ms or max(sight.receipt_ms, sight.spoken_ms)


def _next_try(device: DeviceFacts | None) -> int | None:
    """The next thing that happens by itself."""
    if device is None:
        return None
    times = [device.link.next_try_ms, 0 if device.mail.is_kept else device.mail.next_try_ms]
    return min((one for one in times if one), default=None)


def _evidence(one: RecipientFacts, device: DeviceFacts | None, here: HereFacts) -> Sequence[Saying]:
    said: list[Saying] = []
    if one.has_it:
        said.append(_said("Its receipt is of {time}.", time=_time(one.held_ms)))
    if one.contact is ContactState.ASKED:
        said.append(Saying("They have not accepted your request yet."))
    if not one.has_it and device is None:
        said.append(Saying("No device of theirs is known here."))
    if device is not None:
        said += [*_linked(device), *_sighted(device), *_mailed(device.mail), *_around(device, here)]
    return said


def _linked(device: DeviceFacts) -> list[Saying]:
    link, said = device.link, list[Saying]()
    if link.is_connected:
        said.append(_said("Device {peer} is connected.", peer=device.peer))
        if not any(one.startswith(f"{DIRECT}1.") for one in link.speaks) and link.speaks:
            said.append(_said("It speaks {protocols}.", protocols=", ".join(link.speaks)))
    elif link.is_dialling:
        said.append(_said("Device {peer} is being dialled.", peer=device.peer))
    if link.tries:
        said.append(
            _said(
                "Tried {count} times; last error: {error}.",
                count=str(link.tries),
                error=link.last_error or "-",
            )
        )
    return said


def _sighted(device: DeviceFacts) -> list[Saying]:
    sight, said = device.sight, list[Saying]()
    if device.link.is_connected:
        return said
    if sight.seen_ms:
        said.append(_said("It was last connected at {time}.", time=_time(sight.seen_ms)))
    if sight.receipt_ms:
        said.append(_said("Its last receipt is of {time}.", time=_time(sight.receipt_ms)))
    if sight.tried_ms:
        said.append(_said("It was last tried at {time}.", time=_time(sight.tried_ms)))
    said += map(_attempt, sight.attempts)
    if sight.is_unfound:
        said.append(Saying("A look-up in the network found no address of it."))
    return said


def _attempt(one: Attempt) -> Saying:
    if not one.address:
        return _said("It was not reached: {reason}", reason=one.reason)
    values = {"address": one.address, "outcome": one.outcome.value, "reason": one.reason}
    return Saying("{address}: {outcome} ({reason})", values)


def _mailed(mail: MailFacts) -> list[Saying]:
    said: list[Saying] = []
    if mail.is_kept and mail.relays:
        said.append(_said("Kept by {relays}.", relays=", ".join(mail.relays)))
    if mail.failure:
        values = {"time": _time(mail.failed_ms), "reason": mail.failure}
        said.append(Saying("No mailbox took it at {time}: {reason}", values))
    if mail.is_posting:
        said.append(Saying("A letter to its mailbox is on its way."))
    return said


def _around(device: DeviceFacts, here: HereFacts) -> list[Saying]:
    said: list[Saying] = []
    if device.clock_s is not None:
        differing = "Its clock is {seconds} s ahead of ours (behind, when negative)."
        said.append(_said(differing, seconds=f"{device.clock_s:.0f}"))
    if here.is_forked:
        said.append(Saying("This device's own history has two ends here."))
    if here.lan_wrong_secret:
        told = "LAN packets refused for another secret in the last minute: {count}."
        said.append(_said(told, count=str(here.lan_wrong_secret)))
    if not here.peers and not device.link.is_connected:
        said.append(Saying("Nobody at all is connected with this machine."))
    return said


def _said(text: str, **values: str) -> Saying:
    return Saying(text, values)


def _time(wall_ms: int) -> str:
    """A moment, as everybody reads it alike."""
    when = datetime.fromtimestamp(min(max(wall_ms, 0), _LATEST_MS) / 1000, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
