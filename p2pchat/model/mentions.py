"""Mentions: who is named in a text.

A mention is `@` and an account as it stands everywhere (`@z6Mk…`). So it names one account to every
reader, whatever they call it, goes with the text through edits and deletions, and costs no more
than its letters. Names are put in its place where people read and write.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from p2pchat.model.ids import AccountId

__all__ = ["MENTIONS_MAX", "begins_mention", "mentions", "with_accounts", "with_names"]

MENTIONS_MAX = 20
"""Accounts that one text mentions; of more the first."""
_BEGINNING = "@z6Mk"
_MENTION = re.compile(r"@(z6Mk[1-9A-HJ-NP-Za-km-z]{40,60})")
_RUN = re.compile(r"[!-~]+")
_SCHEME_END = "://"
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
"""Letters of writing that puts no space between words, or none before what belongs to a name:
Chinese, Japanese, Korean, Thai, Lao, Burmese, Khmer."""


def mentions(text: str) -> tuple[AccountId, ...]:
    """The accounts that a text mentions, each once, in order; whether they are in the conversation
    is not looked at."""
    if _BEGINNING not in text:
        return ()
    found: dict[AccountId, None] = {}
    for match in _found(text):
        account = _account(match)
        if account is not None and len(found) < MENTIONS_MAX:
            found[account] = None
    return tuple(found)


def with_names(text: str, names: Mapping[AccountId, str]) -> str:
    """A text as people read it: with the name of each account that has one."""
    if _BEGINNING not in text:
        return text

    shown, end = list[str](), 0
    for match in _found(text):
        account = _account(match)
        name = names.get(account, "") if account is not None else ""
        if name:
            shown += text[end : match.start()], f"@{name}"
            end = match.end()
    return "".join([*shown, text[end:]])


def with_accounts(text: str, names: Mapping[AccountId, str]) -> str:
    """A text as people write it: names become mentions, the longest that fits; one that several
    bear means nobody."""
    accounts: dict[str, list[AccountId]] = {}
    for account, name in names.items():
        if name:
            accounts.setdefault(name.casefold(), []).append(account)
    if "@" not in text or not accounts:
        return text
    most = max(map(len, accounts))
    sent, end = list[str](), 0
    for sign in _signs(text):
        if sign < end:
            continue  # in the name before it
        place = _longest(text, sign + 1, accounts, most)
        named = accounts.get(text[sign + 1 : place].casefold(), [])
        if len(named) == 1:
            sent += text[end:sign], f"@{named[0]}"
            end = place
    return "".join([*sent, text[end:]])


def begins_mention(text: str) -> bool:
    """Whether a text ends with the `@` of a mention."""
    return text.endswith("@") and len(text) - 1 in _signs(text)


def _longest(text: str, start: int, names: Container[str], most: int) -> int:
    """Where the longest of the names that stand here ends; where it begins if there is none. They
    are casefolded, which makes several letters of some, and never fewer."""
    found, folded = start, ""
    for end in range(start + 1, len(text) + 1):
        folded += text[end - 1].casefold()
        if len(folded) > most:
            break
        if folded in names and _is_end(text, end):
            found = end
    return found


def _found(text: str) -> Iterator[re.Match[str]]:
    for sign in _signs(text):
        match = _MENTION.match(text, sign)
        if match is not None and _is_end(text, match.end()):
            yield match


def _signs(text: str) -> Iterator[int]:
    """Where an `@` begins a word, and not what belongs to an address. One run after another, since
    texts of others are read here: no letter is looked at more than twice."""
    for run in _RUN.finditer(text):
        scheme = text.find(_SCHEME_END, run.start(), run.end())
        end = run.end() if scheme < 0 else scheme
        sign = text.find("@", run.start(), end)
        while sign >= 0:
            before = text[sign - 1 : sign]
            if not (_is_letter(before) or before in ("/", ".")):
                yield sign
            sign = text.find("@", sign + 1, end)


def _is_end(text: str, end: int) -> bool:
    """Whether a name may end here; a slash and a letter after it make it the name of a place."""
    after = text[end : end + 1]
    return not _is_letter(text[end + 1 : end + 2] if after == "/" else after)


def _is_letter(character: str) -> bool:
    """Whether this belongs to a word, where words are kept apart."""
    is_of_word = character.isalnum() or character == "_"
    return is_of_word and _UNSPACED.match(character) is None


def _account(match: re.Match[str]) -> AccountId | None:
    try:
        return AccountId.parse(match.group(1))
    except ValueError:
        return None
