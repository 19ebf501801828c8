"""Opening a home costs what is open in it, however long its history is."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event

from p2pchat.store.home import open_home

LONG = ("ops", "messages", "search")
SPARSE = ("ops_of_control",)
"""Indexes of those few of them that are read at a start."""


def test_a_start_goes_through_no_table_that_grows_with_what_is_said(tmp_path: Path) -> None:
    asked: list[tuple[str, object]] = []
    with open_home(tmp_path / "home") as opened:
        engine = opened.store._readers

        @event.listens_for(engine, "before_cursor_execute")
        def note(connection, cursor, statement, parameters, context, many) -> None:
            asked.append((statement, parameters))

        opened.store.snapshot()
        event.remove(engine, "before_cursor_execute", note)
        with engine.connect() as connection:
            plans = {
                (statement, row[3])
                for statement, parameters in asked
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            }
    assert any("ops" in plan for _, plan in plans)
    for statement, plan in plans:
        words = plan.split()
        is_long = words[0] == "SCAN" and words[1] in LONG
        assert not is_long or words[-1] in SPARSE, (plan, statement)
