"""The tables, as SQLAlchemy Core knows them; `migrations/` makes them.

Ids are 32 bytes and stand once, in `conversations`, `accounts` and `devices`; other rows name them
by a small integer key. What belongs to a conversation goes with it (`CASCADE`), and so does a
message with its op. Tables are STRICT, a column is NULL only where absence means something, and a
column never changes its meaning.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.schema import SchemaItem

__all__ = [
    "METADATA",
    "accounts",
    "blocks",
    "bundles",
    "contacts",
    "conversation_details",
    "conversations",
    "deletions",
    "deliveries",
    "device_sets",
    "devices",
    "drafts",
    "dropped",
    "edits",
    "epochs",
    "expected",
    "floors",
    "heads",
    "hpke_keys",
    "identity",
    "indexed",
    "leaves",
    "lost",
    "mail_keys",
    "mailed",
    "messages",
    "names",
    "olm_account",
    "ops",
    "peers",
    "profiles",
    "published",
    "ratchets",
    "reactions",
    "read_marks",
    "readers",
    "receipts",
    "revised",
    "rooms",
    "seen_mail",
    "settings",
    "settled",
    "settled_read",
    "spans",
    "spent_sessions",
    "stops",
    "telling",
    "trust",
    "turns",
    "wordless",
]

METADATA = MetaData()


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, METADATA, *items, sqlite_strict=True)


def _keyed(name: str, *items: SchemaItem) -> Table:
    """A table that is one tree, ordered by its (compound) key: one page written where a rowid
    table with an index writes two."""
    return Table(name, METADATA, *items, sqlite_strict=True, sqlite_with_rowid=False)


def _integer(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=primary_key, nullable=False)


def _text(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=primary_key, nullable=nullable)


def _blob(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, primary_key=primary_key, nullable=nullable)


def _id(name: str, *, unique: bool = False, primary_key: bool = False) -> Column[bytes]:
    size = CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return Column(name, LargeBinary, size, nullable=False, unique=unique, primary_key=primary_key)


def _of(target: Table, name: str, *, primary_key: bool = False) -> Column[int]:
    ondelete = "CASCADE" if target.name in {"conversations", "ops"} else None
    reference = ForeignKey(target.c.key, ondelete=ondelete)
    return Column(name, Integer, reference, primary_key=primary_key, nullable=False)


conversations = _table("conversations", _integer("key", primary_key=True), _id("id", unique=True))
accounts = _table("accounts", _integer("key", primary_key=True), _id("id", unique=True))
devices = _table("devices", _integer("key", primary_key=True), _id("id", unique=True))

_one_row = CheckConstraint("key = 1", name="one_row")

identity = _table(
    "identity",
    Column("key", Integer, _one_row, primary_key=True, nullable=False),
    _id("account"),
    _id("device"),
    _text("name"),
    _integer("created_ms"),
    _blob("account_seed"),
    _blob("device_seed"),
    _blob("device_set"),
)

conversation_details = _table(
    "conversation_details",
    _of(conversations, "conversation", primary_key=True),
    _text("kind", nullable=True),
    _text("name"),
    _integer("created_ms"),
)

ops = _table(
    "ops",
    _integer("key", primary_key=True),
    _id("id", unique=True),
    _of(conversations, "conversation"),
    _of(accounts, "account"),
    _of(devices, "device"),
    _integer("chain"),
    _integer("seq"),
    _integer("received_ms"),
    _blob("header"),
    _blob("signature"),
    _blob("content", nullable=True),
    Index("ops_of_chain", "conversation", "device", "chain", "seq"),
    Index("ops_of_control", "conversation", sqlite_where=text("chain = 0")),
)

heads = _keyed(
    "heads",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("chain", primary_key=True),
    _id("id", primary_key=True),
    _of(accounts, "account"),
    _integer("seq"),
    _integer("sort_key"),
    _integer("hlc"),
)

floors = _keyed(
    "floors",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("chain", primary_key=True),
    _integer("seq"),
    _id("prev"),
)

messages = _table(
    "messages",
    _of(ops, "op", primary_key=True),
    _id("id"),
    _of(conversations, "conversation"),
    _integer("sort_key"),
    _integer("own"),
    _text("type"),
    _text("text"),
    _integer("sent_ms"),
    _blob("reply_to", nullable=True),
    Index("messages_in_order", "conversation", "sort_key", "id"),
)

indexed = _table(
    "indexed",
    Column(
        "key",
        Integer,
        CheckConstraint("key = 1", name="one_mark"),
        primary_key=True,
        nullable=False,
    ),
    _integer("upto"),
)

edits = _table(
    "edits",
    _of(ops, "op", primary_key=True),
    _of(conversations, "conversation"),
    _id("target"),
    _of(accounts, "account"),
    _integer("hlc"),
    _text("text"),
    Index("edits_of_message", "target", "account"),
)

deletions = _table(
    "deletions",
    _of(ops, "op", primary_key=True),
    _of(conversations, "conversation"),
    _id("target"),
    _of(accounts, "account"),
    Index("deletions_of_message", "target", "account"),
)

reactions = _keyed(
    "reactions",
    _of(conversations, "conversation", primary_key=True),
    _id("target", primary_key=True),
    _of(accounts, "account", primary_key=True),
    _text("emoji", primary_key=True),
    _of(ops, "op"),
    _id("id"),
    _integer("hlc"),
    _integer("is_on"),
    Index("reactions_of_op", "op"),
)

revised = _table(
    "revised",
    _of(ops, "op", primary_key=True),
    _integer("hlc"),
    _id("edit"),
)

dropped = _table(
    "dropped",
    _of(ops, "op", primary_key=True),
    _blob("header"),
    _blob("signature"),
)

wordless = _table("wordless", _of(ops, "op", primary_key=True))

turns = _table(
    "turns",
    _of(ops, "op", primary_key=True),
    _of(conversations, "conversation"),
    _of(devices, "device"),
    _integer("seq"),
    Index("turns_of_chain", "conversation", "device", "seq"),
)

stops = _table("stops", _of(ops, "op", primary_key=True))

spans = _keyed(
    "spans",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("seq", primary_key=True),
    _id("prev"),
    _of(accounts, "account"),
    _integer("end"),
    _id("id"),
    _integer("sort_key"),
)

deliveries = _keyed(
    "deliveries",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _of(accounts, "account"),
    _integer("control_acked"),
    _integer("talk_acked"),
    _integer("talk_sent"),
    _integer("attempts"),
    _integer("next_try_ms"),
    _text("last_error"),
)

readers = _keyed(
    "readers",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("talk_read"),
)

read_marks = _keyed(
    "read_marks",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("below"),
)

telling = _table(
    "telling",
    _of(conversations, "conversation", primary_key=True),
    _integer("is_on"),
)

drafts = _table(
    "drafts",
    _of(conversations, "conversation", primary_key=True),
    _text("text"),
)

published = _table(
    "published",
    _of(conversations, "conversation", primary_key=True),
    _integer("talk_sent"),
)

receipts = _keyed(
    "receipts",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _blob("body"),
    _blob("signature"),
)

names = _table(
    "names",
    _of(accounts, "account", primary_key=True),
    _text("name"),
    _integer("hlc"),
)

profiles = _table(
    "profiles",
    _of(accounts, "account", primary_key=True),
    _text("bio"),
    _blob("avatar"),
    _integer("hlc"),
)

trust = _table(
    "trust",
    _of(accounts, "account", primary_key=True),
    _integer("verified_ms"),
    _blob("claimed", nullable=True),
    _integer("is_confirmed"),
    _blob("devices"),
)

contacts = _table(
    "contacts",
    _of(accounts, "account", primary_key=True),
    _id("conversation"),
    _text("state"),
    _integer("created_ms"),
    _blob("intro"),
)

device_sets = _table(
    "device_sets",
    _of(accounts, "account", primary_key=True),
    _blob("raw"),
)

peers = _keyed(
    "peers",
    _blob("peer", primary_key=True),
    _text("addresses"),
    _integer("last_seen_ms"),
)

blocks = _keyed("blocks", _text("target", primary_key=True), _integer("blocked_ms"))

settings = _keyed("settings", _text("name", primary_key=True), _blob("value"))

olm_account = _table(
    "olm_account",
    Column("key", Integer, CheckConstraint("key = 1", name="one_account"), primary_key=True),
    _text("pickle"),
    _integer("generation"),
)

mail_keys = _table(
    "mail_keys",
    Column("key", Integer, CheckConstraint("key = 1", name="one_set"), primary_key=True),
    _id("fallback_key"),
    _integer("rotated_ms"),
)

hpke_keys = _table(
    "hpke_keys",
    _integer("place", primary_key=True),
    _integer("suite"),
    _blob("raw"),
    _integer("made_ms"),
)

ratchets = _keyed(
    "ratchets",
    _id("peer", primary_key=True),
    _id("session", primary_key=True),
    _text("pickle"),
    _integer("counter"),
    _integer("is_answered"),
    _integer("used_ms"),
    _integer("is_barred"),
)

spent_sessions = _keyed(
    "spent_sessions", _id("session", primary_key=True), _integer("generation"), _id("account")
)

seen_mail = _keyed("seen_mail", _id("hash", primary_key=True), _integer("until_ms"))

bundles = _keyed(
    "bundles",
    _of(devices, "device", primary_key=True),
    _blob("raw"),
    _integer("asked_ms"),
    _integer("suite"),
)

mailed = _keyed(
    "mailed",
    _of(conversations, "conversation", primary_key=True),
    _of(devices, "device", primary_key=True),
    _integer("control"),
    _integer("talk"),
    _integer("mailed_ms"),
)

rooms = _table(
    "rooms",
    _of(conversations, "conversation", primary_key=True),
    _blob("genesis"),
    _id("secret"),
    Column("inviter", Integer, ForeignKey("accounts.key"), nullable=True),
    _integer("is_entered"),
)

leaves = _keyed(
    "leaves",
    _of(conversations, "conversation", primary_key=True),
    _integer("seq", primary_key=True),
    _id("op"),
    _blob("header"),
    _blob("signature"),
    _blob("content"),
)

epochs = _keyed(
    "epochs",
    _of(conversations, "conversation", primary_key=True),
    _id("op", primary_key=True),
    _id("secret"),
    _integer("learned_ms"),
)

expected = _keyed(
    "expected",
    _of(conversations, "conversation", primary_key=True),
    _of(accounts, "account", primary_key=True),
    _integer("since"),
)

settled = _table(
    "settled",
    _of(conversations, "conversation", primary_key=True),
    _integer("talk"),
)

settled_read = _table(
    "settled_read",
    _of(conversations, "conversation", primary_key=True),
    _integer("talk"),
)

lost = _keyed(
    "lost",
    _of(conversations, "conversation", primary_key=True),
    _integer("first", primary_key=True),
    _integer("end"),
)
