import itertools
import math
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.intake.read import opened
from aoi.intake.source import Reading
from aoi.schema.records import RECORDS
from leads.exports.corners import ZoneError, as_csv, as_report, corner_table, polygon_from, zone_of, zones_offered

A, F = 6378137.0, 1 / 298.257222101
E2 = F * (2 - F)


def authalic(phi: float) -> float:
    """Area between the equator and a latitude, per radian of longitude, in closed form (Snyder 1987, 3-12)."""
    e, s = math.sqrt(E2), math.sin(phi)
    return A * A * (1 - E2) / 2 * (s / (1 - E2 * s * s) + math.atanh(e * s) / e)


def oracle_m2(polygon: BaseGeometry) -> float:
    """Green's theorem over edges that are straight in degrees, by Gauss quadrature: no geodesics in it."""
    nodes, weights = np.polynomial.legendre.leggauss(12)

    def ring(coords: list[tuple[float, float]]) -> float:
        total = 0.0
        for (x0, y0), (x1, y1) in itertools.pairwise(coords):
            middle = [authalic(math.radians(y0 + (y1 - y0) * (n + 1) / 2)) for n in nodes]
            total += math.radians(x1 - x0) / 2 * float(np.dot(weights, middle))
        return abs(total)

    return sum(
        ring(list(part.exterior.coords)) - sum(ring(list(hole.coords)) for hole in part.interiors)
        for part in shapely.get_parts(polygon)
    )


def blob(lon: float, lat: float, radius_m: float, corners: int, seed: int) -> Polygon:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * math.pi, corners))
    reach = radius_m * rng.uniform(0.5, 1, corners)
    dy, dx = reach * np.sin(angles) / 111_200, reach * np.cos(angles) / 111_200 / math.cos(math.radians(lat))
    return Polygon(np.column_stack((lon + dx, lat + dy)))


def apart_m(one: BaseGeometry, other: BaseGeometry, epsg: int) -> float:
    """How far two outlines lie from each other at most, in metres; edges cut short, so that their bends count."""
    to_grid = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform
    a, b = (shapely.transform(shapely.segmentize(g, 0.002), to_grid, interleaved=False).boundary for g in (one, other))
    return float(shapely.hausdorff_distance(a, b))


def read_back(path: Path, text: str, crs: str | None) -> BaseGeometry:
    path.write_text(text, encoding="utf-8-sig" if path.suffix == ".csv" else "utf-8", newline="")
    with opened(path, RECORDS["known_patches"], Reading(crs=crs)) as source:
        rows = [row for batch in source.batches() for row in batch]
    assert len(rows) == 1, rows
    assert not [problem for problem in rows[0].problems if problem.severity == "error"], rows[0].problems
    assert rows[0].geometry is not None
    return rows[0].geometry


PLACES = [(lon, lat) for lon in (115.7, 118.5, 121.5, 126.0) for lat in (48.0, 50.2, 53.0)]


@pytest.mark.parametrize(("lon", "lat"), PLACES)
@pytest.mark.parametrize("kind", ["small", "long", "holes", "parts"])
def test_areas_and_corner_tables_hold_from_48_to_53_north_across_zone_edges(
    lon: float, lat: float, kind: str, tmp_path: Path
) -> None:
    ground: BaseGeometry
    if kind == "small":
        ground = blob(lon, lat, 60, 7, 1)
    elif kind == "long":  # 14 km of road, 12 m wide
        ground = shapely.transform(
            box(-0.09, -0.00006, 0.09, 0.00006), lambda xy: xy @ [[1, 0.4], [-0.3, 1]] + [lon, lat]
        )
    elif kind == "holes":
        ground = box(lon - 0.03, lat - 0.02, lon + 0.03, lat + 0.02)
        ground = ground.difference(box(lon - 0.01, lat - 0.01, lon, lat)).difference(blob(lon + 0.015, lat, 300, 6, 2))
    else:
        ring = box(lon - 0.01, lat - 0.01, lon, lat).difference(box(lon - 0.007, lat - 0.007, lon - 0.003, lat - 0.003))
        ground = MultiPolygon(
            [ring, box(lon - 0.006, lat - 0.006, lon - 0.004, lat - 0.004), blob(lon + 0.01, lat, 200, 9, 3)]
        )
    assert geodesic_area_m2(ground) == pytest.approx(oracle_m2(ground), rel=1e-4)  # asked for is 1e-3

    for zone in zones_offered(ground)[:2]:
        table = corner_table(ground, zone)
        assert table.area_m2 == pytest.approx(oracle_m2(ground), rel=1e-4)
        plain = read_back(tmp_path / f"{zone}.csv", as_csv(table, "WX-1", "线索"), f"EPSG:{table.epsg}")
        report = read_back(tmp_path / f"{zone}.txt", as_report(table, "WX-1", "线索"), None)
        for back in (plain, report):
            assert apart_m(ground, back, table.epsg) < 0.01
            assert geodesic_area_m2(back) == pytest.approx(table.area_m2, rel=1e-5, abs=1)


