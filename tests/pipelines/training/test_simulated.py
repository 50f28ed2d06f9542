"""Pairs of days of a world, as the network sees them."""

import datetime as dt

import numpy as np
import pytest

from detectors.core.features import CHANNELS
from imagery.simulated.spec import test_spec as tiny_spec
from pipelines.training import simulated
from pipelines.training.simulated import worked_variants
from pipelines.training.variants import Variant, VariantSpec

SPEC = tiny_spec(3).model_copy(
    update={
        "before": (dt.date(2023, 5, 30), dt.date(2023, 7, 17)),
        "after": (dt.date(2024, 7, 5), dt.date(2024, 7, 25), dt.date(2024, 9, 30)),
    }
)
PLAIN = VariantSpec(no_swir=0, no_swir16=1, no_swir22=0, coarse=0, picture=0)


def seen(most: int, how: VariantSpec = PLAIN) -> list[Variant]:
    return list(worked_variants(SPEC, np.random.default_rng(1), most, how))


@pytest.fixture(scope="module")
def pairs() -> list[Variant]:
    return seen(5)


def test_every_day_of_the_last_year_is_held_against_one_of_its_season(pairs: list[Variant]) -> None:
    days = {made.name.split()[-1] for made in pairs}
    assert days == {"2024-07-05", "2024-07-25"}  # nothing was seen within 30 days of 30 September
    for made in pairs:
        assert 0 < (made.label == 1).sum() < (made.label == 0).sum()
        assert made.features.channels.shape == (len(CHANNELS), *made.label.shape)
        assert not made.features.channels[CHANNELS.index("has_swir16")].any()


def test_no_more_pairs_come_than_are_asked_for_and_they_are_the_same_again(pairs: list[Variant]) -> None:
    (one,) = seen(1)
    assert one.name == pairs[0].name
    np.testing.assert_array_equal(one.features.channels, pairs[0].features.channels)
    np.testing.assert_array_equal(one.label, pairs[0].label)


def test_a_day_that_shows_too_little_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "SEEN_SHARE", 1.01)
    assert seen(5) == []
