"""Settings of the network and the LAN: written when they are right, told when they are not; in
force at once, or after a restart of the client."""

from __future__ import annotations

import threading
import tomllib
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import p2pchat
from p2pchat_qt.session import Session, Start
from p2pchat_qt.viewmodels.config import ConfigView
from tests.qt.pretended import Client, enter
from tests.qt.screen import PATIENCE_S, Screen, until
from tests.qt.test_looking_round import SCREENSHOTS

PEER = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
OTHER = PEER.replace(".7", ".8")
NOW, LATER = "Saved, and in force now.", "Saved, and in force after a restart."


def file(home: Path) -> str:
    return (home / "config.toml").read_text()


def settings(home: Path) -> dict:
    return tomllib.loads(file(home))


# Without a window


class Reloading(Client):
    """A client that says what it was told to of its settings."""

    waiting: tuple[str, ...] = ()

    def _reload_config(self):
        return {"applied": [], "needs_restart": list(self.waiting), "warnings": []}


@asynccontextmanager
async def configuring(home: Path, client: Client | None = None):
    session = Session(Start(home))
    view = ConfigView(session)
    try:
        if client is not None:
            enter(session, client)
        view.look()
        await until(lambda: view.value("isLoaded"))
        yield view
    finally:
        await view.aclose()


async def done(view: ConfigView, key: str) -> str:
    """What became of a setting: its error, or when it is in force."""
    await until(
        lambda: (
            not view.value("isBusy") and (key in view.value("errors") or key in view.value("saved"))
        )
    )
    return view.value("errors").get(key) or view.value("saved")[key]


def lists(view: ConfigView, key: str) -> list[str]:
    return view.value("lists")[key]


def test_what_stands_in_the_file_is_shown_and_the_defaults_where_nothing_does(run, home):
    async def story():
        (home / "config.toml").write_text(
            'bootstrap_urls = ["https://a.example/?key=1", { url = "https://b.example/" }]\n'
            '[lan]\nsecret = "open sesame"\n'
        )
        async with configuring(home) as view:
            assert lists(view, "bootstrap_urls") == ["https://a.example/?…", "https://b.example/"]
            assert lists(view, "listen") == ["/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0"]
            assert view.value("written") == ["bootstrap_urls"]
            assert view.value("switches") == {
                "fetch": True, "lan.enabled": False, "lan.accept_requests": False,
            }  # fmt: skip
            assert view.value("hasSecret") is True
            shown = {key: view.value(key) for key in ("lists", "written", "switches", "secretFile")}
            assert "sesame" not in str(shown)

    run(story())


def test_entries_come_and_go_and_what_else_was_written_stays(run, home):
    async def story():
        (home / "config.toml").write_text(f'# mine\nbootstrap_peers = [\n    "{PEER}",  # Bob\n]\n')
        async with configuring(home, Reloading()) as view:
            view.add("bootstrap_peers", f"  {OTHER} ")
            assert await done(view, "bootstrap_peers") == "now"
            assert lists(view, "bootstrap_peers") == [PEER, OTHER]
            view.add("bootstrap_peers", PEER)
            assert await until(lambda: view.value("errors").get("bootstrap_peers")) == (
                "It is there already."
            )
            view.remove("bootstrap_peers", 1)
            await until(lambda: lists(view, "bootstrap_peers") == [PEER])
            assert f'    "{PEER}",  # Bob' in file(home)
            assert view.value("errors") == {}
            view.add("bootstrap_peers", "   ")
            view.restore("bootstrap_peers")
            await until(lambda: lists(view, "bootstrap_peers") == [])
            assert file(home) == "# mine\n"

    run(story())


