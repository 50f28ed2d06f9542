import datetime as dt
import math

import numpy as np
import pytest

from imagery.simulated.classification import BARE, CLOUD_HIGH, CLOUD_MEDIUM, SHADOW, SNOW, halved
from imagery.simulated.frame import Window
from imagery.simulated.sky import Sky, sun
from imagery.simulated.spec import SteppeSpec, demo_spec
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import World


def test_cloud_cover_is_within_what_the_spec_asks(demo: World) -> None:
    low, high = demo.spec.cloud_pct
    for look in demo.sky.looks:
        assert low - 0.5 <= demo.sky.cloudiness(look) <= high + 0.5


def test_the_sun_stands_south_east_and_high_in_july() -> None:
    azimuth, elevation = sun(dt.date(2024, 7, 20), 49.2)
    assert 120 < math.degrees(azimuth) < 165
    assert 50 < math.degrees(elevation) < 62
    assert sun(dt.date(2024, 12, 21), 49.2)[1] < math.radians(20)


def test_shadows_fall_to_the_north_west(demo: World) -> None:
    assert all(look.shade_m[0] < 0 < look.shade_m[1] for look in demo.sky.looks)


def test_an_overpass_is_in_the_local_morning(demo: World) -> None:
    for look in demo.sky.looks:
        assert look.time.utcoffset() == dt.timedelta(0)
        assert look.time.hour in (2, 3)
        assert (look.time + dt.timedelta(hours=8)).date() == look.date


def test_misregistration_stays_within_its_bound(demo: World) -> None:
    assert all(0 < math.hypot(*look.shift_px) <= demo.spec.misregistration_px for look in demo.sky.looks)
    still = Sky(demo_spec(3).model_copy(update={"misregistration_px": 0.0}), demo.frame)
    assert all(look.shift_px == (0, 0) for look in still.looks)


def test_classes_flag_most_clouds_and_shadows_but_not_all(demo: World) -> None:
    extent = demo.extents()[0]
    window = Window(extent.epsg, extent.left, extent.top, 640, 640)
    clouds, flagged, shadows, shaded, clear, wrongly = 0, 0, 0, 0, 0, 0
    for look, seen in zip(demo.sky.looks, demo.seen(window), strict=True):
        veil = demo.sky.veil(look, window, window.coarse(demo.frame), ())
        known = np.isin(seen.classes, [CLOUD_MEDIUM, CLOUD_HIGH, SNOW])
        cloud = halved(veil.cloud) > 0.4
        shadow = (halved(veil.shadow) > 0.5) & ~cloud
        open_ = (halved(veil.cloud) < 0.02) & (halved(veil.shadow) < 0.02)
        clouds, flagged = clouds + cloud.sum(), flagged + (cloud & known).sum()
        shadows, shaded = shadows + shadow.sum(), shaded + (shadow & (seen.classes == SHADOW)).sum()
        clear, wrongly = clear + open_.sum(), wrongly + (open_ & known).sum()
    assert 0.8 < flagged / clouds < 0.999
    assert 0.6 < shaded / shadows < 0.999
    assert wrongly / clear < 0.005
    assert (seen.classes == BARE).any()


def test_cloud_brightens_and_shadow_darkens(demo: World) -> None:
    extent = demo.extents()[0]
    window = Window(extent.epsg, extent.left, extent.top, 640, 640)
    look = max(demo.sky.looks, key=demo.sky.cloudiness)
    veil = demo.sky.veil(look, window, window.coarse(demo.frame), ())
    view = demo.view(window)
    ratio = view.seen(look, ()).fine[2] / view.surface(look)[2]
    assert np.median(ratio[veil.cloud > 0.6]) > 2
    deep = (veil.shadow > 0.7) & (veil.cloud < 0.01)
    assert np.median(ratio[deep]) < 0.75
    assert np.median(ratio[(veil.shadow < 0.01) & (veil.cloud < 0.01)]) == pytest.approx(1, abs=0.15)


def test_snow_lies_on_its_dates_only_and_is_mostly_flagged() -> None:
    plain = tiny_spec(5)
    early = dt.date(2024, 4, 20)
    asked = plain.model_dump() | {
        "after": (early, dt.date(2024, 7, 20)),
        "snow_dates": (early,),
        "decoys": {"snow": 3, "mowing": 0, "harvest": 0, "burn": 0, "drought": 0, "cloud_remnant": 0, "haze": 0},
    }
    world = World(SteppeSpec.model_validate(asked))
    window = world.extents()[0]
    _, april, july = world.seen(window)
    drifts = [item for item in world.truth.decoys if item.kind == "snow"]
    assert len(drifts) == 3
    assert all(item.happened == early for item in drifts)
    flagged_ha = float((april.classes == SNOW).sum()) * 0.04
    assert 0.3 * sum(item.area_m2 for item in drifts) / 1e4 < flagged_ha < sum(item.area_m2 for item in drifts) / 1e4
    assert (july.classes == SNOW).sum() < 5
