import pytest
from shapely.geometry import box

from aoi.area import geodesic_area_m2
from aoi.classification import Classification, strictest
from aoi.conflicts import conflicts
from aoi.layers import LayerFeature, crossings, open_layers

PATCH = box(119.70, 49.30, 119.71, 49.31)
HALF = box(119.70, 49.30, 119.705, 49.31)


def feature(kind, geometry, **attributes):
    return LayerFeature(kind, "1", "", geometry, attributes), 1.0


def named(found):
    return [tuple(claim.label_zh for claim in conflict.claims) for conflict in found]


def test_ground_claimed_for_different_things_is_shown_with_its_area():
    found = conflicts(
        [feature("dltb", PATCH, DLBM="0103"), feature("grassland", HALF), feature("forest_land", HALF)], within=PATCH
    )
    assert named(found) == [("地类图斑 旱地", "林地"), ("地类图斑 旱地", "草原"), ("林地", "草原")]
    assert [c.area_m2 for c in found] == [pytest.approx(geodesic_area_m2(HALF))] * 3


def test_only_ground_inside_the_patch_counts():
    wide = box(119.6, 49.2, 119.8, 49.4)
    (found,) = conflicts([feature("forest_land", wide), feature("grassland", wide)], within=HALF)
    assert found.area_m2 == pytest.approx(geodesic_area_m2(HALF), rel=1e-6)
    (whole,) = conflicts([feature("forest_land", wide), feature("grassland", wide)])
    assert whole.area_m2 == pytest.approx(geodesic_area_m2(wide), rel=1e-6)


@pytest.mark.parametrize(
    ("code", "kind"), [("0402", "grassland"), ("0402", "wetland"), ("0304", "forest_land"), ("0103", "basic_farmland")]
)
def test_maps_that_agree_are_no_conflict(code, kind):
    assert conflicts([feature("dltb", PATCH, DLBM=code), feature(kind, PATCH)]) == ()


def test_a_mine_of_the_survey_on_the_grassland_map_is_shown():
    assert named(conflicts([feature("dltb", PATCH, DLBM="0602"), feature("grassland", PATCH)])) == [
        ("地类图斑 采矿用地", "草原")
    ]


def test_edges_in_common_unknown_classes_and_permits_are_none():
    beside = box(119.71, 49.30, 119.72, 49.31)
    assert conflicts([feature("forest_land", PATCH), feature("grassland", beside)]) == ()
    assert conflicts([feature("dltb", PATCH, DLBM="?"), feature("grassland", PATCH)]) == ()
    assert conflicts([feature("mining_rights", PATCH, xkzh="1"), feature("grassland", PATCH)]) == ()


def test_parts_of_one_map_are_counted_once(vector):
    vector([HALF, PATCH], "grassland.gpkg")
    vector([PATCH], "wetland.gpkg")
    layers = [*open_layers(vector([HALF, PATCH], "grassland.gpkg")), *open_layers(vector([PATCH], "wetland.gpkg"))]
    (found,) = conflicts(crossings(PATCH, layers), PATCH)
    assert found.area_m2 == pytest.approx(geodesic_area_m2(PATCH), rel=1e-6)


def test_outputs_inherit_the_strictest_classification(vector):
    (layer,) = open_layers(vector([PATCH], "wetland.gpkg"))
    assert layer.classification is Classification.INTERNAL
    assert strictest([]) is Classification.PUBLIC
    assert strictest([layer]) is Classification.INTERNAL
    from dataclasses import replace

    assert strictest([replace(layer, classification=Classification.SENSITIVE), layer]) is Classification.SENSITIVE
