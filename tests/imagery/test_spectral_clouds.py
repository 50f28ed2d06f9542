"""The cloud mask of reflectance without classes: what it takes for cloud and what it spares."""

import datetime as dt

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from imagery.cloudmask import wants_mask
from imagery.clouds import swept
from imagery.mosaic import Flag
from imagery.read import read_scene
from imagery.scene import BANDS, Asset, Scene
from imagery.spectral_clouds import CERTAIN, LIKELY, SPECTRAL_BANDS, spectral_probability
from imagery.sun import Sun, sun_at, sun_of

# surface reflectance in blue green red nir swir16: USGS and ECOSTRESS spectra, rounded
GROUND = {
    "meadow": (0.03, 0.07, 0.04, 0.38, 0.20),
    "dry grass": (0.08, 0.12, 0.17, 0.28, 0.35),
    "larch in October": (0.04, 0.07, 0.09, 0.20, 0.16),
    "chernozem": (0.05, 0.06, 0.07, 0.11, 0.16),
    "sand": (0.20, 0.29, 0.37, 0.44, 0.52),
    "loess, ploughed": (0.12, 0.18, 0.25, 0.33, 0.40),
    "gravel pit": (0.18, 0.22, 0.25, 0.28, 0.33),
    "red roof": (0.10, 0.14, 0.30, 0.35, 0.42),
    "water": (0.05, 0.05, 0.03, 0.02, 0.01),
    "tailings pond": (0.16, 0.19, 0.20, 0.10, 0.02),
    "burn": (0.03, 0.04, 0.05, 0.08, 0.18),
}
CLOUDS = {
    "cumulus": (0.70, 0.70, 0.70, 0.72, 0.55),
    "thin over grass": (0.30, 0.31, 0.31, 0.42, 0.33),
    "thin over soil": (0.32, 0.33, 0.34, 0.38, 0.32),
}


def probability(spectrum):
    return float(spectral_probability(dict(zip(SPECTRAL_BANDS, np.array(spectrum, np.float32), strict=True))))


@pytest.mark.parametrize("name", list(GROUND))
def test_ground_is_no_cloud(name):
    assert probability(GROUND[name]) < LIKELY


@pytest.mark.parametrize("name", list(CLOUDS))
def test_cloud_is_cloud(name):
    assert probability(CLOUDS[name]) > LIKELY
    assert probability(CLOUDS["cumulus"]) > CERTAIN


def test_what_is_not_seen_has_no_probability():
    assert np.isnan(probability((np.nan, 0.7, 0.7, 0.7, 0.5)))
    assert np.isnan(probability((0.7, 0.7, 0.7, 0.7, np.nan)))


EDGE = 300
"""Pixels of 20 m: 6 km."""


@pytest.fixture
def painted(tmp_path, raster, archive):
    """Adds an L2A scene of meadow without classes, with square patches painted in."""

    def add(time="03:00:00", **patches):
        spectra = {**GROUND, **CLOUDS, "snow": (0.75, 0.75, 0.74, 0.70, 0.08), "shadow": (0.02, 0.03, 0.02, 0.05, 0.04)}
        codes = {"B02": 0, "B03": 1, "B04": 2, "B08": 3, "B11": 4}
        for code, index in codes.items():
            dn = np.full((EDGE, EDGE), spectra["meadow"][index] * 1e4)
            for name, (row, col, edge) in patches.items():
                dn[row : row + edge, col : col + edge] = spectra[name.replace("_", " ")][index] * 1e4
            raster(tmp_path / "s2" / f"{code}.tif", dn.round().astype(np.uint16), 20)
        (tmp_path / "s2" / "scene.json").write_text(
            f'{{"datetime": "2025-06-12T{time}Z", "level": "L2A", "scale": 1e-4, "offset": 0.0}}'
        )
        assert archive.add([tmp_path / "s2"]).added
        (scene,) = archive.scenes()
        with rasterio.open(scene.assets["red"].href) as source:
            grid = GeoBox(source.shape, source.transform, source.crs.to_wkt())
        return scene, read_scene(scene, grid).flags

    return add


