from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Signed(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("version", "conversation", "chain", "account", "device", "seq", "prev", "hlc", "kind", "content_hash", "deps", "after", "devices", "refers", "was")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREV_FIELD_NUMBER: _ClassVar[int]
    HLC_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    DEPS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    REFERS_FIELD_NUMBER: _ClassVar[int]
    WAS_FIELD_NUMBER: _ClassVar[int]
    version: int
    conversation: bytes
    chain: int
    account: bytes
    device: bytes
    seq: int
    prev: bytes
    hlc: int
    kind: int
    content_hash: bytes
    deps: _containers.RepeatedScalarFieldContainer[bytes]
    after: _containers.RepeatedScalarFieldContainer[bytes]
    devices: bytes
    refers: bytes
    was: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, version: _Optional[int] = ..., conversation: _Optional[bytes] = ..., chain: _Optional[int] = ..., account: _Optional[bytes] = ..., device: _Optional[bytes] = ..., seq: _Optional[int] = ..., prev: _Optional[bytes] = ..., hlc: _Optional[int] = ..., kind: _Optional[int] = ..., content_hash: _Optional[bytes] = ..., deps: _Optional[_Iterable[bytes]] = ..., after: _Optional[_Iterable[bytes]] = ..., devices: _Optional[bytes] = ..., refers: _Optional[bytes] = ..., was: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SignedOp(_message.Message):
    __slots__ = ("header", "signature", "content", "deletion")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    DELETION_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    signature: bytes
    content: bytes
    deletion: Deletion
    def __init__(self, header: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., content: _Optional[bytes] = ..., deletion: _Optional[_Union[Deletion, _Mapping]] = ...) -> None: ...

class Deletion(_message.Message):
    __slots__ = ("header", "signature")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    signature: bytes
    def __init__(self, header: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("name", "greeting", "intro", "pair_half")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GREETING_FIELD_NUMBER: _ClassVar[int]
    INTRO_FIELD_NUMBER: _ClassVar[int]
    PAIR_HALF_FIELD_NUMBER: _ClassVar[int]
    name: str
    greeting: str
    intro: bytes
    pair_half: bytes
    def __init__(self, name: _Optional[str] = ..., greeting: _Optional[str] = ..., intro: _Optional[bytes] = ..., pair_half: _Optional[bytes] = ...) -> None: ...

class Accept(_message.Message):
    __slots__ = ("name", "pair_half")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAIR_HALF_FIELD_NUMBER: _ClassVar[int]
    name: str
    pair_half: bytes
    def __init__(self, name: _Optional[str] = ..., pair_half: _Optional[bytes] = ...) -> None: ...

class Profile(_message.Message):
    __slots__ = ("name", "bio", "avatar")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BIO_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    name: str
    bio: str
    avatar: bytes
    def __init__(self, name: _Optional[str] = ..., bio: _Optional[str] = ..., avatar: _Optional[bytes] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("text", "reply_to")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    text: str
    reply_to: bytes
    def __init__(self, text: _Optional[str] = ..., reply_to: _Optional[bytes] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("emoji", "removed")
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    emoji: str
    removed: bool
    def __init__(self, emoji: _Optional[str] = ..., removed: _Optional[bool] = ...) -> None: ...

class MayIntroduce(_message.Message):
    __slots__ = ("account", "name")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    name: str
    def __init__(self, account: _Optional[bytes] = ..., name: _Optional[str] = ...) -> None: ...

class IntroductionConsent(_message.Message):
    __slots__ = ("account", "link")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    link: str
    def __init__(self, account: _Optional[bytes] = ..., link: _Optional[str] = ...) -> None: ...

class Introduce(_message.Message):
    __slots__ = ("name", "link")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    name: str
    link: str
    def __init__(self, name: _Optional[str] = ..., link: _Optional[str] = ...) -> None: ...

class KeptIntroductions(_message.Message):
    __slots__ = ("kept",)
    KEPT_FIELD_NUMBER: _ClassVar[int]
    kept: _containers.RepeatedCompositeFieldContainer[KeptIntroduction]
    def __init__(self, kept: _Optional[_Iterable[_Union[KeptIntroduction, _Mapping]]] = ...) -> None: ...

class KeptIntroduction(_message.Message):
    __slots__ = ("introducer", "account", "to", "stage", "name", "link", "created_ms")
    INTRODUCER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    introducer: bytes
    account: bytes
    to: bytes
    stage: str
    name: str
    link: str
    created_ms: int
    def __init__(self, introducer: _Optional[bytes] = ..., account: _Optional[bytes] = ..., to: _Optional[bytes] = ..., stage: _Optional[str] = ..., name: _Optional[str] = ..., link: _Optional[str] = ..., created_ms: _Optional[int] = ...) -> None: ...

class Certificate(_message.Message):
    __slots__ = ("account", "device", "created_ms", "olm_curve25519", "mailbox")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    OLM_CURVE25519_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    device: bytes
    created_ms: int
    olm_curve25519: bytes
    mailbox: bytes
    def __init__(self, account: _Optional[bytes] = ..., device: _Optional[bytes] = ..., created_ms: _Optional[int] = ..., olm_curve25519: _Optional[bytes] = ..., mailbox: _Optional[bytes] = ...) -> None: ...

class Revocation(_message.Message):
    __slots__ = ("account", "device", "revoked_ms")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REVOKED_MS_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    device: bytes
    revoked_ms: int
    def __init__(self, account: _Optional[bytes] = ..., device: _Optional[bytes] = ..., revoked_ms: _Optional[int] = ...) -> None: ...

class DeviceSet(_message.Message):
    __slots__ = ("certificates", "revocations")
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    certificates: _containers.RepeatedCompositeFieldContainer[Signed]
    revocations: _containers.RepeatedCompositeFieldContainer[Signed]
    def __init__(self, certificates: _Optional[_Iterable[_Union[Signed, _Mapping]]] = ..., revocations: _Optional[_Iterable[_Union[Signed, _Mapping]]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("version", "conversation", "account", "device", "entries", "sent_ms", "from_seq", "wordless", "read_below")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    WORDLESS_FIELD_NUMBER: _ClassVar[int]
    READ_BELOW_FIELD_NUMBER: _ClassVar[int]
    version: int
    conversation: bytes
    account: bytes
    device: bytes
    entries: _containers.RepeatedCompositeFieldContainer[FrontierEntry]
    sent_ms: int
    from_seq: int
    wordless: _containers.RepeatedScalarFieldContainer[int]
    read_below: int
    def __init__(self, version: _Optional[int] = ..., conversation: _Optional[bytes] = ..., account: _Optional[bytes] = ..., device: _Optional[bytes] = ..., entries: _Optional[_Iterable[_Union[FrontierEntry, _Mapping]]] = ..., sent_ms: _Optional[int] = ..., from_seq: _Optional[int] = ..., wordless: _Optional[_Iterable[int]] = ..., read_below: _Optional[int] = ...) -> None: ...

class FrontierEntry(_message.Message):
    __slots__ = ("device", "chain", "seq", "head")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    chain: int
    seq: int
    head: bytes
    def __init__(self, device: _Optional[bytes] = ..., chain: _Optional[int] = ..., seq: _Optional[int] = ..., head: _Optional[bytes] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: bytes
    def __init__(self, devices: _Optional[bytes] = ...) -> None: ...

class Ops(_message.Message):
    __slots__ = ("ops", "devices")
    OPS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    ops: _containers.RepeatedCompositeFieldContainer[SignedOp]
    devices: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, ops: _Optional[_Iterable[_Union[SignedOp, _Mapping]]] = ..., devices: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SyncDigest(_message.Message):
    __slots__ = ("conversation", "digest", "in_answer")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IN_ANSWER_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    digest: bytes
    in_answer: bool
    def __init__(self, conversation: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., in_answer: _Optional[bool] = ...) -> None: ...

class SyncFrontier(_message.Message):
    __slots__ = ("conversation", "heads", "floors")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    FLOORS_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    heads: _containers.RepeatedCompositeFieldContainer[FrontierEntry]
    floors: _containers.RepeatedCompositeFieldContainer[FrontierEntry]
    def __init__(self, conversation: _Optional[bytes] = ..., heads: _Optional[_Iterable[_Union[FrontierEntry, _Mapping]]] = ..., floors: _Optional[_Iterable[_Union[FrontierEntry, _Mapping]]] = ...) -> None: ...

class SyncPull(_message.Message):
    __slots__ = ("conversation", "wanted")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    wanted: _containers.RepeatedCompositeFieldContainer[Wanted]
    def __init__(self, conversation: _Optional[bytes] = ..., wanted: _Optional[_Iterable[_Union[Wanted, _Mapping]]] = ...) -> None: ...

class Wanted(_message.Message):
    __slots__ = ("device", "chain", "from_seq", "head")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    chain: int
    from_seq: int
    head: bytes
    def __init__(self, device: _Optional[bytes] = ..., chain: _Optional[int] = ..., from_seq: _Optional[int] = ..., head: _Optional[bytes] = ...) -> None: ...

class SyncPage(_message.Message):
    __slots__ = ("conversation", "more")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    more: bool
    def __init__(self, conversation: _Optional[bytes] = ..., more: _Optional[bool] = ...) -> None: ...

class Compare(_message.Message):
    __slots__ = ("session", "step", "value")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    step: int
    value: bytes
    def __init__(self, session: _Optional[bytes] = ..., step: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Typing(_message.Message):
    __slots__ = ("is_typing",)
    IS_TYPING_FIELD_NUMBER: _ClassVar[int]
    is_typing: bool
    def __init__(self, is_typing: _Optional[bool] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("genesis", "secret", "epochs", "devices")
    GENESIS_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    genesis: bytes
    secret: bytes
    epochs: _containers.RepeatedScalarFieldContainer[bytes]
    devices: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, genesis: _Optional[bytes] = ..., secret: _Optional[bytes] = ..., epochs: _Optional[_Iterable[bytes]] = ..., devices: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SenderKey(_message.Message):
    __slots__ = ("version", "conversation", "device", "serial", "key", "given", "others")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    version: int
    conversation: bytes
    device: bytes
    serial: int
    key: bytes
    given: bytes
    others: bytes
    def __init__(self, version: _Optional[int] = ..., conversation: _Optional[bytes] = ..., device: _Optional[bytes] = ..., serial: _Optional[int] = ..., key: _Optional[bytes] = ..., given: _Optional[bytes] = ..., others: _Optional[bytes] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("hello", "ops", "receipt", "digest", "frontier", "pull", "page", "compare", "welcome", "sender_key", "join", "join_refused", "typing")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FRONTIER_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    COMPARE_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    SENDER_KEY_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    JOIN_REFUSED_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    ops: Ops
    receipt: Signed
    digest: SyncDigest
    frontier: SyncFrontier
    pull: SyncPull
    page: SyncPage
    compare: Compare
    welcome: Welcome
    sender_key: Signed
    join: Join
    join_refused: JoinRefused
    typing: Typing
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., ops: _Optional[_Union[Ops, _Mapping]] = ..., receipt: _Optional[_Union[Signed, _Mapping]] = ..., digest: _Optional[_Union[SyncDigest, _Mapping]] = ..., frontier: _Optional[_Union[SyncFrontier, _Mapping]] = ..., pull: _Optional[_Union[SyncPull, _Mapping]] = ..., page: _Optional[_Union[SyncPage, _Mapping]] = ..., compare: _Optional[_Union[Compare, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., sender_key: _Optional[_Union[Signed, _Mapping]] = ..., join: _Optional[_Union[Join, _Mapping]] = ..., join_refused: _Optional[_Union[JoinRefused, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("conversation", "invite", "key", "proof")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    invite: bytes
    key: bytes
    proof: bytes
    def __init__(self, conversation: _Optional[bytes] = ..., invite: _Optional[bytes] = ..., key: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class JoinRefused(_message.Message):
    __slots__ = ("conversation", "invite", "reason")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    invite: bytes
    reason: int
    def __init__(self, conversation: _Optional[bytes] = ..., invite: _Optional[bytes] = ..., reason: _Optional[int] = ...) -> None: ...

class AccountRecord(_message.Message):
    __slots__ = ("account", "seq", "expires_ms", "devices")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    seq: int
    expires_ms: int
    devices: bytes
    def __init__(self, account: _Optional[bytes] = ..., seq: _Optional[int] = ..., expires_ms: _Optional[int] = ..., devices: _Optional[bytes] = ...) -> None: ...

class BundleRecord(_message.Message):
    __slots__ = ("device", "seq", "expires_ms", "addresses", "fallback_key", "hpke", "relays")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_KEY_FIELD_NUMBER: _ClassVar[int]
    HPKE_FIELD_NUMBER: _ClassVar[int]
    RELAYS_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    seq: int
    expires_ms: int
    addresses: _containers.RepeatedScalarFieldContainer[str]
    fallback_key: bytes
    hpke: _containers.RepeatedCompositeFieldContainer[HpkeKey]
    relays: _containers.RepeatedCompositeFieldContainer[MailboxRelay]
    def __init__(self, device: _Optional[bytes] = ..., seq: _Optional[int] = ..., expires_ms: _Optional[int] = ..., addresses: _Optional[_Iterable[str]] = ..., fallback_key: _Optional[bytes] = ..., hpke: _Optional[_Iterable[_Union[HpkeKey, _Mapping]]] = ..., relays: _Optional[_Iterable[_Union[MailboxRelay, _Mapping]]] = ...) -> None: ...

class HpkeKey(_message.Message):
    __slots__ = ("suite", "public_key")
    SUITE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    suite: int
    public_key: bytes
    def __init__(self, suite: _Optional[int] = ..., public_key: _Optional[bytes] = ...) -> None: ...

class MailboxRelay(_message.Message):
    __slots__ = ("peer", "addresses")
    PEER_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    peer: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, peer: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class ContactLink(_message.Message):
    __slots__ = ("account", "device", "intro", "addresses", "devices")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    INTRO_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    device: bytes
    intro: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    devices: bytes
    def __init__(self, account: _Optional[bytes] = ..., device: _Optional[bytes] = ..., intro: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ..., devices: _Optional[bytes] = ...) -> None: ...

class InviteLink(_message.Message):
    __slots__ = ("conversation", "invite", "seed", "device", "expires_ms", "name", "hints", "devices")
    class Hint(_message.Message):
        __slots__ = ("device", "address")
        DEVICE_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        device: bytes
        address: str
        def __init__(self, device: _Optional[bytes] = ..., address: _Optional[str] = ...) -> None: ...
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    invite: bytes
    seed: bytes
    device: bytes
    expires_ms: int
    name: str
    hints: _containers.RepeatedCompositeFieldContainer[InviteLink.Hint]
    devices: bytes
    def __init__(self, conversation: _Optional[bytes] = ..., invite: _Optional[bytes] = ..., seed: _Optional[bytes] = ..., device: _Optional[bytes] = ..., expires_ms: _Optional[int] = ..., name: _Optional[str] = ..., hints: _Optional[_Iterable[_Union[InviteLink.Hint, _Mapping]]] = ..., devices: _Optional[bytes] = ...) -> None: ...
