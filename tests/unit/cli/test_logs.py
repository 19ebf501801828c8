"""JSON logs: one object a line, whatever was logged."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from p2pchat.cli.logs import JsonFormatter


def line(message: object, *arguments: object, **more) -> dict[str, object]:
    record = logging.getLogger("p2pchat.relay").makeRecord(
        "p2pchat.relay", logging.WARNING, "file.py", 7, message, arguments, **more
    )
    record.created = 1_700_000_000.5
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_record_has_time_level_logger_and_message():
    assert line("%s of %d", "one", 2, exc_info=None) == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "warning",
        "logger": "p2pchat.relay",
        "message": "one of 2",
    }


def test_what_stands_beside_the_message_becomes_keys():
    shown = line("refused", exc_info=None, extra={"peer": "12D3", "reason": "pace"})
    assert (shown["peer"], shown["reason"]) == ("12D3", "pace")


def test_values_of_any_kind_can_be_fields():
    assert line("odd", exc_info=None, extra={"found": {1}})["found"] == "{1}"


@pytest.mark.parametrize("text", ["two\nlines", 'quo"tes', "tab\t\x00", "中文"])
def test_no_text_breaks_the_line(text):
    assert line(text, exc_info=None)["message"] == text


def test_a_traceback_stays_in_its_record():
    try:
        raise ValueError("what happened")
    except ValueError:
        shown = line("failed", exc_info=sys.exc_info())
    assert "ValueError: what happened" in shown["traceback"]
