"""Programs that end at a named point, and what is on the disk of who is gone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from p2pchat.model.ids import ConversationId
from p2pchat.store.home import open_home
from p2pchat.store.port import Page
from p2pchat.testing.processes import Program


def deadly(program: Program, points: Path, where: str, **environment: str) -> None:
    """Let the next life of a program end at a point of `points`, a folder whose `sitecustomize`
    knows it: `name:count`, or nowhere."""
    path = f"{points}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    given = {**environment, "PYTHONPATH": path, "P2PCHAT_KILL_AT": where}
    program.launch = replace(program.launch, environment=given)


def in_database(home: Path, conversation: str) -> list[str]:
    """All texts of a conversation, straight from the disk."""
    texts: list[str] = []
    with open_home(home) as opened:
        id, anchor = ConversationId.parse(conversation), None
        while page := opened.store.history(id, Page(5000, before=anchor)):
            texts[:0] = [message.text for message in page]
            anchor = page[0].id
    return texts
