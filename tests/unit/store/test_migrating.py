from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from p2pchat.errors import SchemaTooNew, StoreError
from p2pchat.model.blocking import parse_target
from p2pchat.model.change import AddOp, Counting, PutBlock, PutConversation, SetFloor
from p2pchat.model.ids import OpId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import ExpectMember, PutLeave, PutRoom, PutSpan, SetSettled
from p2pchat.model.search import Query
from p2pchat.protocol import consequences
from p2pchat.store.driver import connect
from p2pchat.store.home import open_home
from p2pchat.store.opening import MIGRATIONS, Migrations
from p2pchat.store.port import Page
from p2pchat.store.schema import METADATA
from p2pchat.wire.contents import Text
from p2pchat.wire.control import encode_control
from tests.compliance.store.values import (
    ALICE,
    BOB,
    CAROL,
    OTHER_ROOM,
    ROOM,
    ROOMS,
    Person,
    Writer,
    delivery,
    digest,
)
from tests.unit.protocol.people import MALLORY, Author
from tests.vectors import golden

STEP = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade():
{body}
"""
ADD_A_COLUMN = """
    with op.batch_alter_table("ops", recreate="always", table_kwargs={"sqlite_strict": True}) as t:
        t.add_column(sa.Column("extra", sa.Integer, nullable=False, server_default="7"))
"""
FAIL_HALF_WAY = """
    op.create_table("half", sa.Column("key", sa.Integer, primary_key=True))
    op.execute("DELETE FROM messages")
    op.execute("SELECT nonsense FROM nowhere")
