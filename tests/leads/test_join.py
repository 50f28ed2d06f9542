from collections.abc import Callable, Iterator

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from aoi.area import geodesic_area_m2
from aoi.grid import blocks_of, lonlat_of, owned
from detectors.core.history import Season
from detectors.core.types import Detector, Surface, Transition
from leads.join import join
from leads.model import Patch
from leads.vectorize import Fragment, fragments

LEFT, TOP, GSD_M = 60_000, 540_000, 10.0

Field = NDArray[np.float32]
Block = tuple[Field, GeoBox]


def detector(low: float = 0.4, high: float = 0.5) -> Detector:
    surfaces = frozenset(Surface)
    return Detector(
        "mine",
        "矿场监督",
        "Mines",
        (Season((1, 1), (12, 31)),),
        (Transition(surfaces, surfaces, 1.0, "剥离", "stripped"), Transition(surfaces, surfaces, 1.0, "矿坑", "pit")),
        threshold_low=low,
        threshold_high=high,
    )


DETECTOR = detector()


def cut(score: Field, size: int, shift: tuple[int, int] = (0, 0)) -> Iterator[Block]:
    height, width = score.shape
    for row in range(-shift[0], height, size):
        for col in range(-shift[1], width, size):
            top, left = max(row, 0), max(col, 0)
            piece = score[top : max(row + size, 0), left : max(col + size, 0)]
            if piece.size:
                corner = Affine(GSD_M, 0, (LEFT + left) * GSD_M, 0, -GSD_M, (TOP - top) * GSD_M)
                yield piece, GeoBox(piece.shape, corner, "EPSG:32651")


def pieces_of(score: Field, geobox: GeoBox, model: Detector = DETECTOR) -> tuple[Fragment, ...]:
    kinds = np.where(np.nan_to_num(score) > 0.6, 2, 1).astype(np.uint8)
    return fragments(score, kinds, geobox, np.ones(score.shape, bool), model)


def patches_of(blocks: list[Block], model: Detector = DETECTOR, shuffle: int | None = None) -> tuple[Patch, ...]:
    found = [piece for score, geobox in blocks for piece in pieces_of(score, geobox, model)]
    if shuffle is not None:
        np.random.default_rng(shuffle).shuffle(found)  # type: ignore[arg-type]
    return join(found, model, [geobox for _, geobox in blocks])


def square(size: int = 60) -> Field:
    return np.zeros((size, size), np.float32)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    smoothness=st.floats(0.5, 4),
    holes=st.floats(0, 0.3),
    size=st.integers(9, 130),
    shift=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
