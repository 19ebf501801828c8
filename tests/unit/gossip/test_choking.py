"""Members of a mesh without news are asked to advertise, and asked back when they are ahead."""

from __future__ import annotations

import pytest

from p2pchat.gossip.choking import FIRST_HAND_PER_FORWARDED
from p2pchat.gossip.vocabulary import PeerDown, PeerUp, Publish, SendDropped, Subscribe, Unsubscribe
from p2pchat.wire.gossip_codec import IHave, Prune
from tests.unit.gossip.conftest import ROOM

NAMES = ("bob", "carol", "dave", "erin")


def push(stage, message, member, *data: bytes) -> None:
    for one in data:
        stage.hear(member, messages=(message(one),))


@pytest.fixture
def busy(stage, message):
    """Bob is always first, all others tell the same after him; a heartbeat has passed."""
    stage = stage(pushing_min=2)
    members = stage.mesh_with(NAMES)
    for number in range(10):
        for member in members:
            push(stage, message, member, b"%d" % number)
    stage.beat()
    return stage, members


def test_members_without_news_are_choked_down_to_those_that_must_push(busy):
    stage, (bob, *others) = busy
    assert stage.to(bob).choke == ()
    choked = [member for member in others if stage.to(member).choke == (ROOM,)]
    assert len(choked) == len(NAMES) - stage.config.pushing_min
    assert set(stage.router.mesh(ROOM)) == {bob, *others}, "they stay in the mesh"


def test_a_member_that_says_little_again_is_left_alone(stage, message):
    stage = stage(pushing_min=2)
    members = stage.mesh_with(NAMES)
    for number in range(12):
        author = members[number % 4]
        for member in (author, *members):
            push(stage, message, member, b"%d" % number)
    stage.beat()
    assert not stage.receivers("choke")


def test_an_idle_mesh_chokes_nobody(stage):
    stage = stage()
    stage.mesh_with(NAMES)
    stage.beat(5)
    assert not stage.receivers("choke")


def test_who_chokes_us_is_advertised_to_and_not_pushed_to(stage, message, named):
    stage = stage()
    bob, carol, dave, _ = stage.mesh_with(NAMES)
    stage.hear(carol, choke=(ROOM,))
    push(stage, message, bob, b"news")
    assert dave in stage.receivers("messages")
    assert carol not in stage.receivers("messages")
    stage.beat()
    (advertised,) = stage.to(carol).ihave
    assert advertised.ids == (message(b"news").id,)
    stage.hear(carol, unchoke=(ROOM,))
    push(stage, message, bob, b"more news")
    assert carol in stage.receivers("messages")


def test_own_messages_go_to_those_who_choke_us_too(stage):
    stage = stage()
    _, carol, *_ = stage.mesh_with(NAMES)
    stage.hear(carol, choke=(ROOM,))
    stage.give(Publish(1, ROOM, b"mine"))
    assert carol in stage.receivers("messages")


def test_an_advertisement_that_is_ahead_unchokes(busy, message):
    stage, members = busy
    choked = next(member for member in members if stage.to(member).choke)
    news = message(b"what the others do not push").id
    stage.hear(choked, ihave=(IHave(ROOM, (news,)),))
    assert stage.to(choked).iwant == (news,)
    assert stage.to(choked).unchoke == (ROOM,)
    known = message(b"0").id
    stage.hear(choked, ihave=(IHave(ROOM, (known,)),))
    assert stage.to(choked).unchoke == ()


def test_when_too_few_push_others_are_asked_to(busy, message):
    stage, members = busy
    choked = [member for member in members if stage.to(member).choke]
    for member in members:
        if member not in choked:
            stage.give(PeerDown(member))
    stage.beat()
    assert not stage.receivers("unchoke"), "in an idle room nobody is missing"
    (author,) = stage.meet("author")
    stage.router._mesh.drop(ROOM, author)
    push(stage, message, author, b"news")
    stage.beat()
    assert stage.receivers("unchoke") == choked


