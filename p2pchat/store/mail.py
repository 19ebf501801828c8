"""Sealed mail on disk: its changes to rows, and its part of a snapshot.

These rows never leave a home: exports know nothing of them, and a ratchet has one successor.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import assert_never

from sqlalchemy import Connection, bindparam, delete, select

from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.ratchet import (
    DropRatchet,
    ForgetSeen,
    ForgetSpent,
    HpkeSecret,
    MailChange,
    PutBundle,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.store.schema import (
    bundles,
    conversations,
    devices,
    hpke_keys,
    mail_keys,
    mailed,
    olm_account,
    ratchets,
    seen_mail,
    spent_sessions,
)
from p2pchat.store.statements import Row, add_row, drop, put, text

__all__ = ["MailWriter", "read_mail"]


_DROP_ACCOUNT, _ADD_ACCOUNT = drop(olm_account), add_row(olm_account)
_DROP_KEYS, _ADD_KEYS = drop(mail_keys), add_row(mail_keys)
_DROP_HPKE, _ADD_HPKE = drop(hpke_keys), add_row(hpke_keys)
_PUT_RATCHET, _DROP_RATCHET = put(ratchets), drop(ratchets, "peer", "session")
_PUT_SPENT, _PUT_SEEN = put(spent_sessions), put(seen_mail)
_FORGET_SPENT = text(
    delete(spent_sessions).where(spent_sessions.c.generation < bindparam("generation"))
)
_FORGET_SEEN = text(delete(seen_mail).where(seen_mail.c.until_ms <= bindparam("until_ms")))
_PUT_BUNDLE = put(bundles)
_PUT_MAILED = put(mailed)

_device_id = devices.c.id.label("device_id")
_conversation_id = conversations.c.id.label("conversation_id")
_HPKE = select(hpke_keys).order_by(hpke_keys.c.place)
_RATCHETS = select(ratchets).order_by(ratchets.c.peer, ratchets.c.session)
_SPENT = select(spent_sessions).order_by(spent_sessions.c.session)
_SEEN = select(seen_mail).order_by(seen_mail.c.hash)
_BUNDLES = select(bundles, _device_id).join(devices).order_by(_device_id)
_MAILED = (
    select(mailed, _conversation_id, _device_id)
    .join_from(mailed, conversations)
    .join_from(mailed, devices)
    .order_by(_conversation_id, _device_id)
)


class MailWriter:
    """Applies changes through a cursor; `conversation` and `device` give surrogate keys."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        conversation: Callable[[bytes], int],
        device: Callable[[bytes], int],
    ) -> None:
        self._cursor = cursor
        self._conversation = conversation
        self._device = device

    def apply(self, change: MailChange) -> None:
        execute = self._cursor.execute
        match change:
            case PutRatchet() | DropRatchet():
                self._step(change)
            case SpendSession(session, generation, account):
                place: Row = {"session": session, "account": account}
                execute(_PUT_SPENT, place | {"generation": generation})
            case ForgetSpent(generation):
                execute(_FORGET_SPENT, {"generation": generation})
            case SeeMail(hash, until_ms):
                execute(_PUT_SEEN, {"hash": hash, "until_ms": until_ms})
            case ForgetSeen(until_ms):
                execute(_FORGET_SEEN, {"until_ms": until_ms})
            case PutOlmAccount(pickle, generation):
                execute(_DROP_ACCOUNT)
                execute(_ADD_ACCOUNT, {"pickle": pickle, "generation": generation})
            case PutMailKeys():
                self._put_keys(change)
            case PutBundle(device, raw, asked_ms, suite):
                row: Row = {"raw": raw, "asked_ms": asked_ms, "suite": suite}
                execute(_PUT_BUNDLE, row | {"device": self._device(device)})
            case SetMailed():
                self._set_mailed(change)
            case _:
                assert_never(change)

    def _step(self, change: PutRatchet | DropRatchet) -> None:
        place: Row = {"peer": change.peer, "session": change.session}
        if isinstance(change, DropRatchet):
            self._cursor.execute(_DROP_RATCHET, place)
            return
        row: Row = {
            "pickle": change.pickle,
            "counter": change.counter,
            "is_answered": change.is_answered,
            "used_ms": change.used_ms,
            "is_barred": change.is_barred,
        }
        self._cursor.execute(_PUT_RATCHET, place | row)

    def _put_keys(self, keys: PutMailKeys) -> None:
        for statement in (_DROP_KEYS, _DROP_HPKE):
            self._cursor.execute(statement)
        self._cursor.execute(
            _ADD_KEYS, {"fallback_key": keys.fallback_key, "rotated_ms": keys.rotated_ms}
        )
        rows = [
            {"place": place, "suite": key.suite, "raw": key.raw, "made_ms": key.made_ms}
            for place, key in enumerate(keys.hpke)
        ]
        self._cursor.executemany(_ADD_HPKE, rows)

    def _set_mailed(self, change: SetMailed) -> None:
        row: Row = {
            "conversation": self._conversation(change.conversation),
            "device": self._device(change.device),
            "control": change.control,
            "talk": change.talk,
            "mailed_ms": change.mailed_ms,
        }
        self._cursor.execute(_PUT_MAILED, row)


def read_mail(connection: Connection) -> MailSnapshot:
    """What sealing and opening go on from, as of the last commit."""
    account = connection.execute(select(olm_account)).one_or_none()
    return MailSnapshot(
        account=PutOlmAccount(account.pickle, account.generation) if account is not None else None,
        keys=_keys(connection),
        ratchets=tuple(
            PutRatchet(
                row.peer,
                row.session,
                row.pickle,
                row.counter,
                bool(row.is_answered),
                row.used_ms,
                bool(row.is_barred),
            )
            for row in connection.execute(_RATCHETS)
        ),
        spent=tuple(
            SpendSession(row.session, row.generation, AccountId(row.account))
            for row in connection.execute(_SPENT)
        ),
        seen=tuple(SeeMail(row.hash, row.until_ms) for row in connection.execute(_SEEN)),
        bundles=tuple(
            PutBundle(DeviceId(row.device_id), row.raw, row.asked_ms, row.suite)
            for row in connection.execute(_BUNDLES)
        ),
        mailed=tuple(
            SetMailed(
                ConversationId(row.conversation_id),
                DeviceId(row.device_id),
                row.control,
                row.talk,
                row.mailed_ms,
            )
            for row in connection.execute(_MAILED)
        ),
    )


def _keys(connection: Connection) -> PutMailKeys | None:
    row = connection.execute(select(mail_keys)).one_or_none()
    if row is None:
        return None
    hpke = tuple(HpkeSecret(key.suite, key.raw, key.made_ms) for key in connection.execute(_HPKE))
    return PutMailKeys(row.fallback_key, row.rotated_ms, hpke)
