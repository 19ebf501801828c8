"""What `p2pchat verify` says of a proof."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.model.change import PutReceipt
from p2pchat.model.op import Chain, Position
from p2pchat.wire.delivery_proof import encode_proof
from p2pchat.wire.receipts import Receipt, sign_receipt
from p2pchat.wire.relations import Delete
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, Author, between

DIRECT = between(ALICE, BOB)


@pytest.fixture
def file(tmp_path):
    """Alice kept the words of two messages that she had deleted: one that Bob had, one that was
    gone before it came to him."""
    author = Author(ALICE, DIRECT)
    author.write("kept")
    author.write("taken back")
    author.write("never told")
    author.write(Delete(), refers=author.ops[1].id)
    head = Position(ALICE.device, Chain.TALK, 3, author.ops[3].id)
    told = Receipt(DIRECT, BOB.account, BOB.device, (head,), WALL_MS, wordless=(2,))
    signed = sign_receipt(told, BOB.signer)
    row = PutReceipt(DIRECT, BOB.device, signed.body, signed.signature)
    path = tmp_path / "proof"
    path.write_bytes(b"".join(encode_proof((ALICE.devices, BOB.devices), [row], author.ops)))
    return str(path)


def test_what_was_deleted_is_not_shown_and_what_never_came_not_claimed(file):
    said = CliRunner().invoke(app, ["verify", file]).stdout
    assert "kept" in said
    assert "taken back" not in said
    assert "[deleted]" in said
    assert "to hold 2 of these 3 messages" in said
    assert "1 more came to that device without their words" in said


def test_that_is_said_in_chinese_too(file):
    said = CliRunner().invoke(app, ["--language", "zh", "verify", file]).stdout
    assert "[已撤回]" in said
    assert "另有 1 条送达该设备时正文已被撤回" in said
