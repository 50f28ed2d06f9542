import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from aoi.area import geodesic_area_m2


@settings(deadline=None)  # a busy machine fails nothing
@given(st.floats(73, 135), st.floats(-60, 60), st.floats(1e-4, 0.01))
def test_a_small_polygon_has_the_area_that_the_ellipsoid_gives_it(lon, lat, size):
    square = box(lon, lat, lon + size, lat + size)
    reference = abs(pyproj.Geod(ellps="GRS80").geometry_area_perimeter(square)[0])
    assert geodesic_area_m2(square) == pytest.approx(reference, rel=1e-5, abs=1e-3)


def test_a_band_between_two_parallels_has_its_exact_area():
    """Between parallels the area has a closed form (Snyder 1987, eq. 3-12), whatever a geodesic edge does."""
    cylinder = pyproj.Transformer.from_crs(4326, "+proj=cea +ellps=GRS80", always_xy=True)
    (west, south), (east, north) = cylinder.transform(116, 47), cylinder.transform(126, 53)
    assert geodesic_area_m2(box(116, 47, 126, 53)) == pytest.approx((east - west) * (north - south), rel=1e-7)


def test_holes_count_against_it_and_parts_together_whatever_their_direction():
    shell, hole = box(119, 49, 119.2, 49.2), box(119.05, 49.05, 119.1, 49.1)
    ring = Polygon(shell.exterior, [hole.exterior])
    expected = geodesic_area_m2(shell) - geodesic_area_m2(hole)
    assert geodesic_area_m2(ring) == pytest.approx(expected, rel=1e-12)
    assert geodesic_area_m2(shapely.orient_polygons(ring)) == pytest.approx(expected, rel=1e-9)
    assert geodesic_area_m2(ring.reverse()) == pytest.approx(expected, rel=1e-9)
    far = box(121, 47, 121.1, 47.1)
    assert geodesic_area_m2(MultiPolygon([ring, far])) == pytest.approx(expected + geodesic_area_m2(far), rel=1e-12)
    assert geodesic_area_m2(GeometryCollection([ring, Point(1, 1), LineString([(0, 0), (1, 1)])])) == pytest.approx(
        expected, rel=1e-12
    )


@settings(deadline=None)  # a busy machine fails nothing
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_parts_of_a_polygon_add_up(across, up):
    whole = box(117, 48, 120, 50)
    cut = box(117, 48, 117 + 3 * across, 48 + 2 * up)
    assert geodesic_area_m2(cut) + geodesic_area_m2(whole.difference(cut)) == pytest.approx(
        geodesic_area_m2(whole), rel=1e-7
    )


@pytest.mark.parametrize("nothing", [Polygon(), MultiPolygon(), Point(1, 1), GeometryCollection()])
def test_nothing_has_no_area(nothing):
    assert geodesic_area_m2(nothing) == 0
