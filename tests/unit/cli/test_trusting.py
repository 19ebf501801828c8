"""Commands about devices, keys and profiles: what they say, and in JSON."""

from __future__ import annotations

import json

import trio
from PIL import Image
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.client.opening import open_client
from p2pchat.wire.links import encode_link
from p2pchat.wire.verification import VerificationCode, encode_code, safety_number
from tests.unit.protocol.people import BOB, CAROL, MALLORY

WHO = str(BOB.account)


def run(home, *words):
    return CliRunner().invoke(app, ["--home", str(home), "--no-fetch", *map(str, words)])


def said(home, *words):
    ended = run(home, *words)
    assert (ended.exit_code, ended.stderr) == (0, ""), ended.output
    return ended.stdout


def refused(home, *words):
    ended = run(home, *words)
    assert (ended.exit_code, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    return line


def made(path):
    async def main():
        async with open_client(path, name="Alice", offline=True) as client:
            await client.add_contact(encode_link(BOB.link))
            return client.account

    return trio.run(main)


def test_the_safety_number_is_shown_with_a_code_to_scan(tmp_path):
    account = made(tmp_path)
    shown = said(tmp_path, "contacts", "safety", WHO)
    assert safety_number(account, BOB.account) in shown
    assert encode_code(VerificationCode(account, BOB.account)) in shown
    assert shown.count("█") > 50
    as_json = json.loads(said(tmp_path, "contacts", "safety", WHO, "--json"))
    assert as_json["safety_number"] == safety_number(account, BOB.account)


def test_a_contact_is_verified_by_word_or_code_and_the_list_says_so(tmp_path):
    account = made(tmp_path)
    code = encode_code(VerificationCode(BOB.account, account))
    for given in ([], ["--code", code]):
        assert "is verified" in said(tmp_path, "contacts", "verify", WHO, *given)
        assert said(tmp_path, "contacts", "list").rstrip().endswith("verified")
        assert "not verified any more" in said(tmp_path, "contacts", "unverify", WHO)
        assert "verified" not in said(tmp_path, "contacts", "list")
    [shown] = json.loads(said(tmp_path, "contacts", "list", "--json"))
    assert (shown["verified"], shown["key_changed"]) == (False, False)


def test_a_code_of_somebody_else_verifies_nobody(tmp_path):
    account = made(tmp_path)
    for code, told in (
        (encode_code(VerificationCode(MALLORY.account, account)), "stands between you"),
        (encode_code(VerificationCode(BOB.account, CAROL.account)), "another key for you"),
        ("dchat://v/nonsense", "damaged"),
    ):
        assert told in refused(tmp_path, "contacts", "verify", WHO, "--code", code)
    assert "verified" not in said(tmp_path, "contacts", "list")


def test_there_is_nothing_to_confirm_where_nothing_changed(tmp_path):
    made(tmp_path)
    assert "nothing is to be confirmed" in refused(tmp_path, "contacts", "confirm", WHO)
    assert "no contact who has accepted" in refused(tmp_path, "contacts", "confirm", "nobody")


def test_devices_are_listed_and_only_ours_are_revoked(tmp_path):
    made(tmp_path)
    assert "this device" in said(tmp_path, "devices")
    [device] = json.loads(said(tmp_path, "devices", "--json"))
    assert device["is_this"]
    assert "another one of yours" in refused(tmp_path, "devices", "revoke", device["peer_id"])
    assert "no device of yours" in refused(tmp_path, "devices", "revoke", BOB.device.peer_id)
    assert "no peer id" in refused(tmp_path, "devices", "revoke", "nonsense")


def test_a_profile_is_changed_and_kept(tmp_path):
    home, picture = tmp_path / "home", tmp_path / "me.png"
    Image.new("RGB", (300, 300), "red").save(picture)
    said(home, "init", "--name", "Al")
    changes = ("--nickname", "Ally", "--bio", "roses\nand more", "--avatar", picture)
    shown = said(home, "profile", *changes)
    assert "Ally" in shown
    assert "roses\nand more" in shown
    kept = json.loads(said(home, "profile", "--json"))
    assert (kept["name"], kept["bio"]) == ("Ally", "roses\nand more")
    assert bytes.fromhex(kept["avatar"]).startswith(b"RIFF")
    bare = json.loads(said(home, "profile", "--avatar", "", "--json"))
    assert (bare["bio"], bare["avatar"]) == ("roses\nand more", "")
    assert "500 characters" in refused(home, "profile", "--bio", "x" * 501)
    assert "cannot be shown" in refused(home, "profile", "--bio", "\x1b[2J")
    assert "no picture" in refused(home, "profile", "--avatar", home / "p2pchat.db")
