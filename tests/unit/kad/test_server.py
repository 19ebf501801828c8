"""What others are answered: requests in, answers out."""

from __future__ import annotations

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.vocabulary import Answer, Asked, PeerUp, Refuse, Serve, SetAddresses, SetMode
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord

PUBLIC = "/ip4/8.8.4.4/tcp/4001"
PRIVATE = "/ip4/10.9.9.9/tcp/4001"
LOOPBACK = "/ip4/127.0.0.1/tcp/4001"
RECORD = KadRecord(b"/test/key", b"7")


@pytest.fixture
def ask(stage, cast):
    """A request of a peer on a private network; answers the message or the refusal."""

    def request(kind, key=b"", *, peer=None, **fields):
        message = KadMessage(kind, key, **fields)
        asked = Asked(9, cast("asker") if peer is None else peer, message)
        (effect,) = stage.give(asked)
        assert effect.request_id == 9
        return effect.message if isinstance(effect, Answer) else effect

    stage.up(cast("asker"), is_server=False)
    return request


def peers_of(told):
    return [peer.peer for peer in told]


def test_a_ping_is_answered(ask):
    assert ask(KadKind.PING) == KadMessage(KadKind.PING)


def test_a_client_answers_nobody_and_announces_what_it_is_once(new_stage, cast):
    stage = new_stage(is_server=False)
    (refusal,) = stage.give(Asked(1, cast("asker"), KadMessage(KadKind.PING)))
    assert isinstance(refusal, Refuse)
    assert "client" in refusal.reason
    assert stage.give(SetMode(True)) == [Serve(True)]
    assert stage.give(SetMode(True)) == []
    assert stage.give(Asked(1, cast("asker"), KadMessage(KadKind.PING))) != [refusal]
    assert stage.give(SetMode(False)) == [Serve(False)]


@pytest.mark.parametrize("kind", [kind for kind in KadKind if kind is not KadKind.PING])
def test_a_request_without_a_key_is_refused_and_counted(stage, ask, kind):
    assert isinstance(ask(kind), Refuse)
    assert stage.machine.statistics().refused == 1


def test_find_node_tells_the_k_closest_servers(stage, ask, cast):
    for n in range(60):
        stage.up(cast(n))
    stage.take()
    told = ask(KadKind.FIND_NODE, b"somewhere").closer
    assert len(told) == 20
    nearest = cast.by_distance(b"somewhere", 60)
    assert peers_of(told)[:10] == nearest[:10]
    assert told[0] == cast.contact(nearest[0])


def test_nobody_is_told_of_itself(stage, ask, cast):
    for n in range(4):
        stage.up(cast(n))
    told = ask(KadKind.FIND_NODE, cast(2), peer=cast(2)).closer
    assert set(peers_of(told)) == {cast(0), cast(1), cast(3)}
    assert cast(2) in peers_of(ask(KadKind.FIND_NODE, cast(2)).closer)


def test_who_asks_for_us_is_told_our_addresses(stage, ask, cast):
    assert ask(KadKind.FIND_NODE, cast.own).closer == ()
    stage.give(SetAddresses((f"{PRIVATE}/p2p/{cast.own}", LOOPBACK, PUBLIC)))
    ourselves = KadPeer(cast.own, (PRIVATE, PUBLIC))
    assert ask(KadKind.FIND_NODE, cast.own).closer == (ourselves,)


def test_a_connected_client_is_told_to_who_asks_for_it(stage, ask, cast):
    stage.up(cast("client"), is_server=False)
    assert ask(KadKind.FIND_NODE, cast("client")).closer == (cast.contact(cast("client")),)
    assert ask(KadKind.FIND_NODE, b"anything else").closer == ()
    assert ask(KadKind.FIND_NODE, cast("stranger")).closer == ()
    assert ask(KadKind.GET_VALUE, bytes(cast("client"))).closer == ()


def test_a_server_that_is_connected_is_told_once(stage, ask, cast):
    stage.up(cast("server"))
    assert ask(KadKind.FIND_NODE, cast("server")).closer == (cast.contact(cast("server")),)


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (LOOPBACK, (LOOPBACK, PRIVATE, PUBLIC)),
        (PRIVATE, (PRIVATE, PUBLIC)),
        (PUBLIC, (PUBLIC,)),
    ],
)
def test_everybody_is_told_only_what_he_may_believe(stage, ask, cast, scope, told):
    server = PeerUp(cast("server"), (LOOPBACK,), True, (LOOPBACK, PRIVATE, PUBLIC))
    stage.give(server)
    stage.give(PeerUp(cast("local"), (LOOPBACK,), True, (LOOPBACK,)))
    stage.up(cast("asker"), is_server=False, addresses=(scope,))
    answer = ask(KadKind.FIND_NODE, cast("server"))
    assert KadPeer(cast("server"), told) in answer.closer
    assert (cast("local") in peers_of(answer.closer)) == (scope == LOOPBACK)


def test_a_stranger_without_a_connection_is_told_public_addresses_only(stage, ask, cast):
    stage.up(cast("server"))
    assert ask(KadKind.FIND_NODE, cast("server"), peer=cast("nobody")).closer == ()


