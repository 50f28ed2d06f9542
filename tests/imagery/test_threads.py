import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import rasterio
import rasterio.env
import rasterio.errors
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


@contextmanager
def held_by_another(path):
    """A thread that reads a file all the while; gives it back when told. Yields its dataset and how to tell it."""
    has, let_go = threading.Event(), threading.Event()
    seen = []

    def hold():
        with files.opened(path) as dataset:
            seen.append(dataset)
            has.set()
            let_go.wait(30)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold)
        try:
            assert has.wait(30)
            yield seen[0], let_go.set
        finally:
            let_go.set()
            done.result()


@pytest.fixture
def two_files(band_folder):
    return sorted(band_folder().glob("*.tif"))[:2]


def test_a_file_that_another_thread_reads_is_waited_for_so_that_tiles_are_decoded_once(two_files, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 30.0)
    with held_by_another(two_files[0]) as (theirs, let_go):
        threading.Timer(0.2, let_go).start()
        with files.opened(two_files[0]) as ours:
            assert ours is theirs


def test_it_is_not_waited_for_without_end(two_files, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 0.05)
    with held_by_another(two_files[0]) as (theirs, _), files.opened(two_files[0]) as ours:
        assert ours is not theirs
        np.testing.assert_array_equal(ours.read(1), rasterio.open(two_files[0]).read(1))


def test_who_holds_a_file_never_waits(two_files, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 1e6)
    with (
        held_by_another(two_files[0]) as (theirs, _),
        files.opened(two_files[1]) as first,
        files.opened(two_files[1]) as again,
        files.opened(two_files[0]) as other,
    ):
        assert again is not first
        assert other is not theirs


def test_a_file_that_failed_is_not_kept_and_not_waited_for(two_files, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 1e6)
    with pytest.raises(RuntimeError), files.opened(two_files[0]) as failed:
        raise RuntimeError
    with files.opened(two_files[0]) as anew:
        assert anew is not failed
        assert failed.closed
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0")
    for _ in range(2):
        with pytest.raises(rasterio.errors.RasterioError), files.opened(broken):
            pass


def test_files_that_nobody_reads_go_first(two_files):
    one, other = map(str, two_files)
    assert list(files.idle_first({"a": one, "b": other})) == ["a", "b"]
    with held_by_another(two_files[0]):
        assert list(files.idle_first({"a": one, "b": other})) == ["b", "a"]
        assert list(files.idle_first({"a": one})) == ["a"]