@pytest.mark.parametrize(
    ("key", "typed", "english", "chinese"),
    [
        ("bootstrap_peers", "bob", "looks like /ip4/", "节点地址形如"),
        ("bootstrap_peers", "/ip4/203.0.113.7/tcp/1", "must end in /p2p/", "结尾"),
        ("bootstrap_urls", "http://a.example/", "is not encrypted; use https", "未加密"),
        ("listen", "/ip4/203.0.113.7/tcp/0", "is not of this machine", "不是本机的地址"),
        ("listen", "/ip4/1.2/tcp/0", "1.2 is no IPv4 address", "不是 IPv4 地址"),
        ("announce", PEER, "leave /p2p/<peer id> out", "请去掉"),
        ("mailboxes.relays", "/dns4/a/tcp/0/p2p/x", "may have been cut", "被截断"),
        ("lan.allowed_subnets", "10.0.0.0/33", "is no network; write", "不是网段"),
        ("lan.allowed_subnets", "fd00::/8", "is not IPv4", "不是 IPv4"),
    ],
)
def test_a_wrong_entry_is_told_in_a_sentence_and_not_saved(run, home, key, typed, english, chinese):
    async def story():
        before = file(home)
        async with configuring(home, Reloading()) as view:
            accepted = list[str]()
            view.accepted.connect(accepted.append)
            for language, words in (("en", english), ("zh", chinese)):
                view.session.notices.language = language
                view.look()
                view.add(key, typed)
                said = await done(view, key)
                assert words in said
                assert not said.startswith(key)
                assert said.endswith((".", "。"))
            assert accepted == []
            assert file(home) == before

    run(story())


def test_switches_and_the_secret(run, home):
    async def story():
        (home / "config.toml").write_text('[lan]\nsecret_file = "s"  # there\n')
        (home / "s").write_text("old")
        async with configuring(home, Reloading()) as view:
            assert (view.value("hasSecret"), view.value("secretFile")) == (True, "s")
            view.turn("lan.enabled", True)
            await until(lambda: view.value("switches")["lan.enabled"])
            view.turn("lan.accept_requests", True)
            await until(lambda: view.value("switches")["lan.accept_requests"])
            view.set_secret("new")
            await until(lambda: view.value("secretFile") == "")
            assert settings(home) == {
                "lan": {"enabled": True, "accept_requests": True, "secret": "new"}
            }
            view.forget_secret()
            said = await until(lambda: view.value("errors").get("lan.secret"))
            assert "needs a secret" in said, "everybody would be accepted"
            assert view.value("hasSecret")
            view.set_secret("x" * 2_000)
            await until(lambda: "1024 bytes" in view.value("errors")["lan.secret"])
            assert "xxx" not in str(view.value("errors"))
            view.turn("lan.accept_requests", False)
            await until(lambda: not view.value("switches")["lan.accept_requests"])
            view.forget_secret()
            await until(lambda: not view.value("hasSecret"))

    run(story())


def test_what_waits_says_so_until_it_is_taken_back_or_the_client_begins_anew(run, home):
    async def story():
        client = Reloading()
        async with configuring(home, client) as view:
            client.waiting = ("listen",)
            view.add("listen", "/ip4/127.0.0.1/tcp/0")
            said = await done(view, "listen")
            assert said == "It is there already."  # as the home of this test has it
            view.add("listen", "/ip6/::/tcp/0")
            await until(lambda: view.value("saved").get("listen") == "restart")
            view.add("bootstrap_peers", PEER)
            assert await done(view, "bootstrap_peers") == "now"
            assert view.value("waiting") == ["listen"]
            client.waiting = ()
            view.remove("listen", 1)
            await until(lambda: view.value("saved")["listen"] == "now")
            client.waiting = ("listen",)
            view.remove("listen", 0)
            await until(lambda: view.value("saved")["listen"] == "restart")
            client.waiting = ()
            view.session._enter("opening")
            view.session._enter("open")
            await until(lambda: view.value("waiting") == [])
            assert view.value("saved")["listen"] == "now"

    run(story())


def test_without_a_client_it_is_written_all_the_same_and_waits(run, home):
    async def story():
        async with configuring(home) as view:
            view.add("bootstrap_peers", PEER)
            assert await done(view, "bootstrap_peers") == "restart"
            assert settings(home)["bootstrap_peers"] == [PEER]

    run(story())


def test_a_file_that_was_spoilt_by_hand_is_told_of_and_what_is_wrong_can_be_restored(run, home):
    async def story():
        (home / "config.toml").write_text('listen = "here"\n')
        async with configuring(home) as view:
            assert view.value("fault").startswith("listen in config.toml: Give a list")
            view.add("bootstrap_peers", PEER)
            assert "listen in config.toml: " in await done(view, "bootstrap_peers")
            view.restore("listen")
            await until(lambda: view.value("fault") == "")
            assert file(home) == ""

    run(story())


