"""What every detector must keep, whoever writes the next one."""

import re
import subprocess
import sys

import pytest

from aoi.kinds import KINDS
from detectors.core.errors import DetectorError, UnknownDetectorError
from detectors.core.registry import _admit, all_detectors, choose
from detectors.core.types import Detector

EVERY = pytest.mark.parametrize("detector", all_detectors().values(), ids=lambda detector: detector.id)


@EVERY
def test_its_names_and_numbers_are_sound(detector: Detector) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", detector.id)
    assert re.search(r"[一-鿿]", detector.name_zh)
    assert detector.name_en
    assert 0 < detector.threshold_low <= detector.threshold_high < 1
    assert detector.minimum_area_m2 > 0
    assert detector.seasons
    for season in detector.seasons:
        for month, day in (season.first, season.last):
            assert 1 <= month <= 12
            assert 1 <= day <= 31


@EVERY
def test_its_transitions_are_named_and_weighted(detector: Detector) -> None:
    assert len(detector.transitions) < 255
    for transition in detector.transitions:
        assert transition.before
        assert transition.after
        assert 0 <= transition.weight <= 1
        assert transition.name_zh
        assert transition.name_en


@EVERY
def test_its_layers_are_kinds_that_exist_and_it_requires_none_that_it_does_not_want(detector: Detector) -> None:
    assert set(detector.layers) <= KINDS
    assert set(detector.layers_required) <= set(detector.layers)


@EVERY
def test_what_it_asks_of_the_past_it_also_judges_and_its_grounds_are_kinds(detector: Detector) -> None:
    assert (detector.history is None) == (detector.judge is None)
    asked = [watch.history for watch in detector.watches] + ([detector.history] if detector.history else [])
    for history in asked:
        assert history.seasons
        assert history.years >= 1
        assert history.most_looks >= history.years
    assert {watch.kind for watch in detector.watches} <= set(detector.layers)
    for survey in detector.surveys:
        assert survey.years >= 2
        assert survey.choose in {"latest", "barest", "greenest", "median"}
        assert survey.ground
        assert set(survey.ground) <= set(detector.layers)
    for name in (*(watch.change for watch in detector.watches), *(survey.change for survey in detector.surveys)):
        assert re.search(r"[一-鿿]", name.zh)
        assert name.en


@EVERY
def test_its_own_ground_is_among_its_layers(detector: Detector) -> None:
    assert set(detector.ground) <= set(detector.layers)
    assert detector.ground_within_m >= 0


@EVERY
def test_it_leaves_ground_only_to_a_model_that_looks_after_it(detector: Detector) -> None:
    for left in detector.leaves:
        other = all_detectors()[left.to]
        assert left.kind in other.ground
        assert 0 < left.least_share <= 1
        assert 0 <= left.within_m <= other.ground_within_m


def test_the_nine_of_the_field_are_there() -> None:
    assert {
        "black_soil", "forest_encroachment", "grassland", "hulun_lake", "land_disturbance", "mine",
        "river_protection", "temporary_land", "wetland",
    } <= set(all_detectors())  # fmt: skip


def test_none_or_all_means_every_detector_and_a_list_keeps_its_order() -> None:
    everyone = tuple(all_detectors().values())
    assert choose(()) == choose(("all",)) == everyone
    assert [detector.id for detector in choose(("mine", "land_disturbance", "mine"))] == ["mine", "land_disturbance"]


def test_an_unknown_detector_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownDetectorError, match=r"'moon'.*land_disturbance, mine"):
        choose(("moon",))


def test_a_pack_may_not_take_an_id_that_exists_or_offer_something_else() -> None:
    known = dict(all_detectors())
    with pytest.raises(DetectorError, match="exists already"):
        _admit(known, known["mine"], "entry point other:DETECTOR", "mine")
    with pytest.raises(DetectorError, match="holds no DETECTOR"):
        _admit(known, object(), "entry point other:DETECTOR", "other")
    with pytest.raises(DetectorError, match="must be 'pits'"):
        _admit({}, known["mine"], "detectors/pits.py", "pits")


def test_listing_detectors_does_not_load_what_pixels_need() -> None:
    code = "import sys, detectors.core.registry as r; r.all_detectors(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "rasterio", "geopandas", "prefect", "scipy", "odc.geo"} & set(loaded)
