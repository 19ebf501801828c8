"""Histories of a room's control ops, written by hand: honest, late, backdated, forked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from p2pchat.model.control import (
    Control,
    ControlOp,
    Cut,
    Epoch,
    Genesis,
    History,
    Leave,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.protocol.membership import Membership
from tests.unit.protocol.people import digest

DEPS = 8


def account(name: str) -> AccountId:
    return AccountId(digest(f"account {name}"))


def device(name: str) -> DeviceId:
    """The device of an account, `alice`, or one of several, `alice/2`."""
    return DeviceId(digest(f"device {name}"))


def genesis(*owners: str) -> Genesis:
    named = tuple(sorted(map(account, owners)))
    return Genesis(named, History.ALL, 0, "crew", bytes(16), bytes(32))


@dataclass
class Assembly:
    """All control ops of a room that anybody wrote, in an order in which they can be taken."""

    genesis: Genesis
    ops: list[ControlOp] = field(default_factory=list)
    chains: dict[str, OpId] = field(default_factory=dict)
    """Where each device's chain ends."""

    def write(self, name: str, control: Control | None, deps: Iterable[OpId] = ()) -> OpId:
        """The next op of a device that knows `deps`."""
        prev = self.chains.get(name)
        self.chains[name] = self._add(name, control, prev, deps)
        return self.chains[name]

    def fork(
        self, name: str, control: Control | None, prev: OpId | None, deps: Iterable[OpId] = ()
    ) -> OpId:
        """An op beside the device's chain: its owner forgot what came after `prev`."""
        return self._add(name, control, prev, deps)

    def _add(
        self, name: str, control: Control | None, prev: OpId | None, deps: Iterable[OpId]
    ) -> OpId:
        parents = tuple(deps) if prev is None else (prev, *deps)
        id = OpId(digest(f"{name} {control} {parents} {len(self.ops)}"))
        writer = account(name.partition("/")[0])
        seq = next((op.seq + 1 for op in self.ops if op.id == prev), 0)
        self.ops.append(ControlOp(id, writer, device(name), parents, control, seq))
        return id

    @property
    def heads(self) -> tuple[OpId, ...]:
        return self.membership().heads(DEPS)

    def membership(self, ops: Iterable[ControlOp] | None = None) -> Membership:
        made = Membership(self.genesis)
        for op in self.ops if ops is None else ops:
            made.add(op)
        return made

    def begin(self) -> OpId:
        """The room begins, written by whoever is its first owner."""
        return self.write("olga", self.genesis)

    def set(
        self, by: str, whom: str, standing: Standing, deps: Iterable[OpId] | None = None
    ) -> OpId:
        """Set a standing in knowledge of `deps`, of everything by default; the chains of who is
        limited are named as far as they are known."""
        known = self.heads if deps is None else tuple(deps)
        cuts = self.membership(self.known(by, known)).cuts(account(whom), {})
        return self.write(by, SetStanding(account(whom), standing, cuts), known)

    def leave(self, who: str) -> OpId:
        return self.write(who, Leave(), self.heads)

    def open_epoch(self, by: str, deps: Iterable[OpId] | None = None) -> OpId:
        known = self.heads if deps is None else tuple(deps)
        return self.write(by, Epoch(digest(f"epoch {len(self.ops)}")), known)

    def known(self, name: str, deps: Iterable[OpId]) -> list[ControlOp]:
        """What a device knows that knows `deps`."""
        by_id = {op.id: op for op in self.ops}
        chain = self.chains.get(name)
        todo, found = [*deps, *([chain] if chain else [])], set[OpId]()
        while todo:
            id = todo.pop()
            if id not in found:
                found.add(id)
                todo += by_id[id].parents
        return [op for op in self.ops if op.id in found]

    def standing(self, name: str) -> Standing:
        return self.membership().standing(account(name))

    def standings(self) -> Mapping[AccountId, Standing]:
        return self.membership().members()


def crew(*owners: str) -> Assembly:
    """A room that has begun, owned by Olga and these."""
    made = Assembly(genesis("olga", *owners))
    made.begin()
    return made


def cut_off(name: str) -> Cut:
    """Names a device, and nothing that it wrote."""
    return Cut(device(name), (), ())
