"""What is remembered of peers that were met, or were not."""

from __future__ import annotations

import pytest

from p2pchat.errors import PeerUnreachable
from p2pchat.model.blocking import Refusal
from p2pchat.model.facts import Outcome
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.net.outcomes import outcome_of
from p2pchat.net.port import ANOTHER_PEER, AT_LIMIT, NO_ANSWER, NOT_AT_RELAY
from p2pchat.node.sightings import ATTEMPTS_MAX, REASON_CHARACTERS_MAX, SIGHTINGS_MAX, Sightings


def peer(number: int) -> PeerId:
    return DeviceId(number.to_bytes(32)).peer_id


class Clock:
    """Each look is a millisecond later."""

    now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


def test_a_dial_that_failed_is_remembered_until_the_peer_comes():
    sightings = Sightings(Clock())
    sightings.failed(peer(1), PeerUnreachable("no", (("/ip4/1.2.3.4/tcp/1", NO_ANSWER),)))
    sightings.looked_up(peer(1), is_found=False)
    known = sightings.of(peer(1))
    assert [one.outcome for one in known.attempts] == [Outcome.SILENT]
    assert (known.seen_ms, known.is_unfound) == (0, True)
    sightings.came(peer(1))
    sightings.gone(peer(1))
    assert sightings.of(peer(1)).attempts == ()
    assert sightings.of(peer(1)).seen_ms > known.tried_ms
    sightings.failed(peer(1), PeerUnreachable("the connection was lost at once"))
    assert sightings.of(peer(1)).attempts[0].outcome is Outcome.TURNED_AWAY


def test_what_is_remembered_has_bounds():
    sightings = Sightings(Clock())
    for number in range(SIGHTINGS_MAX + 1):
        sightings.came(peer(number))
    assert sightings.of(peer(0)).seen_ms == 0
    assert sightings.of(peer(1)).seen_ms > 0
    tried = tuple((f"/ip4/1.2.3.4/tcp/{port}", "x" * 1_000) for port in range(ATTEMPTS_MAX + 1))
    sightings.failed(peer(1), PeerUnreachable("no", tried))
    attempts = sightings.of(peer(1)).attempts
    assert len(attempts) == ATTEMPTS_MAX
    assert len(attempts[0].reason) == REASON_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (Refusal.SUBNET, Outcome.BLOCKED),
        (ANOTHER_PEER, Outcome.STRANGER),
        (NO_ANSWER, Outcome.SILENT),
        (f"12D3 refused: {AT_LIMIT}", Outcome.RELAY_FULL),
        (f"12D3 refused: {NOT_AT_RELAY}", Outcome.ABSENT),
        ("the peer does not know the secret of this LAN", Outcome.OTHER_SECRET),
        ("ConnectionRefusedError: [Errno 111] Connection refused", Outcome.REFUSED),
        ("OSError: [Errno 101] Network is unreachable", Outcome.NO_ROUTE),
        ("OSError: [Errno 113] No route to host", Outcome.SILENT),
        ("gaierror: [Errno -2] Name or service not known", Outcome.NO_NAME),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", Outcome.TURNED_AWAY),
        ("something else", Outcome.FAILED),
    ],
)
def test_a_reason_says_how_it_ended(reason: str, outcome: Outcome):
    assert outcome_of(reason) is outcome
