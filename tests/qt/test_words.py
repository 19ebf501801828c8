"""Every text of the window is there in both languages, as it is used."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

TOOLS = Path(sys.executable).parent
PACKAGE = Path(__file__).resolve().parents[2] / "p2pchat_qt"
BLANK = re.compile(r"%(?:\d|n)")


def messages(file: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    for context in ElementTree.parse(file).iter("context"):
        for message in context.iter("message"):
            yield message.findtext("source") or "", message


def translations(message: ElementTree.Element) -> list[str]:
    translation = message.find("translation")
    assert translation is not None
    forms = translation.findall("numerusform")
    return [form.text or "" for form in forms] or [translation.text or ""]


def test_every_text_is_translated():
    unfinished = [
        source
        for source, message in messages(PACKAGE / "i18n" / "p2pchat_qt_zh.ts")
        if "type" in message.find("translation").attrib or not all(translations(message))
    ]
    assert unfinished == [], "translate these in p2pchat_qt/i18n/p2pchat_qt_zh.ts, then: make words"


def test_translations_have_the_same_blanks():
    for source, message in messages(PACKAGE / "i18n" / "p2pchat_qt_zh.ts"):
        for translation in translations(message):
            assert sorted(BLANK.findall(translation)) == sorted(BLANK.findall(source)), source


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_gathered_and_what_is_loaded_is_up_to_date(tmp_path, language):
    copy = Path(shutil.copytree(PACKAGE, tmp_path / "p2pchat_qt"))
    words = copy / "i18n" / f"p2pchat_qt_{language}.ts"
    before = sorted(source for source, _ in messages(words))
    sources = sorted(map(str, [*copy.rglob("*.qml"), *copy.rglob("*.py")]))
    plural = ["-pluralonly"] if language == "en" else []
    gather = [TOOLS / "pyside6-lupdate", *sources, "-no-obsolete", "-locations", "none", "-silent"]
    subprocess.run([*gather, *plural, "-ts", words], check=True, capture_output=True)
    assert sorted(source for source, _ in messages(words)) == before, "run: make words"
    made = copy / "made.qm"
    subprocess.run(
        [TOOLS / "pyside6-lrelease", "-silent", PACKAGE / "i18n" / words.name, "-qm", made],
        check=True,
    )
    assert made.read_bytes() == (PACKAGE / "i18n" / words.with_suffix(".qm").name).read_bytes()