"""
BREAK_A_REFERENCE = """
    op.execute("DELETE FROM devices")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of the present form with three messages."""
    path = tmp_path / "home"
    with open_home(path) as opened:
        opened.store.commit([*ROOMS, *Writer().messages(3)])
    return path


def step(number: int) -> str:
    """The name of a form that is so many steps later than ours."""
    return f"{int(MIGRATIONS.newest) + number:04}"


def later(tmp_path: Path, *bodies: str) -> Migrations:
    """The migrations of a later program: one more step for each of `bodies`."""
    directory = tmp_path / "100 % later"
    shutil.copytree(MIGRATIONS.directory, directory)
    before = MIGRATIONS.newest
    for number, body in enumerate(bodies, start=1):
        revision = step(number)
        text = STEP.format(revision=revision, before=before, body=body)
        (directory / "versions" / f"{revision}_step.py").write_text(text)
        before = revision
    return Migrations(directory, before)


def form(home: Path, name: str = "p2pchat.db") -> str:
    connection = connect(home / name, (home / "p2pchat.key").read_bytes())
    try:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    finally:
        connection.close()


def test_migrations_make_exactly_the_tables_of_the_schema(home: Path) -> None:
    query = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'alembic%'"
    query += " AND name NOT LIKE 'sqlite_autoindex_alembic%' AND name NOT LIKE 'search%'"
    query += " ORDER BY name"  # the index of words is no table that SQLAlchemy knows
    connection = connect(home / "p2pchat.db", (home / "p2pchat.key").read_bytes())
    made = connection.execute(query).fetchall()
    connection.close()
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    with engine.connect() as other:
        assert made == [tuple(row) for row in other.exec_driver_sql(query)]
    engine.dispose()
    assert len(METADATA.tables) > 10


def test_messages_of_before_there_was_an_index_are_found(home: Path) -> None:
    """The home is taken back to the form without one, and then brought forward."""
    with open_home(home) as opened:
        opened.store.commit([*ROOMS, *Writer(conversation=OTHER_ROOM).message("已经说过")])
    connection = connect(home / "p2pchat.db", (home / "p2pchat.key").read_bytes())
    triggers = [f"TRIGGER search_{name}" for name in ("added", "dropped", "changed")]
    later = ("search", "leaves", "edits", "deletions", "revised", "dropped")
    later += ("wordless", "reactions", "indexed")
    later += ("readers", "read_marks", "telling", "drafts", "expected", "settled", "settled_read")
    later += ("stops", "spans", "turns", "lost")
    for dropped in [*triggers, *(f"TABLE {name}" for name in later)]:
        connection.execute(f"DROP {dropped}")
    connection.execute("UPDATE alembic_version SET version_num = '0007'")
    connection.close()
    query = Query.of("说过")
    assert query is not None
    with open_home(home) as opened:
        (found,) = opened.store.search(query, None, 50)
    assert found.text == "已经说过"


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS.directory))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [MIGRATIONS.newest]


def test_an_older_database_is_brought_forward_and_loses_nothing(home: Path, tmp_path: Path) -> None:
    migrations = later(tmp_path, ADD_A_COLUMN, ADD_A_COLUMN.replace("extra", "more"))
    for count in (3, 4):
        with open_home(home, migrations) as opened:
            assert len(opened.store.history(ROOM, Page())) == count
            opened.store.commit(Writer().messages(4))
    assert form(home) == step(2)


def test_an_older_database_is_copied_first_under_the_same_key(home: Path, tmp_path: Path) -> None:
    with open_home(home, later(tmp_path, ADD_A_COLUMN)):
        pass
    copy = home / "p2pchat.db.before"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert b"SQLite format" not in copy.read_bytes()
    shutil.copy(copy, home / "p2pchat.db")
    with open_home(home) as opened:
        assert len(opened.store.history(ROOM, Page())) == 3


def test_a_new_home_is_made_in_the_newest_form_without_a_copy(tmp_path: Path) -> None:
    with open_home(tmp_path / "home", later(tmp_path, ADD_A_COLUMN)):
        pass
    assert form(tmp_path / "home") == step(1)
    assert not (tmp_path / "home" / "p2pchat.db.before").exists()


def test_a_database_of_a_later_program_is_refused(home: Path, tmp_path: Path) -> None:
    with open_home(home, later(tmp_path, ADD_A_COLUMN)):
        pass
    before = (home / "p2pchat.db").read_bytes()
    with pytest.raises(SchemaTooNew, match=step(1)), open_home(home):
        pass
    assert (home / "p2pchat.db").read_bytes() == before


def test_a_step_that_fails_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    migrations = later(tmp_path, ADD_A_COLUMN, FAIL_HALF_WAY)
    with pytest.raises(Exception, match="nowhere"), open_home(home, migrations):
        pass
    assert form(home) == step(1)
    shutil.rmtree(tmp_path / "100 % later")
    with open_home(home, later(tmp_path, ADD_A_COLUMN)) as opened:
        assert len(opened.store.history(ROOM, Page())) == 3


def test_a_step_that_breaks_a_reference_is_undone(home: Path, tmp_path: Path) -> None:
    migrations = later(tmp_path, BREAK_A_REFERENCE)
    with pytest.raises(StoreError, match="it is as it was"), open_home(home, migrations):
        pass
    with open_home(home) as opened:
        assert len(opened.store.history(ROOM, Page())) == 3


def test_a_home_of_the_first_release_is_brought_forward(tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(MIGRATIONS.directory, first)
    for file in (first / "versions").glob("*.py"):
        if not file.name.startswith("0001"):
            file.unlink()
    home = tmp_path / "home"
    with open_home(home, Migrations(first, "0001")) as opened:
        writer = Writer()
        opened.store.commit([writer.op("one"), writer.op("two")])
    assert form(home) == "0001"
    with open_home(home) as opened:
        chain = OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 9, 1 << 20)
        assert [row.content for row in opened.store.ops(chain)] == [b"one", b"two"]
        block = PutBlock(parse_target("203.0.113.0/24"), 7)
        opened.store.commit([block])
        assert opened.store.snapshot().blocks == (block,)
    assert form(home) == MIGRATIONS.newest


def test_what_was_called_delivered_stays_so_and_nothing_else_is(tmp_path: Path) -> None:
    """In rooms by invitation: what all had who ever signed for anything there."""
    path = tmp_path / "home"
    with open_home(path) as opened:
        kinds = ((ROOM, RoomKind.INVITED), (OTHER_ROOM, RoomKind.OPEN))
        opened.store.commit([PutConversation(id, kind, "crew", 1) for id, kind in kinds])
        for id, _ in kinds:
            one = delivery(Person("bob", "phone"), acked=1, conversation=id)
            rows = [one, delivery(BOB, acked=3, sent=4, conversation=id)]
            rows.append(delivery(CAROL, acked=2, conversation=id))
            opened.store.commit([*Writer(conversation=id).messages(4), *rows])
    connection = connect(path / "p2pchat.db", (path / "p2pchat.key").read_bytes())
    for table in ("expected", "settled", "settled_read", "lost", "stops", "spans", "turns"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("UPDATE alembic_version SET version_num = '0016'")
    connection.close()
    with open_home(path) as opened:
        assert opened.store.snapshot().rooms.settled == (SetSettled(ROOM, 2),)
        for id in (ROOM, OTHER_ROOM):
            told = [message.state for message in opened.store.history(id, Page())]
            assert told == [MessageState.DELIVERED] * 2 + [MessageState.SENT] * 2
        opened.store.commit([ExpectMember(ROOM, ALICE.account, 0)])
        told = [message.state for message in opened.store.history(ROOM, Page())]
        assert told == [MessageState.DELIVERED] * 2 + [MessageState.SENT] * 2


def test_of_a_room_that_was_left_the_word_stays(tmp_path: Path) -> None:
    path = tmp_path / "home"
    word = StoredOp(OpId(digest("leave")), 3, b"header", bytes(64), b"word")
    with open_home(path) as opened:
        opened.store.commit([PutLeave(ROOM, (word,))])
    connection = connect(path / "p2pchat.db", (path / "p2pchat.key").read_bytes())
    connection.execute("CREATE TABLE before AS SELECT * FROM leaves")
    connection.execute("DROP TABLE leaves")
    connection.execute(
        "CREATE TABLE leaves (conversation INTEGER NOT NULL PRIMARY KEY, op BLOB NOT NULL, seq"
        " INTEGER NOT NULL, header BLOB NOT NULL, signature BLOB NOT NULL, content BLOB NOT NULL)"
    )
    columns = "conversation, op, seq, header, signature, content"
    connection.execute(f"INSERT INTO leaves SELECT {columns} FROM before")
    for table in ("before", "stops", "spans", "lost"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("UPDATE alembic_version SET version_num = '0020'")
    connection.close()
    with open_home(path) as opened:
        assert opened.store.snapshot().rooms.leaves == (PutLeave(ROOM, (word,)),)


def test_parts_of_chains_of_before_there_were_parts_are_found(tmp_path: Path) -> None:
    """Three that lie below the floor, one of them with a fork in it, and nothing above."""
    path, author = tmp_path / "home", Author(MALLORY, ROOM)
    ops = [author.write(f"{number}") for number in range(12)]
    branch = author.fork(5).write("another fifth")
    rows = [AddOp(op, 7, 1) for op in (*ops[1:3], *ops[4:7], branch, ops[8])]
    floors = [SetFloor(ROOM, MALLORY.device, Chain.TALK, n, ops[n - 1].id, True) for n in (1, 10)]
    shown = consequences.shown_message(ops[2], Text("2"), Counting.NOBODY, 33, 1)
    with open_home(path) as opened:
        opened.store.commit([PutConversation(ROOM, RoomKind.INVITED, "crew", 1)])
        opened.store.commit([PutRoom(ROOM, encode_control(golden.GENESIS)[1], digest("secret"))])
        opened.store.commit([floors[0], *rows, shown, floors[1], AddOp(ops[10], 44, 1)])
    connection = connect(path / "p2pchat.db", (path / "p2pchat.key").read_bytes())
    connection.execute("DROP TABLE lost")
    connection.execute("UPDATE alembic_version SET version_num = '0022'")
    connection.close()
    who = (ROOM, MALLORY.account, MALLORY.device)

    def span(first: int, end: int, sort_key: int) -> PutSpan:
        return PutSpan(*who, first, ops[first - 1].id, end, ops[end].id, sort_key)

    with open_home(path) as opened:
        assert opened.store.snapshot().rooms.spans == (span(1, 2, 33), span(4, 6, 0), span(8, 8, 0))


def test_homes_that_are_made_at_once_in_one_program_do_not_get_in_each_others_way(
    tmp_path: Path,
) -> None:
    def make(name: str) -> None:
        with open_home(tmp_path / name):
            pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make, [f"home{number}" for number in range(12)]))
