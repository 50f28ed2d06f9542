"""Worlds of several years: every work and deception finds room, wears what it should, and has its papers."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import shapely

from aoi.intake.source import Reading
from aoi.intake.store import check_layer
from aoi.layers import open_layers
from imagery.simulated.course import TILLED, WHEAT, blended, grassy, sown
from imagery.simulated.courses import COURSES, PASSING
from imagery.simulated.curriculum import EXAM_SEEDS, TRAIN_SEEDS, exam_specs, train_specs
from imagery.simulated.errors import SimulationError
from imagery.simulated.examined import (
    DEVELOPED,
    EXAMINED,
    LEARNED,
    UNCHANGED,
    learned_specs,
    unchanged_spec,
    years_spec,
)
from imagery.simulated.frame import Window
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import World, write_layers

SPEC = years_spec(DEVELOPED.start + 1, size_m=7_200)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SPEC)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("years")
    write_layers(folder, world)
    return folder


def test_every_kind_finds_room(world: World) -> None:
    truth = world.truth
    assert {item.kind for item in truth.planted} >= set(COURSES)
    assert {item.kind for item in truth.decoys} >= set(PASSING)
    names = [item.id for item in (*truth.planted, *truth.decoys)]
    assert len(set(names)) == len(names)
    for item in truth.planted:
        assert item.detectors
        assert item.area_m2 > 500, item.id


def test_courses_do_not_overlap_each_other(world: World) -> None:
    outlines = world._works.outlines
    tree = shapely.STRtree(outlines)
    one, other = tree.query(outlines, predicate="intersects")
    shared = [shapely.intersection(outlines[a], outlines[b]).area for a, b in zip(one, other, strict=True) if a < b]
    assert max(shared, default=0.0) < 1.0


def test_the_same_seed_gives_the_same_world_and_truth_survives_its_file(world: World, tmp_path: Path) -> None:
    again = World(SPEC)
    assert [item.geometry.wkb for item in again.truth.planted] == [item.geometry.wkb for item in world.truth.planted]
    again.truth.write(tmp_path / "truth.geojson")
    read = Truth.read(tmp_path / "truth.geojson")
    assert [item.id for item in read.decoys] == [item.id for item in world.truth.decoys]


def test_layers_are_ones_that_an_office_could_hand_in(folder: Path) -> None:
    kinds = {file.stem for file in folder.iterdir()}
    assert kinds >= {
        *("mining_rights", "restoration_plans", "grassland", "forest_land", "black_soil", "basic_farmland", "wetland"),
        *("river_scope", "reserve_zones", "temporary_land_permits", "grassland_use_approvals", "known_patches"),
    }
    for file in folder.iterdir():
        checked = check_layer(file, file.stem, Reading())
        assert checked.good, file.name
        assert checked.tally.good > 0


MODEL_GROUND = {
    "grassland": "grassland",
    "forest_encroachment": "forest_land",
    "black_soil": "black_soil",
    "river_protection": "river_scope",
    "wetland": "wetland",
    "hulun_lake": "reserve_zones",
}


def test_what_a_model_should_find_lies_on_its_own_ground(folder: Path, world: World) -> None:
    layers = {layer.kind: layer for layer in open_layers(folder, "simulated")}
    for model, kind in MODEL_GROUND.items():
        ground = shapely.union_all([feature.geometry for feature in layers[kind].features_in(world.outline)])
        sought = [item for item in world.truth.planted if model in item.detectors]
        shares = {item.id: item.geometry.intersection(ground).area / item.geometry.area for item in sought}
        assert len(sought) >= 3, model
        assert np.median(list(shares.values())) > 0.9, (model, shares)
        assert min(shares.values()) > 0.3, (model, shares)


def test_permits_stand_as_the_works_on_them_do(world: World) -> None:
    permits = [paper for paper in world._works.papers if paper.kind == "temporary_land_permits"]
    last, first = SPEC.after[-1], SPEC.after[0]
    states = [dt.date.fromisoformat(paper.row["dqrq"]) < first for paper in permits]
    assert sum(states) == 3  # the sites left, each over a year past its end
    assert all(dt.date.fromisoformat(p.row["dqrq"]) > last for p, over in zip(permits, states, strict=True) if not over)


def test_edge_ploughing_grows_every_year(world: World) -> None:
    grown = [item for item in world.truth.planted if item.kind == "edge_ploughing"]
    assert grown
    for item in grown:
        shares = [item.done(dt.date(SPEC.after[0].year - ago, 7, 1)) for ago in (4, 3, 2, 1, 0)]
        assert shares == sorted(shares)
        assert 0.1 < shares[0] < 0.35
        assert shares[-1] == pytest.approx(1)


def test_a_field_ploughed_in_may_is_bare_then_and_green_in_july(world: World) -> None:
    item = next(item for item in world.truth.planted if item.kind == "reploughed")
    may, july = (_ndvi(world, item.geometry, month) for month in (5, 7))
    assert may < 0.3
    assert july > 0.45


def _ndvi(world: World, geometry: shapely.Geometry, month: int) -> float:
    """In the last year, over a place; the ground alone, without air or noise."""
    extent = world.extents()[0]
    place = world.frame.from_ground(world.frame.to_ground(geometry, 4326), extent.epsg).centroid
    col, row = int((place.x - extent.left) // 10) // 4 * 4 - 4, int((extent.top - place.y) // 10) // 4 * 4 - 4
    window = Window(extent.epsg, extent.left + col * 10, extent.top - row * 10, 8, 8)
    look = next(look for look in reversed(world.sky.looks) if look.date.month == month)
    _, _, red, nir, _, _ = world.view(window).surface(look)
    return float(np.median((nir - red) / (nir + red)))


def test_plain_worlds_have_no_courses_and_the_same_truth_whatever_their_layers() -> None:
    plain = World(tiny_spec(1))
    assert plain._works.truth == ()
    assert plain._passing.truth == ()
    kinds = set(plain.papers.tables)
    assert kinds >= {"grassland", "wetland", "river_scope", "temporary_land_permits"}


def test_a_course_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SimulationError, match="no course 'moon'"):
        World(tiny_spec(1).model_copy(update={"courses": (("moon", 1),)}))


@pytest.mark.parametrize("month", range(4, 11))
def test_mixtures_sum_to_one(month: int) -> None:
    day = dt.date(2024, month, 20)
    for mix in (
        sown(WHEAT, day, TILLED),
        sown(WHEAT, day, TILLED, "maize", 0.5),
        grassy(day),
        blended(TILLED, grassy(day), 0.3),
    ):
        assert sum(mix.values()) == pytest.approx(1)
        assert min(mix.values()) >= 0


def test_seeds_of_training_development_and_exams_never_meet() -> None:
    sets = (TRAIN_SEEDS, DEVELOPED, EXAMINED, UNCHANGED)
    for one in sets:
        for other in sets:
            assert one is other or one.stop <= other.start or other.stop <= one.start
    assert EXAMINED.start in EXAM_SEEDS
    assert exam_specs(999, 1)[0].seed < EXAMINED.start
    assert LEARNED.start in TRAIN_SEEDS
    assert LEARNED.stop <= TRAIN_SEEDS.stop
    assert train_specs(999, 1)[0].seed < LEARNED.start


def test_worlds_to_learn_from_differ_and_are_plainer_than_those_of_the_exam() -> None:
    specs = learned_specs(7, 60)
    assert learned_specs(7, 20) == specs[:20]
    assert all(spec.seed in LEARNED for spec in (*specs, *learned_specs(999, 2)))
    assert {spec.sensor for spec in specs} == {"sentinel-2", "gaofen", "landsat"}
    dry = [dict(spec.years)[spec.after[0].year] > 0.35 for spec in specs]
    assert 20 < sum(dry) < 45
    exam = years_spec(EXAMINED.start)
    assert max(spec.variety for spec in specs) <= 0.9
    assert max(spec.planted_ha[1] for spec in specs) < exam.planted_ha[1]
    for seed, count in ((-1, 1), (1000, 1), (0, -1), (0, 100_001)):
        with pytest.raises(ValueError, match="0–999"):
            learned_specs(seed, count)


def test_nobody_does_anything_in_an_unchanged_world() -> None:
    spec = unchanged_spec(UNCHANGED.start, size_m=4_000)
    assert not any(spec.planted.model_dump().values())
    assert spec.courses == ()
    assert spec.passing