@settings(max_examples=20, deadline=None)
@given(
    lon=st.floats(115.6, 126.2), lat=st.floats(48, 53), radius=st.floats(20, 8000), corners=st.integers(3, 40),
    seed=st.integers(0, 9999),
)  # fmt: skip
def test_any_outline_comes_back_within_a_centimetre(
    lon: float, lat: float, radius: float, corners: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ground = shapely.make_valid(blob(lon, lat, radius, corners, seed))
    if ground.geom_type not in ("Polygon", "MultiPolygon") or min(p.area for p in shapely.get_parts(ground)) < 1e-8:
        return
    table = corner_table(ground)
    back = read_back(tmp_path_factory.mktemp("c") / "t.csv", as_csv(table, "x", ""), f"EPSG:{table.epsg}")
    assert apart_m(ground, back, table.epsg) < 0.01


def test_zone_is_that_of_the_centre_and_eastings_carry_it() -> None:
    for lon, zone, epsg in (
        (117.0, 39, 4527),
        (118.4999, 39, 4527),
        (118.51, 40, 4528),
        (123, 41, 4529),
        (126, 42, 4530),
    ):
        ground = box(lon - 1e-3, 49, lon + 1e-4, 49.001)
        table = corner_table(ground)
        assert (zone_of(ground), table.zone, table.epsg) == (zone, zone, epsg)
        assert table.meridian == 3 * zone
        for point in table.points:
            assert int(point.y_east // 1_000_000) == zone
            assert 5_400_000 < point.x_north < 5_500_000  # X is north


def test_rings_are_closed_numbered_through_and_clockwise() -> None:
    ground = box(120, 49, 120.004, 49.004).difference(box(120.001, 49.001, 120.002, 49.002))
    table = corner_table(ground)
    shell = [p for p in table.points if p.ring == 1]
    hole = [p for p in table.points if p.ring == 2]
    assert [p.label for p in shell] == ["J1", "J2", "J3", "J4", "J1"]
    assert [p.label for p in hole] == ["J5", "J6", "J7", "J8", "J5"]
    assert table.holes == (2,)
    for ring in (shell, hole):
        assert (ring[0].x_north, ring[0].y_east) == (ring[-1].x_north, ring[-1].y_east)
        assert ring[-1].side_m is None
    assert shell[1].y_east > shell[0].y_east + 200  # eastwards from the north-west: clockwise
    sides = [p.side_m for p in shell[:-1]]
    assert sides == [pytest.approx(side, abs=0.01) for side in (292.4, 444.9, 292.5, 444.9)] or all(
        s and s > 200 for s in sides
    )
    assert polygon_from(table).area == pytest.approx(table.area_m2, rel=3e-4)


def test_a_far_zone_is_refused_with_those_offered() -> None:
    ground = box(120, 49, 120.004, 49.004)
    assert zones_offered(ground) == (40, 39, 41)
    with pytest.raises(ZoneError, match="choose one of 40、39、41"):
        corner_table(ground, 42)


def test_a_hostile_name_stays_text() -> None:
    table = corner_table(box(120, 49, 120.004, 49.004))
    text = as_csv(table, '=cmd|"/c calc"!A1', "@x")
    assert "\r\n=cmd" not in text
    assert text.startswith("\"'=cmd")
    report = as_report(table, "a@\nb,c=d", "x")
    assert report.count("@") == 1
