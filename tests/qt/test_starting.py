"""The start of a client before its window: a lock, a home in use, a fault, and the way on."""

from __future__ import annotations

import contextlib
from pathlib import Path

from p2pchat.portal import BlockingPortal
from p2pchat_qt.notices import Notices
from p2pchat_qt.preferences import Preferences
from tests.qt.screen import Screen, until


@contextlib.asynccontextmanager
async def before(home: Path, *, keeps: bool = False):
    screen = Screen(home, offline=True, keeps=keeps)
    try:
        yield screen
    finally:
        await screen.aclose()


def phase(screen: Screen) -> str:
    return screen.app.session.phase


def test_a_name_is_all_it_takes_and_the_steps_are_shown(run, home):
    async def story():
        async with before(home) as screen:
            assert phase(screen) == "welcome"
            await until(lambda: not screen.find("begin").isEnabled())
            await screen.write_into("name", "Alice\u202e")
            await screen.click("begin")
            await until(lambda: phase(screen) == "open")
            await until(lambda: screen.app.views.people.value("name") == "Alice")
            await screen.see("No conversations yet")
            await screen.click("go-network")
            await screen.see("Keys are ready")

    run(story())


def test_the_language_is_chosen_on_the_first_page_and_kept(run, tmp_path):
    async def story():
        home = tmp_path / "none yet"
        async with before(home, keeps=True) as screen:
            await screen.see("Your name")
            await screen.click("choice-zh")
            await screen.see("你的名字")
            assert not home.exists()
            screen.app.session.open("小明")
            await until(lambda: phase(screen) == "open")
            kept = Preferences(home, Notices())
            assert kept.language == "zh"
            kept.close()

    run(story())


def test_a_locked_home_opens_by_its_passphrase_alone(run, home):
    async def story():
        async with before(home) as screen:
            await screen.write_into("name", "Alice")
            await screen.click("wantsLock")
            await screen.write_into("passphrase", "correct horse")
            await screen.click("begin")
            await until(lambda: phase(screen) == "open")
        async with before(home) as screen:
            await until(lambda: phase(screen) == "locked")
            assert screen.find("startError") is None
            await screen.write_into("passphrase", "wrong")
            await screen.click("begin")
            await screen.item("startError")
            assert screen.find("passphrase").property("text") == ""
            await screen.write_into("passphrase", "correct horse")
            await screen.click("begin")
            await until(lambda: phase(screen) == "open")

    run(story())


def test_a_home_in_use_is_told_of_and_opens_once_it_is_free(run, home):
    async def story():
        with BlockingPortal(home, name="Alice", offline=True):
            async with before(home) as screen:
                await until(lambda: phase(screen) == "failed")
                await screen.see("is in use by")
                await screen.aclose()
        async with before(home) as screen:
            await until(lambda: phase(screen) == "open")

    run(story())


def test_a_client_that_ends_by_itself_is_started_again_by_a_button(run, home):
    async def story():
        async with before(home) as screen:
            await screen.write_into("name", "Alice")
            await screen.click("begin")
            await until(lambda: screen.app.views.sidebar.value("isLoaded"))
            portal = screen.app.session._portal
            await portal.aclose()  # as when its thread ends by a fault
            await screen.see("start it again")
            await screen.click("restart")
            await until(lambda: phase(screen) == "open")
            assert screen.find("restart") is None

    run(story())


def test_closing_while_it_starts_leaves_nothing(run, home):
    async def story():
        async with before(home) as screen:
            await screen.write_into("name", "Alice")
            await screen.click("begin")
            await until(lambda: phase(screen) == "opening")

    run(story())  # which looks for threads
