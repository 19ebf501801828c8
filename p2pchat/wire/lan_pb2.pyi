from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Datagram(_message.Message):
    __slots__ = ("body", "mac")
    BODY_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    mac: bytes
    def __init__(self, body: _Optional[bytes] = ..., mac: _Optional[bytes] = ...) -> None: ...

class Packet(_message.Message):
    __slots__ = ("version", "kind", "node", "name", "listen_port", "time_ms", "nonce", "padding")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[Packet.Kind]
        HELLO: _ClassVar[Packet.Kind]
        HEARTBEAT: _ClassVar[Packet.Kind]
        GOODBYE: _ClassVar[Packet.Kind]
        PROBE: _ClassVar[Packet.Kind]
    UNKNOWN: Packet.Kind
    HELLO: Packet.Kind
    HEARTBEAT: Packet.Kind
    GOODBYE: Packet.Kind
    PROBE: Packet.Kind
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LISTEN_PORT_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    version: int
    kind: Packet.Kind
    node: bytes
    name: str
    listen_port: int
    time_ms: int
    nonce: bytes
    padding: bytes
    def __init__(self, version: _Optional[int] = ..., kind: _Optional[_Union[Packet.Kind, str]] = ..., node: _Optional[bytes] = ..., name: _Optional[str] = ..., listen_port: _Optional[int] = ..., time_ms: _Optional[int] = ..., nonce: _Optional[bytes] = ..., padding: _Optional[bytes] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("nonce", "mac")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    mac: bytes
    def __init__(self, nonce: _Optional[bytes] = ..., mac: _Optional[bytes] = ...) -> None: ...
