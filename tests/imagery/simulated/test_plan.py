import numpy as np
import pyproj
import pytest
import shapely

from imagery.simulated.plan import block_edges, zone_edges
from imagery.simulated.world import World


def test_everything_asked_for_is_planted_between_the_dates(demo: World) -> None:
    truth, spec = demo.truth, demo.spec
    kinds = [item.kind for item in truth.planted]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        kind: count for kind, count in spec.planted.model_dump().items() if count
    }
    assert all(spec.before[-1] < item.happened <= spec.after[0] for item in truth.planted)
    assert all(item.happened <= item.completed <= spec.after[-1] for item in truth.planted)
    assert {"mowing", "burn", "drought", "haze", "cloud_remnant", "water_level", "misregistration"} <= {
        item.kind for item in truth.decoys
    }


def test_areas_are_geodesic_on_cgcs2000(demo: World) -> None:
    geod = pyproj.Geod(a=6378137.0, rf=298.257222101)
    for item in demo.truth.planted:
        assert item.area_m2 == pytest.approx(abs(geod.geometry_area_perimeter(item.geometry)[0]), rel=1e-9)
        assert 1_000 < item.area_m2 < 90_000


def test_changes_do_not_overlap(demo: World) -> None:
    shapes = [item.geometry for item in demo.truth.planted]
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    assert np.array_equal(np.sort(first[first != second]), [])


def test_one_change_lies_on_120_east_and_one_across_a_block_edge(demo: World) -> None:
    line = shapely.LineString([(120, 49), (120, 50)])
    assert any(item.geometry.intersects(line) and "zone edge" in item.note for item in demo.truth.planted)
    crossing = [item for item in demo.truth.planted if "across the block edge" in item.note]
    assert crossing
    for item in crossing:
        epsg = 32650 if item.geometry.centroid.x < 120 else 32651
        transform = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform
        west, south, east, north = shapely.transform(item.geometry, transform, interleaved=False).bounds
        assert west // 10_240 < east // 10_240 or south // 10_240 < north // 10_240


def test_lines_of_the_grid_are_found(demo: World) -> None:
    assert len(zone_edges(demo.frame)) == 1
    assert block_edges(demo.frame)


def test_pits_stand_differently_to_their_licences(demo: World) -> None:
    notes = [item.note for item in demo.truth.planted if item.kind == "pit"]
    for standing in ("inside a licence", "partly beyond its licence", "without licence"):
        assert any(standing in note for note in notes)


def test_scenes_of_both_zones_overlap_across_the_edge(demo: World) -> None:
    first, second = demo.extents()
    assert (first.epsg, second.epsg) == (32650, 32651)
    here, there = (demo.frame.to_ground(extent.bounds, extent.epsg) for extent in (first, second))
    assert here.union(there).buffer(1).contains(demo.frame.rectangle)
    west, _, east, _ = here.intersection(there).bounds
    assert 4_000 < east - west < 9_000