def test_silent_members_do_not_count_as_pushing(stage, message):
    """They may be there to be the only ones left."""
    stage = stage(pushing_min=2)
    *silent, one, other = stage.mesh_with(["s1", "s2", "s3", "bob", "carol"])
    (author,) = stage.meet("author")
    for number in range(20):
        for peer in (author, one, other):
            push(stage, message, peer, b"%d" % number)
    stage.beat()
    assert not stage.receivers("choke")
    assert len(silent) == 3


def test_who_chokes_is_told_of_everything_however_many_there_are_beside(stage, message):
    stage = stage(lazy_peers_min=1)
    bob, carol, *_ = stage.mesh_with(NAMES)
    stage.meet(*(f"subscriber {number}" for number in range(20)))
    stage.hear(carol, choke=(ROOM,))
    for number in range(5):
        push(stage, message, bob, b"%d" % number)
        stage.beat()
        assert carol in stage.receivers("ihave")


def test_who_chokes_is_told_of_each_message_once_unless_something_was_dropped(stage, message):
    stage = stage()
    bob, carol, *_ = stage.mesh_with(NAMES)
    stage.hear(carol, choke=(ROOM,))
    for data in (b"one", b"two"):
        push(stage, message, bob, data)
        stage.beat()
        (advertised,) = stage.to(carol).ihave
        assert advertised.ids == (message(data).id,)
    stage.give(SendDropped(carol))
    stage.beat()
    (advertised,) = stage.to(carol).ihave
    assert advertised.ids == (message(b"two").id, message(b"one").id)


def test_choked_and_brought_up_to_date_in_one_heartbeat_means_that_it_pushes(stage, message):
    """Both sides must think the same: the GRAFT undoes the CHOKE that is read before it."""
    stage = stage()
    bob, carol, *_ = stage.mesh_with(NAMES)
    stage.hear(carol, graft=(ROOM,), choke=(ROOM,))
    push(stage, message, bob, b"news")
    assert carol in stage.receivers("messages")


def test_an_advertisement_in_very_many_entries_is_answered_with_one_unchoke(busy, message):
    stage, members = busy
    choked = next(member for member in members if stage.to(member).choke)
    stage.hear(choked, ihave=tuple(IHave(ROOM, (message(b"%d!" % n).id,)) for n in range(100)))
    assert len(stage.to(choked).iwant) == 100
    assert stage.to(choked).unchoke == (ROOM,)


@pytest.mark.parametrize("how", ["prune", "graft", "new stream"])
def test_a_link_that_begins_anew_is_not_choked(stage, message, how):
    stage = stage()
    bob, carol, *_ = stage.mesh_with(NAMES)
    stage.hear(carol, choke=(ROOM,))
    match how:
        case "prune":
            stage.hear(carol, prune=(Prune(ROOM, 1),))
            stage.now_s += 10
            stage.hear(carol, graft=(ROOM,))
        case "graft":
            stage.hear(carol, graft=(ROOM,))
        case _:
            stage.give(PeerUp(carol))
            assert stage.to(carol).graft == (ROOM,)
    assert carol in stage.router.mesh(ROOM)
    push(stage, message, bob, b"news")
    assert carol in stage.receivers("messages")


def test_who_is_not_in_the_mesh_chokes_nothing(stage, named):
    stage = stage()
    stage.mesh_with(NAMES)
    (stranger,) = stage.meet("frank")
    stage.router._mesh.drop(ROOM, stranger)
    stage.hear(stranger, choke=(ROOM, "/dchat/room/other"))
    assert stranger not in stage.router._mesh.choking.chokers(ROOM)
    assert not stage.router._mesh.choking.chokers("/dchat/room/other")


def test_a_topic_that_is_left_is_forgotten(busy):
    stage, (bob, *_) = busy
    stage.hear(bob, choke=(ROOM,))
    stage.give(Unsubscribe(ROOM))
    assert not stage.router._mesh.choking.chokers(ROOM)
    stage.now_s += 20
    stage.give(Subscribe(ROOM))
    stage.beat()
    assert not stage.receivers("unchoke")


