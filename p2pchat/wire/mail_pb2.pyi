from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Body(_message.Message):
    __slots__ = ("sender", "devices", "kind", "ciphertext", "counter", "account")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    devices: bytes
    kind: int
    ciphertext: bytes
    counter: int
    account: bytes
    def __init__(self, sender: _Optional[bytes] = ..., devices: _Optional[bytes] = ..., kind: _Optional[int] = ..., ciphertext: _Optional[bytes] = ..., counter: _Optional[int] = ..., account: _Optional[bytes] = ...) -> None: ...

class Letter(_message.Message):
    __slots__ = ("frames", "asks_again")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    ASKS_AGAIN_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedScalarFieldContainer[bytes]
    asks_again: bool
    def __init__(self, frames: _Optional[_Iterable[bytes]] = ..., asks_again: _Optional[bool] = ...) -> None: ...
