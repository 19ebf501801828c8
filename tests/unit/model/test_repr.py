"""What is private does not get into logs by way of a `repr`."""

from __future__ import annotations

import pytest

from p2pchat.model.change import AddMessage, AddOp, PutContact, PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.snapshot import Snapshot
from p2pchat.protocol.machine import SendText
from tests.unit.protocol.people import ALICE, BOB, Author, between

DIRECT = between(ALICE, BOB)
SECRET = "attack at dawn"
OP = Author(ALICE, DIRECT).write(SECRET)


@pytest.mark.parametrize(
    "value",
    [
        OP,
        AddOp(OP, 0, 0),
        AddMessage(
            OP.id, DIRECT, ALICE.account, ALICE.device, 0, True, SECRET, "text", 0, 0, 0, None
        ),
        PutContact(BOB.account, DIRECT, ContactState.ASKED, 0, SECRET.encode()),
        PutSetting("name", SECRET.encode()),
        SendText(1, DIRECT, SECRET),
        Snapshot(settings={"name": SECRET.encode()}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_secret_is_not_shown(value: object):
    assert SECRET not in repr(value)
