from xml.etree import ElementTree

import pyproj
import pytest
from shapely.geometry import box

from aoi.candidate_map import SPOTS_MAX, spots_of, svg_map, text_map
from aoi.zones import DATUMS, candidates, look_swapped, meridian_of, zone_epsg

HULUNBUIR = box(115.5, 47, 126, 53.4)
ZONE_40 = (40_412_345, 5_462_100, 40_413_345, 5_463_100)
PLAIN = (412_345, 5_462_100, 413_345, 5_463_100)


@pytest.mark.parametrize("datum", DATUMS)
@pytest.mark.parametrize("width", [3, 6])
def test_every_zone_has_the_meridian_and_false_easting_that_it_should(datum, width):
    zones = range(25, 46) if width == 3 else range(13, 24)
    for zone in zones:
        meridian = meridian_of(width, zone)
        for code, easting in (
            (zone_epsg(datum, width, zone=zone), zone * 1e6 + 5e5),
            (zone_epsg(datum, width, meridian=meridian), 5e5),
        ):
            crs = pyproj.CRS.from_epsg(code)
            told = {p.name: p.value for p in crs.coordinate_operation.params}
            assert (told["Longitude of natural origin"], told["False easting"]) == (meridian, easting)
            assert datum.split()[0].casefold() in crs.name.casefold()


def test_zones_that_there_are_not():
    assert zone_epsg("CGCS2000", 3, zone=24) is None
    assert zone_epsg("CGCS2000", 6, meridian=120) is None
    assert zone_epsg("CGCS2000", 5, zone=40) is None
    assert zone_epsg("CGCS2000", 3) is None


def test_a_prefix_leaves_the_datum_open_and_nothing_else():
    found = candidates(ZONE_40, HULUNBUIR)
    assert [one.epsg for one in found] == [4528, 2364, 2416]
    assert all(one.near and one.bounds[0] == pytest.approx(118.8, abs=0.1) for one in found)


def test_without_a_prefix_every_meridian_is_shown_those_on_known_ground_first():
    found = candidates(PLAIN, HULUNBUIR)
    assert len(found) == 63
    near = [one.epsg for one in found if one.near]
    assert {4548, 4549, 4550, 4551} <= set(near)
    assert [one.near for one in found] == sorted((one.near for one in found), reverse=True)


def test_swapped_axes_are_said_with_the_candidates():
    swapped = (ZONE_40[1], ZONE_40[0], ZONE_40[3], ZONE_40[2])
    assert look_swapped(swapped)
    assert not look_swapped(ZONE_40)
    assert look_swapped((49, 119, 50, 120))
    assert all(one.swapped and one.near for one in candidates(swapped, HULUNBUIR))


def test_degrees_may_be_cgcs2000_or_shifted_and_nonsense_is_nothing():
    assert [one.epsg for one in candidates((119, 49, 120, 50))] == [4490, 4326]
    assert candidates((0, 0, 1e9, 1e9)) == ()
    assert candidates((300, 200, 900, 700)) == ()


def test_the_map_shows_known_ground_and_every_place_once():
    spots = spots_of(candidates(PLAIN, HULUNBUIR))
    assert len(spots) == SPOTS_MAX
    assert [candidate.epsg for candidate in spots[0].candidates] == [4548, 2384, 2436]
    text = text_map(spots, HULUNBUIR)
    grid = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(line) == len(grid[0]) for line in grid)
    drawn = "".join(grid)
    assert "·" in drawn
    assert all(spot.letter in drawn for spot in spots)
    # west of another is left of it
    columns = {spot.letter: next(line.index(spot.letter) for line in grid if spot.letter in line) for spot in spots}
    places = sorted(spots, key=lambda spot: spot.centre[0])
    assert [columns[spot.letter] for spot in places] == sorted(columns.values())
    assert "EPSG:4548" in text


def test_the_svg_is_whole_and_escapes_names():
    svg = svg_map(spots_of(candidates(PLAIN, HULUNBUIR)), HULUNBUIR, "<&>.shp")
    root = ElementTree.fromstring(svg)
    assert any(element.text == "<&>.shp" for element in root.iter())
    assert len([e for e in root.iter() if e.tag.endswith("rect")]) == 1 + SPOTS_MAX


def test_a_map_without_known_ground_or_without_candidates_does_not_fail():
    assert "A" in text_map(spots_of(candidates(ZONE_40)), None)
    assert text_map((), HULUNBUIR)
