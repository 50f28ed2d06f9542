"""Growth and truth rasters against what is rendered."""

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.simulated.errors import TruthError
from imagery.simulated.labels import DECOY_CODES, decoy_raster, truth_raster, worked_raster
from imagery.simulated.spec import DecoyCounts, PlantedCounts, SteppeSpec
from imagery.simulated.stages import lives
from imagery.simulated.truth import Truth
from imagery.simulated.world import World

AFTER = (dt.date(2024, 6, 20), dt.date(2024, 7, 20), dt.date(2024, 8, 25))
SPEC = SteppeSpec(
    seed=21,
    centre=(118.2, 49.1),
    width_m=5_000,
    height_m=4_600,
    before=(dt.date(2023, 7, 17),),
    after=AFTER,
    planted=PlantedCounts(site=3, ditch=1, solar=1, greenhouse=1, road=2, ploughed=2),
    decoys=DecoyCounts(firebreak=1, reed_cutting=2, reseeding=1, voles=1, shade=2, mowing=2, stripes=True),
    planted_ha=(0.2, 4.0),
    misregistration_px=0.0,
    variety=0.8,
    staged=1.0,
    any_size=True,
    lenient=True,
    villages=0,
    old_mines=0,
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SPEC)


@pytest.fixture(scope="module")
def grid(world: World) -> GeoBox:
    extent = world.extents()[0]
    return GeoBox((extent.height, extent.width), extent.affine, f"EPSG:{extent.epsg}")


def test_works_grow_from_date_to_date_and_are_whole_in_the_end(world: World) -> None:
    growing = [item for item in world.truth.planted if item.stages]
    assert {"pit", "road", "ploughed", "dump"} <= {item.kind for item in growing}
    for item in growing:
        done = [item.done(date) for date in (SPEC.before[0], *AFTER)]
        assert done[0] == 0
        assert 0.1 < done[1] < 0.75
        assert done[1] < done[2] < done[3] == 1
        shapes = [stage.geometry for stage in item.stages]
        assert all(second.buffer(1e-7).contains(first) for first, second in itertools.pairwise(shapes))
        assert item.completed == item.stages[-1].date > item.happened


def test_truth_lies_where_the_rendered_ground_changes(world: World, grid: GeoBox) -> None:
    view = world.view(world.extents()[0])
    for look in world.sky.looks:
        change = np.abs(view.surface(look) - view.surface(look, planted=False)).max(axis=0)
        codes = truth_raster(world.truth, grid, look.date)
        if look.date == SPEC.before[0]:
            assert not codes.any()
            continue
        assert (change[codes == 1] > 0.01).mean() > 0.85
        seen = change > 0.03
        assert (codes[seen] > 0).mean() > 0.8  # the blur reaches beyond outlines
        assert (codes[change < 1e-6] == 1).mean() < 1e-4
    first, last = (truth_raster(world.truth, grid, date) for date in (AFTER[0], AFTER[-1]))
    assert (first == 1).sum() < 0.9 * (last == 1).sum()


def test_what_is_begun_or_recovering_is_partly_there(world: World, grid: GeoBox) -> None:
    item = max((item for item in world.truth.planted if item.stages), key=lambda item: item.area_m2)
    alone = Truth(0, world.outline, (item,), (), ())
    early, late = (truth_raster(alone, grid, date) for date in (AFTER[0], AFTER[-1]))
    begun = (late == 1) & (early != 1)
    assert begun.sum() > 10
    assert (early[begun] == 2).all()
    sites = [item for item in world.truth.planted if item.recovering]
    for site in sites:
        codes = truth_raster(Truth(0, world.outline, (site,), (), ()), grid, AFTER[-1])
        assert (codes == 2).any()
        assert not (codes == 1).any()