def test_two_things_done_at_once_are_both_written(run, home):
    async def story():
        async with configuring(home, Reloading()) as view:
            for at in range(5):
                view.add("bootstrap_peers", PEER.replace("4001", str(4001 + at)))
            await until(lambda: len(lists(view, "bootstrap_peers")) == 5)

    run(story())


# With a window, and a client


@asynccontextmanager
async def window(home: Path, **options):
    screen = Screen(home, **options)
    try:
        if screen.app.session.phase == "welcome":
            screen.app.session.open("Alice")
        await until(lambda: screen.app.session.phase == "open")
        await until(lambda: screen.app.views.sidebar.value("isLoaded"))
        yield screen
    except AssertionError:
        screen.shoot(SCREENSHOTS / "failed.png")
        raise
    finally:
        await screen.aclose()


async def go(screen: Screen, page: str) -> None:
    await screen.click("go-settings")
    await screen.reveal(f"to{page}Settings")
    await screen.click(f"to{page}Settings")
    await until(lambda: screen.app.views.config.value("isLoaded"))


async def add(screen: Screen, key: str, words: str) -> None:
    await screen.reveal(f"add-{key}")
    await screen.write_into(f"add-{key}", words)
    await screen.click(f"doAdd-{key}")


def typed(screen: Screen, key: str) -> str:
    return str(screen.find(f"add-{key}").property("text"))


def test_a_peer_is_named_on_the_page_of_the_network_and_is_in_force_at_once(run, home):
    async def story():
        async with window(home) as screen:
            await go(screen, "Network")
            await add(screen, "bootstrap_peers", "bob")
            await screen.see("looks like /ip4/")
            assert typed(screen, "bootstrap_peers") == "bob", "nothing typed is lost"
            assert "bootstrap_peers" not in settings(home)
            screen.find("add-bootstrap_peers").setProperty("text", PEER)
            await screen.click("doAdd-bootstrap_peers")
            await screen.see(NOW)
            await until(lambda: typed(screen, "bootstrap_peers") == "")
            entry = await screen.item("entry-bootstrap_peers-0")
            assert entry.property("text") == PEER
            assert settings(home)["bootstrap_peers"] == [PEER]
            assert screen.find("restart-bootstrap_peers") is None
            again = await screen.app.session.call("reload_config")
            assert again == {"applied": [], "needs_restart": [], "warnings": []}, "it is in force"
            await screen.click("remove-bootstrap_peers-0")
            await until(lambda: settings(home)["bootstrap_peers"] == [])
        async with window(home) as screen:
            await go(screen, "Network")
            await screen.see("None is named.")

    run(story())


def test_where_to_listen_waits_for_a_restart_which_a_button_makes(run, home):
    async def story():
        async with window(home) as screen:
            await go(screen, "Network")
            await add(screen, "listen", "/ip4/127.0.0.2/tcp/0")
            await screen.see(LATER)
            status = await screen.app.session.call("status")
            assert not [each for each in status["addresses"] if "127.0.0.2" in each]
            await screen.reveal("restart-listen")
            portal, thread = screen.app.session._portal, screen.app.session._portal._thread
            await screen.click("restart-listen")
            await until(lambda: screen.app.session.phase == "opening")
            await until(lambda: screen.app.session.phase == "open")
            assert screen.app.session._portal is portal
            assert portal._thread is not thread
            await screen.see(NOW)
            own = await screen.app.session.call("account")
            assert [each for each in own["addresses"] if "127.0.0.2" in each]
            assert screen.find("trouble") is None
            assert screen.told == []

    run(story())


def test_a_lock_asks_for_nothing_when_the_client_is_restarted(run, home):
    async def story():
        screen = Screen(home, offline=True)
        try:
            screen.app.session.open("Alice", "correct horse")
            await until(lambda: screen.app.session.phase == "open")
            phases = list[str]()
            screen.app.session.phase_changed.connect(
                lambda: phases.append(screen.app.session.phase)
            )
            screen.app.session.restart()
            await until(lambda: phases[-1:] == ["open"])
            assert phases == ["failed", "opening", "open"]
        finally:
            await screen.aclose()

    run(story())


