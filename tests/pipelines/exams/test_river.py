"""A river that moves, and what was planted into it."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipelines.errors import BadInputError
from pipelines.exams.raster import write_raster
from pipelines.exams.river import FOLDER, PLATFORM_PX, measure_river, planted, read_river

GRID = GeoBox((60, 80), Affine(8e-4, 0, -74.7, 0, -8e-4, -8.3), "EPSG:4326")
WATER, FOREST = (8, 20, 40, 45), (90, 190, 17, 24)


def write_epochs(real: Path, count: int = 5) -> None:
    for number in range(count):
        river = np.zeros(GRID.shape, bool)
        river[:, 30:46] = True
        dn = np.where(river, np.array(WATER)[:, None, None], np.array(FOREST)[:, None, None])
        noisy = dn + np.random.default_rng(number).normal(0, 1.5, dn.shape)
        write_raster(real / FOLDER / f"{1985 + 5 * number}.tif", np.clip(noisy, 1, 255).astype(np.uint8), GRID, None)


def test_epochs_are_read_in_order_and_platforms_lie_in_lasting_water(tmp_path: Path) -> None:
    write_epochs(tmp_path)
    river = read_river(tmp_path / FOLDER)
    assert river.names == ("1985", "1990", "1995", "2000", "2005")
    assert [day.year for day in river.days] == sorted({day.year for day in river.days})
    water = river.water()
    assert water[:, :, 30:46].mean() == 1
    sown, masks = planted(river)
    assert 1 <= len(masks) <= 4
    for mask in masks:
        assert mask.sum() <= PLATFORM_PX**2
        assert water[-1][mask].all()
        assert not sown.water()[-1][mask].any()
    assert (sown.values[:-1] == river.values[:-1]).all()


def test_a_folder_without_epochs_and_a_strange_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at least four"):
        measure_river(tmp_path, tmp_path / "work", "training-free")
    write_epochs(tmp_path, 4)
    write_raster(tmp_path / FOLDER / "2020.tif", np.ones((2, *GRID.shape), "u1"), GRID, None)
    with pytest.raises(BadInputError, match=r"2020\.tif is not an epoch"):
        read_river(tmp_path / FOLDER)


@pytest.mark.real
def test_what_the_river_did_is_natural_change_and_planted_fill_is_fill(real_data: Path, tmp_path: Path) -> None:
    part = measure_river(real_data, tmp_path, "training-free")
    assert part.failed == ()
    assert all(check.met for check in part.checks)
    natural, fills, planted_, found = (part.values(name) for name in ("natural", "as fill", "planted", "fill found"))
    assert min(float(one) for one in natural[:2]) > 0.9
    assert fills[:2] == [0, 0]
    assert planted_[3] == 4
    assert int(found[3]) >= 3
