"""What we are to others: the addresses we give away, and whether they can dial us.

Who can be dialled serves the DHT; who cannot only asks. We count as dialled when somebody told us
the address that others use, when somebody from the public network did dial us, by itself or because
we asked it to, or, before anybody tried, while nobody we know is farther away than our own
addresses reach. A call that came says where we were; it counts until our addresses change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from p2pchat.config import DhtMode
from p2pchat.model.route import Path
from p2pchat.model.scope import Scope, believable_of, is_circuit, scope_of, scope_of_all
from p2pchat.model.status import Reachability
from p2pchat.net.port import Connectedness, Host

__all__ = ["Reach", "announced", "own_form", "shared_reach"]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed since the last review; None where nothing did."""

    is_server: bool | None
    addresses: tuple[str, ...] | None


class Reach:
    """Our side of being reachable."""

    def __init__(self, host: Host, mode: DhtMode, is_announced: bool) -> None:
        self._host = host
        self._mode = mode
        self._is_announced = is_announced
        self._told = Change(False, ())
        self.was_dialled = False
        """Somebody from the public network has dialled us, where we are now."""
        self._here: tuple[str, ...] = ()
        self._judged = Reachability.UNKNOWN

    @property
    def reachability(self) -> Reachability:
        """Whether others can dial us: a call that came counts more than one that was tried."""
        if self._is_announced or self.was_dialled:
            return Reachability.PUBLIC
        return self._judged

    def judged(self, reachability: Reachability) -> None:
        """Others have tried to dial us."""
        self._judged = reachability

    def seen(self, state: Connectedness) -> None:
        """A peer is connected."""
        self._look_where_we_are()
        is_direct = not any(map(is_circuit, state.addresses))
        # A call through a relay or a punched hole says nothing about who can dial us.
        is_dial = state.inbound and is_direct and state.path is Path.DIRECT
        self.was_dialled |= is_dial and scope_of_all(state.addresses) is Scope.PUBLIC

    def review(self) -> Change:
        """What others should be told now."""
        self._look_where_we_are()
        addresses, is_server = self._host.addresses, self._serves()
        told, self._told = self._told, Change(is_server, addresses)
        return Change(
            is_server if is_server != told.is_server else None,
            addresses if addresses != told.addresses else None,
        )

    @property
    def _direct(self) -> tuple[str, ...]:
        return tuple(address for address in self._host.addresses if not is_circuit(address))

    def _look_where_we_are(self) -> None:
        direct = self._direct
        if direct != self._here:
            self._here, self.was_dialled = direct, False

    def _serves(self) -> bool:
        if self._mode != "auto":
            return self._mode == "server"
        direct = self._direct
        if not direct:
            return False
        if self.reachability is not Reachability.UNKNOWN:
            return self.reachability is Reachability.PUBLIC
        farthest = max(map(scope_of, direct))
        return all(scope_of_all(peer.addresses) <= farthest for peer in self._host.peers)


def announced(state: Connectedness) -> tuple[str, ...]:
    """Where a connected peer says it can be reached, as far as it may be believed."""
    return believable_of(state.announced, scope_of_all(state.addresses))


def shared_reach(signed: tuple[str, ...], own: Iterable[str]) -> tuple[str, ...]:
    """Those of the addresses in a record that lie where we can be reached as well, or in public.

    Whoever holds a record may have got it from anywhere, so no connection says how far to believe
    it; and what a stranger has signed about itself must not send us knocking about in networks
    where nobody could knock at our door.
    """
    ours = {Scope.PUBLIC, *map(scope_of, own)}
    return tuple(address for address in signed if scope_of(address) in ours)


def own_form(address: str) -> str:
    """An address of ours without `/p2p/<own peer id>` at its end."""
    return address.rpartition("/p2p/")[0]
