"""What importing costs, and that py-libp2p keeps its mouth shut."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(program: str) -> tuple[str, str]:
    """Output and complaints of a program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "p2pchat",
        "p2pchat.net.port",
        "p2pchat.config",
        "p2pchat.net.libp2p.options",
        "p2pchat.net.libp2p.pace",
        "p2pchat.net.libp2p.quotas",
    ],
)
def test_py_libp2p_is_not_imported_before_a_host_opens(module):
    out, _ = run(f"import sys, {module}; print('libp2p' in sys.modules)")
    assert out == "False\n"


def test_importing_the_host_touches_no_logging_and_prints_nothing():
    out, errors = run(
        "import logging, p2pchat.net.libp2p.host; print(logging.getLogger().handlers)"
    )
    assert out == "[]\n"
    assert errors == ""


def test_a_host_that_works_and_fails_prints_nothing_and_leaves_the_root_logger_alone():
    out, errors = run(
        "import logging, trio\n"
        "from p2pchat.errors import P2PChatError\n"
        "from p2pchat.net.libp2p.host import open_host, HostOptions\n"
        "async def main():\n"
        "    listen = ('/ip4/127.0.0.1/tcp/0',)\n"
        "    async with open_host(HostOptions(seed=bytes(32), listen=listen)) as alice, \\\n"
        "            open_host(HostOptions(seed=bytes(31) + b'b', listen=listen)) as bob:\n"
        "        for addresses in (['/ip4/127.0.0.1/tcp/1'], bob.addresses):\n"
        "            try:\n"
        "                await alice.connect(bob.peer_id, addresses)\n"
        "                await alice.open_stream(bob.peer_id, ['/none'])\n"
        "            except P2PChatError as error:\n"
        "                print(type(error).__name__)\n"
        "trio.run(main)\n"
        "print(logging.getLogger().handlers)\n"
    )
    assert out == "PeerUnreachable\nStreamReset\n[]\n"
    assert errors == ""


def test_whoever_wants_the_log_of_py_libp2p_can_have_it():
    _, errors = run(
        "import logging\n"
        "from p2pchat.net.libp2p.foreign import settle\n"
        "import libp2p\n"
        "settle()\n"
        "settle()\n"
        "logger = logging.getLogger('libp2p')\n"
        "logger.addHandler(logging.StreamHandler())\n"
        "logger.error('heard')\n"
    )
    assert errors == "heard\n"
