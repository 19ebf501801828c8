"""Proofs of delivery as a program asks for them: made in a home, checked without one."""

from __future__ import annotations

import pytest
import trio

import p2pchat
from p2pchat.client import proving
from p2pchat.errors import BadProof, FileExists, FileUnusable, NotProvable
from p2pchat.model.change import PutDeviceSet, PutReceipt
from p2pchat.model.op import Chain, Position
from p2pchat.wire.receipts import Receipt, sign_receipt
from tests.unit.protocol.people import BOB, WALL_MS, Author

TEXTS = ["one", "two", "three", "four"]


@pytest.fixture
def room(tmp_path):
    """A home with four messages in a room, of which Bob has signed to hold three."""

    async def main():
        async with p2pchat.open_client(tmp_path / "home", name="Alice", offline=True) as client:
            room = await client.create_room("Crew")
            sent = [await room.send(text) for text in TEXTS]
            device = client._state.me.device
            seq = client._state.conversations[room.id].log.count(device, Chain.TALK) - 2
            head = Position(device, Chain.TALK, seq, sent[2].id)
            told = Receipt(room.id, BOB.account, BOB.device, (head,), WALL_MS)
            signed = sign_receipt(told, BOB.signer)
            row = PutReceipt(room.id, BOB.device, signed.body, signed.signature)
            devices = PutDeviceSet(BOB.account, BOB.devices.raw)
            await client._node.parts.store.commit([devices, row])
            return [message.id for message in sent]

    return trio.run(main)


def in_the_room(home, story):
    async def main():
        async with p2pchat.open_client(home, offline=True) as client:
            [room] = client.rooms()
            return await story(room)

    return trio.run(main)


def check(path):
    return trio.run(p2pchat.read_delivery_proof, path)


def test_all_that_others_hold_is_proven(room, tmp_path):
    made = in_the_room(tmp_path / "home", lambda r: r.prove_delivery(tmp_path / "proof"))
    proof = check(tmp_path / "proof")
    assert proof == made
    assert [message.text for message in proof.messages] == TEXTS[:3]
    assert [message.id for message in proof.messages] == room[:3]
    [bob] = proof.receipts
    assert (bob.account, proof.held_by(bob)) == (BOB.account, 3)


def test_of_one_message_the_others_stay_secret(room, tmp_path):
    in_the_room(tmp_path / "home", lambda r: r.prove_delivery(tmp_path / "proof", room[1]))
    proof = check(tmp_path / "proof")
    assert [message.text for message in proof.messages] == ["two", None]
    assert b"three" not in (tmp_path / "proof").read_bytes()


def test_without_texts_there_is_none_in_the_file(room, tmp_path):
    path = tmp_path / "proof"
    in_the_room(tmp_path / "home", lambda r: r.prove_delivery(path, with_text=False))
    assert {message.text for message in check(path).messages} == {None}
    assert not any(text.encode() in path.read_bytes() for text in TEXTS)


def test_a_long_chain_is_read_a_page_at_a_time(room, tmp_path, monkeypatch):
    monkeypatch.setattr(proving, "PAGE_OPS", 2)
    proof = in_the_room(tmp_path / "home", lambda r: r.prove_delivery(tmp_path / "proof"))
    assert [message.text for message in proof.messages] == TEXTS[:3]


def test_what_nobody_holds_is_not_provable_and_leaves_no_file(room, tmp_path):
    unheard, foreign = room[3], Author(BOB, BOB.party.account).write("elsewhere").id
    for message in (unheard, foreign):
        with pytest.raises(NotProvable, match="this message"):
            in_the_room(
                tmp_path / "home", lambda r, m=message: r.prove_delivery(tmp_path / "proof", m)
            )

    async def elsewhere():
        async with p2pchat.open_client(None, name="Carol", offline=True) as client:
            with pytest.raises(NotProvable, match="a message of yours"):
                await (await client.create_room("Crew")).prove_delivery(tmp_path / "proof")
            with pytest.raises(NotProvable, match="nobody rules"):
                await (await client.join_open("lounge")).prove_delivery(tmp_path / "proof")

    trio.run(elsewhere)
    assert not (tmp_path / "proof").exists()


def test_too_much_for_one_file_is_said(room, tmp_path, monkeypatch):
    monkeypatch.setattr(proving, "PROOF_BYTES_MAX", 1_000)
    with pytest.raises(NotProvable, match="single messages"):
        in_the_room(tmp_path / "home", lambda r: r.prove_delivery(tmp_path / "proof"))


def test_a_file_that_is_there_stays_unless_it_may_be_overwritten(room, tmp_path):
    path = tmp_path / "proof"
    path.write_text("mine")
    with pytest.raises(FileExists):
        in_the_room(tmp_path / "home", lambda r: r.prove_delivery(path))
    assert path.read_text() == "mine"
    in_the_room(tmp_path / "home", lambda r: r.prove_delivery(path, overwrite=True))
    assert check(path).messages


def test_what_is_no_proof_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileUnusable, match="cannot be read"):
        check(tmp_path / "missing")
    (tmp_path / "other").write_text("a letter")
    with pytest.raises(BadProof, match="is no proof of delivery") as caught:
        check(tmp_path / "other")
    assert str(caught.value).startswith(str(tmp_path / "other"))
