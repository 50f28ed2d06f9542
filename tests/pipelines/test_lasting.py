"""What patches are made of where a work shows on some of the looks only."""

import datetime as dt

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from detectors.core.types import ChangeMap
from pipelines.block import lasting

GRID = GeoBox((1, 1), Affine(10, 0, 500_000, 0, -10, 5_400_000), "EPSG:32650")
NAN = float("nan")


def looks(*scores: float) -> list[ChangeMap]:
    """A look a fortnight of one pixel, each with its own transition."""
    return [
        ChangeMap(
            np.array([[score]], np.float32),
            np.array([[number]], np.uint8),
            "model",
            "weights",
            GRID,
            dt.date(2024, 5, 1) + dt.timedelta(14 * number),
            None,
        )
        for number, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.9,), 0.9),
        ((0.2, 0.8), 0.5),  # as ever: the mean of two
        ((0.1, 0.1, 0.1, 0.1, 0.9, 0.8), 0.8),  # begun late, and there since
        ((0.1, 0.1, 0.1, 0.1, 0.1, 0.9), 0.1),  # one look is no lasting work
        ((0.1, 0.9, 0.1, 0.9, 0.1, 0.1), 0.1),  # clouds that come and go
        ((0.1, 0.1, 0.1, 0.9, 0.2, 0.8, 0.9), 0.8),  # one look that missed it
        ((0.1, 0.1, 0.1, 0.1, 0.9, NAN, 0.7), 0.7),
        ((0.1, 0.1, 0.1, 0.1, NAN, NAN, 0.9), 0.1),
        ((0.9, 0.9, 0.9, 0.9, 0.1, 0.1), 0.9),  # what was restored was there all the same
        ((NAN, NAN), NAN),
        ((NAN, 0.6), 0.6),
    ],
)
def test_a_patch_is_what_most_looks_show_from_some_day_on(scores: tuple[float, ...], expected: float) -> None:
    score, _ = lasting(looks(*scores), GRID)
    np.testing.assert_allclose(score[0, 0], expected, atol=1e-6)


def test_the_order_of_looks_does_not_matter_and_the_clearest_one_names_it() -> None:
    found = looks(0.1, 0.1, 0.1, 0.8, 0.9)
    forward, backward = lasting(found, GRID), lasting(found[::-1], GRID)
    assert forward[0] == backward[0]
    assert forward[1][0, 0] == backward[1][0, 0] == 4


def test_without_a_look_nothing_is_observed() -> None:
    score, transition = lasting([], GRID)
    assert np.isnan(score).all()
    assert not transition.any()
