import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery import axis
from imagery import sampling as module
from imagery.projection import places
from imagery.sampling import bilinear, coarsening, sampler

UTM50 = "EPSG:32650"
SOURCE = np.random.default_rng(3).uniform(0, 1, (90, 110)).astype(np.float32)


def grid(rows, cols, left=512_000.0, top=5_406_720.0, gsd=10.0, crs=UTM50):
    return GeoBox((rows, cols), Affine(gsd, 0, left, 0, -gsd, top), crs)


def sampled(geobox, affine, crs=UTM50, source=SOURCE, valid=None):
    view = sampler(geobox, source.shape, affine, pyproj.CRS(crs).to_wkt())
    if view.window is None:
        return np.full(geobox.shape, np.nan)
    part = source[view.window.toslices()]
    mask = np.ones(part.shape, bool) if valid is None else valid[view.window.toslices()]
    out = np.full(geobox.shape, 7, np.float32)
    bilinear(view, np.where(mask, part, 0), mask, out)
    return out


def expected(source, row, col):
    """Bilinear by the book at pixel coordinates; in the outer half pixel the outermost centre."""
    height, width = source.shape
    if not (0 <= row < height and 0 <= col < width):
        return np.nan
    row, col = np.clip(row - 0.5, 0, height - 1), np.clip(col - 0.5, 0, width - 1)
    top, left = int(row), int(col)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    above = source[top, left] * (1 - (col - left)) + source[top, right] * (col - left)
    below = source[bottom, left] * (1 - (col - left)) + source[bottom, right] * (col - left)
    return above * (1 - (row - top)) + below * (row - top)


@given(
    gsd=st.sampled_from([5.0, 10.0, 13.0, 20.0, 60.0]),
    left=st.floats(-900, 900),
    top=st.floats(-900, 900),
)
def test_parallel_grids_are_sampled_by_the_book(gsd, left, top):
    geobox = grid(13, 17)
    affine = Affine(gsd, 0, 512_000 + left, 0, -gsd, 5_406_720 + top)
    values = sampled(geobox, affine)
    for row, col in ((0, 0), (5, 9), (12, 16), (0, 16)):
        place = ((row + 0.5) * 10 + top) / gsd, ((col + 0.5) * 10 - left) / gsd
        if min(abs(axis - round(axis)) for axis in place) > 1e-3:  # not on an edge between two pixels
            assert values[row, col] == pytest.approx(expected(SOURCE, *place), abs=2e-4, nan_ok=True)


def test_another_projection_is_sampled_by_the_book():
    geobox = grid(60, 60)
    affine = Affine(1.2e-4, 0, 117.16, 0, -0.9e-4, 48.8135)
    values = sampled(geobox, affine, "EPSG:4326")
    to_degrees = pyproj.Transformer.from_crs(32650, 4326, always_xy=True)
    for row, col in ((0, 0), (20, 30), (59, 59), (33, 2)):
        lon, lat = to_degrees.transform(512_000 + (col + 0.5) * 10, 5_406_720 - (row + 0.5) * 10)
        place = (48.8135 - lat) / 0.9e-4, (lon - 117.16) / 1.2e-4
        assert values[row, col] == pytest.approx(expected(SOURCE, *place), abs=2e-3, nan_ok=True)
    assert np.isfinite(values).any()


@given(
    row=st.integers(0, 50), col=st.integers(0, 50), rows=st.integers(1, 40), cols=st.integers(1, 40),
    crs=st.sampled_from(["same", "degrees", "next zone"]), holes=st.booleans(),
)  # fmt: skip
def test_a_pixel_has_the_same_bits_in_every_window(row, col, rows, cols, crs, holes):
    affine, name = {
        "same": (Affine(20, 0, 511_930, 0, -20, 5_406_790), UTM50),
        "degrees": (Affine(1.2e-4, 0, 117.16, 0, -0.9e-4, 48.8135), "EPSG:4326"),
        "next zone": (Affine(10, 0, 71_470, 0, -10, 5_423_120), "EPSG:32651"),
    }[crs]
    valid = np.random.default_rng(1).random(SOURCE.shape) > 0.1 if holes else None
    whole = sampled(grid(90, 90), affine, name, valid=valid)
    assert np.isfinite(whole).any()
    part = sampled(grid(rows, cols, 512_000 + 10 * col, 5_406_720 - 10 * row), affine, name, valid=valid)
    np.testing.assert_array_equal(part, whole[row : row + rows, col : col + cols])


def test_one_grid_is_copied():
    affine = Affine(10, 0, 511_000, 0, -10, 5_407_000)
    values = sampled(grid(40, 50, 511_100, 5_406_900), affine)
    np.testing.assert_array_equal(values, SOURCE[10:50, 10:60])


def test_nothing_is_extrapolated_beyond_the_source():
    values = sampled(grid(110, 130, 511_900, 5_406_820), Affine(10, 0, 512_000, 0, -10, 5_406_720))
    seen = np.isfinite(values)
    assert seen[10:100, 10:120].all()
    assert seen.sum() == SOURCE.size


def test_a_hole_stays_its_own_size_and_gives_nothing_to_its_neighbours():
    source = np.full((20, 20), 0.5, np.float32)
    source[10, 10] = 999
    valid = source < 1
    values = sampled(grid(40, 40), Affine(20, 0, 512_000, 0, -20, 5_406_720), source=source, valid=valid)
    assert np.isnan(values[20:22, 20:22]).all()
    assert np.isnan(values).sum() == 4
    np.testing.assert_array_equal(values[np.isfinite(values)], np.float32(0.5))


@pytest.mark.parametrize(("lat", "limit_m"), [(0.0, 0.01), (48.8, 0.01), (70.0, 0.02)])
def test_the_lattice_keeps_to_the_projection_within_two_centimetres(lat, limit_m):
    forward = pyproj.Transformer.from_crs(4326, 32650, always_xy=True)
    x, y = forward.transform(118.9, lat)
    geobox = grid(100, 100, round(x, -1), round(y, -1))
    lon, lat_found = places(geobox, "EPSG:4326")
    back_x, back_y = forward.transform(lon, lat_found)
    cols, rows = np.meshgrid(np.arange(100) + 0.5, np.arange(100) + 0.5)
    off = np.hypot(back_x - (round(x, -1) + cols * 10), back_y - (round(y, -1) - rows * 10))
    assert off.max() < limit_m


@pytest.mark.parametrize(
    ("source", "target", "factor"), [(10, 10, 1), (10, 14, 1), (10, 20, 2), (10, 60, 6), (20, 10, 1), (10.3, 60, 6)]
)
def test_fine_pixels_are_averaged_before_a_coarse_grid_samples_them(source, target, factor):
    assert coarsening(source, target) == factor


@pytest.mark.parametrize("gsd", [20, 30, 40])
@pytest.mark.parametrize("shift", [0, 3, 10, -45, 700])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (70, 83)])
def test_grids_whose_places_repeat_are_read_to_the_same_bits_as_any(gsd, shift, size, monkeypatch):
    affine = Affine(gsd, 0, 512_000 + shift, 0, -gsd, 5_406_720 - shift)
    holes = np.random.default_rng(5).random(SOURCE.shape) > 0.1
    for valid in (None, holes):
        monkeypatch.setattr(axis, "PERIODS", 4)
        module._parallel.cache_clear()
        phases = sampled(grid(*size), affine, valid=valid)
        monkeypatch.setattr(axis, "PERIODS", 0)
        module._parallel.cache_clear()
        np.testing.assert_array_equal(phases, sampled(grid(*size), affine, valid=valid))
    module._parallel.cache_clear()
