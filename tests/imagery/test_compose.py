import datetime as dt
import itertools

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.compose import _least, composite, read_before, read_beside, read_day, shares, solar_days
from imagery.mosaic import Flag, Mosaic
from imagery.scene import BANDS

LEFT, TOP, SIZE = 512_000, 5_406_720, 120
GRID = GeoBox((SIZE, SIZE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32650")


def look(name, day, value, flags, sensor="sentinel-2", gsd_m=10.0):
    """One row of pixels of one scene; a value for each, NaN where flagged."""
    flags = np.array([flags], np.uint8)
    data = np.where(flags == 0, np.float32(value), np.float32(np.nan))[None].repeat(2, 0)
    source = np.where(flags == 0, 0, -1).astype(np.int16)
    box = GeoBox(flags.shape, Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32650")
    return Mosaic(data, ("red", "nir"), flags, source, (name,), (dt.date(2025, 6, day),), box, (sensor,), (gsd_m,))


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
        np.testing.assert_allclose(composite(pair).data[0, 0], [0.1, 0.1, 0.2])
    with pytest.raises(ValueError, match="nothing to merge"):
        composite([])


def test_of_two_reasons_nodata_says_least_and_the_lesser_goes_first():
    one, other = (part.astype(np.uint8) for part in np.mgrid[:256, :256])

    def weight(flags):
        return flags + 256 * (flags & np.uint8(Flag.NODATA)).astype(int)

    np.testing.assert_array_equal(_least(one, other), np.where(weight(one) <= weight(other), one, other))


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
    assert shares(look("a", 1, 0.1, flags), mask) == pytest.approx((2 / 7, 3 / 7, 1 / 7, 1 / 7))
    assert shares(look("a", 1, 0.1, flags), np.zeros((1, 8), bool)) == (0, 0, 0, 1)


@given(flags=st.lists(st.integers(0, 127), min_size=1, max_size=40), holes=st.integers(0, 2**40 - 1))
def test_whatever_the_flags_the_shares_are_one_whole(flags, holes):
    mask = np.array([[not holes >> place & 1 for place in range(len(flags))]])
    found = shares(look("a", 1, 0.1, flags), mask)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0
    if mask.any():
        assert found[0] == pytest.approx((np.array(flags)[mask[0]] == 0).mean())


@pytest.mark.parametrize(
    ("flag", "part"),
    [(0, 0), (Flag.CLOUD, 1), (Flag.SHADOW, 1), (Flag.HAZE, 1), (Flag.SATURATED, 1), (Flag.SNOW, 2), (Flag.ICE, 2),
     (Flag.SNOW | Flag.SATURATED, 2), (Flag.SNOW | Flag.CLOUD, 1), (Flag.CLOUD | Flag.NODATA, 1), (Flag.NODATA, 3)],
)  # fmt: skip
def test_each_flag_of_every_sensor_has_its_share(flag, part):
    assert shares(look("a", 1, 0.1, [flag]), np.ones((1, 1), bool))[part] == 1


SENSORS = ("sentinel-2", "sentinel-2b", "landsat-8", "hls-s30", "gf-1", "")
MANY = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(SENSORS),
        st.lists(st.sampled_from([0, 0, Flag.CLOUD, Flag.SNOW, Flag.NODATA]), min_size=5, max_size=5),
    ),
    min_size=1,
    max_size=6,
)


@given(many=MANY, random=st.randoms(use_true_random=False))
def test_the_order_of_scenes_of_all_sensors_does_not_matter(many, random):
    looks = [
        look(f"s{number}", day, number / 10, flags, sensor, 10.0 if sensor.startswith("s") else 30.0)
        for number, (day, sensor, flags) in enumerate(many)
    ]
    shuffled = random.sample(looks, len(looks))
    half = len(looks) // 2
    apart = [composite(part) for part in (shuffled[:half], shuffled[half:]) if part]
    first, *others = composite(looks), composite(shuffled), composite(apart)
    for other in others:
        np.testing.assert_array_equal(first.data, other.data)
        np.testing.assert_array_equal(first.flags, other.flags)
        np.testing.assert_array_equal(first.source, other.source)
        assert (first.scenes, first.dates, first.sensors) == (other.scenes, other.dates, other.sensors)
    for pixel, index in enumerate(first.source[0]):
        clear = [found for found in looks if found.flags[0, pixel] == 0]
        assert (index >= 0) == bool(clear)
        if clear:
            fast = [found for found in clear if found.sensors[0].startswith("sentinel-2")] or clear
            assert not fast[0].sensors[0].startswith("sentinel-2") or first.dates[index] == max(
                found.dates[0] for found in fast
            )


def test_sentinel_2_comes_first_and_landsat_and_hls_fill_by_their_latest_look():
    cloud = Flag.CLOUD
    layers = [
        look("gaofen", 9, 0.5, [0, 0, 0, 0, cloud], "gf-1", 8.0),
        look("hls", 8, 0.4, [0, cloud, 0, cloud, cloud], "hls-l30", 30.0),
        look("landsat", 7, 0.3, [0, 0, 0, cloud, cloud], "landsat-8", 30.0),
        look("s2", 2, 0.2, [0, cloud, cloud, cloud, cloud]),
    ]
    merged = composite(layers)
    np.testing.assert_allclose(merged.data[0, 0], [0.2, 0.3, 0.4, 0.5, np.nan])
    np.testing.assert_allclose(merged.pixel_gsd_m[0], [10, 30, 30, 8, np.nan])
    assert [merged.dates[index].day for index in merged.source[0, :4]] == [2, 7, 8, 9]
    assert merged.sensors == ("gf-1", "hls-l30", "landsat-8", "sentinel-2")


def test_on_one_day_sentinel_2_comes_before_an_id_that_sorts_first():
    merged = composite([look("a", 3, 0.1, [0, 0], "landsat-9", 30.0), look("b", 3, 0.2, [0, Flag.CLOUD])])
    np.testing.assert_allclose(merged.data[0, 0], [0.2, 0.1])


def test_a_mosaic_that_nobody_gave_a_pixel_size_has_none():
    plain = look("a", 1, 0.1, [0, Flag.CLOUD])
    assert np.isnan(
        Mosaic(plain.data, plain.bands, plain.flags, plain.source, ("a",), plain.dates, GRID).pixel_gsd_m
    ).all()


def test_reading_fills_with_landsat_what_sentinel_2_did_not_see(archive, band_folder, raster, tmp_path):
    s2 = band_folder("s2", "2025-06-12")
    classes = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
    classes[:20] = 9
    raster(s2 / "SCL.tif", classes, 20)
    stem, size = "LC08_L2SP_123026_20250612_20250613_02_T1", SIZE // 3
    for number in range(2, 8):
        raster(tmp_path / "l8" / f"{stem}_SR_B{number}.TIF", np.full((size, size), 12_000, np.uint16), 30)
    raster(tmp_path / "l8" / f"{stem}_QA_PIXEL.TIF", np.full((size, size), 21_824, np.uint16), 30)
    assert archive.add([s2, tmp_path / "l8"]).refused == ()
    mosaic, failures = read_day(archive.scenes(), GRID)
    assert failures == ()
    assert mosaic.observed.all()
    assert (mosaic.pixel_gsd_m[:40] == 30).all()
    assert (mosaic.pixel_gsd_m[50:] == 10).all()
    alone, _ = read_day([scene for scene in archive.scenes() if scene.sensor == "sentinel-2"], GRID)
    np.testing.assert_array_equal(mosaic.data[:, alone.observed], alone.data[:, alone.observed])


def test_radar_lies_beside_one_mosaic_a_day_and_never_inside(archive, band_folder, raster, tmp_path):
    power = np.random.default_rng(0).gamma(4, 0.02, (2, SIZE, SIZE)).astype(np.float32)
    for day in ("12", "14"):
        for index, name in enumerate(("VV", "VH")):
            raster(tmp_path / day / f"S1A_IW_202506{day}T220512_DVP_RTC10_G_gpuned_ABCD_{name}.tif", power[index], 10)
    assert archive.add([band_folder(), tmp_path / "12", tmp_path / "14"]).refused == ()
    scenes = archive.scenes()
    beside, failures = read_beside(scenes, GRID)
    assert failures == ()
    assert [mosaic.dates[0].day for mosaic in beside] == [13, 15]  # 22:05 UTC is the next morning at 117° E
    assert all(mosaic.bands == ("vv", "vh") and mosaic.sensors == ("sentinel-1",) for mosaic in beside)
    np.testing.assert_array_equal(beside[0].data, power)
    optical, _ = read_before(scenes, GRID)
    assert optical.sensors == ("sentinel-2",)
    assert read_beside([scene for scene in scenes if scene.optical], GRID) == ((), ())
