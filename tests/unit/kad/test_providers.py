"""Who is told of as the provider of a key, by how many, and where."""

from __future__ import annotations

from p2pchat.kad.vocabulary import Asked, FindProviders, Query
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer

PUBLIC = "/ip4/8.8.4.4/tcp/4001"


def test_providers_are_collected_once_each_with_every_address_that_was_told(stage, cast):
    stage.know(cast("a"), cast("b"))
    x, y = cast.contact(cast("x")), cast.contact(cast("y"))
    stage.give(FindProviders(1, b"room"))
    first, second = stage.take(Query)
    assert first.message == KadMessage(KadKind.GET_PROVIDERS, b"room")
    stage.answer(first, providers=[KadPeer(x.peer), y, cast.contact(cast.own)])
    stage.answer(second, providers=[KadPeer(y.peer, (PUBLIC,)), x])
    found = stage.result()
    assert (found.hops, found.asked) == (1, 2)
    assert {peer.peer: set(peer.addresses) for peer in found.providers} == {
        x.peer: set(x.addresses),
        y.peer: {PUBLIC, *y.addresses},
    }


def test_our_own_store_is_one_of_those_who_tell_of_providers(new_stage, cast):
    stage = new_stage(providers_per_key_max=2)
    stage.up(cast("p"), is_server=False)
    announced = KadMessage(KadKind.ADD_PROVIDER, b"room", providers=(cast.contact(cast("p")),))
    stage.give(Asked(1, cast("p"), announced))
    stage.know(cast("a"))
    stage.give(FindProviders(1, b"room"))
    (query,) = stage.take(Query)
    stage.answer(query, providers=[cast.contact(cast("x")), cast.contact(cast("y"))])
    found = stage.result()
    assert [provider.peer for provider in found.providers] == [cast("p"), cast("x")]


def test_a_liar_that_is_asked_first_hides_no_provider_and_no_address(stage, cast):
    peers = list(map(cast, range(30)))
    real = [cast.contact(cast(("member", n))) for n in range(3)]
    lie = [KadPeer(one.peer, (PUBLIC,)) for one in real]
    lie += [KadPeer(cast(("invented", n)), (PUBLIC,)) for n in range(17)]
    stage.know(*peers)
    stage.give(FindProviders(1, b"room"))
    first, *others = stage.take(Query)
    stage.answer(first, providers=lie)
    assert stage.replies == {}, "one that tells of as many as a key has ends nothing"
    for query in others:
        stage.answer(query, providers=real)
    stage.play(lambda _: ())
    found = {peer.peer: peer.addresses for peer in stage.result().providers}
    assert len(found) == stage.config.providers_per_key_max
    assert {one.peer for one in real} <= found.keys()
    assert all({PUBLIC, *one.addresses} == set(found[one.peer]) for one in real)


def test_those_who_tell_of_many_leave_each_other_teller_its_turn(stage, cast):
    """Nine of ten lie, and agree; what the tenth alone knows of is in the result."""
    stage.know(*map(cast, range(10)))
    lie = [KadPeer(cast(("invented", n)), (PUBLIC,)) for n in range(20)]
    only = cast.contact(cast("member"))
    stage.give(FindProviders(1, b"room"))
    asked = []

    def respond(query):
        asked.append(query)
        stage.answer(query, providers=[only] if len(asked) == 10 else lie)

    while queries := stage.take(Query):
        for query in queries:
            respond(query)
    assert only in stage.result().providers


def test_the_addresses_of_a_provider_are_bounded_and_each_teller_has_its_turn(new_stage, cast):
    stage = new_stage(addresses_max=3)
    stage.know(cast("a"), cast("b"))
    member = cast.contact(cast("member"))
    stage.give(FindProviders(1, b"room"))
    first, second = stage.take(Query)
    many = tuple(f"/ip4/8.8.4.{n}/tcp/4001" for n in range(3))
    stage.answer(first, providers=[KadPeer(member.peer, many)])
    stage.answer(second, providers=[member])
    (found,) = stage.result().providers
    assert len(found.addresses) == 3
    assert set(member.addresses) < set(found.addresses)
