from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Record(_message.Message):
    __slots__ = ("manifest", "identity", "contact", "name", "device_set", "conversation", "floor", "op", "receipt", "block", "setting", "peer", "end", "profile", "trust")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_SET_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    manifest: Manifest
    identity: Identity
    contact: Contact
    name: Name
    device_set: bytes
    conversation: Conversation
    floor: Floor
    op: Op
    receipt: Receipt
    block: Block
    setting: Setting
    peer: Peer
    end: End
    profile: Profile
    trust: Trust
    def __init__(self, manifest: _Optional[_Union[Manifest, _Mapping]] = ..., identity: _Optional[_Union[Identity, _Mapping]] = ..., contact: _Optional[_Union[Contact, _Mapping]] = ..., name: _Optional[_Union[Name, _Mapping]] = ..., device_set: _Optional[bytes] = ..., conversation: _Optional[_Union[Conversation, _Mapping]] = ..., floor: _Optional[_Union[Floor, _Mapping]] = ..., op: _Optional[_Union[Op, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., block: _Optional[_Union[Block, _Mapping]] = ..., setting: _Optional[_Union[Setting, _Mapping]] = ..., peer: _Optional[_Union[Peer, _Mapping]] = ..., end: _Optional[_Union[End, _Mapping]] = ..., profile: _Optional[_Union[Profile, _Mapping]] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("created_ms", "ops")
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    created_ms: int
    ops: int
    def __init__(self, created_ms: _Optional[int] = ..., ops: _Optional[int] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("account_seed", "name", "created_ms")
    ACCOUNT_SEED_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    account_seed: bytes
    name: str
    created_ms: int
    def __init__(self, account_seed: _Optional[bytes] = ..., name: _Optional[str] = ..., created_ms: _Optional[int] = ...) -> None: ...

class Contact(_message.Message):
    __slots__ = ("account", "conversation", "state", "created_ms", "intro")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    INTRO_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    conversation: bytes
    state: str
    created_ms: int
    intro: bytes
    def __init__(self, account: _Optional[bytes] = ..., conversation: _Optional[bytes] = ..., state: _Optional[str] = ..., created_ms: _Optional[int] = ..., intro: _Optional[bytes] = ...) -> None: ...

class Name(_message.Message):
    __slots__ = ("account", "name", "hlc")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    name: str
    hlc: int
    def __init__(self, account: _Optional[bytes] = ..., name: _Optional[str] = ..., hlc: _Optional[int] = ...) -> None: ...

class Profile(_message.Message):
    __slots__ = ("account", "bio", "avatar", "hlc")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    BIO_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    bio: str
    avatar: bytes
    hlc: int
    def __init__(self, account: _Optional[bytes] = ..., bio: _Optional[str] = ..., avatar: _Optional[bytes] = ..., hlc: _Optional[int] = ...) -> None: ...

class Trust(_message.Message):
    __slots__ = ("account", "verified_ms", "claimed", "confirmed")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_MS_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    verified_ms: int
    claimed: bytes
    confirmed: bool
    def __init__(self, account: _Optional[bytes] = ..., verified_ms: _Optional[int] = ..., claimed: _Optional[bytes] = ..., confirmed: _Optional[bool] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("id", "kind", "name", "created_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    kind: str
    name: str
    created_ms: int
    def __init__(self, id: _Optional[bytes] = ..., kind: _Optional[str] = ..., name: _Optional[str] = ..., created_ms: _Optional[int] = ...) -> None: ...

class Floor(_message.Message):
    __slots__ = ("conversation", "device", "chain", "seq", "prev")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREV_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    device: bytes
    chain: int
    seq: int
    prev: bytes
    def __init__(self, conversation: _Optional[bytes] = ..., device: _Optional[bytes] = ..., chain: _Optional[int] = ..., seq: _Optional[int] = ..., prev: _Optional[bytes] = ...) -> None: ...

class Op(_message.Message):
    __slots__ = ("header", "signature", "content", "received_ms", "sort_key", "shown", "delivered", "deletion_header", "deletion_signature")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_MS_FIELD_NUMBER: _ClassVar[int]
    SORT_KEY_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    DELETION_HEADER_FIELD_NUMBER: _ClassVar[int]
    DELETION_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    signature: bytes
    content: bytes
    received_ms: int
    sort_key: int
    shown: bool
    delivered: bool
    deletion_header: bytes
    deletion_signature: bytes
    def __init__(self, header: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., content: _Optional[bytes] = ..., received_ms: _Optional[int] = ..., sort_key: _Optional[int] = ..., shown: _Optional[bool] = ..., delivered: _Optional[bool] = ..., deletion_header: _Optional[bytes] = ..., deletion_signature: _Optional[bytes] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("target", "blocked_ms")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_MS_FIELD_NUMBER: _ClassVar[int]
    target: str
    blocked_ms: int
    def __init__(self, target: _Optional[str] = ..., blocked_ms: _Optional[int] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: bytes
    def __init__(self, name: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class Peer(_message.Message):
    __slots__ = ("peer", "addresses", "last_seen_ms")
    PEER_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_MS_FIELD_NUMBER: _ClassVar[int]
    peer: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    last_seen_ms: int
    def __init__(self, peer: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ..., last_seen_ms: _Optional[int] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("ops",)
    OPS_FIELD_NUMBER: _ClassVar[int]
    ops: int
    def __init__(self, ops: _Optional[int] = ...) -> None: ...
