"""One of each that a control op of a room may say."""

from __future__ import annotations

from p2pchat.model.control import (
    Admission,
    Control,
    Cut,
    Detail,
    DeviceRevoked,
    Epoch,
    Genesis,
    History,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
    Standing,
    TalkFloor,
    TalkHead,
)
from p2pchat.model.conversation import open_room_id, room_commitment, room_id
from p2pchat.wire.control import encode_control
from p2pchat.wire.devices import new_revocation, read_device_set, revocation
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.joining import sign_join
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, digest, op_id

ROOM = open_room_id("square")
GENESIS = Genesis(
    tuple(sorted((ALICE.account, BOB.account))),
    History.LAST,
    500,
    "Crew 广场",
    bytes(range(16)),
    room_commitment(digest("room secret")),
)
REVOKED = revocation(
    read_device_set(new_revocation(MALLORY.account_signer, MALLORY.device, WALL_MS)),
    MALLORY.device,
)
INVITE_SEED = digest("invitation")
INVITE = Ed25519Signer(INVITE_SEED)
JOIN = sign_join(INVITE_SEED, ROOM, op_id("invite"), CAROL.account)
FLOORS = tuple(TalkFloor(device, 41) for device in sorted((ALICE.device, BOB.device)))
ROOM_CONTROLS: dict[str, Control] = {
    "genesis": GENESIS,
    "standing": SetStanding(MALLORY.account, Standing.MEMBER),
    "removal": SetStanding(
        MALLORY.account,
        Standing.REMOVED,
        (Cut(MALLORY.device, (op_id("control"),), (TalkHead(7, op_id("talk")),)),),
    ),
    "leave": Leave(),
    "epoch": Epoch(digest("commitment")),
    "device revoked": DeviceRevoked(
        MALLORY.account, MALLORY.device, (TalkHead(7, op_id("talk")),), REVOKED
    ),
    "link": Link(),
    "invite": Invite(INVITE.public_key, 20, WALL_MS),
    "invite revoked": InviteRevoked(op_id("invite")),
    "admission": Admission(CAROL.account, op_id("invite"), JOIN.key, JOIN.proof),
    "standing, with floors": SetStanding(CAROL.account, Standing.MEMBER, (), FLOORS),
    "admission, with floors": Admission(
        CAROL.account, op_id("invite"), JOIN.key, JOIN.proof, FLOORS
    ),
    "pin": Pin(op_id("message"), is_on=True),
    "pin taken away": Pin(op_id("message"), is_on=False),
    "name": SetDetail(Detail.NAME, "Crew 广场"),
    "announcement": SetDetail(Detail.ANNOUNCEMENT, "Friday at eight.\nBring a friend."),
}
CREW = room_id(encode_control(GENESIS)[1])
