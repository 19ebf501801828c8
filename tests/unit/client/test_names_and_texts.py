"""Names and texts that others could not read are refused here, before anything is stored."""

from __future__ import annotations

import getpass

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.errors import ConfigError, InvalidText


@pytest.mark.parametrize("name", ["\ud800", "x" * 65, "", "  ", "a\nb"])
def test_a_name_that_others_would_refuse_opens_no_client(tmp_path, name):
    async def main() -> None:
        async with open_client(tmp_path / "home", name=name, offline=True):
            pass

    with pytest.raises(ConfigError, match="1 to 64 visible characters"):
        trio.run(main)


def no_passwd_entry() -> str:
    raise KeyError("getpwuid(): uid not found: 4711")


@pytest.mark.parametrize("login", [no_passwd_entry, lambda: "x" * 200, lambda: "\udcff"])
def test_who_has_no_login_name_that_can_be_shown_is_someone(monkeypatch, login):
    monkeypatch.setattr(getpass, "getuser", login)

    async def main() -> None:
        async with open_client(None, offline=True) as client:
            assert client.profile.name == "someone"

    trio.run(main)


def test_half_a_surrogate_is_refused_and_the_node_goes_on():
    async def main() -> None:
        async with open_client(None, name="Alice", offline=True) as client:
            room = await client.join_open("lounge")
            with pytest.raises(InvalidText, match="surrogate"):
                await room.send("\ud800")
            sent = await room.send("whole")
            assert [message.id for message in await room.history()] == [sent.id]

    trio.run(main)
