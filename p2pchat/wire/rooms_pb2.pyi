from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Genesis(_message.Message):
    __slots__ = ("version", "owners", "history", "history_last", "name", "nonce", "commitment")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    HISTORY_LAST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    version: int
    owners: _containers.RepeatedScalarFieldContainer[bytes]
    history: int
    history_last: int
    name: str
    nonce: bytes
    commitment: bytes
    def __init__(self, version: _Optional[int] = ..., owners: _Optional[_Iterable[bytes]] = ..., history: _Optional[int] = ..., history_last: _Optional[int] = ..., name: _Optional[str] = ..., nonce: _Optional[bytes] = ..., commitment: _Optional[bytes] = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("device", "control", "talk")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    TALK_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    control: _containers.RepeatedScalarFieldContainer[bytes]
    talk: _containers.RepeatedCompositeFieldContainer[TalkHead]
    def __init__(self, device: _Optional[bytes] = ..., control: _Optional[_Iterable[bytes]] = ..., talk: _Optional[_Iterable[_Union[TalkHead, _Mapping]]] = ...) -> None: ...

class TalkHead(_message.Message):
    __slots__ = ("seq", "head")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    seq: int
    head: bytes
    def __init__(self, seq: _Optional[int] = ..., head: _Optional[bytes] = ...) -> None: ...

class Standing(_message.Message):
    __slots__ = ("account", "standing", "cuts", "floors")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    CUTS_FIELD_NUMBER: _ClassVar[int]
    FLOORS_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    standing: int
    cuts: _containers.RepeatedCompositeFieldContainer[Cut]
    floors: _containers.RepeatedCompositeFieldContainer[TalkFloor]
    def __init__(self, account: _Optional[bytes] = ..., standing: _Optional[int] = ..., cuts: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ..., floors: _Optional[_Iterable[_Union[TalkFloor, _Mapping]]] = ...) -> None: ...

class TalkFloor(_message.Message):
    __slots__ = ("device", "seq")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    seq: int
    def __init__(self, device: _Optional[bytes] = ..., seq: _Optional[int] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("commitment",)
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    commitment: bytes
    def __init__(self, commitment: _Optional[bytes] = ...) -> None: ...

class Invite(_message.Message):
    __slots__ = ("key", "uses", "expires_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    uses: int
    expires_ms: int
    def __init__(self, key: _Optional[bytes] = ..., uses: _Optional[int] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class InviteRevoked(_message.Message):
    __slots__ = ("invite",)
    INVITE_FIELD_NUMBER: _ClassVar[int]
    invite: bytes
    def __init__(self, invite: _Optional[bytes] = ...) -> None: ...

class Admission(_message.Message):
    __slots__ = ("account", "invite", "key", "proof", "floors")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    FLOORS_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    invite: bytes
    key: bytes
    proof: bytes
    floors: _containers.RepeatedCompositeFieldContainer[TalkFloor]
    def __init__(self, account: _Optional[bytes] = ..., invite: _Optional[bytes] = ..., key: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., floors: _Optional[_Iterable[_Union[TalkFloor, _Mapping]]] = ...) -> None: ...

class Detail(_message.Message):
    __slots__ = ("field", "text")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    field: int
    text: str
    def __init__(self, field: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Pin(_message.Message):
    __slots__ = ("message", "on")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    on: bool
    def __init__(self, message: _Optional[bytes] = ..., on: _Optional[bool] = ...) -> None: ...

class DeviceRevoked(_message.Message):
    __slots__ = ("revocation", "talk")
    REVOCATION_FIELD_NUMBER: _ClassVar[int]
    TALK_FIELD_NUMBER: _ClassVar[int]
    revocation: bytes
    talk: _containers.RepeatedCompositeFieldContainer[TalkHead]
    def __init__(self, revocation: _Optional[bytes] = ..., talk: _Optional[_Iterable[_Union[TalkHead, _Mapping]]] = ...) -> None: ...
