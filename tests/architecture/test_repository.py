"""The repository speaks of the product, to anyone, on any machine.

The words that must not appear are put together from halves, so that this file does not hold them.
"""

from __future__ import annotations

import os
import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LEGAL_TEXT = "LICENSE"
FILE_BYTES_MAX = 1_000_000


def either(*halves: tuple[str, str]) -> str:
    return "|".join(re.escape(left + right) for left, right in halves)


REGISTRY_HOST = re.compile(
    either(
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("yarn", "pkg.com"),
        ("crates", ".io"),
        ("proxy.golang", ".org"),
    )
)
MACHINE_PATH = re.compile(
    r"(?<![\w.~)}])(?:"
    + either(("/ro", "ot/"), ("/wo", "rk/"), ("/ho", "me/"), ("/tm", "p/"), ("/Us", "ers/"))
    + "|"
    + either(("C:", "\\Users"))
    + ")"
)
UNFINISHED = re.compile(
    r"(?<![\w./])(?:"
    + either(("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"), ("proto", "type"))
    + r")(?!\w)"
)
HOW_IT_WAS_MADE = re.compile(
    either(
        ("Co-authored", "-by"),
        ("Generated ", "with"),
        ("language ", "model"),
        ("Cla", "ude"),
        ("Chat", "GPT"),
        ("sub", "agent"),
        ("issue ", "#"),
    )
)


def found(tracked, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file.path}:{number}: {line.strip()[:100]}"
        for file in tracked
        if file.path != LEGAL_TEXT and b"\0" not in file.raw
        for number, line in enumerate(file.text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry(tracked):
    assert found(tracked, REGISTRY_HOST) == []


def test_no_file_holds_a_path_of_some_machine(tracked):
    assert found(tracked, MACHINE_PATH) == []


def test_no_file_says_that_it_is_unfinished(tracked):
    assert found(tracked, UNFINISHED) == []


def test_no_file_tells_how_it_was_made(tracked):
    assert found(tracked, HOW_IT_WAS_MADE) == []


def test_the_patterns_find_what_they_are_for():
    assert REGISTRY_HOST.search("https://files.python" + "hosted.org/packages")
    assert MACHINE_PATH.search('open("' + "/ho" + 'me/alice/x")')
    assert not MACHINE_PATH.search("p2pchat" + "/ho" + "me/layout.py")
    assert UNFINISHED.search("# TO" + "DO: later")
    assert not UNFINISHED.search("Object.proto" + "type.toString")


def test_scripts_can_be_run(root, tracked):
    unable = [
        file.path
        for file in tracked
        if file.raw.startswith(b"#!") and not os.access(root / file.path, os.X_OK)
    ]
    assert unable == []


def test_files_are_small_text_with_unix_lines(tracked):
    odd = [
        file.path
        for file in tracked
        if len(file.raw) > FILE_BYTES_MAX
        or (b"\0" not in file.raw and (b"\r\n" in file.raw or file.raw[-1:] not in (b"\n", b"")))
    ]
    assert odd == []


def test_documents_link_to_files_that_exist(root, tracked):
    dead = [
        f"{file.path}: {target}"
        for file in tracked
        if file.path.endswith(".md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.text)
        if not (root / file.path).parent.joinpath(target).exists()
    ]
    assert dead == []


def test_the_index_leads_to_every_document(tracked):
    index = next(file for file in tracked if file.path == "docs/index.md").text
    unreachable = [
        file.path
        for file in tracked
        if re.fullmatch(r"docs/[^/]+\.md", file.path)
        and file.path != "docs/index.md"
        and f"]({file.path.removeprefix('docs/')})" not in index
    ]
    assert unreachable == []


def locked_versions(root) -> dict[str, str]:
    text = (root / "requirements/lock.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)==(\S+)(?: ;.*)? \\\n +--hash=sha256:", text, re.MULTILINE)
    entries = re.findall(r"^[\w.-]+==", text, re.MULTILINE)
    assert len(pins) == len(entries), "every entry of the lock needs a hash"
    return {canonicalize_name(name): version for name, version in pins}


def test_what_running_takes_is_in_the_lock_and_nothing_that_only_tests_take(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    running = set((root / "requirements/runtime.txt").read_text(encoding="utf-8").split())
    names = {
        kind: {canonicalize_name(Requirement(line).name) for line in lines}
        for kind, lines in {**project["optional-dependencies"], "": project["dependencies"]}.items()
    }
    assert names[""] <= running <= locked_versions(root).keys()
    assert running.isdisjoint(names["dev"] - names[""])


def test_the_lock_holds_every_dependency_at_a_version_that_is_allowed(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pins = locked_versions(root)
    unmet = [
        line
        for line in wanted
        if (requirement := Requirement(line)).specifier.contains(
            pins.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
        is False
    ]
    assert unmet == []