def test_a_value_is_stored_echoed_and_told_with_the_closest(stage, ask, cast):
    stage.up(cast("server"))
    stored = ask(KadKind.PUT_VALUE, RECORD.key, record=RECORD)
    assert stored == KadMessage(KadKind.PUT_VALUE, RECORD.key, RECORD)
    told = ask(KadKind.GET_VALUE, RECORD.key)
    assert (told.key, told.record) == (RECORD.key, RECORD)
    assert peers_of(told.closer) == [cast("server")]
    assert ask(KadKind.GET_VALUE, b"/test/other").record is None
    statistics = stage.machine.statistics()
    assert (statistics.records, statistics.records_bytes) == (1, len(RECORD.key) + 1)


@pytest.mark.parametrize(
    "record",
    [None, KadRecord(b"/test/other", b"7"), KadRecord(b"/test/key", b"x")],
    ids=["none", "other key", "invalid"],
)
def test_a_value_that_breaks_the_rules_is_refused(stage, ask, record):
    assert isinstance(ask(KadKind.PUT_VALUE, b"/test/key", record=record), Refuse)
    assert stage.machine.statistics().records == 0


def test_an_older_value_is_refused(ask):
    ask(KadKind.PUT_VALUE, RECORD.key, record=RECORD)
    older = KadRecord(RECORD.key, b"6")
    assert isinstance(ask(KadKind.PUT_VALUE, RECORD.key, record=older), Refuse)
    assert ask(KadKind.GET_VALUE, RECORD.key).record == RECORD


def test_a_peer_announces_itself_and_others_are_told(stage, ask, cast):
    announced = KadPeer(cast("asker"), (PRIVATE, LOOPBACK))
    add = ask(KadKind.ADD_PROVIDER, b"room", providers=(cast.contact(cast("x")), announced))
    assert add is None
    assert ask(KadKind.GET_PROVIDERS, b"room").providers == (), "not to itself"
    stage.up(cast("other"), is_server=False)
    told = ask(KadKind.GET_PROVIDERS, b"room", peer=cast("other"))
    assert told.providers == (KadPeer(cast("asker"), (PRIVATE,)),)
    assert told.key == b"room"
    assert stage.machine.statistics().provider_keys == 1


def test_four_addresses_of_an_announcement_are_kept(ask, stage, cast):
    kept = KadConfig().provider_addresses_max
    addresses = tuple(f"/ip4/192.168.7.{n}/tcp/1" for n in range(2 * kept))
    ask(KadKind.ADD_PROVIDER, b"room", providers=(KadPeer(cast("asker"), addresses),))
    stage.up(cast("other"), is_server=False)
    told = ask(KadKind.GET_PROVIDERS, b"room", peer=cast("other"))
    assert told.providers == (KadPeer(cast("asker"), addresses[:kept]),)


def test_an_announcement_without_addresses_takes_those_we_know(ask, cast):
    ask(KadKind.ADD_PROVIDER, b"room", providers=(KadPeer(cast("asker")),))
    told = ask(KadKind.GET_PROVIDERS, b"room", peer=cast("nobody"))
    assert told.providers == (KadPeer(cast("asker")),), "its address is a private one"
    assert told.closer == ()


@pytest.mark.parametrize(
    ("network", "told"), [("9.9.9", 4), ("192.168.7", 20), ("10.0.0", 20), ("127.0.0", 20)]
)
def test_one_public_network_does_not_fill_a_key_and_a_local_one_may(
    stage, ask, cast, network, told
):
    for n in range(1, 31):
        address = f"/ip4/{network}.{n}/tcp/4001"
        stage.up(cast(n), is_server=False, addresses=(address,))
        ask(KadKind.ADD_PROVIDER, b"room", peer=cast(n), providers=(KadPeer(cast(n), (address,)),))
    stage.up(cast("reader"), is_server=False, addresses=(f"/ip4/{network}.99/tcp/4001",))
    answer = ask(KadKind.GET_PROVIDERS, b"room", peer=cast("reader"))
    assert peers_of(answer.providers) == [cast(n) for n in range(30, 30 - told, -1)]


def test_nobody_announces_somebody_else(stage, ask, cast):
    others = (cast.contact(cast("x")),)
    assert isinstance(ask(KadKind.ADD_PROVIDER, b"room", providers=others), Refuse)
    assert isinstance(ask(KadKind.ADD_PROVIDER, b"room"), Refuse)
    assert stage.machine.statistics().provider_keys == 0


def test_what_expired_is_swept_with_the_next_refresh(stage, ask, cast):
    ask(KadKind.PUT_VALUE, RECORD.key, record=RECORD)
    ask(KadKind.ADD_PROVIDER, b"room", providers=(KadPeer(cast("asker")),))
    stage.sleep(24 * 3600 + 700)
    assert stage.machine.statistics().provider_keys == 0
    assert stage.machine.statistics().records == 1
    stage.sleep(12 * 3600)
    assert stage.machine.statistics().records == 0


def test_a_key_of_a_foreign_form_is_looked_up_for_its_neighbourhood(ask):
    with pytest.raises(ValueError, match="not a peer id"):
        PeerId(b"odd")
    assert ask(KadKind.FIND_NODE, b"odd").closer == ()
