"""Takes the seals off, to prove that a search for plaintext finds it where nothing is sealed; or
makes of a client one who only forwards: on the path of a program under test, by environment.

`P2PCHAT_UNSEALED=1` writes transport packets, room blobs and the database as they are, at the same
length, and letters behind the head that names the recipient's key. `P2PCHAT_FORWARDS=<topic>` takes
part in that topic, whatever room is joined, and knows neither the room's name nor its key.
"""

import os


def unseal() -> None:
    from p2pchat.crypto.room_keys import SharedKeyCipher
    from p2pchat.net.libp2p.noise_packets import PacketOpener, PacketSealer

    def packet(self, plaintext):
        body = bytes(plaintext) + bytes(16)
        return len(body).to_bytes(2, "big") + body

    PacketSealer._packet = packet
    PacketOpener._open = lambda self, sealed: bytes(sealed)[:-16]
    SharedKeyCipher.seal = lambda self, secret, plaintext: b"\1" + bytes(24) + plaintext + bytes(16)
    SharedKeyCipher.open = lambda self, secret, blob: blob[25:-16]
    open_rooms()
    open_letters()
    open_the_database()


def open_rooms() -> None:
    """Blobs of rooms by invitation, behind the tag of the session that would have sealed them."""
    from p2pchat.crypto import megolm
    from p2pchat.crypto.port import Unsealed

    tag_of, tag_bytes = megolm._session_tag, megolm._SESSION_TAG_BYTES

    def seal(self, conversation, topic, epoch, plaintext):
        tag = tag_of(self._own[conversation].session_id)
        return megolm.VERSION + epoch.tag + tag + plaintext

    def open_(self, conversation, topic, epochs, blob):
        head, rest = blob[: megolm._HEAD_BYTES], blob[megolm._HEAD_BYTES :]
        if all(megolm.VERSION + epoch.tag != head for epoch in epochs):
            return None
        known = self._others.get(conversation, {})
        senders = frozenset(device for device, tag in known if tag == rest[:tag_bytes])
        return Unsealed(senders, rest[tag_bytes:])

    megolm.MegolmSessions.seal, megolm.MegolmSessions.open = seal, open_


def open_letters() -> None:
    from p2pchat.crypto import mail
    from p2pchat.crypto.hpke import HEADER_BYTES, VERSION
    from p2pchat.crypto.olm import OlmBox, Ratchets, Sealed
    from p2pchat.crypto.port import Opened

    def envelope(to, recipient, plaintext):
        return bytes((VERSION, to.suite)) + to.id + plaintext

    mail.seal_envelope = envelope
    mail.open_envelope = lambda own, recipient, blob: blob[HEADER_BYTES:]
    Ratchets.seal = lambda self, peer, plaintext, *_, **__: Sealed(OlmBox(1, plaintext, 0), ())
    Ratchets.begins = lambda self, peer, box, *_: False
    Ratchets.open = lambda self, peer, box, head, *_, **__: Opened(box.ciphertext[len(head) :], ())


def open_the_database() -> None:
    import sqlcipher3.dbapi2 as sqlcipher

    class Keyless(sqlcipher.Connection):
        def execute(self, statement, *parameters):
            if statement.startswith(("PRAGMA key", "PRAGMA cipher", "PRAGMA rekey")):
                statement = "SELECT 1"
            return super().execute(statement, *parameters)

    connect = sqlcipher.connect
    sqlcipher.connect = lambda *given, **options: connect(*given, factory=Keyless, **options)


def forward(topic: str) -> None:
    from p2pchat.protocol import rooms
    from p2pchat.protocol.sealing import RoomSecret

    rooms.room_secret = lambda key: RoomSecret(topic, bytes(32))


if os.environ.get("P2PCHAT_UNSEALED"):
    unseal()
if os.environ.get("P2PCHAT_FORWARDS"):
    forward(os.environ["P2PCHAT_FORWARDS"])
