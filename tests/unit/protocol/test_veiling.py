"""What must not be shown is taken out of every text, wherever it stands."""

from __future__ import annotations

from dataclasses import fields

import pytest

from p2pchat.model.facts import (
    Attempt,
    Facts,
    LanFacts,
    MachineFacts,
    NetworkFacts,
    Outcome,
    StartFailure,
)
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.status import Health, Reachability
from p2pchat.protocol.veiling import TEXT_CHARACTERS_MAX, veiled

PEER = str(DeviceId(b"p" * 32).peer_id)
ACCOUNT = str(AccountId(b"a" * 32))
MACHINE = MachineFacts(version="1", python="3", system="x", addresses=(), has_route=True)


def shown(text: str, **settings) -> str:
    facts = Facts(machine=MACHINE, start=StartFailure("E", text))
    veil = veiled(facts, {"/srv/alice/chat": "<home>", "/srv/alice": "~"}, **settings)
    return veil.start.message


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        (f"{PEER} is gone", f"…{PEER[-6:]} is gone"),
        (f"/p2p/{PEER}/p2p-circuit", f"/p2p/…{PEER[-6:]}/p2p-circuit"),
        (f"who is {ACCOUNT}?", "who is z6Mk…?"),
        ("see dchat://u/AbCdEf-_09 now", "see dchat://… now"),
        (f"key {'ab' * 32}", "key …"),
        ("/srv/alice/chat/p2pchat.db", "<home>/p2pchat.db"),
        ("/srv/alice/other", "~/other"),
        ("https://bob:pw@host/list?token=1 is", "https://host/list is"),
        ("https://bob:p@ss@host/list is", "https://host/list is"),
        ("HTTPS://bob:pw@host: refused", "HTTPS://host: refused"),
        ("https://bob:p/ss@host/list is", "https://… is"),
        ("https://bob:p?s#s@host/list is", "https://… is"),
        (
            "https://host/v1/8fh3kd93jd0s/p2pchat-list.json, too",
            "https://host/v1/…/p2pchat-list.json, too",
        ),
        ("https://host/s3cR3t/a%20b/x.json#frag", "https://host/…/…/x.json"),
        (f"https://host/{'a' * 20}/2024", "https://host/…/2024"),
        (
            "https://host:8443/lists/main-2024.json: timed out",
            "https://host:8443/lists/main-2024.json: timed out",
        ),
        ("https://host/: it is", "https://host/: it is"),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("it is at its limit", "it is at its limit"),
        ("x" * 5_000, "x" * TEXT_CHARACTERS_MAX),
    ],
)
def test_what_tells_of_people_is_taken_out(text, is_shown):
    assert shown(text, keeps_ids=False) == is_shown


def test_ids_stay_when_they_are_asked_for_and_keys_do_not():
    assert shown(f"{PEER} {ACCOUNT}", keeps_ids=True) == f"{PEER} {ACCOUNT}"
    assert shown("ab" * 32, keeps_ids=True) == "…"


def test_every_kind_of_fact_is_gone_through_and_keeps_its_type():
    facts = Facts(
        machine=MACHINE,
        network=NetworkFacts(
            health=Health.GOOD, reachability=Reachability.NAT, refused={ACCOUNT: 2}
        ),
        lan=LanFacts(is_open=True, refused={PEER: 1}),
        attempts=(Attempt(PEER, "listed", f"/p2p/{PEER}", Outcome.SILENT, PEER),),
    )
    veil = veiled(facts, {}, keeps_ids=False)
    assert PEER not in repr(veil)
    assert ACCOUNT not in repr(veil)
    assert veil.network.health is Health.GOOD
    assert veil.attempts[0].outcome is Outcome.SILENT
    assert veil.machine == MACHINE
    assert {field.name for field in fields(veil)} == {field.name for field in fields(facts)}