def test_a_wide_cloud_is_flagged_with_a_margin_and_a_bright_roof_or_sand_is_not(painted):
    scene, flags = painted(cumulus=(60, 60, 60), thin_over_soil=(200, 200, 3), sand=(200, 60, 60))
    assert scene.properties["cloud_mask"] == "spectral tests of Sen2Cor"
    assert scene.has_cloud_mask
    assert (flags[60:120, 60:120] & Flag.CLOUD).all()
    assert (flags[56, 90] & Flag.CLOUD).all()
    assert not (flags[180:280, 40:280]).any()


def test_snow_is_snow_and_no_cloud(painted):
    _, flags = painted(snow=(60, 60, 90))
    assert (flags[70:140, 70:140] == Flag.SNOW).all()


def test_shadow_lies_away_from_the_sun(painted):
    """At 02:50 UTC the Sun stands in the south-east at 117° E."""
    scene, flags = painted("02:50:00", cumulus=(130, 130, 30), shadow=(95, 120, 25))
    sun = sun_of(scene)
    assert sun is not None
    assert 120 < sun.azimuth_deg < 180
    assert (flags[98:118, 124:141] & Flag.SHADOW).all()


def test_a_dark_place_towards_the_sun_is_no_shadow(painted):
    _, flags = painted("02:50:00", cumulus=(100, 100, 30), water=(150, 110, 20))
    assert not (flags[150:170, 110:130] & Flag.SHADOW).any()


def test_without_a_time_shadow_is_looked_for_on_all_sides(painted):
    scene, flags = painted("12:00:00", cumulus=(100, 100, 30), shadow=(150, 110, 20))
    assert sun_of(scene) is None
    assert (flags[153:167, 113:127] & Flag.SHADOW).all()


def test_shadows_are_swept_between_the_lowest_and_the_highest_cloud():
    cloud = np.zeros((250, 250), np.bool_)
    cloud[220, 100] = True
    shade = swept(cloud, Sun(180.0, 45.0))  # the Sun in the south at 45°: as far north as the cloud is high
    rows = np.flatnonzero(shade[:, 100])
    assert (rows.min(), rows.max()) == (220 - 200, 220 - 3)
    assert not shade[:, :100].any()
    assert not shade[:, 101:].any()
    west = swept(cloud, Sun(90.0, 45.0))
    assert west[220, 0:97].all()
    assert not west[:, 101:].any()


def test_the_sun_stands_where_the_almanac_says():
    # Hulunbuir (49.2° N, 119.7° E), solstice: the Sun culminates at 90° - 49.2° + 23.44°, a little after 04:00 UTC
    noon = sun_at(dt.datetime(2025, 6, 21, 4, 3, tzinfo=dt.UTC), 119.7, 49.2)
    assert noon.elevation_deg == pytest.approx(64.24, abs=0.05)
    assert noon.azimuth_deg == pytest.approx(180, abs=1)
    equinox = sun_at(dt.datetime(2025, 3, 20, 12, 7, tzinfo=dt.UTC), 0.0, 0.0)
    assert equinox.elevation_deg > 89.5


def scene_of(level, names, **properties):
    assets = {name: Asset(f"/{name}.tif") for name in names}
    when = dt.datetime(2025, 6, 12, 3, tzinfo=dt.UTC)
    return Scene("s", "sentinel-2", level, when, box(118, 48, 119, 49), assets, properties=properties)


@pytest.mark.parametrize(
    ("level", "names", "wants"),
    [
        ("L2A", SPECTRAL_BANDS, True),
        ("SR", BANDS, True),
        ("L1C", BANDS, True),
        ("DN", BANDS, False),
        ("L2A", ("blue", "green", "red", "nir"), False),
        ("L2A", (*BANDS, "scl"), False),
        ("SR", (*BANDS, "qa_pixel"), False),
        ("SR", (*BANDS, "fmask"), False),
        ("L1C", (*BANDS, "classi_opaque"), False),
        ("RTC", ("vv", "vh"), False),
    ],
)
def test_who_wants_a_mask(level, names, wants):
    assert wants_mask(scene_of(level, names)) is wants


def test_what_the_product_says_of_the_sun_comes_first():
    scene = scene_of("L2A", BANDS, sun_azimuth_deg="166.2", sun_elevation_deg="52.8")
    assert sun_of(scene) == Sun(166.2, 52.8)
    assert sun_of(scene_of("L2A", BANDS, sun_azimuth_deg="10.0", sun_elevation_deg="-3.0")) is None
