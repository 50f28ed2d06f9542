"""A store with a few leads that say something of themselves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from case_leads import told
from store_sites import rect

from leads.store.store import Store


@pytest.fixture
def store(sqlite_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(sqlite_store()) as opened:
        yield opened


@pytest.fixture
def a_lead() -> Callable[..., Any]:
    """A record of its own, with what is given of it."""

    def make(**given: Any) -> Any:
        row = given.pop("row", {})
        return replace(told(rect(0, 0), row), **given)

    return make
