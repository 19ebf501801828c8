"""Where clients live, for who shows a window before anything heavy is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["default_home", "has_identity"]

HOME_VARIABLE = "P2PCHAT_HOME"
_FILES = ("p2pchat.db", "p2pchat.key")
"""As `p2pchat.store.home` names them; to import that takes longer than to show a window."""


def default_home() -> Path:
    """As `P2PCHAT_HOME` says, else where the platform keeps such things."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("p2pchat", appauthor=False)


def has_identity(home: str | os.PathLike[str]) -> bool:
    """Whether somebody lives there already, or did before a file of theirs was lost."""
    return any(os.path.exists(Path(home) / name) for name in _FILES)
