"""Our keys are made anew in time; of others nothing weaker is believed."""

from __future__ import annotations

from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.model.ratchet import HpkeSecret, PutBundle
from p2pchat.protocol.bundles import (
    LOOK_AGAIN_MS,
    PREVIOUS_HPKE_MAX,
    ROTATE_MS,
    UNKNOWN_AGAIN_MS,
    Bundles,
    is_due,
    renewed,
)
from p2pchat.wire.records import BundleRecord, encode_record
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, digest

RELAYS = (MailboxRelay(BOB.device.peer_id),)


def keys(number: int) -> list[HpkeSecret]:
    return [HpkeSecret(suite, bytes([suite, number]), number) for suite in (1, 2)]


def bundle(*suites: int, seq: int = 1, fallback: str = "fallback") -> bytes:
    hpke = tuple(HpkeKey(suite, digest(f"{suite}")) for suite in suites)
    mail = MailBundle(digest(fallback), hpke, RELAYS)
    return encode_record(BundleRecord(BOB.device, (), seq, WALL_MS, mail), BOB.signer)


def test_keys_are_made_anew_after_35_days():
    assert is_due(None, WALL_MS)
    assert not is_due(WALL_MS, WALL_MS + ROTATE_MS - 1)
    assert is_due(WALL_MS, WALL_MS + ROTATE_MS)


def test_two_older_keys_of_each_suite_stay():
    made = None
    for number in range(5):
        made = renewed(made, digest(f"fallback {number}"), keys(number), number)
    assert made is not None
    assert (made.fallback_key, made.rotated_ms) == (digest("fallback 4"), 4)
    for suite in (1, 2):
        kept = [key.made_ms for key in made.hpke if key.suite == suite]
        assert kept == [4, 3, 2]
        assert len(kept) == 1 + PREVIOUS_HPKE_MAX


def test_the_strongest_key_that_is_known_comes_first():
    bundles = Bundles()
    assert bundles.get(BOB.device) is None
    bundles.take(BOB.device, bundle(1, 2, 9), WALL_MS)
    found = bundles.get(BOB.device)
    assert found is not None
    assert [key.suite for key in found.hpke] == [2, 1]


def test_a_newer_bundle_replaces_an_older_one_and_never_the_other_way():
    bundles = Bundles()
    bundles.take(BOB.device, bundle(1, seq=2, fallback="new"), WALL_MS)
    bundles.take(BOB.device, bundle(1, seq=1, fallback="old"), WALL_MS)
    found = bundles.get(BOB.device)
    assert found is not None
    assert found.fallback_key == digest("new")


def test_the_best_suite_ever_seen_is_pinned():
    bundles = Bundles()
    bundles.take(BOB.device, bundle(1, seq=1), WALL_MS)
    bundles.take(BOB.device, bundle(1, 2, seq=2), WALL_MS)
    row = bundles.take(BOB.device, bundle(1, seq=3, fallback="weaker"), WALL_MS)
    found = bundles.get(BOB.device)
    assert found is not None
    assert (found.hpke[0].suite, found.fallback_key) == (2, digest("fallback"))
    assert (row.suite, row.raw) == (2, bundle(1, 2, seq=2))


def test_what_is_known_is_kept_when_nothing_is_found():
    bundles = Bundles()
    row = bundles.take(BOB.device, bundle(1), WALL_MS)
    assert not bundles.is_stale(BOB.device, WALL_MS + LOOK_AGAIN_MS - 1)
    assert bundles.is_stale(BOB.device, WALL_MS + LOOK_AGAIN_MS)
    later = bundles.take(BOB.device, None, WALL_MS + LOOK_AGAIN_MS)
    assert (later.raw, later.asked_ms) == (row.raw, WALL_MS + LOOK_AGAIN_MS)
    assert bundles.get(BOB.device) is not None
    assert not bundles.is_stale(BOB.device, WALL_MS + LOOK_AGAIN_MS)


def test_keys_that_do_not_open_are_looked_up_again():
    bundles = Bundles()
    bundles.doubt(BOB.device)
    bundles.take(BOB.device, bundle(1), WALL_MS)
    bundles.doubt(BOB.device)
    assert bundles.is_stale(BOB.device, WALL_MS)
    assert bundles.get(BOB.device) is not None


def test_who_was_not_found_is_looked_up_again_soon():
    bundles = Bundles()
    bundles.take(BOB.device, None, WALL_MS)
    assert not bundles.is_stale(BOB.device, WALL_MS + UNKNOWN_AGAIN_MS - 1)
    assert bundles.is_stale(BOB.device, WALL_MS + UNKNOWN_AGAIN_MS)


def test_who_takes_no_mail_or_is_not_known_has_no_bundle():
    bundles = Bundles()
    empty = BundleRecord(BOB.device, (), 1, WALL_MS)
    bundles.take(BOB.device, encode_record(empty, BOB.signer), WALL_MS)
    assert bundles.get(BOB.device) is None
    assert bundles.is_stale(ALICE.device, WALL_MS)
    bundles.take(ALICE.device, bundle(1), WALL_MS)
    assert bundles.get(ALICE.device) is None, "it is signed by another device"


def test_a_restart_goes_on_with_what_was_seen():
    row = Bundles().take(BOB.device, bundle(1, 2), WALL_MS)
    bundles = Bundles()
    bundles.restore(row)
    bundles.restore(PutBundle(ALICE.device, b"", WALL_MS, 0))
    assert bundles.get(BOB.device) is not None
    assert bundles.get(ALICE.device) is None
