"""Fires: how they are read, and how what was called is counted."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from detectors.core.registry import choose
from detectors.core.types import Surface
from pipelines.errors import BadInputError
from pipelines.exams.burns import COLUMNS, Called, measure_burns, shares, turned_into
from pipelines.exams.fires import PILBARA_LEAST_PX, Fire, char, find_fires, loss
from pipelines.exams.raster import write_raster

GRID = GeoBox((160, 160), Affine(1.8e-4, 0, 117.0, 0, -1.8e-4, 48.7), "EPSG:4326")
GRASS, CHAR, BARE = (400, 700, 600, 3000, 2000), (300, 350, 400, 700, 1900), (1300, 1650, 2020, 2450, 3000)


def burnt() -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    mask[40:100, 50:110] = True
    return mask


def pair(folder: Path, became: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    grass = np.array(GRASS, np.float32)[:, None, None] * rng.normal(1, 0.06, (1, *GRID.shape))
    after = np.where(burnt(), np.array(became, np.float32)[:, None, None], grass)
    stem = folder / "s2_burn_pairs" / "GULLY_20240915"
    for end, image in (("pre", grass), ("post", after)):
        noisy = image + rng.normal(0, 15, image.shape)
        write_raster(stem.with_name(f"{stem.name}_{end}.tif"), noisy.astype(np.int16), GRID, -32768)
    write_raster(stem.with_name(f"{stem.name}_mask.tif"), burnt().astype(np.uint8), GRID, None)


def row(folder: Path, work: Path) -> dict[str, float]:
    part = measure_burns(folder, work, "training-free")
    assert part.failed == ()
    return dict(zip([column.name for column in COLUMNS], part.rows[0], strict=True))


def test_char_is_called_burnt_and_not_dug(tmp_path: Path) -> None:
    pair(tmp_path, CHAR)
    found = row(tmp_path, tmp_path / "work")
    assert found["burnt px"] == 3600
    assert found["observed"] > 0.99
    assert found["recall"] > 0.95
    assert found["false outside"] < 0.02
    assert found["dug px"] == 0


def test_ground_laid_bare_where_a_burn_is_expected_counts_as_dug(tmp_path: Path) -> None:
    pair(tmp_path, BARE)
    part = measure_burns(tmp_path, tmp_path / "work", "training-free")
    (found,) = part.rows
    assert part.values("recall")[0] < 0.01
    assert part.values("dug px")[0] > 0.9
    assert part.values("dug leads")[0] > 0.9
    assert part.values("other px")[0] >= part.values("dug px")[0]
    assert [check.met for check in part.checks] == [False, False]
    assert found[0] == "GULLY_20240915"


def test_shares_count_known_and_observed_ground_only() -> None:
    shape = (10, 10)
    mask = {name: np.zeros(shape, bool) for name in ("burnt", "ignore", "observed", "dug", "other", "lead")}
    mask["burnt"][:5] = True
    mask["ignore"][0] = True
    mask["observed"][:, :8] = True
    after = np.full(shape, Surface.GRASS, np.uint8)
    after[:3] = Surface.BURNT
    after[9, :4] = Surface.BURNT
    mask["dug"][4] = True
    mask["other"][3:5] = True
    fire = Fire("x", (), None, GRID, mask["burnt"], mask["ignore"])
    called = Called(after, mask["observed"], mask["dug"], mask["other"], mask["lead"], mask["dug"])
    observed, recall, false, dug_px, other_px, dug_leads, other_leads = shares(fire, called)
    assert observed == pytest.approx(0.8)
    assert recall == pytest.approx(2 / 4)
    assert false == pytest.approx(4 / 40)
    assert (dug_px, other_px, dug_leads, other_leads) == pytest.approx((1 / 4, 2 / 4, 0, 1 / 4))


def test_nothing_observed_is_not_a_recall_of_zero() -> None:
    nothing, everything = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    called = Called(np.zeros((4, 4), np.uint8), nothing, nothing, nothing, nothing, nothing)
    observed, recall, *_ = shares(Fire("x", (), None, GRID, everything, nothing), called)
    assert observed == 0
    assert np.isnan(recall)


def test_only_a_transition_that_fits_turns_into_something() -> None:
    (mine,) = choose(["mine"])
    before = np.array([[Surface.GRASS, Surface.GRASS, Surface.WATER]], np.uint8)
    after = np.array([[Surface.BRIGHT_BARE, Surface.BURNT, Surface.GRASS]], np.uint8)
    assert turned_into(mine, before, after).tolist() == [[Surface.BRIGHT_BARE, 0, 0]]


def test_char_is_where_both_bands_lost_much_in_one_large_piece() -> None:
    before = np.full((80, 80), 0.2, np.float32)
    nir, swir = before.copy(), before.copy()
    nir[10:40, 10:40] = swir[10:40, 10:40] = 0.1
    nir[50:78, 50:78] = 0.1  # one band alone is shadow, not char
    nir[60:70, 5:15] = swir[60:70, 5:15] = 0.1  # 100 px are too few
    nir[:, 79] = swir[:, 79] = 0  # no data
    found = char(loss(before, nir), loss(before, swir))
    assert PILBARA_LEAST_PX < found.sum() == pytest.approx(900, abs=20)
    assert found[20, 20]
    assert not found[64, 64]


def test_no_fire_and_a_mask_without_a_date_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no fire"):
        find_fires(tmp_path)
    write_raster(tmp_path / "s2_burn_pairs" / "GULLY_mask.tif", burnt().astype(np.uint8), GRID, None)
    part = measure_burns(tmp_path, tmp_path / "work", "training-free")
    ((name, reason),) = part.failed
    assert name == "GULLY"
    assert "carries no date" in reason


@pytest.mark.real
def test_the_real_fires_are_read_where_they_burnt(real_data: Path, tmp_path: Path) -> None:
    fires = {name: load(tmp_path) for name, load in find_fires(real_data).items()}
    assert len(fires) == 10
    shown = {name: int(fire.burnt.sum()) for name, fire in fires.items()}
    assert shown["coldsprings"] == pytest.approx(2560, abs=5)  # 568 acres by its own record
    assert shown["yakutia"] == pytest.approx(8500, abs=200)
    pilbara = fires["pilbara"]
    assert 0.3 < pilbara.burnt.mean() < 0.4
    assert pilbara.burnt[250, 200]
    assert not pilbara.burnt[250, 320]
    assert not (pilbara.burnt & ~pilbara.ignore)[470:].any()


@pytest.mark.real
def test_a_real_grass_fire_is_found_by_its_char(real_data: Path, tmp_path: Path) -> None:
    (row,) = measure_burns(real_data, tmp_path, "training-free", names=["5_INCIDENT_20240715"]).rows
    assert row[2] > 0.99
    assert row[3] > 0.9
