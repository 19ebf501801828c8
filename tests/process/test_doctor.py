"""Set-ups that are broken for real on one machine: the doctor says first what broke them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import pytest
import trio
from typer.testing import CliRunner

from p2pchat.cli import shapes
from p2pchat.cli.app import app
from p2pchat.client.client import Client
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, FetchLimits, FetchUrl, LanConfig, RelayConfig, RelayLimits
from p2pchat.events import DiagnosisProgress
from p2pchat.model.blocking import BlockList
from p2pchat.model.diagnosis import Cause, Diagnosis
from p2pchat.model.ids import DeviceId
from p2pchat.net.bootstrap_list import render_list
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.relay import open_relay
from p2pchat.store.driver import connect
from p2pchat.testing.processes import Launch, open_processes
from tests.net.servers import hang, reply, serving
from tests.process.polling import until
from tests.process.test_clocks import Clock
from tests.process.test_store_disks import on_a_disk

pytestmark = pytest.mark.process

LOOPBACK = "/ip4/127.0.0.1/tcp/0"
CONFIG = ClientConfig(listen=(LOOPBACK,), fetch=False)
NOBODY = DeviceId(b"n" * 32).peer_id
PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")


def command(home, *words: str) -> dict:
    """What `p2pchat doctor` tells programs."""
    near = ("--no-fetch", "--listen", LOOPBACK)
    ended = CliRunner().invoke(app, ["--home", str(home), *near, *words, "doctor", "--json"])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def first_cause(home, *words: str) -> str:
    return command(home, *words)["findings"][0]["cause"]


def story(tell: Callable[[], Awaitable[None]]) -> None:
    """Live through it within a time."""

    async def main() -> None:
        with trio.fail_after(120):
            await tell()

    trio.run(main)


def causes(diagnosis: Diagnosis) -> list[Cause]:
    return [finding.cause for finding in diagnosis.findings]


async def examined(config: ClientConfig) -> Diagnosis:
    """What the doctor of a client in memory finds."""
    async with open_client(None, config=config) as client:
        return await client.doctor()


def relay_config(**limits: int) -> RelayConfig:
    return RelayConfig(home=None, listen=(LOOPBACK,), fetch=False, limits=RelayLimits(**limits))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The client cannot start


def test_two_programs_on_one_home(tmp_path):
    async def tell() -> None:
        async with open_processes(tmp_path) as processes:
            await processes.peer("alice")
            found = await trio.to_thread.run_sync(command, tmp_path / "alice")
            assert found["findings"][0]["cause"] == "home_in_use"
            assert "process" in found["findings"][0]["evidence"][0]

    story(tell)


def test_a_port_that_is_taken(tmp_path):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"/ip4/127.0.0.1/tcp/{other.getsockname()[1]}"
        assert first_cause(tmp_path, "--listen", taken) == "port_taken"


def test_a_damaged_configuration_whose_secrets_are_not_told(tmp_path):
    (tmp_path / "config.toml").write_text('listen = "somewhere')
    assert first_cause(tmp_path) == "config_wrong"
    (tmp_path / "config.toml").write_text("[lan]\nsecret = 982451653\n")
    found = command(tmp_path)
    assert found["findings"][0]["cause"] == "config_wrong"
    assert "lan.secret" in found["findings"][0]["evidence"][0]
    assert "982451653" not in json.dumps(found)


def test_a_disk_that_is_full(tmp_path):
    done = on_a_disk(
        tmp_path, "size=64k", *PROGRAM, "--home", str(tmp_path / "home"), "doctor", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"][0]["cause"] == "disk_full"


def test_a_disk_that_cannot_be_written(tmp_path):
    words = ("--home", str(tmp_path / "home"), "doctor", "--json")
    done = on_a_disk(tmp_path, "ro,size=64m", *PROGRAM, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"][0]["cause"] == "home_unwritable"


def test_a_home_that_is_damaged_and_one_of_a_later_version(tmp_path):
    assert CliRunner().invoke(app, ["--home", str(tmp_path), "init"]).exit_code == 0
    database, key = tmp_path / "p2pchat.db", (tmp_path / "p2pchat.key").read_bytes()
    with closing(connect(database, key)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert first_cause(tmp_path) == "version_too_old"
    (tmp_path / "p2pchat.key").write_bytes(bytes(32))
    assert first_cause(tmp_path) == "home_damaged"


def test_a_key_of_the_configuration_that_nobody_knows(tmp_path):
    (tmp_path / "config.toml").write_text("bootstrap_peer = []\n")
    found = command(tmp_path)
    assert [one["cause"] for one in found["findings"]] == ["setting_unknown", "no_peers"]
    assert "did you mean bootstrap_peers?" in found["findings"][0]["evidence"][0]
    assert str(tmp_path) not in json.dumps(found)


def test_a_home_where_nothing_can_be_kept_is_no_full_disk():
    found = command("/proc/here")
    assert [one["cause"] for one in found["findings"]] == ["home_unwritable"]


def test_a_home_that_is_a_file_is_no_mistake_of_the_configuration(tmp_path):
    (tmp_path / "home").write_text("")
    found = command(str(tmp_path / "home"))
    assert [one["cause"] for one in found["findings"]] == ["home_unwritable"]


# Whom to ask


def test_who_blocks_us_is_not_called_dead_and_whom_we_block_is_named():
    """Each has known the other until one of them blocks it."""

    async def tell() -> None:
        async with (
            open_client(None, config=CONFIG) as bob,
            open_client(None, config=CONFIG) as alice,
        ):
            await alice.connect(bob.addresses[0])
            await alice.block(str(bob.peer_id))
            assert causes(await alice.doctor()) == [Cause.BLOCKED_BY_US]
            away = replace(CONFIG, bootstrap_peers=alice.addresses)
            await bob.reconfigure(away)
            assert causes(await bob.doctor()) == [Cause.TURNED_AWAY]

    story(tell)


def test_nobody_is_known():
    async def tell() -> None:
        assert causes(await examined(CONFIG)) == [Cause.NO_PEERS]

    story(tell)


def test_a_relay_that_is_dead():
    dead = f"/ip4/127.0.0.1/tcp/{free_port()}/p2p/{NOBODY}"

    async def tell() -> None:
        diagnosis = await examined(replace(CONFIG, bootstrap_peers=(dead,)))
        assert causes(diagnosis) == [Cause.RELAY_DEAD]
        assert "refused" in str(diagnosis.findings[0].evidence[0])

    story(tell)


def test_a_relay_that_takes_connections_and_says_nothing():
    async def tell() -> None:
        async with trio.open_nursery() as nursery:
            [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listener.socket.getsockname()[1]
            nursery.start_soon(trio.serve_listeners, hang, [listener])
            stuck = f"/ip4/127.0.0.1/tcp/{port}/p2p/{NOBODY}"
            diagnosis = await examined(replace(CONFIG, bootstrap_peers=(stuck,)))
            assert causes(diagnosis) == [Cause.RELAY_DEAD]
            assert "no answer within" in str(diagnosis.findings[0].evidence[0])
            nursery.cancel_scope.cancel()

    story(tell)


def test_a_relay_with_another_key():
    async def tell() -> None:
        async with open_relay(relay_config()) as relay:
            wrong = relay.addresses[0].rpartition("/")[0] + f"/{NOBODY}"
            diagnosis = await examined(replace(CONFIG, bootstrap_peers=(wrong,)))
        assert causes(diagnosis) == [Cause.WRONG_PEER_ID]

    story(tell)


def test_a_list_that_is_poisoned():
    async def tell() -> None:
        async with open_relay(relay_config()) as relay:
            wrong = relay.addresses[0].rpartition("/")[0] + f"/{NOBODY}"
            async with serving(reply(render_list([wrong]))) as server:
                listed = replace(CONFIG, fetch=True, bootstrap_urls=(FetchUrl(server.url),))
                assert causes(await examined(listed)) == [Cause.LIST_POISONED]
        async with serving(reply(b"<html>Welcome to this hotel</html>")) as server:
            listed = replace(CONFIG, fetch=True, bootstrap_urls=(FetchUrl(server.url),))
            assert causes(await examined(listed))[0] is Cause.LIST_POISONED

    story(tell)


def test_a_list_that_cannot_be_fetched():
    url = FetchUrl(f"http://127.0.0.1:{free_port()}/list.json?token=canary")

    async def tell() -> None:
        diagnosis = await examined(replace(CONFIG, fetch=True, bootstrap_urls=(url,)))
        assert causes(diagnosis) == [Cause.LIST_UNREACHABLE]
        assert "canary" not in repr(diagnosis)

    story(tell)


@pytest.mark.slow
def test_what_hangs_is_given_up_in_time_and_said():
    patient = FetchLimits(timeout_s=600, total_s=600)

    async def tell() -> None:
        async with serving(hang) as server:
            config = replace(CONFIG, fetch=True, fetch_limits=patient)
            diagnosis = await examined(replace(config, bootstrap_urls=(FetchUrl(server.url),)))
        assert diagnosis.facts.unfinished == ("lists",)

    story(tell)


def test_a_subnet_that_we_block_ourselves():
    async def tell() -> None:
        async with open_relay(relay_config()) as relay:
            blocks = BlockList.parse(subnets=["127.0.0.0/8"])
            config = replace(CONFIG, blocks=blocks, bootstrap_peers=relay.addresses)
            assert causes(await examined(config)) == [Cause.BLOCKED_BY_US]

    story(tell)


def test_a_relay_that_is_full():
    async def tell() -> None:
        async with open_relay(relay_config(reservations_max=1)) as relay:
            config = replace(CONFIG, bootstrap_peers=relay.addresses)
            async with open_client(None, config=config) as first:
                await first.wait_ready()
                assert causes(await first.doctor()) == []
                diagnosis = await examined(config)
        assert causes(diagnosis) == [Cause.RELAY_FULL]
        assert "takes no reservation" in str(diagnosis.findings[0].evidence[0])

    story(tell)


def test_peers_that_speak_only_a_later_version():
    async def later(stream) -> None:
        await stream.reset()

    async def tell() -> None:
        options = HostOptions(seed=bytes(range(32)), listen=(LOOPBACK,))
        async with open_host(options) as host:
            host.serve("/dchat/kad/2.0.0", later)
            diagnosis = await examined(replace(CONFIG, bootstrap_peers=host.addresses))
        assert causes(diagnosis) == [Cause.VERSION_TOO_OLD]
        assert "/dchat/kad/2.0.0" in str(diagnosis.findings[0].evidence[0])

    story(tell)


@pytest.mark.skipif(not shutil.which("faketime"), reason="false clocks need `faketime`")
def test_a_clock_that_is_five_hours_ahead(tmp_path):
    async def tell() -> None:
        async with open_processes(tmp_path) as processes:
            knows = []
            ahead = Launch(environment=Clock(tmp_path / "clock", "+5h").environment)
            for count, cause in enumerate(["clocks_differ", "clock_wrong"], start=1):
                knows += (await processes.relay(f"relay{count}")).addresses
                alice = await processes.peer(f"alice{count}", knows=knows, launch=ahead)
                found = await alice.call("doctor")
                assert [one["cause"] for one in found["findings"]] == [cause]
                assert len(found["findings"][0]["evidence"]) == count
                assert "5 h behind ours" in found["findings"][0]["evidence"][0]

    story(tell)


# Nothing is wrong, and nothing is told


def test_progress_is_told_and_it_ends_in_time():
    async def tell() -> None:
        async with open_relay(relay_config()) as relay:
            config = replace(CONFIG, bootstrap_peers=relay.addresses)
            async with (
                open_client(None, config=config) as client,
                client.subscribe(DiagnosisProgress) as events,
            ):
                diagnosis = await client.doctor()
                assert diagnosis.findings == ()
                assert diagnosis.facts.unfinished == ()
                seen = [await events.__anext__() for _ in range(4)]
                assert [event.done for event in seen] == [1, 2, 3, 4]
                assert {event.total for event in seen} == {4}

    story(tell)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are files on POSIX alone")
def test_who_watches_a_terminal_sees_each_step(tmp_path):
    watched, terminal = os.openpty()
    words = ("--home", str(tmp_path), "--no-fetch", "--listen", LOOPBACK, "doctor")
    try:
        subprocess.run(
            [*PROGRAM, *words, "--language", "zh"],
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            check=True,
            timeout=180,
        )
        told = os.read(watched, 4_096).decode()
    finally:
        os.close(watched)
        os.close(terminal)
    assert [line.split()[-1] for line in told.splitlines()] == ["1/4", "2/4", "3/4", "4/4"]
    assert "可达性" in told


CANARIES = ("Canary Alice", "Canary Bob", "canary text", "canary room")
LAN_SECRET = "canary sesame"
TOKENS = ("canaryPath7Q", "canaryQuery")


def test_a_report_holds_no_secret(tmp_path):
    """Names, texts, rooms, the LAN secret, the token in the address of a list, accounts, links,
    keys: none of it is in the report, though each is in the client that is examined."""

    async def tell() -> None:
        async with open_relay(relay_config()) as relay:
            home = tmp_path / "home"
            config = with_secrets(replace(CONFIG, bootstrap_peers=relay.addresses))
            async with (
                open_client(home, name=CANARIES[0], config=config) as alice,
                open_client(None, name=CANARIES[1], config=config) as bob,
            ):
                await befriend_and_talk(alice, bob)
                diagnosis = await alice.doctor()
                told = repr(diagnosis) + json.dumps(shape(diagnosis))
                assert Cause.LIST_UNREACHABLE in causes(diagnosis), "so its address is spoken of"
                assert diagnosis.facts.lan.is_open is False, "so there is a secret"
                secrets = [
                    *CANARIES,
                    *(str(client.account) for client in (alice, bob)),
                    *(str(client.peer_id) for client in (alice, bob)),
                    *(client.contact_link for client in (alice, bob)),
                    (home / "p2pchat.key").read_bytes().hex(),
                    str(tmp_path),
                    LAN_SECRET,
                    *TOKENS,
                ]
                assert [secret for secret in secrets if secret in told] == []
                with_ids = json.dumps(shape(await alice.doctor(keep_ids=True)))
                assert str(bob.peer_id) in with_ids
                assert str(bob.account) not in with_ids
                assert LAN_SECRET not in with_ids

    story(tell)


def with_secrets(config: ClientConfig) -> ClientConfig:
    """The same on a LAN with a secret, and with a list whose address is one."""
    lan = LanConfig(
        enabled=True,
        listen_host="127.0.0.1",
        discovery_port=free_port(),
        allowed_subnets=("127.0.0.0/8",),
        secret=LAN_SECRET,
    )
    path, query = TOKENS
    url = f"http://127.0.0.1:{free_port()}/{path}/list.json?token={query}"
    return replace(config, lan=lan, fetch=True, bootstrap_urls=(FetchUrl(url),))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ('bootstrap_urls = ["https://bob:canary@example.org/list.json"]', "leave user name"),
        ('bootstrap_urls = ["canary"]', "is no URL to fetch from; write"),
        ('bootstrap_urls = ["https://example.org:canary/"]', "bootstrap_urls"),
        ("bootstrap_urls = [{{canary = 1}}]", "is neither"),
        ('lan = "canary"', "is no table; write [lan]"),
        ('[lan]\nsecret = "canary"\nsecret_file = "{file}"', "only one of secret and"),
        ('[lan]\nsecret = "{long}"', "give at most"),
        ('[lan]\nsecret = ["canary"]', "is no text; put it in quotes"),
        ('[lan]\nenabled = "maybe"', "'maybe' is neither true nor false"),
        ('name = "canary\\u0007s"', "visible characters"),
    ],
)
def test_a_report_of_settings_that_are_refused_tells_why_and_no_secret(tmp_path, setting, reason):
    (tmp_path / "secret").write_text("another canary\n")
    setting = setting.format(file=tmp_path / "secret", long="canary" * 200)
    (tmp_path / "config.toml").write_text(setting + "\n")
    found = command(tmp_path)
    assert found["findings"][0]["cause"] == "config_wrong"
    assert reason in json.dumps(found)
    assert "canary" not in json.dumps(found)


def shape(diagnosis: Diagnosis) -> object:
    return json.loads(shapes.to_json(diagnosis))


async def befriend_and_talk(alice: Client, bob: Client) -> None:
    """Make them contacts who have spoken, so that there is something to keep silent about."""
    await alice.wait_ready()
    contact = await alice.add_contact(bob.contact_link)

    async def is_asked() -> bool:
        return bool(bob.contact_requests())

    await until(is_asked, timeout_s=60)
    await bob.accept(bob.contact_requests()[0].account)
    message = await contact.send(CANARIES[2])
    await alice.wait_delivered(message.id)
    room = await alice.join_open(CANARIES[3])
    await room.send(CANARIES[2])
    assert [one.path for one in alice.status().contacts] == ["lan"]
