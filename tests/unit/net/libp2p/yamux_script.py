"""Feeding a Yamux session frames, and reading those it sends."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.net.libp2p.yamux_frames import (
    SYN,
    FrameReader,
    Header,
    Kind,
    encode_header,
)
from p2pchat.net.libp2p.yamux_session import (
    Event,
    Session,
    YamuxLimits,
)
from p2pchat.net.libp2p.yamux_substream import Substream

UPDATE = Kind.WINDOW_UPDATE


def data_frame(stream_id: int, body: bytes, flags: int = 0) -> bytes:
    return encode_header(Kind.DATA, flags, stream_id, len(body)) + body


def feed(session: Session, *frames: bytes, now_s: float = 0.0) -> list[Event]:
    return list(session.receive(b"".join(frames), now_s))


@dataclass
class Sent:
    """What a session has sent: its headers, and the bodies by stream."""

    headers: list[Header]
    bodies: dict[int, bytes]


def drain(session: Session, batches: int = 1000) -> Sent:
    sent, reader, current = Sent([], {}), FrameReader(), 0
    for _ in range(batches):
        parts = session.take().parts
        if not parts:
            break
        for item in reader.feed(b"".join(parts)):
            if isinstance(item, Header):
                sent.headers.append(item)
                current = item.stream_id
            else:
                sent.bodies[current] = sent.bodies.get(current, b"") + bytes(item)
    return sent


def dialler(**limits: object) -> Session:
    return Session(initiator=True, limits=YamuxLimits(**limits))


def listener_with_stream(**limits: object) -> tuple[Session, Substream]:
    """A session that accepted stream 1 of its peer."""
    session = Session(initiator=False, limits=YamuxLimits(**limits))
    feed(session, encode_header(UPDATE, SYN, 1, 0))
    stream = session.accept()
    assert stream is not None
    drain(session)
    return session, stream
