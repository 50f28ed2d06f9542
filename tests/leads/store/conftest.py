"""A store of each kind."""

from collections.abc import Callable, Iterator

import pytest

from leads.store.store import Store


@pytest.fixture(params=["sqlite", "postgis"])
def url(request: pytest.FixtureRequest) -> str:
    """Of an empty store: of each kind in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"{request.param}_store")
    return make()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened
