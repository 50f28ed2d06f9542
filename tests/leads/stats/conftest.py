"""The leads and helpers of the cases' tests."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leads.store.store import Store

_folder = Path(__file__).resolve().parent.parent
for _name, _file in (("store_sites", _folder / "store" / "sites.py"), ("case_leads", _folder / "cases" / "told.py")):
    if _name not in sys.modules:
        _spec = importlib.util.spec_from_file_location(_name, _file)
        assert _spec is not None
        assert _spec.loader is not None
        sys.modules[_name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules[_name])


@pytest.fixture
def store(sqlite_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(sqlite_store()) as opened:
        yield opened
