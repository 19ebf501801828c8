"""Each cause on facts made up for it, and that nothing but a receipt makes a message delivered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.model.contact import ContactState
from p2pchat.model.explanation import MessageCause as Why
from p2pchat.model.facts import Attempt, Outcome, StartFailure
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.mailbox import KeeperRefusal
from p2pchat.model.message_facts import (
    DeviceFacts,
    HereFacts,
    LinkFacts,
    MailFacts,
    MessageFacts,
    RecipientFacts,
    RoomFacts,
    SightFacts,
    Writer,
)
from p2pchat.model.room import Role
from p2pchat.protocol.causes import SENTENCES
from p2pchat.protocol.explaining import EVIDENCE_MAX, MISSING_NAMED_MAX, explain
from p2pchat.protocol.mail_vocabulary import UNASKED

MESSAGE = OpId(b"m" * 32)
NOW = 1_800_000_000_000
THEN = NOW - 3_600_000
AT_BOB, AT_RELAY = "/ip4/192.168.1.9/tcp/4001", "/ip4/45.1.1.1/tcp/1/p2p/12D3/p2p-circuit"
HERE = HereFacts(peers=1)
ALONE = HereFacts()


def tried(outcome: Outcome, address: str = AT_BOB) -> SightFacts:
    """Dialled in vain, and never met."""
    return SightFacts(
        tried_ms=NOW, attempts=(Attempt("bob", "recipient", address, outcome, "why"),)
    )


def device(
    link: LinkFacts | None = None,
    sight: SightFacts | None = None,
    mail: MailFacts | None = None,
    clock_s: float | None = None,
) -> DeviceFacts:
    parts = link or LinkFacts(), sight or SightFacts(), mail or MailFacts()
    return DeviceFacts("…bob", *parts, clock_s)


def person(*devices: DeviceFacts, name: str = "Bob", **said: object) -> RecipientFacts:
    account = AccountId(name.encode().ljust(32, b"."))
    return RecipientFacts(account=account, name=name, devices=devices, **said)


def facts(*people: RecipientFacts, here: HereFacts = HERE, **more: object) -> MessageFacts:
    return MessageFacts(message=MESSAGE, recipients=people, here=here, now_ms=NOW, **more)


def cause(*people: RecipientFacts, here: HereFacts = HERE, **more: object) -> Why:
    explanation = explain(facts(*people, here=here, **more))
    assert explanation.message == MESSAGE
    assert str(explanation.sentence), "it can be said"
    for line in explanation.evidence:
        assert str(line)
    return explanation.cause


SEEN = SightFacts(seen_ms=THEN, tried_ms=NOW)
CONNECTED = LinkFacts(is_connected=True, speaks=("/dchat/direct/1.0.0",))


def no_mail(reason: str) -> MailFacts:
    return MailFacts(failure=reason, failed_ms=NOW, next_try_ms=NOW + 5_000)


BY_DEVICE: dict[Why, list[tuple[DeviceFacts, HereFacts]]] = {
    Why.ON_ITS_WAY: [
        (device(CONNECTED), HERE),
        (device(replace(CONNECTED, is_handed=True)), HERE),
        (device(LinkFacts(is_connected=True)), HERE),
    ],
    Why.NO_RECEIPT: [(device(replace(CONNECTED, is_paused=True)), HERE)],
    Why.COPY_OF_HOME: [
        (device(replace(CONNECTED, is_paused=True)), HereFacts(peers=1, is_forked=True))
    ],
    Why.VERSION_TOO_OLD: [
        (device(LinkFacts(is_connected=True, speaks=("/dchat/direct/2.0.0",))), HERE)
    ],
    Why.IN_MAILBOX: [
        (device(mail=MailFacts(is_kept=True, since_ms=THEN)), HERE),
        (device(sight=SEEN, mail=MailFacts(is_kept=True, since_ms=THEN)), ALONE),
    ],
    Why.TRYING: [(device(), HERE), (device(LinkFacts(is_dialling=True)), HERE)],
    Why.RETRY_LATER: [
        (device(LinkFacts(tries=3, last_error="it hung up")), HERE),
        (device(LinkFacts(tries=1), tried(Outcome.FAILED)), HERE),
    ],
    Why.BLOCKED_BY_US: [(device(sight=SightFacts(is_blocked=True)), HERE)],
    Why.SUBNET_BLOCKED: [
        (device(sight=SightFacts(is_barred=True)), HERE),
        (device(sight=tried(Outcome.BLOCKED)), HERE),
    ],
    Why.NO_NETWORK: [(device(sight=tried(Outcome.NO_ROUTE)), HereFacts(has_address=False))],
    Why.NO_ROUTE: [
        (device(sight=tried(Outcome.NO_ROUTE)), ALONE),
        (device(sight=SEEN), HereFacts(has_route=False)),
    ],
    Why.CLOCK_WRONG_HERE: [(device(clock_s=300.0), HereFacts(clocks_differing=2))],
    Why.CLOCK_WRONG_THERE: [(device(clock_s=-300.0), HereFacts(clocks_differing=1, lan_peers=1))],
    Why.CLOCKS_DIFFER: [(device(clock_s=300.0), HereFacts(clocks_differing=1))],
    Why.LAN_SECRET_DIFFERS: [
        (device(sight=tried(Outcome.OTHER_SECRET)), HERE),
        (device(), HereFacts(lan_wrong_secret=3)),
    ],
    Why.MAILBOX_FULL: [
        (device(sight=SEEN, mail=no_mail(f"relay x: {KeeperRefusal.MAILBOX_FULL}")), HERE)
    ],
    Why.MAILBOX_REFUSED: [
        (device(sight=SEEN, mail=no_mail(f"relay x: {KeeperRefusal.DENIED}")), HERE)
    ],
    Why.MESSAGE_TOO_LARGE: [
        (device(sight=SEEN, mail=no_mail(f"relay x: {KeeperRefusal.TOO_LARGE}")), HERE)
    ],
    Why.RELAY_FULL: [
        (device(sight=SEEN, mail=no_mail(f"relay x: {KeeperRefusal.RELAY_FULL}")), HERE),
        (device(sight=tried(Outcome.RELAY_FULL, AT_RELAY)), HERE),
    ],
    Why.RELAY_DEAD: [
        (device(sight=SEEN, mail=no_mail("no address of 12D3 answered")), HERE),
        (device(sight=tried(Outcome.REFUSED, AT_RELAY)), HERE),
        (device(sight=replace(tried(Outcome.SILENT, AT_RELAY), seen_ms=THEN)), HERE),
    ],
    Why.ANOTHER_PEER: [(device(sight=tried(Outcome.STRANGER)), HERE)],
    Why.TURNED_AWAY: [(device(sight=tried(Outcome.TURNED_AWAY)), HERE)],
    Why.DIAL_TIMES_OUT: [
        (device(sight=tried(Outcome.SILENT)), HERE),
        (device(sight=replace(tried(Outcome.SILENT), seen_ms=THEN)), HERE),
    ],
    Why.DIAL_REFUSED: [(device(sight=tried(Outcome.REFUSED)), HERE)],
    Why.OFFLINE_SINCE: [
        (device(sight=SEEN), HERE),
        (device(sight=replace(tried(Outcome.REFUSED), seen_ms=THEN)), HERE),
        (device(sight=replace(tried(Outcome.ABSENT, AT_RELAY), receipt_ms=THEN)), HERE),
        (device(sight=SightFacts(tried_ms=NOW, spoken_ms=THEN, is_unfound=True)), HERE),
    ],
    Why.NEVER_SEEN: [
        (device(sight=SightFacts(tried_ms=NOW, is_unfound=True)), HERE),
        (device(sight=tried(Outcome.ABSENT, AT_RELAY)), HERE),
    ],
}

DIRECTLY: dict[Why, MessageFacts] = {
    Why.DELIVERED: facts(person(has_it=True, held_ms=THEN)),
    Why.READ: facts(person(has_it=True, has_read=True)),
    Why.RECEIVED: facts(writer=Writer(is_own=False, name="Bob", received_ms=THEN)),
    Why.OWN_OTHER_DEVICE: facts(writer=Writer(is_own=True, is_this_device=False)),
    Why.CONTACT_REMOVED: facts(person(device(CONNECTED), contact=ContactState.REMOVED)),
    Why.KEY_CHANGED: facts(person(device(CONNECTED), is_key_doubtful=True)),
    Why.REQUEST_UNANSWERED: facts(
        person(device(CONNECTED), contact=ContactState.ASKED, is_request_out=True)
    ),
    Why.REQUEST_REFUSED: facts(
        person(contact=ContactState.ASKED, is_request_out=True, has_answered=True)
    ),
    Why.DEVICES_REVOKED: facts(person(are_revoked=True)),
    Why.THIS_DEVICE_REVOKED: facts(person(device(CONNECTED)), here=HereFacts(is_revoked=True)),
    Why.ROOM_LEFT: facts(room=RoomFacts("", is_left=True)),
    Why.ROOM_REMOVED: facts(person(device(CONNECTED)), room=RoomFacts("crew", Role.REMOVED)),
    Why.ROOM_READ_ONLY: facts(person(device(CONNECTED)), room=RoomFacts("crew", Role.READ_ONLY)),
    Why.EPOCH_MISSING: facts(person(device(CONNECTED)), room=RoomFacts("crew", has_epoch=False)),
    Why.NOBODY_ELSE: facts(room=RoomFacts("crew")),
    Why.ALL_GONE: facts(room=RoomFacts("crew", is_lost=True)),
    Why.DELIVERED_TO_SOME: facts(person(has_it=True), person(name="Eve"), room=RoomFacts("crew")),
    Why.HOME_IN_USE: MessageFacts(message=MESSAGE, start=StartFailure("HomeInUse", "by 7")),
    Why.DISK_FULL: MessageFacts(message=MESSAGE, start=StartFailure("DiskFull", "full")),
    Why.HOME_LOCKED: MessageFacts(message=MESSAGE, start=StartFailure("PassphraseNeeded", "?")),
    Why.NOT_STARTED: MessageFacts(message=MESSAGE, start=StartFailure("Corrupted", "bits")),
}


def test_every_cause_is_tried_here_and_has_words():
    assert set(BY_DEVICE) | set(DIRECTLY) == set(Why)
    assert set(SENTENCES) == set(Why)


@pytest.mark.parametrize(
    ("wanted", "number"), [(why, n) for why, rows in BY_DEVICE.items() for n in range(len(rows))]
)
def test_the_way_to_a_device_has_one_cause(wanted: Why, number: int):
    found, here = BY_DEVICE[wanted][number]
    assert cause(person(found, contact=ContactState.ACCEPTED), here=here) is wanted
    assert cause(person(found), here=here, room=RoomFacts("crew")) is Why.DELIVERED_TO_SOME
    in_room = explain(facts(person(found), here=here, room=RoomFacts("crew")))
    assert in_room.recipients[0].cause is wanted


@pytest.mark.parametrize("wanted", DIRECTLY)
def test_what_decides_before_a_connection_has_one_cause(wanted: Why):
    assert explain(DIRECTLY[wanted]).cause is wanted


def test_who_is_blocked_gets_nothing_by_any_device():
    assert cause(person(device(CONNECTED), contact=ContactState.BLOCKED)) is Why.BLOCKED_BY_US


def test_nothing_but_a_receipt_makes_a_message_delivered():
    for rows in BY_DEVICE.values():
        for found, here in rows:
            explanation = explain(facts(person(found), here=here))
            assert explanation.cause not in (Why.DELIVERED, Why.READ, Why.DELIVERED_TO_SOME)


def test_nobody_is_offline_since_the_beginning_of_time_or_from_tomorrow_on():
    for sight in (SightFacts(tried_ms=NOW, spoken_ms=THEN), SightFacts(tried_ms=NOW, seen_ms=THEN)):
        told = str(explain(facts(person(device(sight=sight)))).sentence)
        assert told == "Bob is offline since 2027-01-15 07:00:00 UTC."
    late = SightFacts(tried_ms=NOW, receipt_ms=NOW + 10**12)
    told = str(explain(facts(person(device(sight=late)))).sentence)
    assert told == "Bob is offline since 2027-01-15 08:00:00 UTC."


def test_of_several_devices_the_one_that_is_nearest_counts():
    away, near = device(sight=SEEN), device(mail=MailFacts(is_kept=True, since_ms=THEN))
    assert cause(person(away, near)) is Why.IN_MAILBOX
    assert cause(person(near, away, device(CONNECTED))) is Why.ON_ITS_WAY


def test_a_request_that_never_left_waits_for_what_every_message_waits_for():
    asked = person(device(sight=tried(Outcome.REFUSED)), contact=ContactState.ASKED)
    explanation = explain(facts(asked))
    assert explanation.cause is Why.DIAL_REFUSED
    assert "They have not accepted your request yet." in map(str, explanation.evidence)


def test_where_no_mailbox_was_asked_none_is_blamed():
    for reason in UNASKED:
        assert cause(person(device(sight=SEEN, mail=no_mail(reason)))) is Why.OFFLINE_SINCE


def test_a_room_counts_who_has_it_and_names_who_has_not():
    people = [person(has_it=True, name="Bob"), person(name="Eve"), person(name="Dan")]
    explanation = explain(facts(*people, room=RoomFacts("crew")))
    assert str(explanation.sentence) == "1 of 3 members have it; missing: Eve, Dan."
    assert [one.cause for one in explanation.recipients] == [
        Why.DELIVERED,
        Why.NEVER_SEEN,
        Why.NEVER_SEEN,
    ]


def test_a_large_room_is_told_within_bounds():
    people = [person(device(sight=SEEN), name=f"n{n}") for n in range(MISSING_NAMED_MAX + 5)]
    explanation = explain(facts(*people, room=RoomFacts("crew")))
    assert "… (5)" in str(explanation.sentence)
    assert len(explanation.evidence) == EVIDENCE_MAX
    assert len(explanation.recipients) == MISSING_NAMED_MAX + 5


def test_times_and_addresses_stand_in_the_evidence():
    sight = replace(tried(Outcome.REFUSED), seen_ms=1_700_000_000_000)
    explanation = explain(facts(person(device(sight=sight))))
    assert str(explanation.sentence) == "Bob is offline since 2023-11-14 22:13:20 UTC."
    assert f"{AT_BOB}: refused (why)" in map(str, explanation.evidence)


def test_the_next_try_is_told_where_one_comes_by_itself():
    link = LinkFacts(tries=2, next_try_ms=NOW + 9_000)
    both = device(link, SEEN, no_mail("no answer in time"))
    assert explain(facts(person(both))).next_try_at == NOW + 5_000
    kept = device(link, SEEN, MailFacts(is_kept=True, since_ms=THEN))
    assert explain(facts(person(kept))).next_try_at == NOW + 9_000
    assert explain(facts(person(both, is_key_doubtful=True))).next_try_at is None


def test_a_clock_beyond_every_calendar_is_no_error():
    assert cause(person(has_it=True, held_ms=1 << 62)) is Why.DELIVERED
