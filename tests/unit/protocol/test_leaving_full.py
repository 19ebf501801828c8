"""Who has no place left on its chain leaves all the same, and what is not here judges nothing."""

from __future__ import annotations

from dataclasses import replace

from p2pchat.model.control import Standing
from p2pchat.model.op import Chain
from p2pchat.protocol.histories import Spot
from p2pchat.protocol.room_history import is_strange_to_some
from p2pchat.protocol.room_vocabulary import PinMessage
from tests.unit.protocol.crews import Crew as Small
from tests.unit.protocol.people import BOB, CAROL, op_id
from tests.unit.protocol.test_invited import Crew


def test_who_may_write_no_more_leaves_without_a_word():
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.bob.ask(lambda id: PinMessage(id, room, op_id("a"), is_on=True))
    crew.bob.state.limits = replace(crew.bob.state.limits, control_ops_max=1)
    crew.bob.leave(room)
    assert room not in crew.bob.state.conversations


def test_what_a_word_depends_on_and_is_not_here_makes_it_nobodys_as_yet():
    crew = Crew()
    room = crew.begin()
    membership = crew.alice.state.conversations[room].invited.membership
    unknown = Spot(BOB.device, 0, (op_id("of another stay"),))
    assert not membership.may_have(CAROL.account, unknown)


def test_who_spoke_knowing_what_is_not_here_any_more_says_its_name_again():
    crew = Small("joining")
    log = crew.bob.state.conversations[crew.room].log
    (tip,) = log.tips[BOB.device, Chain.TALK]
    log.tips[BOB.device, Chain.TALK] = [replace(tip, known=(op_id("of another stay"),))]
    conversation = crew.bob.state.conversations[crew.room]
    assert is_strange_to_some(crew.bob.state, conversation)