def test_patches_do_not_depend_on_the_cut_nor_on_the_order(
    seed: int, smoothness: float, holes: float, size: int, shift: tuple[int, int]
) -> None:
    random = np.random.default_rng(seed)
    score = ndimage.gaussian_filter(random.normal(size=(110, 130)), smoothness)
    score = ((score - score.min()) / np.ptp(score)).astype(np.float32)
    cover = ndimage.gaussian_filter(random.normal(size=score.shape), 3)
    score[cover < np.quantile(cover, holes)] = np.nan
    model = detector(*np.nanquantile(score, [0.75, 0.9]).tolist())
    whole = patches_of([(score, next(cut(score, 1000))[1])], model)
    assert patches_of(list(cut(score, size, shift)), model, shuffle=seed) == whole
    assert all(patch.geometry.is_valid and patch.geometry.geom_type == "Polygon" for patch in whole)


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_the_blocks_of_the_grid_give_the_same_patches(size: int) -> None:
    random = np.random.default_rng(7)
    score = ndimage.gaussian_filter(random.normal(size=(1100, 1100)), 4)
    score = ((score - score.min()) / np.ptp(score)).astype(np.float32)
    score[ndimage.gaussian_filter(random.normal(size=score.shape), 30) > 0.012] = np.nan
    model = detector(*np.nanquantile(score, [0.97, 0.99]).tolist())
    whole = patches_of([(score, next(cut(score, 2000))[1])], model)
    assert len(whole) > 50
    assert any(patch.clipped for patch in whole)
    assert patches_of(list(cut(score, size, (size // 3, 50))), model) == whole


def test_weak_ground_is_kept_when_the_strong_pixel_is_over_the_border() -> None:
    score = square()
    score[20:30, 10:50] = 0.45
    score[25, 45] = 0.8
    (patch,) = patches_of(list(cut(score, 30)))
    assert patch.area_m2 == pytest.approx(400 * 100, rel=0.002)
    assert patch.score_max == pytest.approx(0.8)
    score[25, 45] = 0.45
    assert patches_of(list(cut(score, 30))) == ()


def test_blocks_that_meet_by_a_corner_give_one_polygon() -> None:
    score = square()
    score[20:30, 20:30] = score[30:40, 30:40] = 0.9
    (patch,) = patches_of(list(cut(score, 30)))
    assert patch.geometry.geom_type == "Polygon"
    assert patch.geometry.is_valid
    assert patch.area_m2 == pytest.approx(200 * 100, rel=0.002)


def test_a_patch_holds_its_scores_transition_and_interval() -> None:
    score = square()
    score[20:30, 20:30] = 0.9
    score[20:22, 20:30] = 0.5
    (patch,) = patches_of(list(cut(score, 25)))
    assert patch.detector == "mine"
    assert patch.transition == 2
    assert patch.score_mean == pytest.approx(0.82)
    assert patch.gsd_m == GSD_M
    assert patch.area_m2 == pytest.approx(geodesic_area_m2(patch.geometry))
    assert patch.area_low_m2 < patch.area_m2 < patch.area_high_m2


def test_below_the_minimum_area_is_no_patch() -> None:
    score = square()
    score[28:31, 28:31] = 0.9
    assert patches_of(list(cut(score, 30))) == ()
    score[31, 28:30] = 0.9
    assert len(patches_of(list(cut(score, 30)))) == 1


def test_holes_over_a_border_are_filled_when_small_and_kept_when_large() -> None:
    score = square()
    score[5:55, 5:55] = 0.9
    score[30, 29:31] = 0.0
    score[40:44, 28:32] = 0.0
    (patch,) = patches_of(list(cut(score, 30)))
    assert len(patch.geometry.interiors) == 1
    assert patch.area_m2 == pytest.approx((2500 - 16) * 100, rel=0.002)


def test_only_a_patch_beside_the_unseen_is_clipped() -> None:
    score = square()
    score[5:15, 5:15] = score[40:50, 15:45] = 0.9
    blocks = list(cut(score, 30))
    assert [patch.clipped for patch in patches_of(blocks)] == [False, False]
    # the block in the south-east failed
    assert [patch.clipped for patch in patches_of(blocks[:3])] == [True, False]
    # or saw nothing
    blind = [*blocks[:3], (np.full_like(blocks[3][0], np.nan), blocks[3][1])]
    assert [patch.clipped for patch in patches_of(blind)] == [True, False]
    # or the patch reaches the outermost pixel
    score[0:5, 5:15] = 0.9
    assert [patch.clipped for patch in patches_of(list(cut(score, 30)))] == [False, True]


def test_pieces_may_come_from_a_generator_that_fills_the_list_of_blocks() -> None:
    score = square()
    score[20:40, 20:40] = 0.9
    analysed: list[GeoBox] = []

    def worked() -> Iterator[Fragment]:
        for piece, geobox in cut(score, 30):
            analysed.append(geobox)
            yield from pieces_of(piece, geobox)

    (patch,) = join(worked(), DETECTOR, analysed)
    assert not patch.clipped


def test_no_fragments_make_no_patches() -> None:
    assert join([], DETECTOR, []) == ()


# --- across 120° E ----------------------------------------------------------------------------------------------------

Ground = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
METRES_PER_DEGREE = 111_320


def across(
    ground: Ground, lat: float = 49.3, size: int = 256, zones: tuple[int, ...] = (32650, 32651)
) -> tuple[Patch, ...]:
    found, analysed = [], []
    for block in blocks_of(shapely.box(119.98, lat - 0.02, 120.02, lat + 0.02), GSD_M, 0, size):
        if block.epsg in zones:
            score = np.where(ground(*lonlat_of(block.geobox)), 0.9, 0.0).astype(np.float32)
            transition = np.ones(score.shape, np.uint8)
            found += fragments(score, transition, block.geobox, owned(block.geobox), DETECTOR)
            analysed.append(block.geobox)
    return join(found, DETECTOR, analysed)


def disc(radius_m: float, east_m: float = 0.0, lat: float = 49.3) -> Ground:
    def inside(lon: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.bool_]:
        east = (lon - 120) * METRES_PER_DEGREE * np.cos(np.radians(lat)) - east_m
        return np.asarray(np.hypot(east, (at - lat) * METRES_PER_DEGREE) < radius_m)

    return inside


@settings(max_examples=15, deadline=None)
@example(radius_m=343.0, east=0.0, lat=49.59375, size=128)  # the zone ends exactly at a block's border
@given(
    radius_m=st.floats(30, 500),
    east=st.floats(-0.9, 0.9),
    lat=st.floats(47.0, 53.0),
    size=st.sampled_from([128, 256, 512]),
)
def test_a_patch_on_the_zone_edge_is_one_polygon_without_seam(
    radius_m: float, east: float, lat: float, size: int
) -> None:
    (patch,) = across(disc(radius_m, east * radius_m, lat), lat, size)
    assert patch.geometry.geom_type == "Polygon"
    assert patch.geometry.is_valid
    assert len(patch.geometry.interiors) == 0
    assert not patch.clipped
    # the raster gives an outline of P pixels an error of √(P / 12) pixels: five times that, and what degrees are off
    wanted, outline_px = np.pi * radius_m**2, 2 * np.pi * radius_m / GSD_M
    assert patch.area_m2 == pytest.approx(wanted, abs=0.004 * wanted + 5 * np.sqrt(outline_px / 12) * GSD_M**2)


def test_a_zone_edge_leaves_neither_gap_nor_double_ground() -> None:
    def everything(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((abs(lon - 120) < 0.01) & (abs(lat - 49.3) < 0.01))

    (patch,) = across(everything)
    wanted = geodesic_area_m2(shapely.box(119.99, 49.29, 120.01, 49.31))
    assert patch.area_m2 == pytest.approx(wanted, rel=0.002)
    middle = shapely.box(119.999, 49.295, 120.001, 49.305)
    assert patch.geometry.covers(middle)


def test_a_hole_across_the_zone_edge_is_kept_and_a_small_one_filled() -> None:
    large, small = disc(60), disc(9, 0.0, 49.3018)

    def ring(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        return disc(400)(lon, lat) & ~large(lon, lat) & ~small(lon, lat)

    (patch,) = across(ring)
    assert len(patch.geometry.interiors) == 1
    assert patch.area_m2 == pytest.approx(np.pi * (400**2 - 60**2), rel=0.01)


def test_patches_on_both_sides_of_a_zone_edge_stay_apart() -> None:
    def two(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        return disc(100, -130)(lon, lat) | disc(100, 130)(lon, lat)

    assert len(across(two)) == 2


def test_strong_ground_in_one_zone_keeps_weak_ground_in_the_other() -> None:
    found, analysed = [], []
    for block in blocks_of(shapely.box(119.98, 49.28, 120.02, 49.32), GSD_M, 0, 256):
        lon, lat = lonlat_of(block.geobox)
        score = np.where(disc(200)(lon, lat), np.where(lon > 120.001, 0.9, 0.45), 0.0).astype(np.float32)
        found += fragments(score, np.ones(score.shape, np.uint8), block.geobox, owned(block.geobox), DETECTOR)
        analysed.append(block.geobox)
    (patch,) = join(found, DETECTOR, analysed)
    assert patch.area_m2 == pytest.approx(np.pi * 200**2, rel=0.01)


def test_a_patch_is_clipped_when_the_other_zone_was_not_worked() -> None:
    (patch,) = across(disc(200), zones=(32651,))
    assert patch.clipped
    assert patch.geometry.bounds[0] == pytest.approx(120.0, abs=1e-5)
    assert patch.area_m2 == pytest.approx(np.pi * 200**2 / 2, rel=0.02)


def test_parts_name_no_patch_and_are_not_most_of_one() -> None:
    """What no transition speaks of is coded past the last; what can not be told (0) hides nothing and names nothing."""
    grid = GeoBox((40, 40), Affine(10, 0, 500_000, 0, -10, 5_400_000), "EPSG:32650")
    model = Detector(
        "model", "模型", "model", (Season((5, 15), (10, 10)),),
        (Transition(frozenset({Surface.GRASS}), frozenset({Surface.BRIGHT_BARE}), 1.0, "剥离", "stripped"),),
    )  # fmt: skip
    score = np.full((40, 40), np.nan, np.float32)
    score[10:30, 10:30] = 0.9
    for rest, rows, found in ((2, 4, []), (2, 8, [1]), (0, 4, [0]), (0, 12, [1])):
        turned = np.full((40, 40), rest, np.uint8)
        turned[10 : 10 + rows] = 1
        pieces = fragments(score, turned, grid, np.ones(score.shape, bool), model)
        assert [patch.transition for patch in join(pieces, model, [grid])] == found
