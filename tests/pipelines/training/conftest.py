"""A made-up landscape on two dates, as a background and as scenes of an archive."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy.ndimage import gaussian_filter

from detectors.core.types import FloatArray
from imagery.archive import Archive
from imagery.scene import BANDS
from imagery.simulated.spectra import INDEX, TABLE
from pipelines.training.backgrounds import Background

CODES = ("B02", "B03", "B04", "B08", "B11", "B12")


def landscape(size: int, seed: int) -> FloatArray:
    """(6, size, size): plots of 16 px of plants and soils, and a lake."""
    rng = np.random.default_rng(seed)
    names = ["green_grass", "crop", "dry_grass", "tilled", "chestnut_soil", "gravel", "green_grass", "concrete"]
    plots = np.kron(rng.integers(0, len(names), (size // 16 + 1, size // 16 + 1)), np.ones((16, 16), int))
    image = TABLE[:6, [INDEX[name] for name in names]][:, plots[:size, :size]]
    y, x = np.mgrid[:size, :size]
    image[:, np.hypot(y - 0.8 * size, x - 0.8 * size) < 0.12 * size] = TABLE[:6, INDEX["clear_water"], None]
    grain = gaussian_filter(rng.standard_normal((size, size)), 0.7)
    return np.asarray(image * (1 + 0.02 * grain / grain.std()), np.float32)


def dates(size: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """The landscape and, a year on, the same under another sky."""
    first = landscape(size, seed)
    noise = np.random.default_rng(seed + 1).standard_normal(first.shape)
    return first, np.asarray(first * 1.05 + 0.004 + 0.003 * noise, np.float32)


@pytest.fixture(scope="session")
def ground_of() -> Callable[..., Background]:
    """Makes a background of (6, size, size) in which nothing is doubtful."""

    def make(size: int = 160, seed: int = 0) -> Background:
        nowhere = np.zeros((size, size), bool)
        return Background(f"made up {seed}", f"place {seed}", *dates(size, seed), BANDS, 10.0, nowhere, nowhere)

    return make


def write_scene(folder: Path, image: FloatArray, date: str, left: float) -> None:
    """A Sentinel-2 scene as a folder of band files, all of it clear."""
    folder.mkdir(parents=True)
    height, width = image.shape[1:]
    profile = {
        "driver": "GTiff", "count": 1, "height": height, "width": width, "crs": "EPSG:32650",
        "transform": Affine(10, 0, left, 0, -10, 5_400_000),
    }  # fmt: skip
    for code, band in zip(CODES, image, strict=True):
        with rasterio.open(folder / f"{code}.tif", "w", dtype="uint16", **profile) as target:
            target.write(np.round(band * 1e4).astype(np.uint16), 1)
    with rasterio.open(folder / "SCL.tif", "w", dtype="uint8", **profile) as target:
        target.write(np.full((height, width), 4, np.uint8), 1)
    said = {"datetime": f"{date}T03:00:00Z", "level": "L2A", "sensor": "sentinel-2", "scale": 1e-4, "offset": 0.0}
    (folder / "scene.json").write_text(json.dumps(said))


@pytest.fixture(scope="session")
def make_archive(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes an archive of so many places, 20 km apart, each seen on two dates."""

    def make(places: int, size: int = 160) -> Path:
        root = tmp_path_factory.mktemp("archive")
        for place in range(places):
            for date, image in zip(("2024-06-20", "2025-06-21"), dates(size, place), strict=True):
                write_scene(root / "scenes" / f"{place}_{date}", image, date, 450_000 + 20_000 * place)
        report = Archive.create_or_open(root / "archive").add(sorted((root / "scenes").iterdir()))
        assert len(report.added) == 2 * places
        return root / "archive"

    return make
