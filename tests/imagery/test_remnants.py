"""Cloud that no mask knew, in a before composite."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.compose import read_before
from imagery.scene import BANDS

LEFT, TOP, SIZE = 512_000, 5_406_720, 120
GRID = GeoBox((SIZE, SIZE), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32650")
CLOUD = np.s_[20:40, 30:60]
SALT = np.s_[80:100, 80:110]


@pytest.fixture
def season(archive, band_folder, raster, tmp_path):
    """Looks of given days with what is bright on each: `season({"2025-06-12": [(CLOUD, 0.5)], …})`."""

    def make(looks, **notes):
        for seed, (day, bright) in enumerate(looks.items()):
            folder = band_folder(f"on{day}", day, seed, **notes.get(day.replace("-", ""), {}))
            for code in ("B02", "B03", "B04", "B08"):
                with_bright(folder / f"{code}.tif", bright, raster)
        archive.add([tmp_path])
        return archive.scenes()

    return make


def with_bright(path, places, raster):
    with rasterio.open(path) as source:
        data = source.read(1)
    for place, value in places:
        data[place] = round(value * 1e4)
    raster(path, data)


def days_of(mosaic, place):
    return {mosaic.dates[index].isoformat() for index in np.unique(mosaic.source[place])}


def dates_of(mosaic):
    return [mosaic.dates[index] for index in mosaic.source.ravel()]


def test_an_earlier_look_stands_where_the_latest_shows_cloud(season):
    scenes = season({"2025-06-12": [], "2025-06-13": [], "2025-06-14": [(CLOUD, 0.5)]})
    mosaic, failures = read_before(scenes, GRID)
    assert failures == ()
    assert days_of(mosaic, CLOUD) == {"2025-06-13"}
    assert days_of(mosaic, SALT) == {"2025-06-14"}
    assert mosaic.data[BANDS.index("blue")][CLOUD].max() < 0.15
    alone, _ = read_before(scenes[1:2], GRID)
    np.testing.assert_array_equal(mosaic.data[:, *CLOUD], alone.data[:, *CLOUD])


def test_cloud_on_two_looks_is_seen_through_by_a_third(season):
    covered = [(CLOUD, 0.5)]
    looks = {"2025-06-11": [], "2025-06-12": [], "2025-06-13": covered, "2025-06-14": covered}
    scenes = season(looks)
    assert days_of(read_before(scenes, GRID)[0], CLOUD) == {"2025-06-12"}
    hidden, _ = read_before([*scenes[:1], *scenes[2:]], GRID)
    assert days_of(hidden, CLOUD) == {"2025-06-11"}


def test_ground_that_is_bright_keeps_its_latest_look(season):
    salt = [(SALT, 0.3)]
    scenes = season({"2025-06-12": salt, "2025-06-13": [(SALT, 0.26)], "2025-06-14": salt})
    mosaic, _ = read_before(scenes, GRID)
    assert days_of(mosaic, SALT) == {"2025-06-14"}


def test_of_three_bright_looks_the_latest_stays(season):
    bright = [(CLOUD, 0.5)]
    scenes = season({"2025-06-11": [], "2025-06-12": bright, "2025-06-13": bright, "2025-06-14": bright})
    assert days_of(read_before(scenes, GRID)[0], CLOUD) == {"2025-06-14"}


def test_the_answer_does_not_hang_on_how_the_ground_is_cut(season):
    scenes = season({"2025-06-12": [], "2025-06-13": [(SALT, 0.5)], "2025-06-14": [(CLOUD, 0.5), (SALT, 0.2)]})
    whole, _ = read_before(scenes, GRID)
    for rows, cols in ((np.s_[:33], np.s_[:]), (np.s_[33:], np.s_[:51]), (np.s_[33:], np.s_[51:])):
        part, _ = read_before(scenes, GRID[rows, cols])
        np.testing.assert_array_equal(part.data, whole.data[:, rows, cols])
        assert dates_of(part) == [whole.dates[index] for index in whole.source[rows, cols].ravel()]


def test_a_look_of_another_season_does_not_stand_in(season):
    scenes = season({"2024-10-12": [], "2025-06-14": [(CLOUD, 0.5)]})
    near = frozenset(scene.id for scene in scenes if scene.solar_day.year == 2025)
    assert days_of(read_before(scenes, GRID, BANDS, near)[0], CLOUD) == {"2025-06-14"}
    assert days_of(read_before(scenes, GRID)[0], CLOUD) == {"2024-10-12"}


def test_numbers_that_are_no_reflectance_are_never_too_bright(season):
    notes = {"20250614": {"level": "DN"}, "20250613": {"level": "DN"}}
    scenes = season({"2025-06-13": [], "2025-06-14": [(CLOUD, 0.5)]}, **notes)
    assert {scene.level for scene in scenes} == {"DN"}
    assert days_of(read_before(scenes, GRID)[0], CLOUD) == {"2025-06-14"}


def test_a_look_that_can_not_be_read_is_told_and_the_next_is_asked(season, tmp_path):
    scenes = season({"2025-06-12": [], "2025-06-13": [], "2025-06-14": [(CLOUD, 0.5)]})
    (tmp_path / "on2025-06-13" / "B04.tif").write_text("gone")
    mosaic, failures = read_before(scenes, GRID)
    assert "B04.tif" in failures[0].reason
    assert len({failure.scene_id for failure in failures}) == 1
    assert days_of(mosaic, CLOUD) == {"2025-06-12"}
