"""Device sets are a union: order, grouping and repetition make no difference, full or not."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.ids import DeviceId
from p2pchat.wire.devices import (
    DEVICES_MAX,
    REVOCATIONS_MAX,
    DeviceKeys,
    DeviceSet,
    first_device_set,
    merged,
    new_revocation,
    read_device_set,
)
from tests.unit.protocol.people import ALICE, digest

DEVICES = [DeviceId(digest(f"device {number}")) for number in range(DEVICES_MAX + 6)]
KEYS = [DeviceKeys(), DeviceKeys(digest("olm"), digest("mailbox"))]


@st.composite
def entries(draw: st.DrawFn) -> DeviceSet:
    """One certificate or one revocation of any device at any of a few times."""
    device, ms = draw(st.sampled_from(DEVICES)), draw(st.integers(0, 3))
    if draw(st.booleans()):
        return read_device_set(new_revocation(ALICE.account_signer, device, ms))
    keys = draw(st.sampled_from(KEYS))
    return read_device_set(first_device_set(ALICE.account_signer, device, ms, keys))


def union(sets: list[DeviceSet]) -> DeviceSet:
    return reduce(merged, sets)


@given(st.lists(entries(), min_size=1, max_size=100), st.data())
def test_sets_merge_to_the_same_in_any_order_and_grouping(
    sets: list[DeviceSet], data: st.DataObject
):
    whole = union(sets)
    shuffled = data.draw(st.permutations(sets))
    cut = data.draw(st.integers(0, len(sets)))
    groups = [union(part) for part in (shuffled[:cut], shuffled[cut:]) if part]
    assert union(groups) == union(groups[::-1]) == whole
    assert union([*shuffled, *sets]) == whole
    assert merged(whole, whole) is whole
    assert read_device_set(whole.raw) == whole


@given(st.lists(entries(), min_size=1, max_size=100))
def test_what_is_revoked_once_acts_never_again(sets: list[DeviceSet]):
    gone: set[DeviceId] = set()
    known = sets[0]
    for more in sets:
        known = merged(known, more)
        gone |= more.revoked
        assert not known.devices & gone
        assert known.is_closed == (len(gone) > REVOCATIONS_MAX)
