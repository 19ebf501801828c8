"""Which settings change at run time, and what is said of the others."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
import trio
import trio.testing

from p2pchat import open_client
from p2pchat.config import (
    ClientConfig,
    ClientMailboxes,
    ConfigChange,
    DhtConfig,
    FetchLimits,
    FetchUrl,
    LanConfig,
    Limits,
    RelayConfig,
    RelayLimits,
    RelayMailboxes,
    SettingsInForce,
)
from p2pchat.config.changes import compare, taken_over
from p2pchat.errors import ConfigError
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import DeviceId

PEER = f"/ip4/203.0.113.7/tcp/4001/p2p/{DeviceId(b'a' * 32)}"
SUBNET = BlockList.parse(subnets=["10.0.0.0/8"])
AT_ONCE = {
    "bootstrap_peers": (PEER,),
    "bootstrap_urls": (FetchUrl("https://a.example/"),),
    "fetch": False,
    "fetch_limits": FetchLimits(timeout_s=1.0),
    "blocks": SUBNET,
}
SHARED = {
    "identity_file": Path("key"),
    "listen": ("/ip4/127.0.0.1/tcp/1",),
    "announce": ("/dns4/a.example/tcp/1",),
    "dht": DhtConfig(mode="client"),
}
CLIENT = {
    **AT_ONCE,
    **SHARED,
    "name": "Alice",
    "transport": "stock",
    "limits": Limits(requests_max=5),
}
CLIENT["mailboxes"] = ClientMailboxes(relays=(PEER,))
CLIENT["lan"] = LanConfig(enabled=True, allowed_subnets=("192.168.1.0/24",))
RELAY = {**AT_ONCE, **SHARED, "home": Path("r"), "metrics": "9464"}
RELAY["mailboxes"] = RelayMailboxes(enabled=False)
RELAY["limits"] = RelayLimits(circuits_max=1)


@pytest.mark.parametrize(
    ("before", "values"), [(ClientConfig(), CLIENT), (RelayConfig(home=None), RELAY)]
)
def test_every_setting_is_either_in_force_at_once_or_waits_and_is_named(before, values):
    assert values.keys() == {field.name for field in fields(before)}
    for key, value in values.items():
        change = compare(before, replace(before, **{key: value}))
        named = {name.partition(".")[0] for name in change.applied + change.needs_restart}
        assert named == ({key} if key != "name" else set())
        if key != "lan":
            assert bool(change.applied) == (key in AT_ONCE)


def test_what_is_taken_over_is_what_is_said_to_be():
    before, after = ClientConfig(), ClientConfig(**CLIENT)
    taken = taken_over(before, after)
    assert compare(before, after).applied == (
        "bootstrap_peers",
        "bootstrap_urls",
        "fetch",
        "blocks.subnets",
        "lan.allowed_subnets",
        "fetch_limits.timeout_s",
    )
    assert compare(taken, after).applied == ()
    assert compare(before, taken).needs_restart == ()
    assert (
        compare(taken, after).needs_restart
        == compare(before, after).needs_restart
        == (
            "identity_file",
            "listen",
            "announce",
            "transport",
            "dht.mode",
            "lan.enabled",
            "mailboxes.relays",
            "limits.requests_max",
        )
    )


def test_what_waits_for_a_restart_is_named_at_each_reload_until_it_is_taken_back():
    settings = SettingsInForce(ClientConfig())
    changed = ClientConfig(listen=(), blocks=SUBNET)
    assert settings.renew(changed) == ConfigChange(("blocks.subnets",), ("listen",))
    assert settings.renew(changed) == ConfigChange((), ("listen",))
    assert settings.config == ClientConfig(blocks=SUBNET)
    assert settings.renew(ClientConfig()) == ConfigChange(("blocks.subnets",), ())


def test_settings_that_stand_in_no_file_cannot_be_read_again():
    with pytest.raises(ConfigError, match="stand in no file"):
        SettingsInForce(ClientConfig()).load()


def test_settings_are_read_again_where_they_came_from():
    settings = SettingsInForce(ClientConfig(), lambda: (ClientConfig(listen=()), ("odd",)))
    assert settings.load() == (ClientConfig(listen=()), ("odd",))
    assert settings.config == ClientConfig()


def test_warnings_of_settings_that_were_not_taken_over_are_forgotten():
    settings = SettingsInForce(ClientConfig(), lambda: (ClientConfig(), ("odd",)), ("old",))
    loaded, warnings = settings.load()
    assert settings.warnings == ("old",)
    assert settings.renew(loaded, warnings).warnings == settings.warnings == ("odd",)


def test_two_changes_at_once_come_one_after_the_other(monkeypatch):
    seen: list[str] = []

    async def main() -> None:
        async with open_client(None, config=ClientConfig(fetch=False, listen=())) as client:

            async def reconfigure(_: ClientConfig) -> None:
                seen.append("begins")
                await trio.testing.wait_all_tasks_blocked()
                seen.append("ends")

            monkeypatch.setattr(client._node, "reconfigure", reconfigure)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.reconfigure, ClientConfig(blocks=SUBNET))
                nursery.start_soon(client.reconfigure, ClientConfig())

    trio.run(main)
    assert seen == ["begins", "ends"] * 2
