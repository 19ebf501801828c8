"""Settings of mailboxes: where ours are, for whom we keep some, and what a mistake is told."""

from __future__ import annotations

import pytest

from p2pchat.config import (
    ClientMailboxes,
    MailboxLimits,
    RelayMailboxes,
    load_client_config,
    load_relay_config,
)
from p2pchat.config.mailboxes import RELAYS_MAX, SERVED_MAX
from p2pchat.model.ids import AccountId
from tests.unit.test_config import ALICE_AT, refusal


def test_the_tables_of_mailboxes_are_read(tmp_path):
    account = str(AccountId(b"c" * 32))
    path = tmp_path / "config.toml"
    path.write_text(
        f"""
        [mailboxes]
        relays = ["{ALICE_AT}"]
        serve_for = ["{account}"]
        [mailboxes.limits]
        bytes_max = 1000000
        """
    )
    config, warnings = load_client_config(path)
    assert warnings == ()
    assert config.mailboxes == ClientMailboxes(
        relays=(ALICE_AT,), serve_for=(account,), limits=MailboxLimits(bytes_max=1_000_000)
    )
    assert config.mailboxes.served == {AccountId(b"c" * 32)}
    path.write_text(
        """
        [mailboxes]
        enabled = false
        database = "postgresql+psycopg://dchat:hush@db/dchat"
        relays = []
        """
    )
    config, warnings = load_relay_config(path)
    assert config.mailboxes.enabled is False
    assert config.mailboxes.database == "postgresql+psycopg://dchat:hush@db/dchat"
    assert "hush" not in repr(config)
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("make", "settings", "key"),
    [
        (ClientMailboxes, {"relays": ("/ip4/192.0.2.1/tcp/1",)}, "mailboxes.relays"),
        (ClientMailboxes, {"relays": (ALICE_AT,) * (RELAYS_MAX + 1)}, "mailboxes.relays"),
        (ClientMailboxes, {"serve_for": ("alice",)}, "mailboxes.serve_for"),
        (ClientMailboxes, {"serve_for": ("a",) * (SERVED_MAX + 1)}, "mailboxes.serve_for"),
        (RelayMailboxes, {"database": "mysql://dchat:hush@db/dchat"}, "mailboxes.database"),
        (MailboxLimits, {"bytes_max": 0}, "mailboxes.limits.bytes_max"),
        (MailboxLimits, {"blob_bytes_max": 65_537}, "mailboxes.limits.blob_bytes_max"),
    ],
)
def test_mistakes_about_mailboxes_are_told_and_no_password_with_them(make, settings, key):
    told = refusal(make, **settings)
    assert told.key == key
    assert "hush" not in str(told)


def test_no_password_of_a_database_is_quoted(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[mailboxes]\ndatabase = ['postgresql+psycopg://dchat:hush@db']\n")
    told = refusal(load_relay_config, path)
    assert told.key == "mailboxes.database"
    assert "hush" not in str(told)
