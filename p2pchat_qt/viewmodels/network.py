"""The network page: how one is connected, to whom, what waits to be sent, and what is wrong."""

from __future__ import annotations

from PySide6.QtCore import Slot

from p2pchat_qt.faults import Faults
from p2pchat_qt.jobs import Again
from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.session import Session
from p2pchat_qt.shown import name_text
from p2pchat_qt.values import Row, flag, number, row, rows, text, texts
from p2pchat_qt.viewmodels.base import ViewModel, constant

__all__ = ["NetworkView"]

PEER = ("id", "name", "address", "path", "isContact")
BLOCK = ("id", "kind", "at", "isConfigured")
NEIGHBOUR = ("id", "name", "address", "at")
_HEALTH = frozenset(["NetworkStatusChanged", "StartupProgress"])
"""What is said of the network on every page."""
_KINDS = _HEALTH | {
    "PeerConnected",
    "PeerDisconnected",
    "PathChanged",
    "ReachabilityChanged",
    "LanPeerFound",
    "LanPeerLost",
    "MessageStateChanged",
}


class NetworkView(ViewModel):
    """Read again when something of it changed."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.connected = RowsModel(PEER, parent=self)
        self.refused = RowsModel(BLOCK, parent=self)
        self.near = RowsModel(NEIGHBOUR, parent=self)
        self.log = Faults()
        self.warned = self.log.rows
        self._again = Again(self.jobs, self._read)
        self._is_seen = False
        self.put(
            health="offline", reachability="unknown", peers=0, known=0, relays=0, lastSync=0,
            outbox=0, addresses=[], mailboxes=0, lan=False, lanOpen=False, isDiagnosing=False,
            findings=[], isDiagnosed=False,
        )  # fmt: skip
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)

    peers = constant("connected")
    blocks = constant("refused")
    neighbours = constant("near")
    faults = constant("warned")

    @Slot(bool)
    def look(self, is_seen: bool) -> None:
        """The page is before somebody's eyes, or no more."""
        self._is_seen = is_seen
        if is_seen:
            self._refresh()

    @Slot()
    def diagnose(self) -> None:
        """Find out what is wrong; takes ten seconds at most."""
        if not self.value("isDiagnosing"):
            self.do(self._diagnose())

    @Slot(str)
    def connect_to(self, address: str) -> None:
        """Dial an address by hand."""
        self.act(self._and_read("connect", address=address.strip()))

    @Slot(str)
    def disconnect_from(self, peer: str) -> None:
        """Close all connections to a peer."""
        self.act(self._and_read("disconnect", peer_id=peer))

    @Slot(str, bool)
    def block(self, target: str, is_blocked: bool) -> None:
        """Refuse a peer or a network, or welcome it again."""
        method = "block" if is_blocked else "unblock"
        self.act(self._and_read(method, target=target.strip()))

    def _phase(self) -> None:
        if self.session.phase == "open":
            self._refresh()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()
            self.put(health="offline", peers=0, relays=0, isDiagnosing=False)
            self.connected.replace([])

    def _hear(self, batch: list[Row]) -> None:
        if {text(event, "type") for event in batch} & (_KINDS if self._is_seen else _HEALTH):
            self._refresh()

    def _refresh(self) -> None:
        if self.session.phase == "open":
            self._again.ask()

    async def _and_read(self, method: str, **params: object) -> None:
        await self.session.call(method, **params)
        self._again.ask()

    async def _read(self) -> None:
        status = row(await self.session.call("status"))
        lan = status.get("lan")
        self.put(
            health=text(status, "health"),
            reachability=text(status, "reachability"),
            peers=number(status, "connected_peers"),
            known=number(status, "known_peers"),
            relays=number(status, "relays"),
            lastSync=number(status, "last_sync"),
            outbox=number(status, "outbox"),
            addresses=texts(status.get("addresses")),
            mailboxes=len(texts(status.get("mailboxes"))),
            lan=lan is not None,
            lanOpen=lan is not None and flag(row(lan), "is_open"),
        )
        if not self._is_seen:
            return
        contacts = rows(await self.session.call("contacts"))
        names = {text(each, "account"): name_text(text(each, "name")) for each in contacts}
        self.connected.replace([_peer(each, names) for each in rows(status["peers"])])
        self.near.replace([] if lan is None else [_near(each) for each in rows(row(lan)["peers"])])
        self.refused.replace([_block(each) for each in rows(await self.session.call("blocks"))])

    async def _diagnose(self) -> None:
        say = self.session.notices.say
        self.put(isDiagnosing=True, isDiagnosed=False, findings=[])
        try:
            found = row(await self.session.call("doctor"))
        finally:
            self.put(isDiagnosing=False)
        findings = [
            {
                "problem": say(text(each, "problem")),
                "advice": say(text(each, "advice")),
                "evidence": [say(one) for one in texts(each.get("evidence"))],
            }
            for each in rows(found["findings"])
        ]
        self.put(findings=findings, isDiagnosed=True)


def _peer(peer: Row, names: dict[str, str]) -> Row:
    name = names.get(text(peer, "account"), "")
    return {
        "id": text(peer, "peer_id"),
        "name": name,
        "address": next(iter(texts(peer.get("addresses"))), ""),
        "path": text(peer, "path"),
        "isContact": bool(name),
    }


def _block(block: Row) -> Row:
    return {
        "id": text(block, "target"),
        "kind": text(block, "kind"),
        "at": number(block, "blocked_at"),
        "isConfigured": flag(block, "configured"),
    }


def _near(peer: Row) -> Row:
    return {
        "id": text(peer, "peer_id"),
        "name": name_text(text(peer, "name")),
        "address": text(peer, "address"),
        "at": number(peer, "last_heard"),
    }
