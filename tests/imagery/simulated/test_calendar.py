"""The year in Hulunbuir, as NDVI shows it."""

import datetime as dt

import numpy as np
import pytest

from imagery.simulated.cropland import BALK_M
from imagery.simulated.frame import Window
from imagery.simulated.landcover import NATURAL_PLACES
from imagery.simulated.landscape import _water
from imagery.simulated.phenology import CROPS, frozen, larch
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.spectra import INDEX, TABLE
from imagery.simulated.world import World

CROP_NAMES = [crop.name for crop in CROPS]


def steppe(**changes: object) -> World:
    asked: dict[str, object] = {
        "seed": 6,
        "centre": (119.0, 49.2),
        "width_m": 8_000,
        "height_m": 8_000,
        "before": (dt.date(2023, 7, 17),),
        "after": (dt.date(2024, 7, 20),),
        "planted": dict.fromkeys(("pit", "stripped", "dump", "road", "buildings", "ploughed", "fill", "pond"), 0)
        | {"clearing": 0, "topsoil": 0},
        "crop_share": 0.45,
        "forest_share": 0.25,
        "lakes": 1,
        "drought": 0.0,
    }
    return World(SteppeSpec.model_validate(asked | changes))


@pytest.fixture(scope="module")
def world() -> World:
    return steppe()


def window(world: World) -> Window:
    extent = world.extents()[0]
    return Window(extent.epsg, extent.left + 800, extent.top - 800, 600, 600)


def ndvi(world: World, date: dt.date) -> np.ndarray:
    ground = world.cover.ground(window(world))
    cover = world.cover.cover(ground, date)
    assert np.abs(cover.sum(axis=0) - 1).max() < 1e-5
    bands = np.tensordot(TABLE[:6, NATURAL_PLACES], cover, 1)
    return (bands[3] - bands[2]) / (bands[3] + bands[2])


def where(world: World, kind: str) -> np.ndarray:
    """Pixels that one thing covers wholly."""
    ground = world.cover.ground(window(world))
    if kind in CROP_NAMES:
        sown = world.cover.cropland.crop(ground.plots.column, ground.plots.row, 2024)
        inner = (ground.field > 0.99) & (ground.plots.edge_m > BALK_M + 15) & (ground.reed + ground.meadow < 0.01)
        return inner & (sown == CROP_NAMES.index(kind))
    taken = ground.field + ground.meadow + ground.reed + ground.saline
    if kind == "larch":
        return (ground.forest > 0.99) & (taken < 0.01)
    if kind == "grass":
        return (ground.forest + taken < 0.01) & (ground.dense > 0.5)
    return (ground.meadow > 0.99) & (ground.reed + ground.field < 0.01)


@pytest.mark.parametrize(
    ("kind", "day", "low", "high"),
    [
        ("grass", (4, 20), 0.15, 0.32),
        ("grass", (5, 18), 0.25, 0.45),  # green-up
        ("grass", (6, 10), 0.40, 0.65),
        ("grass", (7, 15), 0.45, 0.80),
        ("grass", (10, 4), 0.20, 0.42),  # yellow
        ("meadow", (7, 15), 0.65, 0.90),
        ("meadow", (10, 20), 0.15, 0.40),
        ("larch", (5, 1), 0.20, 0.45),  # bare until the middle of May
        ("larch", (6, 10), 0.70, 0.90),
        ("larch", (8, 25), 0.70, 0.90),
        ("larch", (9, 25), 0.45, 0.80),  # golden
        ("larch", (10, 20), 0.20, 0.45),
        ("spring wheat", (5, 15), 0.15, 0.30),  # every crop is bare in May
        ("spring wheat", (7, 15), 0.75, 0.95),
        ("spring wheat", (9, 10), 0.15, 0.30),
        ("rape", (5, 15), 0.15, 0.30),
        ("rape", (7, 18), 0.50, 0.80),  # in flower
        ("rape", (8, 5), 0.70, 0.95),
        ("potato", (5, 25), 0.15, 0.30),
        ("potato", (8, 15), 0.75, 0.95),
        ("potato", (9, 30), 0.15, 0.30),  # dug, nothing stands
        ("maize", (5, 25), 0.15, 0.30),
        ("maize", (8, 25), 0.75, 0.95),  # still green when the wheat is cut
        ("maize", (10, 10), 0.15, 0.32),
        ("fallow", (5, 15), 0.15, 0.30),
        ("fallow", (7, 15), 0.18, 0.50),  # weeds only
    ],
)
def test_covers_follow_the_calendar(world: World, kind: str, day: tuple[int, int], low: float, high: float) -> None:
    place = where(world, kind)
    assert place.sum() > 50
    assert low < float(np.median(ndvi(world, dt.date(2024, *day))[place])) < high


