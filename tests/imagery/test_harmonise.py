import datetime as dt

import numpy as np
import pytest
from shapely.geometry import box

from imagery.compose import read_day
from imagery.harmonise import ETM_TO_OLI, MSI_TO_OLI, harmonised, to_reference
from imagery.scene import BANDS, Asset, Scene


def scene(sensor, level="SR", **more):
    assets = {name: Asset(f"/{name}.tif", scale=2.75e-5, offset=-0.2, nodata=0, gsd_m=30) for name in BANDS}
    assets["qa_pixel"] = Asset("/qa.tif", gsd_m=30)
    when = dt.datetime(2024, 7, 1, 3, tzinfo=dt.UTC)
    return Scene(f"{sensor}_x", sensor, level, when, box(117, 48, 118, 49), {**assets, **more})


def reflectance(scene, band, dn):
    asset = scene.assets[band]
    return dn * asset.scale + asset.offset


def test_the_numbers_are_those_published():
    """HLS user guide's table for Sentinel-2A; Roy et al. 2016, table 2, from its own two least-squares fits."""
    assert [MSI_TO_OLI[band] for band in BANDS] == [
        (0.9778, -0.004), (1.0053, -0.0009), (0.9765, 0.0009), (0.9983, -0.0001), (0.9987, -0.0011), (1.003, -0.0012),
    ]  # fmt: skip
    # a reduced major axis is the geometric mean of both regressions: ETM+ to OLI, and OLI to ETM+ turned round
    forward = (0.8474, 0.8483, 0.9047, 0.8462, 0.8937, 0.9071)
    backward = (0.8850, 0.9317, 0.9372, 0.8339, 0.8639, 0.9165)
    for band, one, other in zip(BANDS, forward, backward, strict=True):
        assert ETM_TO_OLI[band][0] == pytest.approx((one / other) ** 0.5, abs=2e-4)


@pytest.mark.parametrize("sensor", ["landsat-8", "landsat-9", "hls-l30", "hls-s30"])
def test_what_is_like_oli_becomes_like_sentinel_2_once(sensor):
    plain, fitted = scene(sensor), harmonised(scene(sensor))
    for band in BANDS:
        slope, offset = MSI_TO_OLI[band]
        for dn in (7_300, 12_000, 30_000):
            back = reflectance(fitted, band, dn) * slope + offset  # what HLS would make of Sentinel-2
            assert back == pytest.approx(reflectance(plain, band, dn), abs=1e-12)
    assert fitted.assets["qa_pixel"] == plain.assets["qa_pixel"]


@pytest.mark.parametrize("sensor", ["landsat-4", "landsat-5", "landsat-7"])
def test_tm_goes_by_way_of_oli(sensor):
    plain, fitted = scene(sensor), harmonised(scene(sensor))
    for band in BANDS:
        (first, more), (slope, offset) = ETM_TO_OLI[band], MSI_TO_OLI[band]
        wanted = (reflectance(plain, band, 10_000) * first + more - offset) / slope
        assert reflectance(fitted, band, 10_000) == pytest.approx(wanted, abs=1e-12)


def test_dark_water_stays_dark_and_bright_ground_bright():
    for sensor in ("landsat-5", "landsat-8"):
        for band in BANDS:
            slope, offset = to_reference(sensor, "SR", band)
            assert abs(0.02 * slope + offset - 0.02) < 0.01
            assert abs(0.4 * slope + offset - 0.4) < 0.03


@pytest.mark.parametrize(
    ("sensor", "level"),
    [("sentinel-2", "L2A"), ("sentinel-2", "L1C"), ("sentinel-2", "SR"), ("landsat-8", "DN"), ("landsat-8", "L1C"),
     ("gf-1", "SR"), ("unknown", "SR"), ("sentinel-1", "RTC")],
)  # fmt: skip
def test_everything_else_stays_itself(sensor, level):
    same = scene(sensor, level)
    assert harmonised(same) is same


def test_a_mosaic_is_harmonised_and_a_scene_by_itself_is_not(archive, raster, tmp_path):
    from imagery.read import read_scene, source_geobox

    folder = tmp_path / "LC08"
    dn = np.full((40, 40), 15_000, np.uint16)
    for number in range(2, 8):
        raster(folder / f"LC08_L2SP_123026_20240701_20240705_02_T1_SR_B{number}.TIF", dn, 30)
    raster(folder / "LC08_L2SP_123026_20240701_20240705_02_T1_QA_PIXEL.TIF", np.full((40, 40), 21_824, np.uint16), 30)
    archive.add([folder])
    (found,) = archive.scenes()
    grid = source_geobox(found, found.assets["red"], 30)
    alone, (mosaic, _) = read_scene(found, grid), read_day([found], grid)
    slope, offset = MSI_TO_OLI["blue"]
    assert alone.data[0, 5, 5] == pytest.approx(15_000 * 2.75e-5 - 0.2, abs=1e-6)
    assert mosaic.data[0, 5, 5] == pytest.approx((15_000 * 2.75e-5 - 0.2 - offset) / slope, abs=1e-6)
    assert (mosaic.sensors, mosaic.gsd_m) == (("landsat-8",), (30,))
