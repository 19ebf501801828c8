"""A simulated world runs the product as it is: nothing above the ports is replaced or derived."""

from __future__ import annotations

import ast
import importlib

from p2pchat.gossip.router import GossipRouter
from p2pchat.kad.machine import KadMachine
from p2pchat.node.driver import Driver
from p2pchat.node.node import Node
from p2pchat.protocol.chat import Chat
from p2pchat.testing.world import World, run_world

AS_THEY_ARE = ("p2pchat/node/", "p2pchat/kad/", "p2pchat/gossip/", "p2pchat/protocol/")
PORTS = {"p2pchat.node.ambient.SimulatedAmbient"}
"""What stands for the outside in a simulation."""


def modules(product, prefixes: tuple[str, ...]):
    for file in product:
        if file.path.startswith(prefixes):
            name = file.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield importlib.import_module(name)


def classes(product, prefixes: tuple[str, ...]) -> list[type]:
    return [
        value
        for module in modules(product, prefixes)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def contents(product) -> dict[str, int]:
    """Everything that these modules and their classes hold, by identity."""
    found: dict[str, int] = {}
    for module in modules(product, AS_THEY_ARE):
        for name, value in vars(module).items():
            found[f"{module.__name__}.{name}"] = id(value)
    for cls in classes(product, AS_THEY_ARE):
        for name, value in vars(cls).items():
            found[f"{cls.__module__}.{cls.__qualname__}.{name}"] = id(value)
    return found


async def talk(world: World) -> list[type]:
    """Two peers exchange a message; the types of what one of them is made of."""
    alice = await world.start("alice")
    bob = await world.start("bob", knows=("alice",))
    room = await alice.join_open("lobby")
    await bob.join_open("lobby")
    await room.send("hello")
    life = world.peers["alice"].life
    assert life is not None
    assert life.node is not None
    node = life.node
    parts = [node, node.chat, node.driver, node.network.kad, node.network.peering]
    return [type(part) for part in parts]


def test_a_world_runs_nodes_as_they_are(product):
    before = contents(product)
    assert run_world(talk, seed=1) == [Node, Chat, Driver, Driver, Driver]
    assert contents(product) == before


def test_nobody_derives_from_what_is_simulated(product):
    simulated = set(classes(product, AS_THEY_ARE))
    assert {Node, KadMachine, GossipRouter} <= simulated
    derived = [
        f"{cls.__module__}.{cls.__qualname__}"
        for cls in classes(product, ("p2pchat/testing/",))
        if not simulated.isdisjoint(cls.__mro__)
    ]
    assert derived == []


def test_the_simulator_assigns_to_no_module_or_class_of_the_product(product):
    foreign = [
        f"{file.path}:{node.lineno}"
        for file in product
        if file.path.startswith("p2pchat/testing/")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id[0].isupper()
    ]
    assert foreign == []
