"""Fetchers with a cache of their own, against servers on loopback."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagery.remote.cache import Cache
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM

QUICK = Limits(attempts=8, timeout_s=1, deadline_s=20)
HASTY = replace(SYSTEM, sleep=lambda seconds: time.sleep(seconds / 10))
"""Waits a tenth of what it should."""


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """A cache of this test's own."""
    made = Cache(tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def fetcher(cache: Cache) -> Fetcher:
    """Brings things into it, without much patience."""
    return Fetcher(cache, QUICK, clock=HASTY)


@pytest.fixture
def limited(cache: Cache) -> Callable[..., Fetcher]:
    """As `fetcher`, with other limits or credentials."""

    def make(headers: Any = None, sign: Any = None, **limits: Any) -> Fetcher:
        return Fetcher(cache, replace(QUICK, **limits), headers, sign, HASTY)

    return make


@pytest.fixture
def content() -> Callable[[int, int], bytes]:
    """Random bytes of a size."""
    return lambda size, seed=0: np.random.default_rng(seed).bytes(size)
