"""Kills its own process at a named point of a ratchet's step, and writes down from which state each
ciphertext was sealed: on the path of a client under test, by environment.

`P2PCHAT_KILL_AT=sealed:2` ends the process, as a power cut would, when it passes that point for the
second time. `P2PCHAT_WITNESS=<file>` gets a line for each ciphertext, `<word> <state> <hash>`:
`sealed` and `left` for mail, when it was made and when it was on its way out of the program, and
`room` for sender sessions, which never come back from a disk. The state is read from the ciphertext
itself: its ratchet key and index, or the session and its index. `P2PCHAT_ROTATES=1` makes new keys
each time that the old ones were published, while letters to the old ones wait at the relay.
`P2PCHAT_FORGETS=1` keeps the steps of ratchets from the disk, to prove that the witness tells.
"""

import os
import signal
from hashlib import sha256

WHERE = os.environ.get("P2PCHAT_KILL_AT", "")
WITNESS = os.environ.get("P2PCHAT_WITNESS", "")
ROTATES = os.environ.get("P2PCHAT_ROTATES", "")
FORGETS = os.environ.get("P2PCHAT_FORGETS", "")
POINT, _, COUNT = WHERE.partition(":")
LOOK_AGAIN_MS = 1000
"""Who writes to somebody who rotates often has to look often, too."""

left = int(COUNT or 0)


def passed(*points: str) -> None:
    global left
    if POINT in points:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def witness(word: str, state: str, ciphertext: bytes) -> None:
    """One write to a file outside of all homes, which a kill cannot cut in two."""
    line = f"{word} {state} {sha256(ciphertext).hexdigest()}\n".encode()
    file = os.open(WITNESS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    os.close(file)


def fields(data: bytes) -> dict[int, bytes | int]:
    """The fields of a protobuf message, each of which stands once in it."""
    found: dict[int, bytes | int] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(data):
        tag = number()
        value = number()
        if tag & 7:
            at, value = at + value, data[at : at + value]
        found[tag >> 3] = value
    return found


RATCHET_KEY, INDEX, INNER = 1, 2, 4
MAC_BYTES = 8


def olm_state(kind: int, ciphertext: bytes) -> tuple[str, bytes]:
    """What names the message key that an Olm ciphertext was sealed with, and the part of it that
    this key sealed: the same again for the same plaintext, and for no other."""
    message = fields(ciphertext[1:])[INNER] if kind == 0 else ciphertext
    inner = fields(message[1:-MAC_BYTES])
    return f"{inner[RATCHET_KEY].hex()}/{inner[INDEX]}", inner[INNER]


def install_mail() -> None:
    from p2pchat.crypto.mail import OlmMailCipher
    from p2pchat.crypto.olm import Ratchets
    from p2pchat.net.mailbox_client import WireMailboxes
    from p2pchat.protocol import bundles

    bundles.LOOK_AGAIN_MS = LOOK_AGAIN_MS
    if ROTATES:
        bundles.ROTATE_MS = 0
    seal_box, seal, open_, renew = (
        Ratchets.seal,
        OlmMailCipher.seal,
        OlmMailCipher.open,
        OlmMailCipher.renew,
    )
    put, fetch, delete = WireMailboxes.put, WireMailboxes.fetch, WireMailboxes.delete
    boxes: list[tuple[str, bytes]] = []
    blobs: dict[bytes, tuple[str, bytes]] = {}

    def seal_box_and_tell(self, *given, **named):
        sealed = seal_box(self, *given, **named)
        boxes.append(olm_state(sealed.box.kind, sealed.box.ciphertext))
        witness("sealed", *boxes[-1])
        return sealed

    def seal_and_die(self, *given, **named):
        sealed = seal(self, *given, **named)
        blobs[sealed.blob] = boxes.pop()
        passed("sealed")
        return sealed

    def open_and_die(self, *given, **named):
        opened = open_(self, *given, **named)
        passed("opened")
        return opened

    def renew_and_die(self, *given):
        changes = renew(self, *given)
        passed("rotated")
        return changes

    async def put_and_die(self, relay, mailbox, blob, key):
        witness("left", *blobs[blob])
        passed("posting")
        await put(self, relay, mailbox, blob, key)
        passed("posted")

    async def fetch_and_die(self, relay, after=0):
        kept = () if ROTATES else await fetch(self, relay, after)
        if kept:
            passed("fetched")
        return kept

    async def delete_and_die(self, relay, ids):
        passed("discarding")
        await delete(self, relay, ids)
        passed("discarded")

    Ratchets.seal, OlmMailCipher.seal = seal_box_and_tell, seal_and_die
    OlmMailCipher.open, OlmMailCipher.renew = open_and_die, renew_and_die
    WireMailboxes.put, WireMailboxes.fetch = put_and_die, fetch_and_die
    WireMailboxes.delete = delete_and_die


def install_store() -> None:
    from p2pchat.model.change import AddOp
    from p2pchat.model.ratchet import PutMailKeys, PutRatchet, SeeMail, SetMailed
    from p2pchat.store.worker import StoreWorker

    commit = StoreWorker.commit

    async def commit_and_die(self, changes):
        kinds = {type(change) for change in changes}
        points = {
            "seal_committed": PutRatchet in kinds and SeeMail not in kinds,
            "open_committed": SeeMail in kinds,
            "rotate_committed": PutMailKeys in kinds,
            "mailed_committed": SetMailed in kinds,
            "room_committed": AddOp in kinds,
        }
        kept = [one for one in changes if not (FORGETS and isinstance(one, PutRatchet))]
        await commit(self, kept)
        passed(*(point for point, holds in points.items() if holds))

    StoreWorker.commit = commit_and_die


def install_rooms() -> None:
    from p2pchat.crypto import megolm
    from p2pchat.node.rooms import RoomGossip

    class Session:
        """An outbound session that tells of each index."""

        def __init__(self) -> None:
            self._session = megolm_session()

        @property
        def session_id(self):
            return self._session.session_id

        @property
        def session_key(self):
            return self._session.session_key

        def encrypt(self, plaintext):
            state = f"{self._session.session_id}/{self._session.message_index}"
            sealed = self._session.encrypt(plaintext)
            witness("room", state, sealed.to_bytes())
            return sealed

    sessions = megolm.MegolmSessions
    key, seal, learn, open_ = sessions.key, sessions.seal, sessions.learn, sessions.open
    megolm_session, publish = megolm.GroupSession, RoomGossip.publish

    def key_and_die(self, *given):
        shared = key(self, *given)
        passed("shared")
        return shared

    def seal_and_die(self, *given):
        blob = seal(self, *given)
        passed("room_sealed")
        return blob

    def learn_and_die(self, *given):
        is_new = learn(self, *given)
        passed("learned")
        return is_new

    def open_and_die(self, *given):
        opened = open_(self, *given)
        if opened is not None and opened.senders:
            passed("room_opened")
        return opened

    def publish_and_die(self, *given):
        publish(self, *given)
        passed("published")

    megolm.GroupSession = Session
    sessions.key, sessions.seal = key_and_die, seal_and_die
    sessions.learn, sessions.open = learn_and_die, open_and_die
    RoomGossip.publish = publish_and_die


if WITNESS:
    install_mail()
    install_store()
    install_rooms()
