"""Mentions: who is named in a text.

A mention is `@` and an account as it stands everywhere (`@z6Mk…`). So it names one account to every
reader, whatever they call it, goes with the text through edits and deletions, and costs no more
than its letters. Names are put in its place where people read and write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from p2pchat.model.ids import AccountId

__all__ = ["MENTIONS_MAX", "mentions", "with_accounts", "with_names"]

MENTIONS_MAX = 20
"""Accounts that one text mentions; of more the first."""
_BEGINNING = "@z6Mk"
_MENTION = re.compile(r"(?<!\w)@(z6Mk[1-9A-HJ-NP-Za-km-z]{40,60})(?!\w)")


def mentions(text: str) -> tuple[AccountId, ...]:
    """The accounts that a text mentions, each once, in order; whether they are in the conversation
    is not looked at."""
    if _BEGINNING not in text:
        return ()
    found: dict[AccountId, None] = {}
    for match in _MENTION.finditer(text):
        account = _account(match)
        if account is not None and len(found) < MENTIONS_MAX:
            found[account] = None
    return tuple(found)


def with_names(text: str, names: Mapping[AccountId, str]) -> str:
    """A text as people read it: with the name of each account that has one."""
    if _BEGINNING not in text:
        return text

    def shown(match: re.Match[str]) -> str:
        account = _account(match)
        name = names.get(account, "") if account is not None else ""
        return f"@{name}" if name else match.group()

    return _MENTION.sub(shown, text)


def with_accounts(text: str, names: Mapping[AccountId, str]) -> str:
    """A text as people write it: names of one account alone become mentions, the longest first."""
    accounts: dict[str, list[AccountId]] = {}
    for account, name in names.items():
        if name:
            accounts.setdefault(name.casefold(), []).append(account)
    single = {name: one[0] for name, one in accounts.items() if len(one) == 1}
    if "@" not in text or not single:
        return text
    longest = sorted(single, key=lambda name: (-len(name), name))
    pattern = rf"(?<!\w)@({'|'.join(map(re.escape, longest))})(?!\w)"

    def named(match: re.Match[str]) -> str:
        account = single.get(match.group(1).casefold())
        return match.group() if account is None else f"@{account}"

    return re.sub(pattern, named, text, flags=re.IGNORECASE)


def _account(match: re.Match[str]) -> AccountId | None:
    try:
        return AccountId.parse(match.group(1))
    except ValueError:
        return None