def test_hay_is_cut_from_the_middle_of_august_and_not_before(world: World) -> None:
    meadow = where(world, "meadow")
    before, first, late = (ndvi(world, dt.date(2024, *day))[meadow] for day in ((8, 10), (8, 16), (9, 12)))
    # part of the parcels stand out later in the season, hardly any on its first day
    assert ((before - first) > 0.08).mean() < 0.1
    drop = before - late
    assert 0.05 < (drop > np.median(drop) + 0.06).mean() < 0.5


def test_lakes_are_frozen_to_early_may_and_larch_is_never_half_there() -> None:
    assert [round(frozen(dt.date(2024, *day))) for day in ((4, 20), (5, 20), (7, 1), (10, 10), (11, 20))] == [
        1,
        0,
        0,
        0,
        1,
    ]
    ice, open_ = (_water(steppe().spec, 0, dt.date(2024, *day)) for day in ((4, 15), (6, 1)))
    assert ice.keys() == {"ice", "old_snow"}
    assert open_.keys() == {"turbid_water", "clear_water"}
    for day in range(366):
        assert sum(larch(dt.date(2024, 1, 1) + dt.timedelta(days=day))) == pytest.approx(1)


def test_a_drought_browns_the_whole_region_and_a_wet_year_greens_it(world: World) -> None:
    day, grass = dt.date(2024, 7, 15), where(world, "grass")
    plain = ndvi(world, day)[grass]
    dry = ndvi(steppe(years=((2024, 1.0),)), day)[grass]
    wet = ndvi(steppe(years=((2024, -0.8),)), day)[grass]
    assert np.median(dry) < 0.8 * np.median(plain)
    assert np.median(wet) > 1.05 * np.median(plain)
    assert (dry < plain).mean() > 0.99  # not only in patches
    np.testing.assert_array_equal(
        ndvi(steppe(years=((2024, 1.0),)), dt.date(2023, 7, 15)), ndvi(world, dt.date(2023, 7, 15))
    )


def test_grazing_stops_at_fences_and_changes_with_the_year(world: World) -> None:
    grazed = steppe(grazing=1.0)
    grass = where(world, "grass")
    eaten = [(ndvi(world, dt.date(year, 7, 15)) - ndvi(grazed, dt.date(year, 7, 15))) for year in (2023, 2024)]
    assert all(0.1 < (lost[grass] > 0.02).mean() < 0.9 for lost in eaten)
    assert abs(np.corrcoef(eaten[0][grass], eaten[1][grass])[0, 1]) < 0.7


def test_wet_soil_is_darker_and_a_varied_world_has_spectra_of_its_own() -> None:
    first, second = steppe(variety=1.0), steppe(variety=1.0, seed=7)
    assert not np.allclose(first.cover.spectra, second.cover.spectra)
    assert 0.6 < float(np.median(first.cover.spectra[:6] / TABLE[:6])) < 1.5
    assert np.array_equal(steppe().cover.spectra, TABLE)
    wet = {look.wetness for look in World(second.spec.model_copy(update={"seed": 9})).sky.looks}
    assert all(0 <= value <= 1 for value in wet)
    assert INDEX["snow"] == 26  # the old covers keep their places
