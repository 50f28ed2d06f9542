"""Makes `sites` importable as ``store_sites``: pytest's import mode knows no packages of tests."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leads.store.store import Store

_spec = importlib.util.spec_from_file_location("store_sites", Path(__file__).with_name("sites.py"))
assert _spec is not None
assert _spec.loader is not None
sys.modules["store_sites"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["store_sites"])


@pytest.fixture(params=["sqlite", "postgis"])
def url(request: pytest.FixtureRequest) -> str:
    """Of an empty store: of each kind in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"{request.param}_store")
    return make()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened
