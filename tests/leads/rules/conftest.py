import datetime as dt
from collections.abc import Callable

import pytest

from leads.model import Crossing
from leads.rules.interval import PatchArea
from leads.rules.subject import Subject

MU = 2000 / 3


@pytest.fixture(scope="session")
def subject() -> Callable[..., Subject]:
    """A patch of so many 亩 (value, low, high), wholly in each layer named."""

    def make(
        detector: str,
        mu: tuple[float, float, float],
        days: tuple[str, str],
        layers: dict[str, dict[str, str]],
        change: str = "",
        **more: tuple[str, ...],
    ) -> Subject:
        value, low, high = (number * 2000 / 3 for number in mu)
        crossings = tuple(
            Crossing(kind, f"{kind}-1", attributes.get("name", ""), value, attributes)
            for kind, attributes in layers.items()
        )
        before, seen = (dt.date.fromisoformat(day) for day in days)
        return Subject(detector, change, before, seen, PatchArea(value, low, high), crossings, **more)

    return make
