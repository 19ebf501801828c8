"""A bot that accepts everybody and says back what it hears: python examples/echo_bot.py [HOME]"""

import sys

import trio

import p2pchat
from p2pchat import ContactRequested, MessageReceived


async def main(home: str = "echo-home") -> None:
    async with (
        p2pchat.open_client(home, name="echo") as bot,
        bot.subscribe(ContactRequested, MessageReceived) as events,
    ):
        print(bot.contact_link, flush=True)
        async for event in events:
            match event:
                case ContactRequested(account):
                    await bot.accept(account)
                case MessageReceived(message):
                    await bot.conversation(message.conversation).send(message.text)


trio.run(main, *sys.argv[1:])
