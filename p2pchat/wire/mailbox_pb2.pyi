from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Request(_message.Message):
    __slots__ = ("id", "put", "ask", "open", "register", "fetch", "delete")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    id: int
    put: Put
    ask: Ask
    open: Open
    register: Register
    fetch: Fetch
    delete: Delete
    def __init__(self, id: _Optional[int] = ..., put: _Optional[_Union[Put, _Mapping]] = ..., ask: _Optional[_Union[Ask, _Mapping]] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., register: _Optional[_Union[Register, _Mapping]] = ..., fetch: _Optional[_Union[Fetch, _Mapping]] = ..., delete: _Optional[_Union[Delete, _Mapping]] = ...) -> None: ...

class Put(_message.Message):
    __slots__ = ("mailbox", "key", "signature", "blob")
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    mailbox: bytes
    key: bytes
    signature: bytes
    blob: bytes
    def __init__(self, mailbox: _Optional[bytes] = ..., key: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., blob: _Optional[bytes] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Open(_message.Message):
    __slots__ = ("mailbox", "signature")
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    mailbox: bytes
    signature: bytes
    def __init__(self, mailbox: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("keys", "intro", "shared")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    INTRO_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    intro: bytes
    shared: bool
    def __init__(self, keys: _Optional[_Iterable[bytes]] = ..., intro: _Optional[bytes] = ..., shared: _Optional[bool] = ...) -> None: ...

class Fetch(_message.Message):
    __slots__ = ("after", "without_blobs")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_BLOBS_FIELD_NUMBER: _ClassVar[int]
    after: int
    without_blobs: bool
    def __init__(self, after: _Optional[int] = ..., without_blobs: _Optional[bool] = ...) -> None: ...

class Delete(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, ids: _Optional[_Iterable[int]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("id", "refused", "done", "challenge", "opened", "page", "notice")
    ID_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    id: int
    refused: Refused
    done: Done
    challenge: Challenge
    opened: Opened
    page: Page
    notice: Notice
    def __init__(self, id: _Optional[int] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., done: _Optional[_Union[Done, _Mapping]] = ..., challenge: _Optional[_Union[Challenge, _Mapping]] = ..., opened: _Optional[_Union[Opened, _Mapping]] = ..., page: _Optional[_Union[Page, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "wait_ms")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[Refused.Reason]
        DENIED: _ClassVar[Refused.Reason]
        TOO_LARGE: _ClassVar[Refused.Reason]
        MAILBOX_FULL: _ClassVar[Refused.Reason]
        RELAY_FULL: _ClassVar[Refused.Reason]
        BUSY: _ClassVar[Refused.Reason]
    UNKNOWN: Refused.Reason
    DENIED: Refused.Reason
    TOO_LARGE: Refused.Reason
    MAILBOX_FULL: Refused.Reason
    RELAY_FULL: Refused.Reason
    BUSY: Refused.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    reason: Refused.Reason
    wait_ms: int
    def __init__(self, reason: _Optional[_Union[Refused.Reason, str]] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Challenge(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    def __init__(self, nonce: _Optional[bytes] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("registered", "blobs")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    registered: bool
    blobs: int
    def __init__(self, registered: _Optional[bool] = ..., blobs: _Optional[int] = ...) -> None: ...

class Page(_message.Message):
    __slots__ = ("kept", "more")
    KEPT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    kept: _containers.RepeatedCompositeFieldContainer[Kept]
    more: bool
    def __init__(self, kept: _Optional[_Iterable[_Union[Kept, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class Kept(_message.Message):
    __slots__ = ("id", "stored_ms", "size_bytes", "blob")
    ID_FIELD_NUMBER: _ClassVar[int]
    STORED_MS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    id: int
    stored_ms: int
    size_bytes: int
    blob: bytes
    def __init__(self, id: _Optional[int] = ..., stored_ms: _Optional[int] = ..., size_bytes: _Optional[int] = ..., blob: _Optional[bytes] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
