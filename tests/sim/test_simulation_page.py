"""The simulations behind docs/simulation.md: goals at full size, and how the page is written."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.simulation.dht import MIX, calm, coming_back, corrupted, lasting, surrounded
from benchmarks.simulation.rooms import heard
from benchmarks.simulation.svg import Line, Plot


def test_a_plot_is_well_formed_and_the_same_every_time():
    plot = Plot("Title", "x", "y", [Line("one", [(0, 1), (1, 4)]), Line("two", [(0, 2), (1, 0)])])
    root = ET.fromstring(plot.svg())
    lines = [one for one in root.iter() if one.tag.endswith("polyline")]
    assert [line.get("points", "").split()[1] for line in lines] == ["410.0,36.0", "410.0,256.0"]
    assert plot.svg() == plot.svg()


def test_a_plot_of_nothing_but_zeros_has_an_axis():
    svg = Plot("Title", "x", "y", [Line("one", [(3, 0)])]).svg()
    assert ">1</text>" in svg


def test_a_node_comes_back_with_the_peers_it_remembers():
    back = coming_back(0.5, size=150)
    assert back.found == 1
    assert back.seconds < 10


def test_a_room_loses_nothing_to_those_who_forward_nothing():
    room = heard(60, 20, censors=0.3)
    assert room.delivery == 1
    assert room.punished == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [1_000, 2_500])
def test_large_networks_find_what_was_put_also_with_churn(size):
    figures = calm(size, keys=20)
    assert figures.found_peers >= 0.99
    assert figures.found_providers >= 0.99
    assert figures.calm.found >= 0.999
    assert figures.churned.found >= 0.99
    assert figures.calm.hops < 4


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_liars_of_every_kind_hide_little_of_a_large_network(share):
    assert corrupted(1_000, share, MIX, seeds=1).found >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("is_put_before", [True, False], ids=["before", "during"])
@pytest.mark.parametrize(("size", "seeds"), [(20, 40), (1_000, 3)])
def test_sybils_round_a_key_hide_less_than_a_twentieth(size, seeds, is_put_before):
    found = surrounded(size, 1, is_put_before=is_put_before, seeds=seeds).found
    assert found >= 0.95


@pytest.mark.slow
def test_records_outlive_their_holders():
    rows = lasting(300, 120)
    assert rows[-1].found >= 0.99
    assert rows[-1].holders >= 10


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["loss", "churn", "censors"])
def test_a_room_of_a_thousand_hears_everything(trouble):
    room = heard(1_000, 30, **{trouble: 0.3 if trouble == "censors" else 0.1})
    assert room.delivery >= 0.999
    assert room.punished == 0
