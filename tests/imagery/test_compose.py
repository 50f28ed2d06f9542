import datetime as dt
import itertools

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.compose import composite, merge_day, read_before, read_day, shares, solar_days
from imagery.mosaic import Flag, Mosaic
from imagery.scene import BANDS

LEFT, TOP, SIZE = 512_000, 5_406_720, 120
GRID = GeoBox((SIZE, SIZE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32650")


def look(name, day, value, flags):
    """One row of pixels of one scene; a value for each, NaN where flagged."""
    flags = np.array([flags], np.uint8)
    data = np.where(flags == 0, np.float32(value), np.float32(np.nan))[None].repeat(2, 0)
    source = np.where(flags == 0, 0, -1).astype(np.int16)
    box = GeoBox(flags.shape, Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32650")
    return Mosaic(data, ("red", "nir"), flags, source, (name,), (dt.date(2025, 6, day),), box)


LOOKS = [
    look("a", 1, 0.1, [0, 0, 0, Flag.CLOUD, Flag.NODATA, Flag.NODATA]),
    look("b", 5, 0.2, [0, Flag.CLOUD, Flag.SNOW, Flag.SNOW, Flag.NODATA, Flag.SHADOW]),
    look("c", 9, 0.3, [Flag.CLOUD, Flag.CLOUD, 0, Flag.SHADOW, Flag.NODATA, Flag.SNOW]),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_latest_clear_look_wins_in_whatever_order(order):
    merged = composite(LOOKS[index] for index in order)
    np.testing.assert_allclose(merged.data[0, 0], [0.2, 0.1, 0.3, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(merged.data[0], merged.data[1])
    days = [merged.dates[index].day if index >= 0 else 0 for index in merged.source[0]]
    assert days == [5, 1, 9, 0, 0, 0]
    assert merged.flags[0].tolist() == [0, 0, 0, Flag.CLOUD, Flag.NODATA, Flag.SHADOW]
    assert merged.scenes == ("a", "b", "c")


def test_scenes_of_one_day_merge_by_id_in_whatever_order():
    one, other = look("s1", 3, 0.1, [0, 0, Flag.CLOUD]), look("s2", 3, 0.2, [0, Flag.CLOUD, 0])
    for pair in ((one, other), (other, one)):
        np.testing.assert_allclose(merge_day(pair).data[0, 0], [0.1, 0.1, 0.2])
    with pytest.raises(ValueError, match="several days"):
        merge_day(LOOKS)
    with pytest.raises(ValueError, match="nothing to merge"):
        composite([])


@pytest.fixture
def three_days(archive, band_folder, raster):
    """Three scenes of 12, 13 and 14 June; the last is half under cloud."""
    for seed, day in enumerate(("2025-06-12", "2025-06-13", "2025-06-14")):
        folder = band_folder(f"day{seed}", day, seed)
        classes = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
        if seed == 2:
            classes[:30] = 9
        raster(folder / "SCL.tif", classes, 20)
    archive.add([folder.parent])
    return archive.scenes()


def test_before_reads_the_latest_first_and_stops_when_all_is_seen(three_days, tmp_path):
    (tmp_path / "day0" / "B04.tif").unlink()  # would fail if it were read
    mosaic, failures = read_before(three_days, GRID)
    assert failures == ()
    assert mosaic.observed.all()
    assert mosaic.scenes == ("day1_20250613", "day2_20250614")
    assert np.unique(mosaic.source).tolist() == [0, 1]
    assert mosaic.dates[mosaic.source[0, 0]].day == 13
    assert mosaic.dates[mosaic.source[-1, -1]].day == 14


def test_a_scene_that_can_not_be_read_is_reported_and_the_others_go_on(three_days, tmp_path):
    (tmp_path / "day1" / "B04.tif").write_text("gone")
    mosaic, failures = read_before(three_days, GRID)
    assert [failure.scene_id for failure in failures] == ["day1_20250613"]
    assert "B04.tif" in failures[0].reason
    assert mosaic.observed.all()
    assert mosaic.dates[mosaic.source[0, 0]].day == 12


def test_reading_equals_composing(three_days):
    from imagery.read import read_scene

    merged = composite(read_scene(scene, GRID) for scene in three_days)
    mosaic, _ = read_before(three_days, GRID)
    np.testing.assert_array_equal(mosaic.data, merged.data)
    np.testing.assert_array_equal(mosaic.flags, merged.flags)


def test_a_day_is_one_day(three_days):
    days = solar_days(reversed(three_days))
    assert [str(day) for day in days] == ["2025-06-12", "2025-06-13", "2025-06-14"]
    mosaic, failures = read_day(days[dt.date(2025, 6, 14)], GRID)
    assert failures == ()
    assert 0.4 < mosaic.observed.mean() < 0.6
    with pytest.raises(ValueError, match="several solar days"):
        read_day(three_days, GRID)


def test_no_scene_is_no_look():
    mosaic, failures = read_before([], GRID)
    assert not mosaic.observed.any()
    assert mosaic.data.shape == (len(BANDS), SIZE, SIZE)
    assert failures == ()
    assert mosaic.scenes == ()
    assert shares(mosaic, np.ones(GRID.shape, bool)) == (0, 0, 0, 1)


def test_only_scenes_that_gave_a_pixel_are_listed():
    merged = composite([LOOKS[0], look("blind", 3, 0.5, [Flag.CLOUD] * 6), LOOKS[2]])
    assert merged.scenes == ("a", "c")
    assert [day.day for day in merged.dates] == [1, 9]
    np.testing.assert_allclose(merged.data[0, 0, :3], [0.1, 0.1, 0.3])
    assert merged.source[0].tolist() == [0, 0, 1, -1, -1, -1]


def test_shares_add_up_inside_the_mask():
    flags = [0, 0, Flag.CLOUD, Flag.SHADOW, Flag.SNOW, Flag.NODATA, Flag.SATURATED, Flag.CLOUD]
    mask = np.array([[True] * 7 + [False]])
    assert shares(look("a", 1, 0.1, flags), mask) == pytest.approx((2 / 7, 2 / 7, 1 / 7, 2 / 7))
    assert shares(look("a", 1, 0.1, flags), np.zeros((1, 8), bool)) == (0, 0, 0, 1)
