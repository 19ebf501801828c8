"""What a line asks, as the JSON-RPC 2.0 specification has it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.cli import jsonrpc
from p2pchat.cli.jsonrpc import Call, InvalidRequest, ParseError, read_call, read_line
from p2pchat.errors import UnknownContact


def asked(**fields):
    return read_call({"jsonrpc": "2.0", "method": "status"} | fields)


def test_a_request_has_a_method_parameters_and_an_id():
    call = asked(params={"a": 1}, id=7)
    assert call == Call("status", {"a": 1}, 7, is_notification=False)


def test_parameters_may_be_left_out_or_be_given_by_position():
    assert asked(id=1).params == {}
    assert asked(id=1, params=[1, 2]).params == [1, 2]


def test_a_request_without_an_id_is_a_notification_and_one_with_null_is_not():
    assert asked().is_notification
    assert not asked(id=None).is_notification


@pytest.mark.parametrize("id", ["x", 0, -1, 2.5, None])
def test_an_id_is_a_text_a_number_or_null(id):
    assert asked(id=id).id == id


@pytest.mark.parametrize(
    "fields",
    [
        {"jsonrpc": "1.0"},
        {"jsonrpc": 2.0},
        {"method": 1},
        {"method": None},
        {"params": "text"},
        {"params": None},
        {"id": True},
        {"id": [1]},
        {"id": {}},
        {"id": float("inf")},
    ],
)
def test_what_is_no_request_is_refused(fields):
    with pytest.raises(InvalidRequest):
        asked(**fields)


@pytest.mark.parametrize("value", [1, "text", None, True])
def test_only_an_object_is_a_request(value):
    with pytest.raises(InvalidRequest):
        read_call(value)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b'{"id": NaN}',
        b"[Infinity]",
        b"[" * 100_000,
        b"1" * 5_000,
        b"{} {}",
    ],
)
def test_what_is_no_json_is_a_parse_error(line):
    with pytest.raises(ParseError):
        read_line(line)


@given(st.binary(max_size=200))
def test_no_line_does_anything_but_parse_or_be_refused(line):
    try:
        value = read_line(line)
    except ParseError:
        return
    with suppress(InvalidRequest):
        read_call(value)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (jsonrpc.ParseError, -32700),
        (jsonrpc.InvalidRequest, -32600),
        (jsonrpc.MethodNotFound, -32601),
        (jsonrpc.InvalidParams, -32602),
        (jsonrpc.TooManyRequests, -32000),
        (UnknownContact, -32000),
    ],
)
def test_an_error_has_the_specified_code_and_the_name_of_its_exception(error, code):
    answer = jsonrpc.error_answer(3, error("what is wrong"))
    assert answer == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {
            "code": code,
            "message": "what is wrong",
            "data": {"type": error.__name__},
        },
    }


def test_a_notification_is_one_line_without_an_id():
    line = jsonrpc.notification("event", {"type": "X", "text": "two\nlines"})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "method": "event",
        "params": {"type": "X", "text": "two\nlines"},
    }
