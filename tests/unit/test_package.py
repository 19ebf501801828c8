"""What `import p2pchat` gives, and what it does not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import p2pchat


def test_importing_the_package_loads_neither_network_nor_database():
    heavy = (
        "libp2p",
        "trio",
        "sqlalchemy",
        "google.protobuf",
        "httpx",
        "multiaddr",
        "p2pchat.node",
    )
    code = f"import sys, p2pchat; print(*[m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_opening_a_client_offline_never_loads_py_libp2p_nor_an_https_client():
    code = """
import sys, trio, p2pchat
async def main():
    async with p2pchat.open_client(None, name="Alice", offline=True) as client:
        await (await client.join_open("lounge")).send("to nobody")
trio.run(main)
print("libp2p" in sys.modules, "httpx" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False False"


def test_public_names_are_found_listed_and_kept():
    assert p2pchat.MessageReceived is p2pchat.MessageReceived
    assert set(p2pchat.__all__) <= set(dir(p2pchat))
    assert "open_client" in dir(p2pchat)


def test_names_that_are_not_public_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = p2pchat.nonsense
