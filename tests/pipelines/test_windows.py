"""Windows around patches, and the batches in which they are read."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pytest
import shapely

from aoi.grid import to_crs
from detectors.core.history import History, Season
from leads.lattice import window_of
from pipelines.patchseries import BATCH_BYTES, Asked, batches
from pipelines.windows import MOST_PX, inside_and_ring, window_around

X, Y = 540_000, 5_450_000


def square(x: float, y: float, width: float, height: float | None = None) -> shapely.Geometry:
    """Metres in zone 50, as EPSG:4326."""
    return to_crs(shapely.box(X + x, Y + y, X + x + width, Y + y + (height or width)), 32650, 4326)


def test_a_window_lies_on_the_lattice_and_holds_the_ring() -> None:
    box = window_around(square(3, 4, 200), 10.0, 300.0)
    assert window_of(box).gsd_m == 10  # refuses a grid off the lattice
    inside, ring = inside_and_ring(square(3, 4, 200), box, [], 300.0)
    assert inside.sum() == pytest.approx(400, abs=25)
    around = 4 * 200 * 300 + np.pi * 300**2
    assert ring.sum() * 100 == pytest.approx(around - 4 * 200 * 20 - np.pi * 20**2, rel=0.05)
    assert not ring[[0, -1]].any()
    assert not ring[:, [0, -1]].any()


def test_the_ring_is_clear_of_the_patch_and_of_every_other() -> None:
    here, other = square(0, 0, 200), square(300, 0, 100)
    box = window_around(here, 10.0, 300.0)
    inside, ring = inside_and_ring(here, box, [other], 300.0)
    taken, _ = inside_and_ring(other, box, [], 300.0)
    for mask in (inside, taken):
        rows, cols = np.nonzero(ring)
        far = np.hypot(*(np.argwhere(mask)[:, :, None] - np.stack([rows, cols])[None]).transpose(1, 0, 2)).min(axis=0)
        assert far.min() > 2
    assert ring.sum() < inside_and_ring(here, box, [], 300.0)[1].sum()


def test_a_very_large_patch_is_read_at_a_coarser_pixel_on_its_own_lattice() -> None:
    box = window_around(square(0, 0, 9_000, 7_000), 10.0, 300.0)
    assert box.affine.a == 30
    assert np.prod(box.shape) <= MOST_PX
    assert window_of(box).gsd_m == 30
    inside, ring = inside_and_ring(square(0, 0, 9_000, 7_000), box, [], 300.0)
    assert inside.sum() * 900 == pytest.approx(63e6, rel=0.01)
    assert ring.any()


def test_a_patch_narrower_than_a_pixel_still_has_an_inside() -> None:
    thin = square(13, 3, 2, 300)
    inside, ring = inside_and_ring(thin, window_around(thin, 10.0, 100.0), [], 100.0)
    assert inside.any()
    assert not (inside & ring).any()


@dataclass(frozen=True)
class Taken:
    solar_day: dt.date


def test_batches_are_of_one_place_and_bounded() -> None:
    history = History((Season((7, 1), (7, 31)),), 3)
    patches = [square(x, y, 1200) for x in (0, 400, 40_000) for y in range(0, 4000, 500)]
    asked = [Asked(patch, history, (2022, 2023, 2024)) for patch in patches]
    boxes = [window_around(patch, 10.0, 300.0) for patch in patches]
    scenes = [Taken(dt.date(2024, 7, 1) + dt.timedelta(days=day)) for day in range(25)]
    found = batches(asked, boxes, scenes)
    assert sorted(number for one in found for number in one) == list(range(len(patches)))
    assert 3 <= len(found) < len(patches)
    for one in found:
        assert max(boxes[n].affine.c for n in one) - min(boxes[n].affine.c for n in one) <= 10_000
        assert sum(4 * 6 * 25 * np.prod(boxes[n].shape) for n in one) <= BATCH_BYTES
