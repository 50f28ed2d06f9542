"""What one model makes of a reading."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from detectors.core.apply import change_map, in_season
from detectors.core.history import Season
from detectors.core.registry import all_detectors
from detectors.core.types import Detector, Pair, Reading, Surface, Transition

GEOBOX = GeoBox((2, 2), Affine(10, 0, 500_000, 0, -10, 5_400_000), "EPSG:32650")
GRASS, BARE, SNOW = frozenset({Surface.GRASS}), frozenset({Surface.BRIGHT_BARE}), frozenset({Surface.SNOW})
MODEL = Detector(
    "model",
    "模型",
    "model",
    (Season((5, 15), (10, 10)),),
    (Transition(GRASS, BARE, 0.5, "剥离", "stripped"), Transition(GRASS, BARE | SNOW, 0.25, "其他", "other")),
)


def pair() -> Pair:
    image = np.full((1, 2, 2), 0.1, np.float32)
    valid = np.ones((2, 2), np.bool_)
    days = (dt.date(2023, 7, 1), dt.date(2023, 7, 1))
    return Pair(image, image, ("red",), valid, GEOBOX, days, dt.date(2024, 7, 1))


def reading(before: list[list[int]], after: list[list[int]], score: float = 0.8) -> Reading:
    disturbance = np.full((2, 2), score, np.float32)
    return Reading(disturbance, np.array(before, np.uint8), np.array(after, np.uint8))


def test_the_first_transition_that_fits_weights_the_score_and_names_it() -> None:
    seen = reading([[4, 4], [1, 0]], [[7, 10], [7, 7]])
    change = change_map(MODEL, pair(), seen)
    np.testing.assert_allclose(change.score, [[0.4, 0.2], [0.0, 0.8]], atol=1e-6)
    assert change.transition.tolist() == [[1, 2], [0, 0]]
    assert change.weights_sha256 == "training-free"


def test_of_a_probability_the_odds_are_weighted_and_it_is_never_surer_than_the_weight() -> None:
    seen = replace(reading([[4, 4], [4, 4]], [[7, 10], [7, 7]]), site=np.array([[0.4, 0.4], [1, 0]], np.float32))
    site = change_map(MODEL, pair(), seen).site
    assert site is not None
    np.testing.assert_allclose(site, [[1 / 4, 1 / 7], [0.5, 0]], atol=1e-6)
    nothing = replace(MODEL, transitions=(Transition(GRASS, BARE, 0.0, "无", "none"),))
    site = change_map(nothing, pair(), replace(seen, site=np.array([[0.8, np.nan], [1, 0]], np.float32))).site
    assert site is not None
    np.testing.assert_array_equal(site, [[0, np.nan], [0, 0]])


def test_a_certainty_too_small_for_any_patch_is_left_as_it_is() -> None:
    small = np.array([[0.0999, 0.1], [0.05, np.nan]], np.float32)
    seen = replace(reading([[4, 4], [1, 4]], [[7, 7], [7, 7]]), disturbance=None, site=small)
    change = change_map(MODEL, pair(), seen)
    assert change.score is None
    np.testing.assert_allclose(change.of_patches, [[0.0999, 0.05 / 0.95], [0.05, np.nan]], atol=1e-6)
    with pytest.raises(ValueError, match="a score, a site or both"):
        _ = replace(change, site=None).of_patches


def test_the_catch_all_keeps_what_no_transition_names() -> None:
    change = change_map(replace(MODEL, any_transition=True), pair(), reading([[1, 1], [4, 4]], [[7, 7], [7, 7]]))
    np.testing.assert_allclose(change.score, [[0.8, 0.8], [0.4, 0.4]], atol=1e-6)


def test_not_observed_stays_not_observed() -> None:
    seen = reading([[4, 4], [4, 4]], [[7, 7], [7, 7]])
    seen.disturbance[0, 0] = np.nan
    assert np.isnan(change_map(MODEL, pair(), seen).score).tolist() == [[True, False], [False, False]]


DARK, CHAR = frozenset({Surface.DARK_BARE}), frozenset({Surface.BURNT})
TO_BARE = Transition(GRASS, BARE, 1.0, "剥离", "stripped")
TO_DARK, FROM_DARK = Transition(GRASS, DARK, 0.5, "变暗", "to dark"), Transition(DARK, SNOW, 0.25, "积雪", "snow")


def sure(before: list[list[int]], after: list[list[int]]) -> Reading:
    """Of what is certain, the certainty that people worked there is the weight."""
    return replace(reading(before, after, score=1.0), site=np.ones((2, 2), np.float32))


def test_char_of_which_no_transition_speaks_counts_as_dark_bare_ground() -> None:
    model = replace(MODEL, transitions=(TO_DARK, FROM_DARK))
    change = change_map(model, pair(), sure([[4, 9], [1, 9]], [[9, 10], [9, 7]]))
    np.testing.assert_allclose(change.of_patches, [[0.5, 0.25], [0, 0]], atol=1e-6)
    assert not change.score.any()  # the certainty alone: it is small on a burn
    assert change.transition.tolist() == [[1, 2], [0, 0]]


def test_what_a_model_says_of_char_stands_and_the_unknown_stays_unknown() -> None:
    """A weight of 0 is an answer too."""
    own = Transition(GRASS, CHAR, 0.0, "过火", "burnt"), Transition(CHAR, SNOW, 0.75, "雪下", "under snow")
    model = replace(MODEL, transitions=(TO_DARK, FROM_DARK, *own))
    change = change_map(model, pair(), sure([[4, 9], [0, 9]], [[9, 10], [9, 0]]))
    for weights in (change.of_patches, change.score):
        np.testing.assert_allclose(weights, [[0, 0.75], [1, 1]], atol=1e-6)
    assert change.transition.tolist() == [[3, 4], [0, 0]]


def test_what_is_certain_beside_a_patch_is_a_part_of_it() -> None:
    """A road of which every third pixel passes for bare ground is one road; what is faint or far off is none of it."""
    before, after = np.full((1, 12), 4, np.uint8), np.full((1, 12), 4, np.uint8)
    after[0, [0, 3]] = 7
    site = np.array([[0.9, 0.9, 0.45, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, np.nan]], np.float32)
    change = change_map(replace(MODEL, transitions=(TO_BARE,)), pair(), Reading(None, before, after, site))
    part = MODEL.grown_to
    want = [0.9, part, 0, 0.9, part, part, part, 0, 0, 0, 0, np.nan]
    np.testing.assert_allclose(change.of_patches[0], want, atol=1e-6)
    assert change.transition[0].tolist() == [1, 2, 0, 1, 2, 2, 2, *[0] * 5]


@pytest.mark.parametrize(
    ("detector", "before", "after", "name"),
    [
        ("land_disturbance", Surface.GRASS, Surface.BURNT, "过火"),
        ("land_disturbance", Surface.BURNT, Surface.GRASS, "火烧迹地恢复"),
        ("forest_encroachment", Surface.TREE, Surface.BURNT, "林地过火"),
        ("forest_encroachment", Surface.GRASS, Surface.BURNT, "林地剥离（毁林、采挖）"),
        ("forest_encroachment", Surface.SNOW, Surface.BURNT, None),
        ("black_soil", Surface.CROP, Surface.BURNT, "黑土耕地表土剥离"),
        ("black_soil", Surface.BURNT, Surface.BUILT, "耕地变建设"),
        ("grassland", Surface.GRASS, Surface.BURNT, "草原开垦或剥离"),
        ("mine", Surface.TREE, Surface.BURNT, "植被剥离"),
        ("mine", Surface.WATER, Surface.BURNT, "水面变采场或尾矿"),
    ],
)
def test_what_the_models_of_the_field_make_of_char(
    detector: str, before: Surface, after: Surface, name: str | None
) -> None:
    model = all_detectors()[detector]
    change = change_map(model, pair(), sure([[before] * 2] * 2, [[after] * 2] * 2))
    number = int(change.transition[0, 0])
    found = model.transitions[number - 1] if number else None
    assert (found.name_zh if found else None) == name
    assert change.of_patches[0, 0] == pytest.approx(found.weight if found else 0)


def test_time_logic_has_the_last_word() -> None:
    model = replace(MODEL, time_logic=lambda pair, reading, score: np.zeros_like(score))
    assert not change_map(model, pair(), reading([[4, 4], [4, 4]], [[7, 7], [7, 7]])).score.any()


def test_a_season_may_run_over_the_new_year() -> None:
    winter = replace(MODEL, seasons=(Season((11, 1), (3, 31)),))
    assert in_season(winter, dt.date(2024, 12, 5))
    assert in_season(winter, dt.date(2024, 3, 31))
    assert not in_season(winter, dt.date(2024, 4, 1))
    assert in_season(MODEL, dt.date(2024, 5, 15))
    assert not in_season(MODEL, dt.date(2024, 5, 14))


def test_of_several_seasons_any_counts() -> None:
    twice = replace(MODEL, seasons=(Season((5, 25), (6, 25)), Season((9, 1), (9, 30))))
    days = [dt.date(2024, 5, 25), dt.date(2024, 7, 20), dt.date(2024, 9, 30)]
    assert [in_season(twice, day) for day in days] == [True, False, True]
