"""Lists for the view: what they tell of a change is what has changed."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PySide6.QtTest import QAbstractItemModelTester

from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.models.states import STATES_MAX, States
from p2pchat_qt.models.timeline import GROUP_MS, Timeline
from p2pchat_qt.models.window import PAGE, WINDOW_MAX

NOON = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 43_200_000
ME, BOB, EVE = "me", "bob", "eve"


class Mirror:
    """A view that knows of a list only what the list told it."""

    def __init__(self, model):
        self.model = model
        self.seen = []
        model.rowsInserted.connect(self.insert)
        model.rowsRemoved.connect(self.remove)
        model.rowsMoved.connect(self.move)
        model.dataChanged.connect(self.change)
        model.modelReset.connect(self.reset)
        self.tester = QAbstractItemModelTester(
            model, QAbstractItemModelTester.FailureReportingMode.Fatal
        )

    def read(self, row):
        index = self.model.index(row)
        return {bytes(n.data()).decode(): self.model.data(index, r) for r, n in self.roles()}

    def roles(self):
        return self.model.roleNames().items()

    def all(self):
        return [self.read(row) for row in range(self.model.rowCount())]

    def insert(self, _, first, last):
        self.seen[first:first] = [self.read(row) for row in range(first, last + 1)]

    def remove(self, _, first, last):
        del self.seen[first : last + 1]

    def move(self, _, first, last, __, to):
        moved = self.seen[first : last + 1]
        del self.seen[first : last + 1]
        self.seen[to:to] = moved

    def change(self, first, last):
        for row in range(first.row(), last.row() + 1):
            self.seen[row] = self.read(row)

    def reset(self):
        self.seen = self.all()


LISTS = st.lists(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), unique_by=lambda pair: pair[0]),
    max_size=6,
)


@given(LISTS)
def test_a_list_tells_of_each_difference(application, lists):
    model = RowsModel(("id", "value"))
    mirror = Mirror(model)
    for each in lists:
        rows = [{"id": id, "value": value} for id, value in each]
        model.replace(rows)
        assert mirror.seen == mirror.all() == rows


def test_one_row_is_found_and_changed_alone(application):
    model = RowsModel(("id", "value"))
    model.replace([{"id": 1, "value": "a"}, {"id": 2, "value": "b"}])
    told = []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    model.update(2, lambda row: {**row, "value": "c"})
    model.update(2, lambda row: {**row})
    model.update(3, lambda row: {**row, "value": "d"})
    assert told == [(1, 1)]
    assert model.find(2) == {"id": 2, "value": "c"}
    assert model.at(7) == {}


def message(number, author=BOB, minutes=None, **more):
    at = NOON + (number if minutes is None else minutes) * 60_000
    return {
        "id": f"m{number}", "text": f"text {number}", "author": author,
        "author_name": author.title(),
        "sent_at": at, "received_at": at, "state": "sent", "edited": False, "deleted": False,
        "reply_to": None, "reactions": [], **more,
    }  # fmt: skip


@pytest.fixture
def timeline(application):
    made = Timeline()
    made.begin(ME, {})
    return made


def shown(timeline, part):
    """A part of each row, the oldest first."""
    (role,) = timeline.roleNames()
    count = timeline.rowCount()
    rows = [timeline.data(timeline.index(count - 1 - place), role) for place in range(count)]
    return [row[part] for row in rows]


PAGES = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 90)),
        st.tuples(st.just("prepend"), st.integers(1, 90)),
        st.tuples(st.just("change"), st.integers(0, 400)),
        st.tuples(st.just("unread"), st.integers(0, 400)),
    ),
    max_size=8,
)


@settings(max_examples=settings.default.max_examples // 4, phases=[Phase.explicit, Phase.generate])
@given(PAGES)
def test_a_timeline_tells_of_each_difference_and_stays_small(application, changes):
    timeline = Timeline()
    timeline.begin(ME, {})
    mirror = Mirror(timeline)
    newest, oldest = 5000, 5000
    for kind, number in changes:
        match kind:
            case "append":
                timeline.append([message(newest + n, minutes=n) for n in range(number)])
                newest += number
            case "prepend":
                oldest -= number
                older = [message(oldest + n, minutes=n) for n in range(number)]
                timeline.prepend(older, has_older=True)
            case "change":
                timeline.change(f"m{oldest + number}", lambda row: {**row, "text": "another"})
            case _:
                timeline.set_unread_from(f"m{oldest + number}")
        assert timeline.rowCount() <= WINDOW_MAX
    assert mirror.seen == mirror.all()


def test_what_one_person_says_within_minutes_stands_together(timeline):
    pause = GROUP_MS // 60_000
    said = [
        message(1, BOB, 0), message(2, BOB, 1), message(3, EVE, 2), message(4, EVE, 2 + pause),
        message(5, ME, 3 + pause),
    ]  # fmt: skip
    timeline.show(said, has_older=False, has_newer=False)
    assert shown(timeline, "isFirst") == [True, False, True, True, True]
    assert shown(timeline, "isLast") == [False, True, True, True, True]
    assert shown(timeline, "own") == [False, False, False, False, True]


def test_a_day_is_named_where_it_begins_and_not_at_the_edge_of_what_is_read(timeline):
    day = 24 * 60
    said = [message(1, minutes=0), message(2, minutes=1), message(3, minutes=day)]
    timeline.show(said, has_older=True, has_newer=False)
    days = shown(timeline, "day")
    assert days[:2] == ["", ""]
    assert len(days[2]) == len("2026-11-23")
    timeline.prepend([message(0, minutes=-day)], has_older=False)
    assert [bool(each) for each in shown(timeline, "day")] == [True, True, False, True]


def test_a_message_of_a_clock_that_is_ahead_is_shown_when_it_came(timeline):
    timeline.show([message(1, minutes=60, received_at=NOON)], has_older=False, has_newer=False)
    assert shown(timeline, "sentAt") == [NOON]


def test_what_is_far_away_goes_and_can_be_read_again(timeline):
    timeline.show([message(n) for n in range(WINDOW_MAX)], has_older=False, has_newer=False)
    timeline.append([message(1000 + n) for n in range(PAGE)])
    assert timeline.rowCount() == WINDOW_MAX
    assert timeline.window.has_older
    assert timeline.window.first == f"m{PAGE}"
    timeline.prepend([message(n) for n in range(PAGE)], has_older=False)
    assert timeline.window.has_newer
    assert timeline.window.last == f"m{WINDOW_MAX - 1}"


def test_a_reply_shows_what_it_replies_to_also_when_that_changes(timeline):
    said = [message(1), message(2, EVE, reply_to="m1"), message(3, EVE, reply_to="gone")]
    timeline.show(said, has_older=False, has_newer=False)
    assert [each.get("text") for each in shown(timeline, "reply")] == [None, "text 1", ""]
    assert timeline.unknown_replies() == ["gone"]
    mirror = Mirror(timeline)
    mirror.reset()
    timeline.know(message("gone", BOB, 0, id="gone", text="found"))
    timeline.change("m1", lambda row: {**row, "text": "changed"})
    assert [each.get("text") for each in shown(timeline, "reply")] == [None, "changed", "found"]
    assert mirror.seen == mirror.all()


def test_reactions_are_counted_and_ours_are_marked(timeline):
    put = [{"emoji": "👍", "account": each} for each in (BOB, ME)]
    put.append({"emoji": "🎉", "account": EVE})
    timeline.set_names({BOB: "Bob", ME: "Alice", EVE: "Eve\u202e"})
    timeline.show([message(1, reactions=put)], has_older=False, has_newer=False)
    [reactions] = shown(timeline, "reactions")
    assert [(r["emoji"], r["count"], r["mine"]) for r in reactions] == [
        ("👍", 2, True), ("🎉", 1, False),
    ]  # fmt: skip
    assert [r["names"] for r in reactions] == ["Bob, Alice", "Eve"]


def test_a_megabyte_is_shown_in_part_until_it_is_asked_for(timeline):
    timeline.show([message(1, text="x" * 1_000_000)], has_older=False, has_newer=False)
    assert len(shown(timeline, "body")[0]) < 10_000
    assert shown(timeline, "isCut") == [True]
    timeline.show_whole("m1")
    assert len(shown(timeline, "body")[0]) == 1_000_000
    assert shown(timeline, "isCut") == [False]


def test_a_state_never_goes_back_to_what_was_read_late():
    states = States()
    states.hear("m1", "delivered")
    assert states.newest({"id": "m1", "state": "sent"})["state"] == "delivered"
    assert states.newest({"id": "m1", "state": "read"})["state"] == "read"
    for number in range(STATES_MAX):
        states.hear(f"x{number}", "sent")
    assert states.newest({"id": "m1", "state": "sent"})["state"] == "sent"
