"""HLS v2.0, written here: both sensors in one folder, and every bit of Fmask."""

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.masks import fmask_flags
from imagery.mosaic import Flag
from imagery.read import read_scene

SIZE = 40
S30, L30 = "HLS.S30.T50UQV.2025163T030541.v2.0", "HLS.L30.T50UQV.2025164T024135.v2.0"


@pytest.fixture
def hls(tmp_path, raster, noise):
    """Writes one scene of each kind into one folder."""

    def write(name="hls", stems=(S30, L30)):
        for stem in stems:
            codes = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12") if "S30" in stem else (
                "B02", "B03", "B04", "B05", "B06", "B07", "B10")  # fmt: skip
            for index, code in enumerate(codes):
                dn = noise(index, SIZE).astype(np.int16)
                dn[0, 0] = -9999
                raster(tmp_path / name / f"{stem}.{code}.tif", dn, 30, nodata=-9999)
            fmask = np.full((SIZE, SIZE), 0b01000000, np.uint8)
            fmask[5], fmask[6], fmask[7] = 0b10, 255, 0b11100000
            raster(tmp_path / name / f"{stem}.Fmask.tif", fmask, 30, nodata=255)
        return tmp_path / name

    return write


def test_both_sensors_of_a_folder_are_told_apart_and_read_bit_for_bit(archive, hls, noise):
    report = archive.add([hls()])
    assert (len(report.added), report.refused) == (2, ())
    s30, l30 = archive.scenes()
    assert (s30.sensor, l30.sensor, s30.level) == ("hls-s30", "hls-l30", "SR")
    assert s30.datetime.isoformat() == "2025-06-12T03:05:41+00:00"
    assert set(l30.assets) == {"blue", "green", "red", "nir", "swir16", "swir22", "fmask"}
    assert s30.assets["nir"].href.endswith("B8A.tif")  # the band that Landsat has too
    for scene, band, index in ((s30, "swir16", 5), (l30, "swir16", 4), (s30, "red", 2)):
        with rasterio.open(scene.assets[band].href) as source:
            grid = GeoBox(source.shape, source.transform, source.crs.to_wkt())
        mosaic = read_scene(scene, grid, (band,))
        clear = mosaic.flags == 0
        expected = noise(index, SIZE).astype(np.float32) * np.float32(1e-4)
        np.testing.assert_array_equal(mosaic.data[0][clear], expected[clear])
        assert [int(mosaic.flags[row, 3]) for row in (5, 6, 7, 8)] == [Flag.CLOUD, Flag.NODATA, 0, 0]
        assert mosaic.flags[0, 0] == Flag.NODATA


# HLS user guide v2.0, table 9
TABLE = {
    0: Flag.CLOUD | Flag.HAZE, 1: Flag.CLOUD, 2: Flag.CLOUD, 3: Flag.SHADOW, 4: Flag.SNOW, 5: 0, 6: 0, 7: 0,
}  # fmt: skip


@pytest.mark.parametrize(("bit", "flag"), list(TABLE.items()))
def test_each_bit_of_fmask(bit, flag):
    assert fmask_flags(np.array([[1 << bit]], np.uint8))[0, 0] == int(flag)


def test_fill_is_no_data_whatever_its_bits():
    assert fmask_flags(np.array([[255]], np.uint8))[0, 0] == Flag.NODATA


@pytest.mark.parametrize(
    ("stem", "says"),
    [("HLS.S30.T50UQV.2025163T030541.v1.5", "version 1.5"), ("HLS.S30.T50UQV.2025463T030541.v2.0", "no time")],
)
def test_other_versions_and_impossible_days(archive, hls, stem, says):
    ((_, reason),) = archive.add([hls(stems=(stem,))]).refused
    assert says in reason