def test_a_setting_that_keeps_the_client_from_starting_can_be_mended_there(run, home):
    async def story():
        async with window(home, offline=True) as screen:
            await go(screen, "Network")
            await add(screen, "bootstrap_peers", PEER)
            await screen.see(NOW)
            (home / "config.toml").write_text(file(home) + "[lan]\nenabled = 5\n")
            screen.app.session.restart()
            await screen.see("neither true nor false")
            assert screen.app.session.phase == "failed"
            screen.app.views.config.restore("lan.enabled")
            await until(lambda: settings(home)["lan"] == {})
            await screen.click("restart")
            await until(lambda: screen.app.session.phase == "open")

    run(story())


def test_the_lan_is_turned_on_with_a_secret_that_is_not_seen(run, home):
    async def story():
        async with window(home, offline=True) as screen:
            await go(screen, "Lan")
            await screen.see("No secret is set")
            await screen.click("switch-lan.enabled")
            await screen.see(LATER)
            assert settings(home)["lan"] == {"enabled": True}
            await screen.reveal("secret")
            await screen.write_into("secret", "open sesame")
            assert screen.find("secret").property("displayText") == "●" * 11
            await screen.reveal("revealSecret")
            await screen.click("revealSecret")
            await until(lambda: screen.find("secret").property("displayText") == "open sesame")
            await screen.reveal("saveSecret")
            await screen.click("saveSecret")
            await screen.see("A secret is set")
            await until(lambda: screen.find("secret").property("text") == "")
            assert settings(home)["lan"]["secret"] == "open sesame"
            assert not screen.sees("sesame")
            await add(screen, "lan.allowed_subnets", "10.0.0.0/33")
            wrong = await screen.item("error-lan.allowed_subnets")
            assert "is no network; write" in wrong.property("text")
            assert typed(screen, "lan.allowed_subnets") == "10.0.0.0/33"
            screen.find("add-lan.allowed_subnets").setProperty("text", "10.1.2.3/24")
            await screen.reveal("doAdd-lan.allowed_subnets")
            await screen.click("doAdd-lan.allowed_subnets")
            await until(lambda: settings(home)["lan"].get("allowed_subnets") == ["10.1.2.3/24"])
            await screen.click("back")
            await screen.item("toLanSettings")
        async with window(home, offline=True) as screen:
            await go(screen, "Lan")
            await screen.see("A secret is set")
            assert screen.find("switch-lan.enabled").property("checked") is True
            await screen.reveal("forgetSecret")
            await screen.click("forgetSecret")
            await screen.click("askYes")
            await screen.see("No secret is set")
            assert "secret" not in settings(home)["lan"]

    run(story())


def test_a_switch_that_cannot_be_turned_goes_back(run, home):
    async def story():
        async with window(home, offline=True) as screen:
            await go(screen, "Lan")
            (home / "config.toml").write_text("fetch = 5\n")
            await screen.click("switch-lan.enabled")
            await screen.see("fetch in config.toml: 5 is neither true nor false.")
            await until(lambda: screen.find("switch-lan.enabled").property("checked") is False)
            assert file(home) == "fetch = 5\n"

    run(story())


def test_the_pages_lead_to_each_other(run, home):
    async def story():
        async with window(home, offline=True) as screen:
            await screen.click("go-network")
            await screen.click("toNetworkSettings")
            await screen.see("Network settings")
            await screen.reveal("toNetwork")
            await screen.click("toNetwork")
            await screen.item("health")
            await go(screen, "Lan")
            await screen.reveal("toNodes")
            await screen.click("toNodes")
            await screen.item("health")

    run(story())


def test_the_window_lives_while_a_setting_is_written(run, home, monkeypatch):
    may_go_on, went_on = threading.Event(), list[bool]()

    def change(*_: object) -> None:
        went_on.append(may_go_on.wait(PATIENCE_S))

    async def story():
        async with configuring(home, Reloading()) as view:
            monkeypatch.setattr(p2pchat, "change_config", change)
            view.turn("fetch", False)
            await until(lambda: view.value("isBusy"))
            may_go_on.set()
            assert await done(view, "fetch") == "now"
            assert went_on == [True]

    run(story())
