from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.errors import UnreadableImageError
from imagery.mosaic import Flag
from imagery.read import read_into, read_scene
from imagery.scene import BANDS

LEFT, TOP, SIZE = 512_000, 5_406_720, 120


def grid(rows=SIZE, cols=SIZE, left=LEFT, top=TOP, gsd=10, epsg=32650):
    return GeoBox((rows, cols), Affine(gsd, 0, left, 0, -gsd, top), f"EPSG:{epsg}")


@pytest.fixture
def added(archive):
    """Adds one folder; gives its scene."""

    def add(folder):
        report = archive.add([folder])
        assert not report.refused
        return next(scene for scene in archive.scenes() if scene.id == report.added[0])

    return add


def test_the_tile_s_own_pixels_come_back_scaled(added, band_folder, noise):
    mosaic = read_scene(added(band_folder()), grid())
    np.testing.assert_allclose(mosaic.data[BANDS.index("red")], noise(2) * 1e-4, rtol=1e-6)
    assert mosaic.observed.all()
    assert not mosaic.flags.any()
    assert mosaic.present == (True,) * 6
    assert (mosaic.scenes, [str(day) for day in mosaic.dates]) == (("s2_20250612",), ["2025-06-12"])


def test_the_offset_is_added(added, band_folder, noise):
    mosaic = read_scene(added(band_folder(offset=-0.1)), grid())
    np.testing.assert_allclose(mosaic.data[0], noise(0) * 1e-4 - 0.1, atol=1e-6)
    assert (mosaic.data[0] < 0).any()  # kept: noise around zero is not cut off


def test_bands_come_in_the_order_asked_and_a_band_that_is_missing_is_nan(added, band_folder):
    folder = band_folder()
    (folder / "B12.tif").unlink()
    mosaic = read_scene(added(folder), grid(), ("swir22", "red", "rededge1", "blue"))
    assert mosaic.present == (False, True, False, True)
    assert mosaic.observed.all()


