"""What a relay's configuration makes of its host."""

from __future__ import annotations

import pytest

from p2pchat.config import RelayConfig, RelayLimits
from p2pchat.relay import CONNECTIONS_PER_ADDRESS, _host_options


@pytest.mark.parametrize("most", [1, 64, 65, 500])
def test_as_many_of_one_address_get_in_as_may_hold_a_reservation(most):
    config = RelayConfig(home=None, limits=RelayLimits(reservations_per_address_max=most))
    options = _host_options(config, bytes(32))
    assert options.circuits.reservations_per_address_max == most
    assert options.limits.connections_per_address_max == max(most, CONNECTIONS_PER_ADDRESS)
