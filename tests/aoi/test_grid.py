import math

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import MultiPolygon, Point, Polygon, box

from aoi.area import geodesic_area_m2
from aoi.grid import Block, blocks_of, lonlat_of, owned, rim_of, to_crs, zone_of, zones_of

SIZE, GSD = 16, 30.0
EDGE_M = SIZE * GSD


def small_blocks(geometry):
    return blocks_of(geometry, GSD, size_px=SIZE)


def block_at(lon, lat):
    """The block that owns a place, by definition: its zone, then the lattice."""
    epsg = zone_of(lon, lat)
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return Block(epsg, GSD, math.floor(x / EDGE_M), math.floor(y / EDGE_M), SIZE)


def core_of(block):
    edge_m = block.size_px * block.gsd_m
    return box(block.col * edge_m, block.row * edge_m, (block.col + 1) * edge_m, (block.row + 1) * edge_m)


def near_a_pixel_of_the_edge(lon, lat):
    east_m = abs((lon + 3) % 6 - 3) * 111_320 * math.cos(math.radians(lat))
    return east_m < 2 * GSD or abs(lat) * 110_570 < 2 * GSD


CORNERS = st.sampled_from([(120.0, 49.3), (119.98, 52.0), (118.7, 0.0), (120.0, 0.0), (-60.0, -33.0), (5.1, 83.9)])
OFFSET = st.floats(-0.02, 0.02)
EXTENT = st.floats(0.0005, 0.02)


@st.composite
def areas(draw):
    (lon, lat), dx, dy = draw(CORNERS), draw(OFFSET), draw(OFFSET)
    width, height, turn = draw(EXTENT), draw(EXTENT), draw(st.floats(0, 90))
    west, south = lon + dx, lat + dy
    area = shapely.affinity.rotate(box(west, south, west + width, south + height), turn)
    return area.intersection(box(-180, -80, 180, 84))


@settings(max_examples=60, deadline=None)
@given(areas(), st.data())
def test_each_place_is_in_exactly_one_listed_block(area, data):
    blocks = small_blocks(area)
    places = shapely.get_coordinates(shapely.segmentize(area, 0.002)).tolist()
    places.append(area.representative_point().coords[0])
    for lon, lat in places:
        if not near_a_pixel_of_the_edge(lon, lat) and shapely.contains_xy(area, lon, lat):
            assert block_at(lon, lat) in blocks
    assert len(set(blocks)) == len(blocks)


@settings(max_examples=40, deadline=None)
@given(areas())
def test_listed_are_the_blocks_that_own_a_pixel_and_no_other(area):
    listed = set(small_blocks(area))
    assert {block.epsg for block in listed} <= set(zones_of(area))
    for epsg in zones_of(area):
        west, south, east, north = to_crs(shapely.segmentize(area, 0.002), 4326, epsg).bounds
        for col in range(math.floor(west / EDGE_M) - 1, math.floor(east / EDGE_M) + 2):
            for row in range(math.floor(south / EDGE_M) - 1, math.floor(north / EDGE_M) + 2):
                block = Block(epsg, GSD, col, row, SIZE)
                assert (block in listed) == owns_pixel_of(block, area), block


def owns_pixel_of(block, area):
    """By brute force: a pixel whose centre is in the zone, and that shares ground with the area."""
    ours = owned(block.geobox)
    left, top = block.geobox.affine.c, block.geobox.affine.f
    rows, cols = np.nonzero(ours)
    pixels = shapely.box(left + cols * GSD, top - (rows + 1) * GSD, left + (cols + 1) * GSD, top - rows * GSD)
    zone_west = (block.epsg % 100) * 6 - 186
    south, north = (0, 84) if block.epsg < 32700 else (-80, 0)
    ground = shapely.segmentize(area.intersection(box(zone_west, south, zone_west + 6, north)), 0.002)
    ground = to_crs(ground, 4326, block.epsg)
    return bool(np.any(shapely.intersects(ground, pixels) & ~shapely.touches(ground, pixels)))


@settings(max_examples=12, deadline=None)
@given(areas(), areas())
def test_ids_do_not_depend_on_the_area(one, other):
    together = small_blocks(shapely.union(one, other))
    assert {block.id for block in small_blocks(one)} <= {block.id for block in together}
    assert len({block.id for block in together}) == len(together)


def test_owned_pixels_of_two_zones_tile_the_ground_of_an_area_across_their_edge():
    area = box(119.95, 49.2, 120.05, 49.25)
    pixels = 0
    for block in small_blocks(area):
        lon, lat = lonlat_of(block.geobox)
        pixels += np.count_nonzero(owned(block.geobox) & shapely.contains_xy(area, lon, lat))
    assert {block.epsg for block in small_blocks(area)} == {32650, 32651}
    # Scale is 0.04 % to 0.1 % off 1 at a zone's edge.
    assert pixels * GSD**2 == pytest.approx(geodesic_area_m2(area), rel=0.004)