def test_twenty_metre_bands_are_interpolated_by_one_rule(added, band_folder, noise):
    mosaic = read_scene(added(band_folder()), grid())
    dn = noise(4, SIZE // 2).astype(float)
    centre = 0.75 * (0.75 * dn[10, 10] + 0.25 * dn[10, 11]) + 0.25 * (0.75 * dn[11, 10] + 0.25 * dn[11, 11])
    assert mosaic.data[BANDS.index("swir16"), 21, 21] == pytest.approx(centre * 1e-4, rel=1e-5)


@pytest.mark.parametrize("epsg", [32650, 32651])
def test_overlapping_windows_agree_bit_by_bit(added, band_folder, raster, epsg):
    folder = band_folder()
    classes = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
    classes[20:23, 30] = 9
    classes[50, 50] = 3
    raster(folder / "SCL.tif", classes, 20)
    scene = added(folder)
    left, top = (LEFT, TOP) if epsg == 32650 else (71_560, 5_423_110)
    whole = read_scene(scene, grid(left=left, top=top, epsg=epsg))
    assert 0.3 < whole.observed.mean() < 1
    random = np.random.default_rng(0)
    for _ in range(12):
        row, col = random.integers(0, 90, 2)
        rows, cols = random.integers(1, 30, 2)
        cut = slice(row, row + rows), slice(col, col + cols)
        part = read_scene(scene, grid(rows, cols, left + 10 * col, top - 10 * row, epsg=epsg))
        np.testing.assert_array_equal(part.data, whole.data[:, cut[0], cut[1]])
        np.testing.assert_array_equal(part.flags, whole.flags[cut])


def test_no_data_and_saturation_are_not_observed(added, band_folder, raster, noise):
    folder = band_folder()
    dn = noise(1)
    dn[:10] = 0
    dn[20, 20] = 65535
    raster(folder / "B03.tif", dn)
    mosaic = read_scene(added(folder), grid())
    assert (mosaic.flags[:10] == Flag.NODATA).all()
    assert mosaic.flags[20, 20] == Flag.SATURATED
    assert mosaic.observed.sum() == SIZE * SIZE - 10 * SIZE - 1
    assert np.isnan(mosaic.data[:, ~mosaic.observed]).all()
    assert np.isfinite(mosaic.data[:, mosaic.observed]).all()


def test_bright_values_are_kept(added, band_folder, raster):
    folder = band_folder()
    raster(folder / "B03.tif", np.full((SIZE, SIZE), 19_000, np.uint16))
    mosaic = read_scene(added(folder), grid())
    assert mosaic.data[1, 0, 0] == pytest.approx(1.9)


def test_clouds_of_the_classes_are_not_observed(added, band_folder, raster):
    folder = band_folder()
    classes = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
    classes[:10] = 9
    classes[-1] = 0
    raster(folder / "SCL.tif", classes, 20)
    mosaic = read_scene(added(folder), grid())
    assert (mosaic.flags[:24] == Flag.CLOUD).all()
    assert not mosaic.flags[24:-2].any()
    assert (mosaic.flags[-2:] == Flag.NODATA).all()


def test_a_grid_beyond_the_scene_is_not_observed_there(added, band_folder):
    mosaic = read_scene(added(band_folder()), grid(SIZE + 20, SIZE + 20, LEFT - 100, TOP + 100))
    assert mosaic.observed[10:-10, 10:-10].all()
    assert mosaic.observed.sum() == SIZE * SIZE
    assert (mosaic.flags[:10] == Flag.NODATA).all()


def test_a_grid_elsewhere_opens_no_file(added, band_folder):
    scene = added(band_folder())
    gone = replace(scene, assets={name: replace(asset, href="/nowhere") for name, asset in scene.assets.items()})
    mosaic = read_scene(gone, grid(left=LEFT + 50_000))
    assert (mosaic.flags == Flag.NODATA).all()
    assert not mosaic.observed.any()


def test_a_coarse_grid_takes_means(added, band_folder, noise):
    mosaic = read_scene(added(band_folder()), grid(20, 20, gsd=60))
    means = noise(2).reshape(20, 6, 20, 6).mean(axis=(1, 3)) * 1e-4
    np.testing.assert_allclose(mosaic.data[BANDS.index("red")], means, rtol=1e-5)


def test_a_file_that_went_missing_is_named(added, band_folder):
    folder = band_folder()
    scene = added(folder)
    (folder / "B04.tif").unlink()
    with pytest.raises(UnreadableImageError, match=r"s2_20250612.*B04\.tif"):
        read_scene(scene, grid())


def test_a_file_that_was_cut_after_indexing_is_named(added, band_folder):
    folder = band_folder()
    scene = added(folder)
    read_scene(scene, grid())
    content = (folder / "B04.tif").read_bytes()
    (folder / "B04.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableImageError, match=r"s2_20250612.*B04\.tif"):
        read_scene(scene, grid())


def test_a_file_with_spoiled_pixels_is_named(added, band_folder):
    folder = band_folder()
    scene = added(folder)
    with rasterio.open(folder / "B04.tif") as source:
        start = int(source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    content = bytearray((folder / "B04.tif").read_bytes())
    content[start : start + 200] = b"\xff" * 200
    Path(folder / "B04.tif").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r"s2_20250612.*B04\.tif"):
        read_scene(scene, grid())


def test_a_file_that_changed_is_read_anew(added, band_folder, raster):
    folder = band_folder()
    scene = added(folder)
    read_scene(scene, grid())
    raster(folder / "B04.tif", np.full((SIZE, SIZE), 1234, np.uint16))
    assert read_scene(scene, grid()).data[BANDS.index("red"), 0, 0] == pytest.approx(0.1234)


def test_l1c_without_classes_gets_a_cloud_mask_of_the_whole_scene(archive, raster, noise, tmp_path):
    codes = ("B01", "B02", "B03", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
    for code in codes:
        raster(tmp_path / "l1c" / f"T50_20200612T030000_{code}.tif", noise(3) if code != "B10" else noise(3) // 400 + 1)
    (tmp_path / "l1c" / "scene.json").write_text('{"date": "2020-06-12", "level": "L1C"}')
    assert archive.add([tmp_path / "l1c"]).added
    (scene,) = archive.scenes()
    assert Path(scene.assets["cloud_mask"].href).parent == archive.root / "masks"
    assert scene.assets["cloud_mask"].sha256
    with rasterio.open(scene.assets["cloud_mask"].href) as mask:
        assert mask.shape == (20, 20)
        assert mask.count == 2
    assert read_scene(scene, grid()).flags.shape == (SIZE, SIZE)


def test_what_an_array_held_is_gone_when_all_of_it_is_wanted(added, band_folder, raster):
    folder = band_folder()
    classes = np.full((SIZE // 2, SIZE // 2), 8, np.uint8)
    classes[20:40, 10:50] = 4
    raster(folder / "SCL.tif", classes, gsd=20)
    scene = added(folder)
    expected = read_scene(scene, grid())
    for geobox in (grid(), grid(left=LEFT + 400), grid(left=LEFT + 900_000)):
        data = np.full((6, *geobox.shape), 7, np.float32)
        flags = read_into(data, scene, geobox, BANDS)
        assert (np.isnan(data) == (flags != 0)).all()
        assert not (data == 7).any()
    mask = np.zeros(grid().shape, np.bool_)
    mask[50:70, 30:60] = True
    data = np.where(mask, np.float32(np.nan), np.float32(7))[None].repeat(6, 0)
    read_into(data, scene, grid(), BANDS, mask)
    np.testing.assert_array_equal(data[:, mask], expected.data[:, mask])
    assert (data[:, ~mask] == 7).all()
