"""Two people, two windows, two real nodes and a relay: all of it by mouse and keyboard."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage

from p2pchat_qt.qr import qr_uri
from tests.qt.screen import Screen, until


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[str]:
    """The address of a relay in a process of its own."""
    command = [sys.executable, "-m", "p2pchat.bootstrap", "--home", str(tmp_path / "relay")]
    command += ["--listen", "/ip4/127.0.0.1/tcp/0", "--no-fetch", "--json"]
    with (
        (tmp_path / "relay.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["addresses"][0]
        finally:
            process.terminate()


def make_home(path: Path, relay: str) -> Path:
    path.mkdir(mode=0o700)
    (path / "config.toml").write_text(
        f'fetch = false\nlisten = ["/ip4/127.0.0.1/tcp/0"]\nbootstrap_peers = ["{relay}"]\n'
    )
    return path


async def enter(screen: Screen, name: str) -> None:
    """Onboarding."""
    await screen.write_into("name", name)
    await screen.click("begin")
    await until(lambda: screen.app.session.phase == "open")
    await until(lambda: screen.app.views.network.value("health") == "good")
    await until(lambda: screen.app.views.people.value("link"))


async def befriend(alice: Screen, bob: Screen) -> None:
    """Alice has a picture of Bob's screen, asks him by the code in it, and he says yes."""
    await bob.click("go-contacts")
    await bob.click("myQr")
    await bob.frame()
    QGuiApplication.clipboard().setImage(bob.window.grabWindow())
    await alice.click("new")
    await alice.click("newContact")
    await alice.click("scanPasted")
    await alice.see(bob.app.session.account[:8])
    await alice.click("followLink")
    await bob.click("accept-Alice")
    await alice.item("conversation-Bob")
    await bob.item("conversation-Alice")


async def choose_it(screen: Screen, other: str) -> None:
    await screen.click("go-settings")
    await screen.reveal("typingNotices")
    await screen.click("typingNotices")
    await until(lambda: screen.app.views.settings.value("typingNotices"))
    await screen.click("go-chat")
    await screen.click(f"conversation-{other}")


async def see_each_other_write(alice: Screen, bob: Screen) -> None:
    """Nobody is told before both have chosen it."""
    await choose_it(alice, "Bob")
    await choose_it(bob, "Alice")
    await alice.write_into("input", "I am still")
    await bob.see("is writing…")
    await alice.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    await alice.key(Qt.Key.Key_Backspace)
    await until(lambda: not bob.sees("is writing…"))


async def verify_by_their_screen(alice: Screen, bob: Screen) -> None:
    """The code that Bob's screen shows verifies him where Alice reads it from a picture of that
    screen, and as a link it verifies nobody: in a message it may be from who stands between."""
    people = alice.app.views.people
    account = bob.app.session.account
    code = await bob.app.session.call("verification_code", account=alice.app.session.account)
    failed = len(alice.told)
    people.look_at(str(code))
    await until(lambda: len(alice.told) > failed)
    assert not people.known.find(account)["isVerified"]
    QGuiApplication.clipboard().setImage(drawn(str(code)))
    alice.app.scanner.scan_pasted(alice.app.session.account)
    await until(lambda: len(alice.told) > failed + 1)
    assert not people.known.find(account)["isVerified"], "it is Bob's code, and nobody else's"
    alice.app.scanner.scan_pasted(account)
    await until(lambda: people.known.find(account)["isVerified"])


def drawn(code: str) -> QImage:
    image = QImage()
    image.loadFromData(base64.b64decode(qr_uri(code).partition(",")[2]))
    return image


def test_they_meet_talk_make_a_room_and_come_back(run, tmp_path: Path, relay: str) -> None:
    run(story(tmp_path, relay))


async def story(tmp_path: Path, relay: str) -> None:
    alice = Screen(make_home(tmp_path / "alice", relay))
    bob = Screen(make_home(tmp_path / "bob", relay))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(alice.aclose)
        stack.push_async_callback(bob.aclose)
        await enter(alice, "Alice")
        await enter(bob, "Bob")
        await befriend(alice, bob)

        await alice.click("conversation-Bob")
        await bob.click("go-chat")
        await bob.click("conversation-Alice")
        await alice.send("Hello Bob 👋")
        await bob.see("Hello Bob 👋")
        await bob.send("你好，小雨！🎉")
        await alice.see("你好，小雨！🎉")
        await until(lambda: alice.state_of("Hello Bob 👋") in ("delivered", "read"))

        await see_each_other_write(alice, bob)
        await verify_by_their_screen(alice, bob)

        await alice.click("new")
        await alice.click("newRoom")
        await alice.write_into("newRoomName", "Mountains 山")
        await alice.click("pick-Bob")
        await alice.click("choice-joining")
        await alice.click("createRoomButton")
        await bob.click("conversation-Mountains 山")
        await alice.send("A room of our own")
        await bob.see("A room of our own")
        await alice.click("detailsButton")
        await alice.see("from their joining on")
        await alice.click("detailsButton")

        await bob.aclose()
        await alice.click("conversation-Bob")
        await alice.send("Are you there?")
        again = Screen(tmp_path / "bob")
        stack.push_async_callback(again.aclose)
        await again.click("conversation-Alice")
        await again.see("Are you there?")
        await until(lambda: alice.state_of("Are you there?") in ("delivered", "read"))
        await again.key(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        await again.item("switcherField")
        await again.type("mount")
        await again.key(Qt.Key.Key_Return)
        await again.see("A room of our own")
