"""Name and password lead to one room, whoever types them."""

from __future__ import annotations

import pytest

from p2pchat.crypto.password_rooms import password_room
from p2pchat.errors import ConfigError


def test_the_same_two_lead_to_the_same_room_however_they_are_typed():
    one = password_room("Wine  Cellar", "caf\u00e9 noir")
    other = password_room(" wine cellar ", "cafe\u0301 noir")
    assert one == other
    assert one.name == "wine cellar"
    assert one.key.hex() not in repr(one)


def test_another_name_and_another_password_are_other_rooms():
    rooms = [
        password_room("cellar", "noir"),
        password_room("cellar", "Noir"),
        password_room("attic", "noir"),
    ]
    assert len({room.id for room in rooms}) == len({room.key for room in rooms}) == 3
    assert all(room.id != room.key for room in rooms)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 65])
def test_what_is_no_name_is_refused_before_anything_is_stretched(name: str):
    with pytest.raises(ValueError, match="room name"):
        password_room(name, "noir")


@pytest.mark.parametrize("password", ["", "x" * 1025, "\ud800"])
def test_what_is_no_password_is_refused(password: str):
    with pytest.raises(ConfigError):
        password_room("cellar", password)
