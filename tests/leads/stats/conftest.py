"""A store for the numbers."""

from collections.abc import Callable, Iterator

import pytest

from leads.store.store import Store


@pytest.fixture
def store(sqlite_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(sqlite_store()) as opened:
        yield opened
