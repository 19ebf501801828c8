"""A client that runs is told where else to look: lists behind certificates of their own."""

from __future__ import annotations

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, FetchUrl
from p2pchat.events import PeerConnected
from p2pchat.net.bootstrap_list import render_list
from tests.net.certificates import certificate
from tests.net.servers import reply, serving

WITHIN_S = 30.0
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


@pytest.mark.parametrize("trust", ["ca_file", "fingerprint"])
def test_a_list_behind_a_self_signed_certificate_is_taken_over_while_a_client_runs(tmp_path, trust):
    pinned, home = certificate(tmp_path, "ours"), tmp_path / "home"
    value = {"ca_file": pinned.pem, "fingerprint": pinned.fingerprint}[trust]
    home.mkdir()
    settings = f'listen = ["{LOOPBACK[0]}"]\n'
    (home / "config.toml").write_text(settings)

    async def main() -> None:
        quiet = ClientConfig(listen=LOOPBACK, fetch=False)
        async with (
            open_client(None, name="Bob", config=quiet) as bob,
            serving(reply(render_list(bob.addresses)), tls=pinned.context()) as server,
            open_client(home, name="Alice") as alice,
            alice.subscribe(PeerConnected) as events,
        ):
            url = f'{{ url = "{server.url}", {trust} = "{value}" }}'
            (home / "config.toml").write_text(f"{settings}bootstrap_urls = [{url}]\n")
            assert (await alice.reload_config()).applied == ("bootstrap_urls",)
            with trio.fail_after(WITHIN_S):
                assert (await events.__anext__()).peer_id == bob.peer_id

    trio.run(main)


def test_a_list_whose_server_is_not_the_pinned_one_connects_nobody(tmp_path):
    ours, theirs = certificate(tmp_path, "ours"), certificate(tmp_path, "theirs")

    async def main() -> None:
        quiet = ClientConfig(listen=LOOPBACK, fetch=False)
        async with (
            open_client(None, name="Bob", config=quiet) as bob,
            serving(reply(render_list(bob.addresses)), tls=theirs.context()) as server,
        ):
            pinned = FetchUrl(server.url, fingerprint=ours.fingerprint)
            config = ClientConfig(listen=LOOPBACK, bootstrap_urls=(pinned,))
            async with open_client(None, name="Alice", config=config) as alice:
                await alice.wait_ready()
                assert alice.status().peers == ()
            assert server.requests == []

    trio.run(main)
