"""The noise-free ground: one ground, however it is looked at."""

import dataclasses

import numpy as np
import pyproj
import pytest
import shapely
from rasterio.features import geometry_mask
from scipy import ndimage

from imagery.simulated.classification import halved
from imagery.simulated.frame import Window
from imagery.simulated.truth import Planted
from imagery.simulated.world import World


def _window_at(world: World, lon: float, lat: float, epsg: int, size: int = 160) -> Window:
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return Window(epsg, round(x / 120) * 120 - size * 5, round(y / 120) * 120 + size * 5, size, size)


def test_cutting_the_ground_leaves_no_seam(demo: World) -> None:
    look = demo.sky.looks[-1]
    whole = Window(32650, 715_200.0, 5_458_800.0, 240, 240)
    pixels = demo.view(whole).surface(look)
    corner = Window(32650, 715_200.0 + 1_000, 5_458_800.0 - 800, 160, 140)
    np.testing.assert_allclose(demo.view(corner).surface(look), pixels[:, 80:, 100:], atol=2e-5)


def test_both_zones_show_the_same_ground_across_120_east(demo: World) -> None:
    look = demo.sky.looks[-1]
    west, east = (_window_at(demo, 120.0, 49.22, epsg, 240) for epsg in (32650, 32651))
    first = demo.view(west).surface(look, displaced=False)
    second = demo.view(east).surface(look, displaced=False)
    inner = np.arange(30, 210) * 10 + 5
    there = np.meshgrid(west.left + inner, west.top - inner)
    x, y = pyproj.Transformer.from_crs(32650, 32651, always_xy=True).transform(*there)
    col, row = (x - east.left) / 10, (east.top - y) / 10
    for band in range(6):
        moved = ndimage.map_coordinates(second[band], [row - 0.5, col - 0.5], order=1)
        here = first[band, 30:210, 30:210]
        assert np.abs(moved - here).mean() < 0.03 * here.mean()
        assert np.corrcoef(moved.ravel(), here.ravel())[0, 1] > 0.97


def test_two_by_two_fine_pixels_make_a_coarse_one() -> None:
    field = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    np.testing.assert_allclose(halved(field), [[[2.5, 4.5], [10.5, 12.5]]])


def _near(world: World, item: Planted) -> Window:
    centre, lon = item.geometry.centroid, item.geometry.centroid.x
    return _window_at(world, centre.x, centre.y, 32650 if lon < 120 else 32651, 120)


def _inside(world: World, item: Planted, window: Window, margin_m: float) -> np.ndarray:
    outline = shapely.transform(
        item.geometry,
        pyproj.Transformer.from_crs(4326, window.epsg, always_xy=True).transform,
        interleaved=False,
    ).buffer(margin_m)
    if outline.is_empty:
        return np.zeros((window.height, window.width), bool)
    return ~geometry_mask([outline], (window.height, window.width), window.affine)


def test_planted_changes_show_where_truth_says_and_nowhere_else(demo: World) -> None:
    look = demo.sky.looks[-1]
    others = shapely.union_all([item.geometry for item in demo.truth.planted])
    everything = dataclasses.replace(demo.truth.planted[0], geometry=others)
    for item in demo.truth.planted:
        window = _near(demo, item)
        view = demo.view(window)
        change = np.abs(view.surface(look, displaced=False) - view.surface(look, planted=False, displaced=False))
        seen = change.max(axis=0)
        assert seen[_inside(demo, item, window, 0)].mean() > 0.02, item.id
        assert seen[~_inside(demo, everything, window, 40)].max() < 1e-6, item.id


def test_nothing_planted_is_there_before_it_happened(demo: World) -> None:
    look = demo.sky.looks[len(demo.spec.before) - 1]
    for item in demo.truth.planted[:5]:
        view = demo.view(_near(demo, item))
        np.testing.assert_array_equal(view.surface(look), view.surface(look, planted=False))


def test_what_grows_is_there_in_part_first(demo: World) -> None:
    growing = [item for item in demo.truth.planted if item.completed > item.happened]
    assert growing
    first, last = demo.sky.looks[len(demo.spec.before)], demo.sky.looks[-1]
    for item in growing:
        view = demo.view(_near(demo, item))
        sizes = [
            int((np.abs(view.surface(look) - view.surface(look, planted=False)).max(axis=0) > 0.02).sum())
            for look in (first, last)
        ]
        assert 0.3 * sizes[1] < sizes[0] < 0.85 * sizes[1]


@pytest.mark.parametrize("shift", [(0.2, -0.25), (-0.75, 0.9)])
def test_a_date_is_displaced_by_what_truth_says(demo: World, shift: tuple[float, float]) -> None:
    item = next(item for item in demo.truth.planted if item.kind in ("pit", "dump"))
    view, last = demo.view(_near(demo, item)), demo.sky.looks[-1]
    still = view.surface(last, displaced=False)[3]
    moved = view.surface(dataclasses.replace(last, shift_px=shift))[3]
    back = ndimage.shift(moved, (-shift[1], -shift[0]), order=3)[4:-4, 4:-4]
    there = ndimage.shift(moved, (shift[1], shift[0]), order=3)[4:-4, 4:-4]
    inner = still[4:-4, 4:-4]
    error, unmoved = np.abs(back - inner).mean(), np.abs(moved[4:-4, 4:-4] - inner).mean()
    assert error < 0.35 * unmoved < 0.35 * np.abs(there - inner).mean()


def test_the_ground_looks_like_steppe_in_july(demo: World) -> None:
    window = demo.extents()[0]
    middle = Window(window.epsg, window.left + 4_800, window.top - 2_400, 512, 512)
    blue, green, red, nir, swir16, _ = demo.view(middle).surface(demo.sky.looks[1])
    ndvi = (nir - red) / (nir + red)
    assert 0.3 < float(np.median(ndvi)) < 0.85
    assert 0.02 < float(np.median(blue)) < float(np.median(green)) < 0.13
    assert float(np.percentile(swir16, 99)) < 0.5
