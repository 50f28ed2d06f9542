from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio.env
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery import files
from imagery.compose import read_before
from imagery.read import read_scene


def test_threads_that_read_the_same_files_get_the_same_pixels(archive, band_folder):
    archive.add([band_folder()])
    (scene,) = archive.scenes()
    grids = [
        GeoBox((50, 50), Affine(10, 0, 512_000 + 100 * col, 0, -10, 5_406_720 - 100 * row), "EPSG:32650")
        for row in range(6)
        for col in range(6)
    ]
    alone = [read_scene(scene, grid) for grid in grids]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda grid: read_scene(scene, grid), grids * 2))
    for one, other in zip(alone * 2, together, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_gdal_is_set_up_once_a_block_and_left_as_it_was(archive, band_folder, monkeypatch):
    archive.add([band_folder("a"), band_folder("b", seed=1)])
    grid = GeoBox((50, 50), Affine(10, 0, 512_000, 0, -10, 5_406_720), "EPSG:32650")
    set_up = []
    plain = files.rasterio.Env

    def counted(**options):
        set_up.append(options)
        return plain(**options)

    monkeypatch.setattr(files.rasterio, "Env", counted)
    read_before(archive.scenes(), grid)
    assert len(set_up) == 1
    read_scene(archive.scenes()[0], grid)
    assert len(set_up) > 1
    assert not rasterio.env.hasenv()


def test_no_more_files_stay_open_than_agreed(archive, band_folder, monkeypatch):
    monkeypatch.setattr(files, "MAX_IDLE", 5)
    grid = GeoBox((50, 50), Affine(10, 0, 512_000, 0, -10, 5_406_720), "EPSG:32650")
    for seed in range(3):
        archive.add([band_folder(f"s{seed}", seed=seed)])
    for scene in archive.scenes():
        read_scene(scene, grid)
    assert sum(map(len, files._SHELF._idle.values())) <= 5
