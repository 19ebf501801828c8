"""What the blobs of rooms are sealed with, and by which topic each is known.

Open rooms have one key each, which everybody derives from the name. Rooms by invitation have epochs
and sender sessions, as `protocol.invited` says.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from p2pchat.crypto.port import RoomCipher, RoomSessions
from p2pchat.errors import BadSignature, RemoteProtocolError
from p2pchat.gossip.vocabulary import Verdict
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.protocol.machine import (
    BeginSession,
    EnterTopic,
    Heard,
    HoldEpochs,
    LearnSession,
    Publish,
    ShareSession,
)
from p2pchat.protocol.room_vocabulary import ShareAgain
from p2pchat.protocol.sealing import TAG_BYTES, EpochKey, RoomSecret
from p2pchat.wire.envelope import Signer
from p2pchat.wire.frames import Ops, decode_ops, encode_frame, encode_ops
from p2pchat.wire.ops import verify_op
from p2pchat.wire.sender_keys import SenderKey, audience_of, sign_sender_key

__all__ = ["Blob", "RoomSeals", "SealEffect"]

SHUT_BLOBS_MAX = 128

SealEffect = EnterTopic | HoldEpochs | BeginSession | LearnSession


@dataclass(frozen=True, slots=True)
class Blob:
    """What became of a blob."""

    verdict: Verdict
    ops: Ops | None = None
    is_puzzling: bool = False
    """It is for members, and we have no key for it."""
    is_of_epoch: bool = True
    """Somebody who knows an epoch made it; else anybody could."""


class RoomSeals:
    """The keys of all rooms we are in."""

    def __init__(self, cipher: RoomCipher, sessions: RoomSessions, signer: Signer) -> None:
        self._cipher = cipher
        self._sessions = sessions
        self._signer = signer
        self._shut: deque[tuple[ConversationId, bytes]] = deque()
        """Blobs for members that came before their key, which takes another way."""
        self._secrets: dict[ConversationId, RoomSecret] = {}
        self._epochs: dict[ConversationId, tuple[EpochKey, ...]] = {}
        self._conversations: dict[str, ConversationId] = {}
        self._shared: dict[ConversationId, bytes] = {}
        """The frames that gave our sessions' keys last."""

    def apply(self, effect: SealEffect) -> list[Heard]:
        """Take what the machine decided about keys; what they open that came before."""
        match effect:
            case EnterTopic(conversation, secret):
                self._secrets[conversation] = secret
                self._conversations[secret.topic] = conversation
            case HoldEpochs(conversation, keys):
                self._epochs[conversation] = keys
            case BeginSession(conversation):
                self._sessions.begin(conversation)
            case LearnSession(conversation, device, key):
                if self._sessions.learn(conversation, device, key):
                    return self._opened_now(conversation)
        return self._opened_now(effect.conversation) if isinstance(effect, HoldEpochs) else []

    def _opened_now(self, conversation: ConversationId) -> list[Heard]:
        """What of the blobs that were shut is open now."""
        found: list[Heard] = []
        for _ in range(len(self._shut)):
            id, data = self._shut.popleft()
            blob = self._open(id, data) if id == conversation else None
            if blob is None or blob.is_puzzling:
                self._shut.append((id, data))
            elif blob.ops is not None and blob.ops.ops:
                found.append(Heard(id, blob.ops.ops[0].header.device, blob.ops))
        return found

    def leave(self, conversation: ConversationId) -> RoomSecret | None:
        """Forget a room's keys; its secret, if it had one."""
        secret = self._secrets.pop(conversation, None)
        self._epochs.pop(conversation, None)
        self._shared.pop(conversation, None)
        self._sessions.forget(conversation)
        kept = [(id, data) for id, data in self._shut if id != conversation]
        self._shut.clear()
        self._shut.extend(kept)
        if secret is not None:
            del self._conversations[secret.topic]
        return secret

    def topic(self, conversation: ConversationId) -> str | None:
        secret = self._secrets.get(conversation)
        return secret.topic if secret is not None else None

    def conversation(self, topic: str) -> ConversationId | None:
        return self._conversations.get(topic)

    def share(self, effect: ShareSession) -> bytes:
        """The frame that gives our session's key as it stands now."""
        id, key = effect.conversation, self._sessions.key(effect.conversation)
        audience = audience_of(key, effect.devices, effect.others)
        said = SenderKey(id, DeviceId(self._signer.public_key), effect.serial, key, audience)
        frame = self._shared[id] = encode_frame(sign_sender_key(said, self._signer))
        return frame

    def share_again(self, effect: ShareAgain) -> bytes | None:
        """The same frame as last time; None when the room was left meanwhile."""
        return self._shared.get(effect.conversation)

    def seal(self, effect: Publish) -> bytes | None:
        """The blob to publish; None when the room was left meanwhile."""
        secret = self._secrets.get(effect.conversation)
        if secret is None:
            return None
        plaintext = encode_ops(effect.ops)
        if effect.epoch is None:
            return self._cipher.seal(secret, plaintext)
        return self._sessions.seal(effect.conversation, secret.topic, effect.epoch, plaintext)

    def open(self, conversation: ConversationId, data: bytes) -> Blob:
        """What is in a blob, and what gossip shall do with it. One that may be for us waits for its
        key."""
        blob = self._open(conversation, data)
        if blob.is_puzzling:
            self._keep(conversation, data)
        return blob

    def _keep(self, conversation: ConversationId, data: bytes) -> None:
        """Let a blob wait; for that the oldest goes of the room of which most are waiting."""
        self._shut.append((conversation, data))
        if len(self._shut) > SHUT_BLOBS_MAX:
            [(most, _)] = Counter(id for id, _ in self._shut).most_common(1)
            del self._shut[next(n for n, (id, _) in enumerate(self._shut) if id == most)]

    def _open(self, conversation: ConversationId, data: bytes) -> Blob:
        secret, epochs = self._secrets[conversation], self._epochs.get(conversation)
        if epochs is None:
            plaintext = self._cipher.open(secret, data)
            return Blob(Verdict.IGNORE) if plaintext is None else _signed(_decoded(plaintext))
        found = self._sessions.open(conversation, secret.topic, epochs, data)
        if found is None:
            is_known = data[1 : 1 + TAG_BYTES] in {epoch.tag for epoch in epochs}
            return Blob(Verdict.IGNORE, is_puzzling=not is_known, is_of_epoch=False)
        if not found.senders:
            return Blob(Verdict.ACCEPT, is_puzzling=True)
        blob = _decoded(found.plaintext)
        if blob.ops and not all(op.header.device in found.senders for op in blob.ops.ops):
            return Blob(Verdict.IGNORE)
        return blob


def _decoded(plaintext: bytes) -> Blob:
    try:
        return Blob(Verdict.ACCEPT, decode_ops(plaintext))
    except RemoteProtocolError:
        return Blob(Verdict.REJECT)


def _signed(blob: Blob) -> Blob:
    """Where anybody can seal, whose words they are shows before they go on."""
    try:
        for op in blob.ops.ops if blob.ops is not None else ():
            verify_op(op)
    except BadSignature:
        return Blob(Verdict.REJECT)
    return blob
