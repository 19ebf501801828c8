"""What we keep published, and when it is due again."""

from __future__ import annotations

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.published import Published
from p2pchat.kad.vocabulary import Provide, PutValue

PUT = PutValue(1, b"k", b"value")
PROVIDE = Provide(2, b"k")


@pytest.fixture
def published():
    return Published(KadConfig(republish_s=100, reprovide_s=30, refresh_s=20, published_max=2))


def test_everything_is_due_again_after_its_time_and_then_once_more(published):
    published.remember(PUT, 0)
    published.remember(PROVIDE, 10)
    assert published.take_due(39) == []
    assert published.take_due(40) == [PROVIDE]
    assert published.take_due(69) == []
    assert published.take_due(100) == [PUT, PROVIDE]
    assert published.take_due(200) == [PUT, PROVIDE]


def test_the_later_value_of_a_key_counts(published):
    later = PutValue(3, b"k", b"later")
    published.remember(PUT, 0)
    published.remember(later, 50)
    assert published.take_due(149) == []
    assert published.take_due(150) == [later]


def test_what_nobody_took_is_due_soon_unless_something_later_took_its_place(published):
    published.remember(PUT, 0)
    published.unheard(PUT, 0)
    assert published.take_due(10) == [PUT]
    published.remember(PutValue(3, b"k", b"later"), 20)
    published.unheard(PUT, 20)
    published.unheard(PROVIDE, 20)
    assert published.take_due(119) == []


def test_what_is_withdrawn_is_never_due(published):
    published.remember(PUT, 0)
    published.remember(PROVIDE, 0)
    published.forget(b"k")
    published.forget(b"other")
    assert published.take_due(1000) == []


def test_there_is_room_for_so_much(published):
    assert published.remember(PUT, 0)
    assert published.remember(PROVIDE, 0)
    assert not published.remember(Provide(3, b"other"), 0)
    assert published.remember(Provide(3, b"k"), 0)