@pytest.mark.parametrize(
    ("area", "zones"),
    [
        (box(119.0, 49.0, 120.0, 49.1), (32650,)),
        (box(120.0, 49.0, 120.5, 49.1), (32651,)),
        (box(119.0, 0.0, 119.1, 0.1), (32650,)),
        (box(119.0, -0.1, 119.1, 0.0), (32750,)),
        (box(119.9, -0.1, 120.1, 0.1), (32650, 32750, 32651, 32751)),
        (box(179.9, 10, 180, 10.1), (32660,)),
        (box(-180, 10, -179.9, 10.1), (32601,)),
    ],
)
def test_an_area_that_only_touches_a_zone_has_nothing_in_it(area, zones):
    assert zones_of(area) == zones
    assert {block.epsg for block in blocks_of(area, 10)} == set(zones)


def test_an_area_that_ends_on_a_block_edge_does_not_list_the_next_block():
    block = Block(32650, 10, 60, 530)
    ground = to_crs(shapely.segmentize(core_of(block).buffer(-0.01), 100), 32650, 4326)
    assert blocks_of(ground, 10) == (block,)


def test_a_part_that_only_touches_a_zone_adds_nothing_there():
    inside, beyond = box(119.2, 49.0, 119.3, 49.1), box(120.0, 49.0, 120.1, 49.1)
    assert blocks_of(MultiPolygon([inside, beyond]), 10) == blocks_of(inside, 10) + blocks_of(beyond, 10)


def test_a_hair_over_the_edge_is_nothing():
    hair = Polygon([(118.7, -2.22e-16), (118.7, 0.016), (118.716, 0.016), (118.716, -2.22e-16)])
    both = MultiPolygon([hair, box(120, 49.3, 120.016, 49.316)])
    assert {block.epsg for block in blocks_of(both, 10)} == {32650, 32651}


def test_a_point_on_a_zone_edge_is_of_both():
    assert zones_of(Point(120, 49)) == (32650, 32651)


@pytest.mark.parametrize("place", [(119.5, 49.0), (117.0000001, 0.00001), (-179.99, -79.9)])
def test_an_area_inside_one_pixel_has_one_block(place):
    area = Point(place).buffer(1e-6)
    (block,) = blocks_of(area, 10)
    assert block == Block(zone_of(*place), 10, block.col, block.row)
    assert core_of(block).contains(to_crs(Point(place), 4326, block.epsg))


def test_order_is_by_zone_then_south_to_north_then_west_to_east():
    blocks = blocks_of(MultiPolygon([box(119.6, 49, 120.4, 49.5), box(118, 48, 118.4, 48.2)]), 10, halo_px=3)
    keys = [(block.epsg, block.row, block.col) for block in blocks]
    assert keys == sorted(keys)
    assert all(block.halo_px == 3 for block in blocks)


def test_all_of_hulunbuir_has_about_as_many_blocks_as_its_area():
    outline = Polygon(
        [(115.6, 47.9), (117.4, 47.6), (121, 47.1), (124.6, 48.7), (126, 51), (121.6, 53.3), (116.7, 49.8)]
    )
    wavy = shapely.segmentize(outline, 0.001)
    blocks = blocks_of(wavy, 10)
    assert 2300 < len(blocks) < 3400


def test_owned_is_the_same_whether_computed_for_a_block_or_a_part_of_it():
    block = Block(32650, 10, 70, 530)
    whole = owned(block.geobox)
    assert 0 < whole.mean() < 1
    left, top = block.geobox.affine.c + 2000, block.geobox.affine.f - 1000
    part = GeoBox((80, 824), Affine(10, 0, left, 0, -10, top), block.geobox.crs)
    np.testing.assert_array_equal(owned(part), whole[100:180, 200:])
    assert 0 < owned(part).mean() < 1


@pytest.mark.parametrize("block", [Block(32650, 10, 47, 530), Block(32650, 10, 70, 530), Block(32750, 10, 50, 976)])
def test_the_shortcut_of_owned_agrees_with_each_pixel(block):
    lon, lat = lonlat_of(block.geobox)
    zone = np.array(
        [[zone_of(a, b) for a, b in zip(*pair, strict=True)] for pair in zip(lon[::31], lat[::31], strict=True)]
    )
    np.testing.assert_array_equal(owned(block.geobox)[::31], zone == block.epsg)


def test_the_rim_holds_the_extremes():
    geobox = Block(32651, 10, 60, 500).padded
    lon, lat = lonlat_of(geobox)
    rim_lon, rim_lat = rim_of(geobox)
    assert rim_lon.min() < lon.min() < lon.max() < rim_lon.max()
    assert rim_lat.min() < lat.min() < lat.max() < rim_lat.max()
