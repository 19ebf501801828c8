"""A relay inside a program of your own: python examples/run_relay.py [HOME]"""

import sys
from pathlib import Path

import trio

import p2pchat
from p2pchat.config import load_relay_config


async def main(home: str = "relay-home") -> None:
    config, _ = load_relay_config(Path(home) / "config.toml")
    async with p2pchat.open_relay(config) as relay:
        print(*relay.addresses, sep="\n", flush=True)
        while True:
            await trio.sleep(60)
            print(relay.statistics().network.circuits, "circuits", flush=True)


trio.run(main, *sys.argv[1:])
