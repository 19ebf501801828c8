"""A table whose seats write mail: letters lie on it until somebody takes them on."""

from __future__ import annotations

from p2pchat.config.limits import Limits
from p2pchat.model.ids import DeviceId
from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.model.ratchet import Correspondent, PutMailKeys, PutOlmAccount, SeeMail
from p2pchat.protocol.machine import Effect
from p2pchat.protocol.mail_vocabulary import (
    AccountFound,
    BeginAnew,
    BundleFound,
    Discard,
    ForMail,
    LookUp,
    LookUpAccount,
    MailOpened,
    MailRefused,
    Post,
    Posted,
    RenewKeys,
    Slot,
    WritersChanged,
)
from p2pchat.wire.devices import DeviceKeys, first_device_set, read_device_set
from p2pchat.wire.frames import Frame, Ops
from p2pchat.wire.mail_codec import LETTER_BYTES_MAX, encode_letter
from p2pchat.wire.records import BundleRecord, encode_record
from tests.unit.protocol.people import WALL_MS, Person, between, digest
from tests.unit.protocol.table import Seat, Table


class Writer(Person):
    """Somebody who takes mail."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.keys = DeviceKeys(digest(f"olm {name}"), digest(f"mailbox {name}"))
        raw = first_device_set(self.account_signer, self.device, WALL_MS, self.keys)
        self.devices = read_device_set(raw)

    @property
    def correspondent(self) -> Correspondent:
        return Correspondent(self.party, self.keys.olm_curve25519)

    @property
    def bundle(self) -> bytes:
        relay = MailboxRelay(digest_peer("relay"))
        mail = MailBundle(digest("fallback"), (HpkeKey(1, digest("hpke")),), (relay,))
        return encode_record(BundleRecord(self.device, (), 1, WALL_MS, mail), self.signer)


def digest_peer(name: str):
    return DeviceId(digest(name)).peer_id


ALICE, BOB, CAROL = Writer("alice"), Writer("bob"), Writer("carol")
DIRECT = between(ALICE, BOB)
MADE = (PutOlmAccount("pickle"), PutMailKeys(digest("fallback"), WALL_MS, ()))


class PostalSeat(Seat):
    """Its letters lie on the table; what it does to itself is remembered."""

    def open(self) -> None:
        if self.store.snapshot().mail.account is None:
            self.store.commit(MADE)
        super().open()

    def _carry_one(self, effect: Effect) -> None:
        match effect:
            case Post(frames=frames, asks_again=asks_again):
                letter = encode_letter(frames, asks_again=asks_again)
                assert len(letter) <= LETTER_BYTES_MAX, "no relay takes it"
            case LookUpAccount() | LookUp() | Discard():
                pass
            case BeginAnew() | RenewKeys() | WritersChanged():
                pass
            case _:
                super()._carry_one(effect)

    def take(self, kind: type) -> list:
        """What was decided of a kind since it was asked last."""
        found = self.decided(kind)
        self.effects = [effect for effect in self.effects if not isinstance(effect, kind)]
        return found

    def find(self) -> None:
        """All look-ups end well."""
        self.know()
        for looked in self.take(LookUp):
            other = next(p for p in (ALICE, BOB, CAROL) if p.device == looked.device)
            self.do(BundleFound(other.device, other.bundle))

    def know(self) -> None:
        """No account has other devices than were known."""
        for asked in self.take(LookUpAccount):
            self.do(AccountFound(asked.account, is_there=True))

    def post(self) -> list[Post]:
        """Every letter is stored, until there is none; which ones."""
        posts: list[Post] = []
        for _ in range(3):
            self.find()
            self.answer_mail()
        while letters := self.take(Post):
            posts += letters
            for letter in letters:
                self.do(Posted(letter.to.party, letter.serial))
                self.answer_mail()
                self.find()
        return posts

    def answer_mail(self) -> None:
        """What has to be read for letters is read."""
        for index in reversed(range(len(self.loads))):
            if isinstance(self.loads[index].tag, ForMail):
                self.answer_load(index)

    def get(self, sender: Writer, letter: Post, serial: int = 1) -> None:
        """Open a letter."""
        self.hear_letter(sender, *letter.frames, asks_again=letter.asks_again, serial=serial)

    def hear_letter(
        self, sender: Writer, *frames: Frame, asks_again: bool = False, serial: int = 1
    ) -> None:
        seen = SeeMail(digest(f"blob {serial}"), WALL_MS)
        slot = Slot(digest_peer("relay"), serial)
        heard = frames, asks_again, (seen,), digest("session")
        self.do(MailOpened(slot, sender.party, sender.devices, *heard))


class PostalTable(Table):
    def sit(self, person: Person, limits: Limits | None = None) -> PostalSeat:
        seat = PostalSeat(self, person, limits or Limits())
        self.seats[seat.device] = seat
        return seat


def ops_of(posts: list[Post]) -> list[int]:
    """The numbers of the talk ops in letters."""
    frames = [frame for post in posts for frame in post.frames if isinstance(frame, Ops)]
    return [op.header.seq for frame in frames for op in frame.ops if op.header.chain == 1]


def away(table: PostalTable, seat: PostalSeat) -> None:
    """The dials of a seat fail."""
    while table.dials:
        table.run_job(("dial", table.dials[0]))


def refused(sender: Writer | None, reason: str = "letter that does not open") -> MailRefused:
    slot = Slot(digest_peer("relay"), 1)
    party = sender.party if sender is not None else None
    return MailRefused(slot, reason, party, (SeeMail(digest("blob"), WALL_MS),))
