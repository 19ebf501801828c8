"""The log of faults: bounded, whatever warns how often."""

from __future__ import annotations

import logging
import threading

from p2pchat_qt.faults import FAULTS_MAX, Faults
from tests.qt.screen import until


def test_a_flood_of_warnings_from_any_thread_is_shown_in_part_and_at_once(run, monkeypatch):
    async def story():
        faults = Faults()
        logger = logging.getLogger("p2pchat")
        monkeypatch.setattr(logger, "propagate", False)  # nobody wants to read them all
        try:
            flood = threading.Thread(
                target=lambda: [logger.warning("number %d", n) for n in range(5_000)]
            )
            flood.start()
            flood.join()
            logging.getLogger("p2pchat_qt").warning("x" * 10_000)
            assert faults.rows.rowCount() == 0
            await until(lambda: faults.rows.rowCount() == FAULTS_MAX)
            newest, before = faults.rows.at(0), faults.rows.at(1)
            assert newest["text"] == "x" * 500
            assert before["text"] == "number 4999"
            assert newest["id"] == FAULTS_MAX, "no more were ever taken up"
        finally:
            faults.close()

    run(story())
