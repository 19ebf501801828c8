"""Two peers in one program, nothing on disk: python examples/two_in_memory.py"""

import trio

from p2pchat import ClientConfig, ContactAccepted, ContactRequested, open_client


async def main() -> None:
    config = ClientConfig(fetch=False, listen=("/ip4/127.0.0.1/tcp/0",))
    async with (
        open_client(None, name="Alice", config=config) as alice,
        open_client(None, name="Bob", config=config) as bob,
        alice.subscribe(ContactAccepted) as accepted,
        bob.subscribe(ContactRequested) as requested,
    ):
        contact = await alice.add_contact(bob.contact_link)
        await bob.accept((await anext(aiter(requested))).account)
        await anext(aiter(accepted))
        sent = await contact.send("Hello, Bob!")
        print((await alice.wait_delivered(sent.id)).state)


trio.run(main)
