"""JSON-RPC 2.0, as bytes and values: what a line asks, and how it is answered.

Pure, and complete as to the specification: calls and notifications, parameters by name and by
position, batches, and the five error codes. Every error carries the name of its exception in
`data.type`, so that programs need not read messages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn, cast

from p2pchat.cli.shapes import to_json
from p2pchat.errors import P2PChatError

__all__ = [
    "Call",
    "InvalidParams",
    "InvalidRequest",
    "MethodNotFound",
    "Params",
    "ParseError",
    "RequestError",
    "TooManyRequests",
    "error_answer",
    "notification",
    "read_call",
    "read_line",
    "result_answer",
]

Id = str | int | float | None
Params = Mapping[str, object] | Sequence[object]

_FAILED = -32000
"""An error of the chat itself; `data.type` says which."""


class RequestError(Exception):
    """A request that cannot be carried out; `code` is the specification's."""

    code: ClassVar[int] = _FAILED


class ParseError(RequestError):
    """The line is no JSON."""

    code: ClassVar[int] = -32700


class InvalidRequest(RequestError):
    """The JSON is no request."""

    code: ClassVar[int] = -32600


class MethodNotFound(RequestError):
    """There is no method of this name."""

    code: ClassVar[int] = -32601


class InvalidParams(RequestError):
    """The method takes other parameters."""

    code: ClassVar[int] = -32602


class TooManyRequests(RequestError):
    """Too many requests wait at the same time."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. One without an id is a notification and is not answered."""

    method: str
    params: Params
    id: Id
    is_notification: bool


def read_line(line: bytes) -> object:
    """The JSON value of a line. Raises `ParseError`."""
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ParseError("the line is nested too deeply") from error
    except ValueError as error:
        raise ParseError(f"the line is no JSON: {error}") from error


def read_call(value: object) -> Call:
    """The request in a JSON value. Raises `InvalidRequest`."""
    if not isinstance(value, dict):
        raise InvalidRequest("a request is an object")
    request = cast("dict[str, object]", value)
    method, params, id = request.get("method"), request.get("params", {}), request.get("id")
    if request.get("jsonrpc") != "2.0":
        raise InvalidRequest('a request has "jsonrpc": "2.0"')
    if not isinstance(method, str):
        raise InvalidRequest("a request names its method")
    if not isinstance(params, dict | list):
        raise InvalidRequest("parameters are an object or an array")
    if isinstance(id, bool) or not isinstance(id, str | int | float | None):
        raise InvalidRequest("an id is a string or a number")
    if isinstance(id, float) and not math.isfinite(id):
        raise InvalidRequest("an id is a number that JSON can write")
    return Call(method, cast("Params", params), id, is_notification="id" not in request)


def result_answer(id: Id, result: object) -> dict[str, object]:
    """What answers a request that was carried out."""
    return {"jsonrpc": "2.0", "id": id, "result": result}


def error_answer(id: Id, error: RequestError | P2PChatError) -> dict[str, object]:
    """What answers a request that failed."""
    code = error.code if isinstance(error, RequestError) else _FAILED
    detail = {"code": code, "message": str(error), "data": {"type": type(error).__name__}}
    return {"jsonrpc": "2.0", "id": id, "error": detail}


def notification(method: str, params: object) -> bytes:
    """A line that tells something unasked."""
    return to_json({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
