"""A city laid out as OSCD lays it, with all 13 bands."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipelines.exams.raster import write_raster

CITY = GeoBox((91, 122), Affine(1.3e-4, 0, 117.01, 0, -9e-5, 48.7), "EPSG:4326")
STEPS = {"B01": 6, "B02": 1, "B03": 1, "B04": 1, "B05": 2, "B06": 2, "B07": 2, "B08": 1, "B8A": 2, "B09": 6, "B10": 6}
STEPS |= {"B11": 2, "B12": 2}
STEMS = {"imgs_1": "T50TXX_20170702T025551", "imgs_2": "T50TXX_20180707T025551"}


def built() -> np.ndarray:
    truth = np.zeros(CITY.shape, bool)
    truth[10:41, 8:50] = True
    return truth


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """The folder of real imagery that holds it."""
    root = tmp_path / "real"
    rng = np.random.default_rng(5)
    for epoch, stem in STEMS.items():
        for number, (band, step) in enumerate(STEPS.items()):
            values = 1000 + 60 * number + rng.normal(0, 25, CITY.shape) + 1500 * built() * (epoch == "imgs_2")
            rows, cols = (size // step for size in CITY.shape)
            means = values[: rows * step, : cols * step].reshape(rows, step, cols, step).mean(axis=(1, 3))
            scale = Affine.scale(CITY.shape[1] / cols, CITY.shape[0] / rows)
            grid = GeoBox((rows, cols), CITY.affine @ scale, CITY.crs)
            path = root / "oscd" / "images" / "alpha" / epoch / f"{stem}_{band}.tif"
            write_raster(path, means.astype(np.uint16), grid, None)
    (root / "oscd" / "images" / "alpha" / "dates.txt").write_text("date_1: 20170702\ndate_2: 20180707\n")
    label = root / "oscd" / "labels" / "alpha" / "cm" / "alpha-cm.tif"
    write_raster(label, built().astype(np.uint8) + 1, CITY, None)
    return root
