"""What the system is told: to open the window when one logs in, and to open links in it."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from p2pchat_qt.platform.autostart import Autostart, launch_agent, login_entry, run_value
from p2pchat_qt.platform.launching import launch_command, write
from p2pchat_qt.platform.url_scheme import (
    UrlScheme,
    link_entry,
    open_value,
    with_default,
    without_default,
)
from tests.qt.pretended import Client
from tests.qt.screen import Screen, until

ODD = ["/odd/my $HOME/`id`/python", "-m", "p2pchat_qt", "--home", '/odd/50 % "of" \\it\nall']
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems keep it elsewhere")


@pytest.fixture
def xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own directories, with nothing in them."""
    for name in ("CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return tmp_path


def read_entry(words: str) -> dict[str, str]:
    """A desktop entry, as a desktop reads it."""
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read_string(words)
    return dict(parser["Desktop Entry"])


def test_a_desktop_entry_runs_the_command_whatever_is_in_its_path():
    entry = read_entry(login_entry(ODD))
    assert entry["Type"] == "Application"
    assert entry["Exec"] == (
        r'"/odd/my \\$HOME/\\`id\\`/python" "-m" "p2pchat_qt" "--home" '
        r'"/odd/50 %% \\"of\\" \\\\it\nall"'
    )


def test_what_is_opened_is_never_an_option():
    entry = read_entry(link_entry(ODD))
    assert entry["Exec"].endswith(' "--" %u')
    assert entry["MimeType"] == "x-scheme-handler/dchat;"
    assert open_value(["C:\\py thon.exe", "-m", "p2pchat_qt"]) == (
        '"C:\\py thon.exe" -m p2pchat_qt -- "%1"'
    )


def test_other_systems_get_the_same_command():
    assert plistlib.loads(launch_agent(ODD).encode())["ProgramArguments"] == ODD
    assert run_value(["C:\\py thon.exe", "--home", "C:\\a b\\"]) == (
        '"C:\\py thon.exe" --home "C:\\a b\\\\"'
    )


def test_the_window_of_this_home_is_started():
    command = launch_command(Path("/odd/home"))
    assert command == [sys.executable, "-m", "p2pchat_qt", "--home", "/odd/home"]


OTHERS = """# by hand
[Added Associations]
x-scheme-handler/dchat=dchat.desktop

[Default Applications]
text/html=browser.desktop
"""


@pytest.mark.parametrize("before", ["", OTHERS, "[Default Applications]"])
def test_one_line_is_put_among_the_defaults_and_taken_away(before):
    after = with_default(before)
    assert after.count("x-scheme-handler/dchat=dchat.desktop") == before.count("dchat=") + 1
    assert set(before.splitlines()) <= set(after.splitlines())
    assert with_default(after) == after
    gone = without_default(after).splitlines()
    assert [line for line in gone if line] == [
        line for line in before.splitlines() or ["[Default Applications]"] if line
    ]


def test_another_program_is_replaced_when_asked_for_and_else_left():
    others = "[Default Applications]\nx-scheme-handler/dchat=other.desktop;\n"
    assert "other" not in with_default(others)
    assert without_default(others) == others


@ON_LINUX
@pytest.mark.parametrize("kind", [Autostart, UrlScheme])
def test_it_is_on_for_one_home_until_it_is_off(xdg, kind):
    one, other = kind(xdg / "one"), kind(xdg / "other")
    one.turn(False)
    assert not one.is_on()
    one.turn(True)
    assert (one.is_on(), other.is_on()) == (True, False)
    other.turn(True)
    assert (one.is_on(), other.is_on()) == (False, True)
    other.turn(False)
    assert not other.is_on()
    assert list(xdg.rglob("*.desktop")) == []


@ON_LINUX
def test_a_file_that_is_a_link_elsewhere_stays_one(xdg):
    (xdg / "kept").mkdir()
    (xdg / "kept" / "list").write_text("old")
    (xdg / "kept" / "list").chmod(0o640)
    (xdg / "list").symlink_to(xdg / "kept" / "list")
    write(xdg / "list", "new")
    assert (xdg / "list").is_symlink()
    assert (xdg / "kept" / "list").read_text() == "new"
    assert (xdg / "kept" / "list").stat().st_mode & 0o777 == 0o640


@ON_LINUX
@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio, of GLib")
def test_a_desktop_opens_links_by_what_is_written(run, xdg, monkeypatch):
    opener, opened = xdg / "open $it.py", xdg / "opened"
    opener.write_text(
        "import os, sys\n"
        f"open({str(opened)!r} + '.part', 'w').write(repr(sys.argv[1:]))\n"
        f"os.rename({str(opened)!r} + '.part', {str(opened)!r})\n"
    )
    home = str(xdg / '50 % "of" it`s \\ $HOME')
    command = [sys.executable, str(opener), "--home", home]
    monkeypatch.setattr("p2pchat_qt.platform.url_scheme.launch_command", lambda _: command)
    UrlScheme(Path(home)).turn(True)
    subprocess.run(["gio", "open", "dchat://u/AB%20C"], check=True)
    run(until(opened.exists))  # it does not wait for what it starts
    assert opened.read_text() == repr(["--home", home, "--", "dchat://u/AB%20C"])


@ON_LINUX
def test_the_settings_turn_it_on_and_off_and_say_what_the_system_does_not_take(run, xdg, home):
    async def story():
        screen = Screen(home, client=Client(), keeps=True)
        try:
            await screen.click("go-settings")
            for name, file in (
                ("startsWithSystem", xdg / "config" / "autostart" / "dchat.desktop"),
                ("opensLinks", xdg / "data" / "applications" / "dchat.desktop"),
            ):
                await screen.reveal(name)
                await screen.click(name)
                await until(file.exists)
                await screen.click(name)
                await until(lambda file=file: not file.exists())
            (xdg / "config" / "autostart").rmdir()
            (xdg / "config" / "autostart").write_text("no directory")
            await screen.reveal("startsWithSystem")
            await screen.click("startsWithSystem")
            await until(lambda: any("does not take it" in words for words in screen.told))
            assert not screen.find("startsWithSystem").property("checked")
        finally:
            await screen.aclose()

    run(story())
