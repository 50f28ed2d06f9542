"""A store with a few leads that say something of themselves."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

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


@pytest.fixture
def a_lead() -> Callable[..., Any]:
    """A record of its own, with what is given of it."""
    from case_leads import told
    from store_sites import rect

    def make(**given: Any) -> Any:
        row = given.pop("row", {})
        return replace(told(rect(0, 0), row), **given)

    return make
