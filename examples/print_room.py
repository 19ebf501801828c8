"""Print what is said in an open room: python examples/print_room.py [HOME [ROOM]]"""

import sys

import trio

import p2pchat


async def main(home: str = "print-home", name: str = "lounge") -> None:
    async with p2pchat.open_client(home) as client:
        room = await client.join_open(name)
        async with room.messages() as messages:
            async for message in messages:
                print(f"{message.author_name}: {message.text}", flush=True)


trio.run(main, *sys.argv[1:])
