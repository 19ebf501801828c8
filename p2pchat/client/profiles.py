"""Profiles: what accounts say of themselves; ours is checked before anything is signed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from p2pchat.client.people import People
from p2pchat.config import checked_name
from p2pchat.errors import InvalidText
from p2pchat.model.ids import AccountId
from p2pchat.protocol.machine import SetProfile
from p2pchat.wire.contents import BIO_CHARS_MAX
from p2pchat.wire.contents import Profile as ProfileContent

__all__ = ["Profile", "Profiles"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What an account says of itself."""

    account: AccountId
    name: str
    bio: str = ""
    avatar: bytes = field(default=b"", repr=False)
    """A WebP image of at most 256 × 256 pixels, or empty."""


class Profiles(People):
    """Verbs about what we say of ourselves, and what contacts do."""

    @property
    def profile(self) -> Profile:
        """What others see of us."""
        return self._profile_of(self.account)

    async def set_profile(
        self,
        name: str | None = None,
        bio: str | None = None,
        avatar_path: str | os.PathLike[str] | None = None,
    ) -> Profile:
        """Change what others see of us; None leaves it, an empty path takes the picture away.

        The picture is made anew from its pixels, at most 256 × 256. Raises `ConfigError` for what
        is no name, `InvalidText` for a bio of more than 500 characters, `BadPicture`.
        """
        before = self.profile
        name = before.name if name is None else checked_name(name)
        bio = before.bio if bio is None else _checked_bio(bio)
        avatar = (
            before.avatar if avatar_path is None else await _read_avatar(os.fspath(avatar_path))
        )
        content = ProfileContent(name, bio, avatar)
        await self._node.driver.call(lambda id: SetProfile(id, content))
        return self.profile

    def contact_profile(self, account: AccountId) -> Profile:
        """What a contact says of itself. Raises `UnknownContact`."""
        return self._profile_of(self.contact(account).account)

    def _profile_of(self, account: AccountId) -> Profile:
        if account == self.account:
            own = self._state.profile
            return Profile(account, own.name, own.bio, own.avatar)
        known = self._state.directory.profiles.get(account)
        name = self._state.directory.name(account)
        if known is None:
            return Profile(account, name)
        return Profile(account, name, known.bio, known.avatar)


def _checked_bio(text: str) -> str:
    """A bio that others take. Raises `InvalidText`."""
    text = text.strip()
    if len(text) > BIO_CHARS_MAX:
        raise InvalidText(f"a bio has at most {BIO_CHARS_MAX} characters; this has {len(text)}")
    if not all(character.isprintable() or character == "\n" for character in text):
        raise InvalidText("a bio holds a character that cannot be shown; take it out")
    return text


async def _read_avatar(path: str) -> bytes:
    """The picture at a path as an avatar; none where the path is empty. Raises `BadPicture`."""
    if not path:
        return b""
    from p2pchat.client.avatars import make_avatar  # Pillow takes a tenth of a second to load

    # Decoding and encoding are pure computing, up to a second of it.
    return await trio.to_thread.run_sync(partial(make_avatar, Path(path)))  # noqa: TID251