def speak(stage, message, tellers, author: str, beats: int) -> None:
    """For some heartbeats an author says ten things each, and `tellers` all tell them in order."""
    for _ in range(beats):
        for number in range(10):
            data = b"%s wrote %d at %d" % (author.encode(), number, stage.now_s)
            for teller in tellers:
                push(stage, message, teller, data)
        stage.beat()


def choked(stage) -> set:
    return set(stage.router._mesh.choking._topics[ROOM].choked)


@pytest.fixture
def first_hand(stage, message):
    """Bob writes and is heard first-hand: nobody else need push."""
    stage = stage(pushing_min=2)
    members = stage.mesh_with(NAMES)
    speak(stage, message, members, "bob", 1)
    return stage, members


def test_nobody_need_push_what_its_author_sends_first(first_hand):
    stage, (bob, carol, dave, erin) = first_hand
    assert stage.receivers("choke") == [carol, dave, erin]
    assert set(stage.router.mesh(ROOM)) == {bob, carol, dave, erin}, "they stay and advertise"


@pytest.mark.parametrize("every", [FIRST_HAND_PER_FORWARDED, FIRST_HAND_PER_FORWARDED + 1])
def test_a_forwarder_that_is_ahead_now_and_then_is_not_needed_for_it(stage, message, every):
    stage = stage(pushing_min=2)
    bob, carol, dave, erin = stage.mesh_with(NAMES)
    for number in range(5 * every):
        tellers = (bob, carol) if number % every else (carol, bob)
        for teller in (*tellers, dave, erin):
            push(stage, message, teller, b"bob wrote %d" % number)
    stage.beat()
    is_first_hand = every > FIRST_HAND_PER_FORWARDED
    assert choked(stage) == ({carol, dave, erin} if is_first_hand else {dave, erin})


def test_an_author_who_is_late_is_heard_from_those_who_are_not(stage, message):
    """He may be connected by a relay only; what remains is close to a tree of the fastest links."""
    stage = stage(pushing_min=2)
    bob, carol, dave, erin = stage.mesh_with(NAMES)
    speak(stage, message, (carol, dave, erin, bob), "bob", 5)
    assert carol not in choked(stage)
    assert len(choked(stage)) == len(NAMES) - stage.config.pushing_min


def test_an_author_whose_own_copies_stop_is_heard_from_others_at_the_next_heartbeat(
    first_hand, message
):
    """A connection may be half open long before anybody notices."""
    stage, (_, carol, dave, erin) = first_hand
    news = message(b"bob wrote home")
    stage.hear(erin, ihave=(IHave(ROOM, (news.id,)),))
    assert stage.to(erin).iwant == (news.id,)
    assert stage.to(erin).unchoke == (ROOM,), "it is ahead"
    stage.hear(erin, messages=(news,))
    stage.beat()
    assert len({carol, dave, erin} - choked(stage)) == stage.config.pushing_min


def test_one_author_who_is_not_heard_first_hand_is_enough(stage, message):
    stage = stage(pushing_min=2)
    bob, carol, dave, erin = stage.mesh_with(NAMES)
    push(stage, message, carol, b"zoe wrote once")
    speak(stage, message, (bob, carol, dave, erin), "bob", 1)
    assert len(choked(stage)) == len(NAMES) - stage.config.pushing_min


@pytest.mark.parametrize(("authors_max", "is_enough"), [(2, True), (1, False)])
def test_where_more_write_than_are_told_apart_members_push(stage, message, authors_max, is_enough):
    stage = stage(pushing_min=2, authors_max=authors_max)
    bob, carol, dave, erin = stage.mesh_with(NAMES)
    push(stage, message, carol, b"carol wrote once")
    speak(stage, message, (bob, carol, dave, erin), "bob", 1)
    assert (choked(stage) == {carol, dave, erin}) is is_enough
