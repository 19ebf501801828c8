"""A bot for asyncio that accepts everybody and says back what it hears:
python examples/asyncio_bot.py [HOME]"""

import asyncio
import sys

from p2pchat.portal import Portal


async def main(home: str = "echo-home") -> None:
    async with Portal(home, name="echo") as bot:
        account = await bot.call("account")
        print(account["contact_link"], flush=True)
        async for event in bot.events():
            match event:
                case {"type": "ContactRequested", "account": account}:
                    await bot.call("accept", account=account)
                case {"type": "MessageReceived", "message": heard}:
                    place, text = heard["conversation"], heard["text"]
                    await bot.call("send", conversation=place, text=text)


asyncio.run(main(*sys.argv[1:]))
