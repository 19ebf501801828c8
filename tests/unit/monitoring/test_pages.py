"""Where a relay's pages may be read is for its operator to choose, and to be warned about."""

from __future__ import annotations

import logging

import pytest
import trio

from p2pchat.config import RelayLimits
from p2pchat.monitoring.pages import open_pages


def unasked():
    raise AssertionError("nobody asks for a page")


@pytest.mark.parametrize(("host", "is_warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_pages_that_anybody_may_reach_are_warned_about(caplog, host, is_warned):
    async def main():
        async with open_pages(f"{host}:0", unasked, RelayLimits()):
            pass

    with caplog.at_level(logging.WARNING):
        trio.run(main)
    assert ("whoever reaches port" in caplog.text) is is_warned
