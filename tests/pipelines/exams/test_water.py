"""Water at one date."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipelines.errors import BadInputError
from pipelines.exams.raster import write_raster
from pipelines.exams.water import BANDS, COLUMNS, iou, measure_water, mndwi

GRID = GeoBox((120, 120), Affine(9e-5, 0, -0.78, 0, -9e-5, 38.1), "EPSG:4326")
WATER = dict(zip(BANDS, (900, 700, 600, 400, 350, 300, 280, 250, 240, 200, 10, 100, 60), strict=True))
LAND = dict(zip(BANDS, (1300, 1200, 1300, 1500, 1700, 2200, 2400, 2500, 2600, 700, 12, 3000, 2400), strict=True))


def write_scene(real: Path, label: np.ndarray, lake: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    both = (np.array([values[name] for name in BANDS])[:, None, None] for values in (WATER, LAND))
    water, land = both
    dn = np.where(lake, water, land) * rng.normal(1, 0.04, (1, *GRID.shape)) + rng.normal(0, 3, (13, *GRID.shape))
    folder = real / "sen1floods11_spain"
    write_raster(folder / "S2" / "Spain_1_S2Hand.tif", np.maximum(dn, 1).astype(np.int16), GRID, 0)
    write_raster(folder / "Labels" / "Spain_1_LabelHand.tif", label.astype(np.int16), GRID, None)


def test_water_is_measured_where_somebody_labelled(tmp_path: Path) -> None:
    lake = np.zeros(GRID.shape, bool)
    lake[20:80, 30:100] = True
    label = lake.astype(int)
    label[:10] = -1
    label[60:80] = 0  # a third of the lake was not drawn
    write_scene(tmp_path, label, lake)
    part = measure_water(tmp_path, tmp_path / "work", "training-free")
    assert part.failed == ()
    found = dict(zip([column.name for column in COLUMNS], part.rows[0], strict=True))
    assert found["water px"] == 40 * 70
    assert found["IoU"] == pytest.approx(2 / 3, abs=0.03)
    assert found["R"] == pytest.approx(1, abs=0.03)
    assert found["P"] == pytest.approx(2 / 3, abs=0.03)
    assert found["MNDWI IoU"] == pytest.approx(2 / 3, abs=0.01)
    (check,) = part.checks
    assert not check.met


def test_iou_and_mndwi() -> None:
    called, drawn = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert iou(called, drawn, np.ones(4, bool)) == pytest.approx(1 / 3)
    assert iou(called, drawn, np.array([True, False, False, True])) == 1
    assert np.isnan(iou(called, drawn, np.zeros(4, bool)))
    dn = np.zeros((13, 1, 2), np.uint16)
    dn[BANDS.index("green"), 0, 0], dn[BANDS.index("swir16"), 0, 0] = 600, 200
    assert mndwi(dn)[0, 0] == pytest.approx(0.5)
    assert np.isnan(mndwi(dn)[0, 1])


def test_missing_and_wrong_imagery_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no sen1floods11_spain"):
        measure_water(tmp_path, tmp_path / "work", "training-free")
    lake = np.zeros(GRID.shape, bool)
    write_scene(tmp_path, lake.astype(int), lake)
    write_raster(tmp_path / "sen1floods11_spain" / "S2" / "Spain_1_S2Hand.tif", np.ones((2, 120, 120), "i2"), GRID, 0)
    ((name, reason),) = measure_water(tmp_path, tmp_path / "work", "training-free").failed
    assert name == "Spain_1"
    assert "is not an image of 13 bands" in reason


@pytest.mark.real
def test_the_index_reaches_on_the_real_scene_what_others_found(real_data: Path, tmp_path: Path) -> None:
    part = measure_water(real_data, tmp_path, "training-free")
    assert part.failed == ()
    assert part.values("MNDWI IoU")[0] == pytest.approx(0.696, abs=0.001)
    assert part.values("IoU")[0] > 0.7
    assert part.values("observed")[0] > 0.99
