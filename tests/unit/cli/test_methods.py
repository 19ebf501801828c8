"""Names and parameters of the methods, and how what is given becomes what is called."""

from __future__ import annotations

import pytest

from p2pchat.cli.jsonrpc import InvalidParams, MethodNotFound
from p2pchat.cli.methods import METHODS, find_method
from p2pchat.errors import UnknownContact, UnknownConversation, UnknownMessage
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId

CONTRACT = {
    "account": "",
    "accept": "account",
    "accept_introduction": "introducer account",
    "introduce": "account to",
    "introductions": "",
    "reject_introduction": "introducer account",
    "add_contact": "link",
    "change_passphrase": "| old new",
    "connect": "address",
    "contact_requests": "",
    "contacts": "",
    "doctor": "| keep_ids",
    "disconnect": "peer_id",
    "export": "path passphrase | overwrite",
    "import": "path passphrase",
    "history": "conversation | limit before after",
    "explain": "message_id",
    "search": "text | conversation limit",
    "invitations": "room",
    "invite": "room | uses expires_s",
    "join": "link",
    "join_open": "name",
    "joining": "",
    "read_invite": "link",
    "revoke_invite": "room invite",
    "stop_joining": "room",
    "rooms_from": "| value",
    "room_requests": "",
    "accept_room": "room",
    "reject_room": "room",
    "create_room": "name | members owners history",
    "join_with_password": "name password",
    "pin": "message_id | remove",
    "pins": "room",
    "set_role": "room account role",
    "remove": "room account",
    "ban": "room account",
    "leave": "room",
    "members": "room",
    "peers": "",
    "read_link": "link",
    "profile": "| name bio avatar_path",
    "contact_profile": "account",
    "devices": "| account",
    "revoke_device": "peer_id",
    "safety_number": "account",
    "verification_code": "account",
    "verify": "account",
    "unverify": "account",
    "verify_code": "code | account",
    "confirm_key": "account",
    "compare_keys": "account",
    "finish_comparison": "account same",
    "reject": "account",
    "remove_contact": "account",
    "renew_contact_link": "",
    "reload_config": "",
    "block": "target",
    "prove_delivery": "conversation path | message_id with_text overwrite",
    "verify_delivery": "path",
    "completeness": "conversation",
    "transcript": "conversation path | format overwrite",
    "unblock": "target",
    "blocks": "",
    "rooms": "",
    "send": "conversation text | reply_to",
    "message": "message_id",
    "shutdown": "",
    "statistics": "",
    "status": "",
    "use_keyring": "| passphrase",
    "edit": "message_id text",
    "delete": "message_id",
    "react": "message_id emoji | remove",
    "rename": "room name",
    "describe": "room text",
    "announce": "room text",
    "mark_read": "message_id",
    "unread": "",
    "first_unread": "conversation",
    "read_receipts": "| value conversation",
    "draft": "conversation | text",
    "typing": "account is_typing",
    "typing_notices": "| is_on",
    "wait_delivered": "message_id",
    "wait_ready": "",
}
PLACE = "01" * 32
MESSAGE = "02" * 32


def described(method):
    required = [p.name for p in method.parameters if p.is_required]
    optional = [p.name for p in method.parameters if not p.is_required]
    return " ".join([*required, *(["|", *optional] if optional else [])])


def test_methods_and_parameters_are_those_of_the_contract():
    assert {name: described(method) for name, method in METHODS.items()} == CONTRACT


def test_every_method_says_what_it_does():
    assert [name for name, method in METHODS.items() if not method.function.__doc__] == []


def test_arguments_become_what_the_function_takes():
    given = {"conversation": PLACE, "text": "hello", "reply_to": MESSAGE}
    assert find_method("send").arguments(given) == {
        "conversation": ConversationId(b"\x01" * 32),
        "text": "hello",
        "reply_to": OpId(b"\x02" * 32),
    }


def test_accounts_and_peers_are_read_from_their_text():
    account, device = AccountId(bytes(32)), DeviceId(bytes(32))
    assert find_method("accept").arguments([str(account)]) == {"account": account}
    given = find_method("disconnect").arguments([str(device.peer_id)])
    assert given == {"peer_id": device.peer_id}


def test_parameters_by_position_stand_in_the_order_of_the_contract():
    by_name = find_method("history").arguments({"conversation": PLACE, "limit": 3})
    assert find_method("history").arguments([PLACE, 3]) == by_name


def test_null_is_as_good_as_leaving_an_optional_parameter_out():
    arguments = find_method("history").arguments({"conversation": PLACE, "before": None})
    assert arguments == {"conversation": ConversationId(b"\x01" * 32)}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("send", {"text": "to nobody"}),
        ("send", {"conversation": PLACE, "text": None}),
        ("send", {"conversation": PLACE, "text": 5}),
        ("send", {"conversation": PLACE, "text": "half \ud83d"}),
        ("send", {"conversation": PLACE, "text": "a", "colour": "red"}),
        ("send", [PLACE, "a", None, "too many"]),
        ("history", {"conversation": PLACE, "limit": "5"}),
        ("history", {"conversation": PLACE, "limit": 5.0}),
        ("history", {"conversation": PLACE, "limit": True}),
        ("history", {"conversation": 1}),
        ("accept", {"account": ["z6Mk"]}),
        ("disconnect", {"peer_id": "nobody"}),
        ("status", [1]),
        ("doctor", {"keep_ids": "yes"}),
    ],
)
def test_wrong_parameters_are_refused(method, params):
    with pytest.raises(InvalidParams):
        find_method(method).arguments(params)


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("accept", {"account": "bob"}, UnknownContact),
        ("send", {"conversation": "lounge", "text": "a"}, UnknownConversation),
        ("members", {"room": "01"}, UnknownConversation),
        ("wait_delivered", {"message_id": "x" * 64}, UnknownMessage),
        ("history", {"conversation": PLACE, "before": ""}, UnknownMessage),
    ],
)
def test_text_that_is_no_id_is_an_id_that_nobody_has(method, params, error):
    with pytest.raises(error):
        find_method(method).arguments(params)


@pytest.mark.parametrize("name", ["", "_shut_down", "__init__", "Send", "find_method"])
def test_there_are_no_other_methods(name):
    with pytest.raises(MethodNotFound):
        find_method(name)
