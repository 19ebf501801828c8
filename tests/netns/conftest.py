"""Every test here gets a network of its own, or is skipped with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns.ns import Namespaces, missing


@pytest.fixture
def net() -> Iterator[Namespaces]:
    """An empty network, removed after the test however that ends."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with Namespaces() as spaces:
        yield spaces
