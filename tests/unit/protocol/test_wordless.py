"""Places of a chain whose op came without its content: the newest few are known by number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.op import WORDLESS_MAX
from p2pchat.protocol.wordless import Wordless
from tests.unit.protocol.people import ALICE, BOB


@given(st.sets(st.integers(0, 500), max_size=3 * WORDLESS_MAX).map(list), st.randoms())
def test_whatever_order_they_come_in_what_is_not_known_is_not_claimed(seqs, rng):
    wordless, again = Wordless(), Wordless()
    for seq in seqs:
        wordless.add(ALICE.device, seq)
    rng.shuffle(seqs)
    for seq in seqs:
        again.add(ALICE.device, seq)
    begin = wordless.known_from(ALICE.device)
    assert wordless.of(ALICE.device, 0) == again.of(ALICE.device, 0)
    assert set(wordless.of(ALICE.device, 0)) == {seq for seq in seqs if seq >= begin}
    assert begin == again.known_from(ALICE.device)
    assert (begin > 0) == (len(seqs) > WORDLESS_MAX)
    assert all(wordless.has(ALICE.device, seq) for seq in seqs)
    assert not wordless.has(BOB.device, 0)


def test_what_was_mended_is_no_longer_told():
    wordless = Wordless()
    for seq in (3, 5):
        wordless.add(ALICE.device, seq)
        wordless.add(ALICE.device, seq)
    wordless.mend(ALICE.device, 3)
    wordless.mend(ALICE.device, 4)
    wordless.mend(BOB.device, 5)
    assert wordless.of(ALICE.device, 0) == (5,)
    assert wordless.of(ALICE.device, 6) == ()
    assert not wordless.has(ALICE.device, 3)