def test_what_people_did_between_two_days_is_what_came_to_be_between_them(world: World, grid: GeoBox) -> None:
    item = max((item for item in world.truth.planted if item.stages), key=lambda item: item.area_m2)
    alone = Truth(0, world.outline, (item,), (), ())
    early, late = (truth_raster(alone, grid, date) == 1 for date in (AFTER[0], AFTER[-1]))
    np.testing.assert_array_equal(worked_raster(alone, grid, SPEC.before[0], AFTER[-1]) == 1, late)
    grown = worked_raster(alone, grid, AFTER[0], AFTER[-1])
    assert (grown[early] == 2).all()
    assert (grown[late & ~early] > 0).all()
    assert (grown == 1).sum() > 10
    assert not worked_raster(alone, grid, AFTER[-1], AFTER[-1] + dt.timedelta(days=9)).any()
    gone = replace(item, until=AFTER[1])
    assert set(np.unique(worked_raster(replace(alone, planted=(gone,)), grid, AFTER[0], AFTER[-1]))) == {0, 2}


@pytest.mark.parametrize(("kind", "decoy"), [("drained", False), ("site_in_term", True)])
def test_what_no_image_tells_is_left_to_nobody(world: World, grid: GeoBox, kind: str, decoy: bool) -> None:
    item = replace(max(world.truth.planted, key=lambda item: item.area_m2), kind=kind, recovering=None)
    planted, decoys = ((), (item,)) if decoy else ((item,), ())
    codes = worked_raster(Truth(0, world.outline, planted, decoys, ()), grid, SPEC.before[0], AFTER[-1])
    assert set(np.unique(codes)) == {0, 2}


def test_a_site_goes_through_its_lives_in_order() -> None:
    kinds = set()
    for seed in range(40):
        found = lives(np.random.default_rng(seed), dt.date(2024, 6, 1), AFTER)
        days = [day for day in (found.cleared, found.used, found.left) if day is not None]
        assert days == sorted(days)
        assert days[-1] <= AFTER[-1]
        kinds.add(len(days))
    assert kinds == {1, 2, 3}


def test_decoys_are_painted_by_kind_while_they_last(world: World, grid: GeoBox) -> None:
    kinds = {item.kind for item in world.truth.decoys}
    assert {"firebreak", "reed_cutting", "reseeding", "voles", "shade", "mowing"} <= kinds <= set(DECOY_CODES)
    mowing = [item for item in world.truth.decoys if item.kind == "mowing"]
    assert all(item.happened >= dt.date(2024, 8, 14) for item in mowing)
    codes = decoy_raster(world.truth, grid, AFTER[-1])
    assert DECOY_CODES["firebreak"] in codes
    for item in (item for item in world.truth.decoys if item.kind == "shade"):
        alone = Truth(0, world.outline, (), (item,), ())
        shown = {date: bool(decoy_raster(alone, grid, date).any()) for date in SPEC.dates}
        assert [date for date, there in shown.items() if there] == [item.happened]


def test_natures_decoys_show_in_the_picture_and_are_no_truth(world: World, grid: GeoBox) -> None:
    view = world.view(world.extents()[0])
    looks = {look.date: look for look in world.sky.looks}
    bare = World(SPEC.model_copy(update={"decoys": DecoyCounts()}))
    plain = bare.view(world.extents()[0])
    last = looks[AFTER[-1]]
    change = np.abs(view.surface(last, planted=False) - plain.surface(last, planted=False)).max(axis=0)
    codes = decoy_raster(world.truth, grid, AFTER[-1])
    for kind in ("firebreak", "reseeding", "voles"):
        assert change[codes == DECOY_CODES[kind]].mean() > 0.005, kind
    changed = truth_raster(world.truth, grid, AFTER[-1]) == 1
    assert (changed & (codes == DECOY_CODES["reseeding"])).sum() == 0


def test_stages_survive_being_written(world: World, tmp_path: Path) -> None:
    world.truth.write(tmp_path / "truth.geojson")
    back = Truth.read(tmp_path)
    for item, other in zip(back.planted + back.decoys, world.truth.planted + world.truth.decoys, strict=True):
        assert [stage.date for stage in item.stages] == [stage.date for stage in other.stages]
        assert (item.until, item.recovering) == (other.until, other.recovering)


def test_a_grid_that_is_not_north_up_is_refused(world: World) -> None:
    for affine, crs in ((Affine(0.1, 0, 118, 0, -0.1, 49), 4326), (Affine(10, 2, 0, 2, -10, 0), 32650)):
        with pytest.raises(TruthError, match="north-up"):
            truth_raster(world.truth, GeoBox((10, 10), affine, crs), AFTER[0])
