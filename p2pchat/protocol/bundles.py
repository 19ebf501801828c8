"""Bundles: the keys that others write to us with while we are away, and theirs.

Our keys are made anew every 35 days, and only when the last ones were published just now: who was
offline for months still opens what was sealed with what others saw last. One fallback key and two
envelope keys of each suite stay behind, so that at least the envelope of a stale message opens and
its sender can be asked again.

Of others the newest bundle is kept, also when it has expired: who is away has not rotated. A device
that ever named a strong suite is never written to with a weaker one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from p2pchat.errors import RemoteProtocolError
from p2pchat.model.ids import DeviceId
from p2pchat.model.mailbox import HpkeKey, MailBundle
from p2pchat.model.ratchet import HpkeSecret, PutBundle, PutMailKeys
from p2pchat.wire.records import BundleRecord, bundle_key, read_record

__all__ = ["SUITES", "Bundles", "is_due", "renewed"]

SUITES = (1, 2)
"""X25519 and the hybrid with ML-KEM-768, by strength."""
ROTATE_MS = 35 * 24 * 3600 * 1000
PREVIOUS_HPKE_MAX = 2
LOOK_AGAIN_MS = 3 * 24 * 3600 * 1000
UNKNOWN_AGAIN_MS = 5 * 1000
"""Where nothing was found: we may have been offline ourselves."""


def is_due(rotated_ms: int | None, now_ms: int) -> bool:
    """Whether our keys are to be made anew, now that the last ones were published."""
    return rotated_ms is None or now_ms - rotated_ms >= ROTATE_MS


def renewed(
    old: PutMailKeys | None, fallback_key: bytes, made: Iterable[HpkeSecret], now_ms: int
) -> PutMailKeys:
    """New keys, and of the old ones those that still open."""
    new = tuple(made)
    kept: list[HpkeSecret] = []
    for key in old.hpke if old is not None else ():
        if sum(other.suite == key.suite for other in kept) < PREVIOUS_HPKE_MAX:
            kept.append(key)
    return PutMailKeys(fallback_key, now_ms, (*new, *kept))


class Bundles:
    """What the devices that we write to have published."""

    def __init__(self) -> None:
        self._rows: dict[DeviceId, PutBundle] = {}
        self._read: dict[DeviceId, MailBundle] = {}

    def restore(self, row: PutBundle) -> None:
        """A bundle as of the last commit."""
        self._rows[row.device] = row
        record = _read(row.device, row.raw)
        if record is not None:
            self._read[row.device] = record.mail

    def get(self, device: DeviceId) -> MailBundle | None:
        """The newest that is known, with the keys that may be used; None when nothing can be."""
        mail = self._read.get(device)
        return mail if mail is not None and mail.takes_mail else None

    def is_stale(self, device: DeviceId, now_ms: int) -> bool:
        """Whether to look again before something is sealed."""
        row = self._rows.get(device)
        wait_ms = UNKNOWN_AGAIN_MS if self.get(device) is None else LOOK_AGAIN_MS
        return row is None or not 0 <= now_ms - row.asked_ms < wait_ms

    def doubt(self, device: DeviceId) -> None:
        """Look again before the next letter: this one's keys do not open."""
        row = self._rows.get(device)
        if row is not None:
            self._rows[device] = replace(row, asked_ms=0)

    def take(self, device: DeviceId, raw: bytes | None, now_ms: int) -> PutBundle:
        """A look-up ended with this record, or none; what is to be remembered of it.

        One that is older than ours, or names only suites that are weaker than the best it ever
        named, replaces nothing.
        """
        old = self._rows.get(device)
        pinned = old.suite if old is not None else 0
        kept = old.raw if old is not None else b""
        record = _read(device, raw) if raw is not None else None
        if record is not None:
            known = _read(device, kept)
            best = max((key.suite for key in record.mail.hpke), default=0)
            if best >= pinned and (known is None or record.seq >= known.seq):
                pinned, kept = best, raw or b""
                self._read[device] = record.mail
        row = self._rows[device] = PutBundle(device, kept, now_ms, pinned)
        return row


def _read(device: DeviceId, raw: bytes) -> BundleRecord | None:
    """A bundle with those of its keys that this version can use, the strongest one first."""
    if not raw:
        return None
    try:
        record = read_record(bundle_key(device), raw)
    except RemoteProtocolError:
        return None  # written by a later version, perhaps: as good as none
    assert isinstance(record, BundleRecord), "the key says which record it is"
    mail = record.mail
    usable = sorted((k for k in mail.hpke if k.suite in SUITES), key=_strength, reverse=True)
    strongest = MailBundle(mail.fallback_key, tuple(usable), mail.relays)
    return BundleRecord(record.device, record.addresses, record.seq, record.expires_ms, strongest)


def _strength(key: HpkeKey) -> int:
    return key.suite
