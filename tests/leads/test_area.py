import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon

from aoi.area import geodesic_area_m2
from aoi.grid import to_crs
from leads.area import (
    LEAST_CASES,
    Cut,
    Offsets,
    area_interval,
    cut_interval,
    lead_interval,
    moved_area,
    mu,
    offsets,
    perimeter_m,
)
from leads.outline import merged, outline, smoothed

EPSG, LEFT, BOTTOM, GSD_M = 32651, 60_000, 540_000, 10.0
FINE = 8


def test_ten_mu() -> None:
    assert mu(20_000 / 3) == pytest.approx(10)


def test_perimeter_counts_holes() -> None:
    ground = shapely.box(600_000, 5_400_000, 600_400, 5_400_300)
    hole = shapely.box(600_100, 5_400_100, 600_200, 5_400_200)
    assert perimeter_m(to_crs(ground, EPSG, 4326)) == pytest.approx(1400, rel=1e-3)
    assert perimeter_m(to_crs(ground - hole, EPSG, 4326)) == pytest.approx(1800, rel=1e-3)


def test_the_interval_of_a_sliver_starts_at_nothing() -> None:
    sliver = to_crs(shapely.box(600_000, 5_400_000, 600_500, 5_400_002), EPSG, 4326)
    assert area_interval(sliver, 10)[0] == 0


def test_the_interval_holds_the_area_and_widens_with_the_pixel() -> None:
    ground = to_crs(shapely.box(600_000, 5_400_000, 600_100, 5_400_100), EPSG, 4326)
    area = geodesic_area_m2(ground)
    fine, coarse = area_interval(ground, 10), area_interval(ground, 30)
    assert coarse[0] < fine[0] < area < fine[1] < coarse[1]


def seen(shape: Polygon, level: float, random: np.random.Generator) -> Polygon:
    """What pixels of 10 m with a blur of half a pixel make of a shape (in pixels), cut at a level of its contrast."""
    size = int(max(shape.bounds)) + 7
    steps = (np.arange(size * FINE) + 0.5) / FINE
    x, y = np.meshgrid(steps, steps)
    inside = shapely.contains_xy(shape, x.ravel(), y.ravel()).reshape(x.shape).astype(np.float32)
    cover = ndimage.gaussian_filter(inside, 0.5 * FINE).reshape(size, FINE, size, FINE).mean((1, 3))
    labels, _ = ndimage.label(cover + 0.05 * random.normal(size=cover.shape) >= level, np.ones((3, 3)))
    mask = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    traced = outline(runs_of(mask), 2.5)
    return smoothed(traced.geometry, traced.pixels, 1.0)


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(change == 1)
    return merged(np.stack([rows, starts, np.nonzero(change == -1)[1]], axis=1).astype(np.int64))


def random_shape(area_px: float, random: np.random.Generator) -> Polygon:
    """A rotated rectangle, an L or the hull of some points, somewhere on the lattice."""
    long = random.uniform(1, 4)
    shape = (
        shapely.box(0, 0, long, 1),
        shapely.box(0, 0, 2, 2) - shapely.box(random.uniform(0.7, 1.3), 1, 3, 3),
        shapely.MultiPoint(random.normal(size=(7, 2))).convex_hull,
    )[random.integers(3)]
    turn = random.uniform(0, 2 * np.pi)
    scale = np.sqrt(area_px / shape.area)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = shapely.transform(shape, lambda xy: xy @ matrix.T)
    low = np.array(shape.bounds[:2]) - 5 - random.uniform(0, 1, 2)
    return shapely.transform(shape, lambda xy: xy - low)


def to_ground(shape: Polygon) -> Polygon:
    return to_crs(shapely.transform(shape, lambda xy: (xy + np.array([LEFT, BOTTOM])) * GSD_M), EPSG, 4326)


@pytest.mark.parametrize(("area_px", "widest"), [(15.0, 0.7), (200 / 3, 0.25), (400.0, 0.11)])
def test_the_interval_holds_the_true_area_in_95_of_100_patches(area_px: float, widest: float) -> None:
    random = np.random.default_rng(5)
    held, widths = [], []
    for _ in range(200):
        shape = random_shape(area_px, random)
        patch = to_ground(seen(shape, random.uniform(0.37, 0.63), random))
        low, high = area_interval(patch, GSD_M)
        held.append(low <= geodesic_area_m2(to_ground(shape)) <= high)
        widths.append((high - low) / geodesic_area_m2(patch))
    assert np.mean(held) >= 0.95
    assert np.median(widths) <= widest


def test_a_lead_s_interval_moves_its_outline_as_far_as_outlines_were_found_to_be_off() -> None:
    ground = to_crs(shapely.box(600_000, 5_400_000, 600_100, 5_400_100), EPSG, 4326)
    area = geodesic_area_m2(ground)
    for score in (0.3, 0.8, 0.97):
        low_px, high_px = offsets().at(score)
        low, high = lead_interval(ground, 10.0, score)
        assert low < area < high
        assert low <= area + low_px * 4_000 + 1
        assert high >= area + high_px * 4_000 - 1
        assert lead_interval(ground, 20.0, score)[1] > high


def test_the_shipped_offsets_survive_their_file_and_say_what_found_them() -> None:
    shipped = offsets()
    assert Offsets.from_json(shipped.to_json()) == shipped
    assert shipped.command.startswith("python -m pipelines.exams.areas")
    assert [one.from_score for one in shipped.classes] == sorted(one.from_score for one in shipped.classes)
    assert shipped.classes[0].from_score == 0
    for one in shipped.classes:
        assert one.low_px < one.high_px
    assert sum(one.cases for one in shipped.classes) >= LEAST_CASES


def test_an_outline_cut_at_half_contrast_is_doubted_by_the_worse_of_two_signs() -> None:
    assert Cut(apart_px=-0.8, soft_px=0.3).doubt_px == 0.8
    assert Cut(apart_px=0.2, soft_px=0.7).doubt_px == 0.7
    assert Cut(apart_px=-0.8, soft_px=0.3).back_px == pytest.approx(-0.4)


def test_the_interval_of_a_cut_outline_reaches_back_to_the_score_s_and_widens_with_the_doubt() -> None:
    ground = to_crs(shapely.box(600_000, 5_400_000, 600_100, 5_400_100), EPSG, 4326)
    area = geodesic_area_m2(ground)
    clear, soft = (cut_interval(ground, 10.0, Cut(0.0, soft_px)) for soft_px in (0.2, 4.0))
    outside, inside = (cut_interval(ground, 10.0, Cut(apart_px, 0.2)) for apart_px in (0.6, -0.6))
    for low, high in (clear, soft, outside, inside):
        assert low < area < high
    assert soft[0] < clear[0]
    assert clear[1] < soft[1]
    assert inside[0] < clear[0] < outside[0]
    assert inside[1] < clear[1] < outside[1]
    assert outside[1] - clear[1] == pytest.approx(0.3 * 4_000, rel=1e-2)


def test_an_outline_that_is_moved_holds_its_own_area() -> None:
    low, high = moved_area(10_000.0, 400.0, 10.0, 0.5, 1.0)
    assert low < 10_000 < high == pytest.approx(14_000)
    assert moved_area(10_000.0, 400.0, 10.0, -9.0, 1.0)[0] == 0


def test_the_shipped_classes_of_cut_outlines_rest_on_real_ground_too() -> None:
    shipped = offsets()
    assert shipped.cut[0].from_px == 0
    assert [one.from_px for one in shipped.cut] == sorted(one.from_px for one in shipped.cut)
    assert all(one.low_px < 0 < one.high_px and one.real >= LEAST_CASES for one in shipped.cut)
    widths = [one.high_px - one.low_px for one in shipped.cut]
    assert widths == sorted(widths)


def test_a_sliver_s_lead_may_be_nothing() -> None:
    sliver = to_crs(shapely.box(600_000, 5_400_000, 600_500, 5_400_002), EPSG, 4326)
    assert lead_interval(sliver, 10.0, 0.9)[0] == 0
