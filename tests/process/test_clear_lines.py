"""One clear line for whatever is wrong, through the real program; and nobody is dialled before the
user says so.

Each case is a home in which something is wrong, what somebody types, and words of the one line.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from p2pchat.wire.links import decode_link, encode_link

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")
CYRILLIC_A, RIGHT_TO_LEFT, INVISIBLE = "\u0430", "\u202e", "\u200b"


def typed(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "--home", str(home), *LOOPBACK, *map(str, words)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
    )


def done(home: Path, *words: object) -> str:
    ended = typed(home, *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Files and homes that the cases speak of."""
    place = tmp_path_factory.mktemp("wrong")
    (place / "right").write_text("four words or more")
    (place / "wrong").write_text("four words or less")
    done(place / "plain", "--name", "Alice", "init")
    shutil.copytree(place / "plain", place / "locked")
    done(place / "locked", "passphrase", "set", "--new-passphrase-file", place / "right")
    for name, change in DAMAGE.items():
        shutil.copytree(place / "locked", place / name)
        key = place / name / "p2pchat.key"
        key.write_bytes(change(key.read_bytes()))
    done(place / "plain", "rooms", "join", "lounge")
    export = place / "whole.dchat"
    done(place / "plain", "export", export, "--export-passphrase-file", place / "right")
    (place / "cut.dchat").write_bytes(export.read_bytes()[:-200])
    (place / "foreign.dchat").write_text("-----BEGIN SOMETHING ELSE-----\n" * 40)
    return place


DAMAGE = {
    "key cut": lambda key: key[:20],
    "key flipped": lambda key: key[:40] + bytes([key[40] ^ 1]) + key[41:],
    "key emptied": lambda key: b"",
}

CASES = {
    "wrong passphrase": ("locked", ("--passphrase-file", "wrong", "id"), "passphrase is wrong"),
    "no passphrase": ("locked", ("id",), "a passphrase is needed"),
    "key file cut short": ("key cut", ("--passphrase-file", "right", "id"), "is not a key"),
    "key file flipped": ("key flipped", ("--passphrase-file", "right", "id"), "is damaged"),
    "key file emptied": ("key emptied", ("--passphrase-file", "right", "id"), "is not a key"),
    "foreign export": (
        "new",
        ("import", "foreign.dchat", "--export-passphrase-file", "right"),
        "is no export of this program",
    ),
    "export cut short": (
        "new",
        ("import", "cut.dchat", "--export-passphrase-file", "right"),
        "use another copy, or export anew",
    ),
    "wrong passphrase of an export": (
        "new",
        ("import", "whole.dchat", "--export-passphrase-file", "wrong"),
        "passphrase of the export is wrong",
    ),
    "export into a home in use": (
        "plain",
        ("import", "whole.dchat", "--export-passphrase-file", "right"),
        "choose a new directory",
    ),
    "invitation to a room as a contact": (
        "plain",
        ("contacts", "add", "dchat://j/AAAA"),
        "an invitation to a room",
    ),
    "damaged invitation to a room": (
        "plain",
        ("rooms", "join", "dchat://j/AAAA"),
        "damaged or cut short",
    ),
    "introduction that is over": (
        "plain",
        ("contacts", "agree", "z6MkuvuqbbHd4D3uzChRazuEtJ2opsYq3naghHDLUKcpdooj"),
        "no such introduction",
    ),
    "look-alike letter in a link": (
        "plain",
        ("contacts", "add", f"dch{CYRILLIC_A}t://u/AAAA"),
        "characters that no link has",
    ),
    "mark of direction in a link": (
        "plain",
        ("contacts", "add", f"dchat://u/{RIGHT_TO_LEFT}AAAA"),
        "characters that no link has",
    ),
    "control character in a link": (
        "plain",
        ("contacts", "add", "dchat://u/AA\x1b[2JAA"),
        "characters that no link has",
    ),
    "link cut short": ("plain", ("contacts", "add", "dchat://u/AAAA"), "damaged or cut short"),
    "mark of direction in a name": (
        "plain",
        ("profile", "--nickname", f"Al{RIGHT_TO_LEFT}ice"),
        "visible characters",
    ),
    "invisible character in a name": (
        "plain",
        ("profile", "--nickname", f"Al{INVISIBLE}ice"),
        "visible characters",
    ),
    "control character in a room's name": (
        "plain",
        ("rooms", "create", "Crew\x07"),
        "printable characters",
    ),
    "mark of direction in a room's name": (
        "plain",
        ("rooms", "join", f"lou{RIGHT_TO_LEFT}nge"),
        "printable characters",
    ),
}


def at(place: Path, word: str) -> object:
    """A file of the place, where a word is the name of one."""
    return place / word if (place / word).is_file() else word


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_told_in_one_clear_line(case: str, place: Path):
    home, words, told = CASES[case]
    ended = typed(place / home, *(at(place, word) for word in words))
    assert ended.returncode in (1, 2)
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith("p2pchat: ")
    assert told in line
    assert line.isprintable()


@pytest.mark.parametrize("case", ["wrong passphrase", "key file flipped", "foreign export"])
def test_the_line_is_in_the_language_of_who_reads_it(case: str, place: Path):
    home, words, _ = CASES[case]
    ended = typed(place / home, "--language", "zh", *(at(place, word) for word in words))
    [line] = ended.stderr.splitlines()
    assert any("\u4e00" <= character <= "\u9fff" for character in line)


@pytest.mark.parametrize(
    "words",
    [
        ("profile", "--nickname", f"Alic{CYRILLIC_A}"),
        ("rooms", "join", f"lounge{CYRILLIC_A}"),
        ("rooms", "create", f"Crew{CYRILLIC_A}"),
    ],
    ids=["own name", "open room", "own room"],
)
def test_a_name_that_looks_like_another_is_warned_of_in_one_line(words, tmp_path: Path):
    done(tmp_path, "--name", "Alice", "init")
    lines = done(tmp_path, *words).splitlines()
    if words[0] == "profile":
        lines = done(tmp_path, "id").splitlines()
    assert len([line for line in lines if "letters of several alphabets" in line]) == 1


def test_nobody_is_dialled_before_the_user_asks_for_it(tmp_path: Path):
    link = json.loads(done(tmp_path / "bob", "--name", "Bob", "id", "--json"))["contact_link"]
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        address = f"/ip4/127.0.0.1/tcp/{door.getsockname()[1]}"
        link = encode_link(replace(decode_link(link), addresses=(address,)))
        alice = tmp_path / "alice"
        assert address in done(alice, "contacts", "look", link)
        assert typed(alice, "contacts", "add", link[:-4]).returncode == 1
        door.setblocking(False)
        with pytest.raises(BlockingIOError):
            door.accept()
        done(alice, "contacts", "add", link, "--timeout", "3")
        connection, _ = door.accept()
        connection.close()
