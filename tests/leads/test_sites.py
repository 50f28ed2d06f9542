"""Patches of watched sites."""

import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from aoi.area import geodesic_area_m2
from aoi.grid import to_crs
from detectors.core.registry import choose
from leads.sites import shown_patches, site_patch

(DETECTOR,) = choose(("mine",))


def grid(left: float) -> GeoBox:
    return GeoBox((60, 60), Affine(10, 0, left, 0, -10, 5_450_000), "EPSG:32650")


@pytest.mark.parametrize("left", [600_000, 717_600])
def test_the_part_that_shows_it_is_outlined_whole_also_across_120_east(left: float) -> None:
    where = np.zeros((60, 60), np.bool_)
    where[10:40, 15:45] = True
    (patch,) = shown_patches(where, grid(left), DETECTOR)
    wanted = to_crs(shapely.box(left + 150, 5_450_000 - 400, left + 450, 5_450_000 - 100), 32650, 4326)
    assert patch.geometry.symmetric_difference(wanted).area < 0.03 * wanted.area
    assert (patch.detector, patch.transition, patch.score_max, patch.clipped) == ("mine", 0, 1.0, False)
    assert patch.area_low_m2 < patch.area_m2 == geodesic_area_m2(patch.geometry) < patch.area_high_m2


def test_every_part_is_a_patch_and_specks_are_none() -> None:
    where = np.zeros((60, 60), np.bool_)
    where[2:20, 2:20] = where[30:50, 30:50] = where[55, 5] = True
    assert len(shown_patches(where, grid(600_000), DETECTOR)) == 2
    assert shown_patches(np.zeros((60, 60), np.bool_), grid(600_000), DETECTOR) == ()


def test_a_site_is_as_its_layer_draws_it() -> None:
    ground = shapely.MultiPolygon(
        [shapely.box(119.9, 49.2, 119.901, 49.201), shapely.box(119.91, 49.2, 119.911, 49.201)]
    )
    patch = site_patch(ground, 10.0, DETECTOR)
    assert patch.geometry is ground
    assert patch.area_low_m2 < patch.area_m2 < patch.area_high_m2
