"""Who is meant: a name never decides between people whom nobody vouches for."""

from __future__ import annotations

import pytest
import trio

from p2pchat.cli.finding import conversation_named, find_account, find_target
from p2pchat.client.handles import Room
from p2pchat.client.opening import open_client
from p2pchat.errors import LocalProtocolError, UnknownContact, UnknownConversation
from p2pchat.model.change import PutContact
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.ids import AccountId, ConversationId

BOB, MALLORY = AccountId(b"b" * 32), AccountId(b"m" * 32)


def know(client, account: AccountId, name: str, state: ContactState) -> None:
    """A row as the contact machine keeps it."""
    machine = client._node.chat.state
    place = ConversationId(bytes(account))
    machine.contacts[account] = PutContact(account, place, state, 1, b"")
    machine.directory.names[account] = (1, name)


def found(text: str, *people: tuple[AccountId, str, ContactState], room: str = "lounge"):
    """The account, or the name of the room, that a text means among these people and that room,
    which was called otherwise at first."""

    async def main():
        async with open_client(None, name="Alice", offline=True) as client:
            place = await client.create_room("lobby")
            await place.rename(room)
            for person in people:
                know(client, *person)
            if text == "id":
                know(client, MALLORY, str(place.id), ContactState.ASKED)
            meant = conversation_named(client, str(place.id) if text == "id" else text)
            return meant.name if isinstance(meant, Room) else meant.account

    return trio.run(main)


def test_a_name_means_the_one_accepted_contact_who_bears_it():
    bob = (BOB, "Bob", ContactState.ACCEPTED)
    assert found("bob", bob, (MALLORY, "Bob", ContactState.ASKED)) == BOB
    assert found("lounge", bob) == "lounge"


def test_a_name_that_two_bear_is_refused_and_the_account_still_decides():
    people = ((BOB, "Bob", ContactState.ACCEPTED), (MALLORY, "Bob", ContactState.ACCEPTED))
    with pytest.raises(LocalProtocolError, match="give the account"):
        found("Bob", *people)
    assert found(str(MALLORY), *people) == MALLORY


def test_whom_we_only_asked_is_found_by_account_and_not_by_name():
    asked = (BOB, "Bob", ContactState.ASKED)
    with pytest.raises(UnknownConversation, match="account"):
        found("Bob", asked)
    assert found(str(BOB), asked) == BOB


def test_who_is_blocked_is_found_by_name_where_nobody_else_bears_it():
    blocked = (BOB, "Bob", ContactState.BLOCKED)
    assert found("bob", blocked) == BOB
    assert found("bob", blocked, (MALLORY, "Bob", ContactState.ACCEPTED)) == MALLORY
    assert found("bob", blocked, room="Bob") == "Bob"


def test_a_contact_is_blocked_by_name_and_whoever_else_by_what_they_are():
    async def main():
        async with open_client(None, name="Alice", offline=True) as client:
            know(client, BOB, "Bob", ContactState.ACCEPTED)
            assert find_target(client, "bob") == str(BOB)
            assert find_target(client, "10.0.0.0/8") == "10.0.0.0/8"
            assert find_target(client, "Mallory") == "Mallory"

    trio.run(main)


def test_who_asks_is_told_by_the_account_alone():
    request = ContactInfo(BOB, ConversationId(b"c" * 32), "Bob", ContactState.REQUEST, 1)
    assert find_account([request], str(BOB)) == BOB
    with pytest.raises(UnknownContact, match="'Bob'"):
        find_account([request], "Bob")


@pytest.mark.parametrize("state", [ContactState.ACCEPTED, ContactState.ASKED])
def test_a_room_named_as_somebody_takes_nobodys_place(state):
    bob = (BOB, "Bob", state)
    with pytest.raises(LocalProtocolError, match="give the account or id"):
        found("bob", bob, room="Bob")
    assert found("id", bob, room="Bob") == "Bob"


@pytest.mark.parametrize("word", [str(BOB), (b"b" * 32).hex()])
def test_an_account_or_an_id_is_no_name(word):
    bob = (BOB, "Bob", ContactState.ACCEPTED)
    assert found(word, bob, room=word) == BOB
    assert found(word, bob, (MALLORY, word, ContactState.ACCEPTED)) == BOB
    with pytest.raises(UnknownConversation):
        found(word, (MALLORY, word, ContactState.ACCEPTED), room=word)


def test_who_asks_to_be_a_contact_takes_no_rooms_name():
    assert found("lounge", (MALLORY, "lounge", ContactState.REQUEST)) == "lounge"
