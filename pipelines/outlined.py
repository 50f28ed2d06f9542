"""Patches whose history was read: their outline cut where the images say, not where the score crossed its threshold."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.grid import epsg_of, to_crs
from detectors.core.history import PatchSeries, Season
from detectors.core.types import BoolArray, FloatArray
from leads.area import Cut, cut_interval, perimeter_m
from leads.halfcut import change_of, half_cut, near, soft_pixels
from leads.lattice import IntArray, window_of
from leads.model import Patch
from leads.outline import merged, outline, smoothed

HIGH_SUMMER = Season((6, 20), (8, 31))
"""Looks by which an outline is drawn, where there are any before and since: plants stand, and stand still."""

LIKE_DAYS = 20
"""Else looks whose days of the year lie no farther apart."""

MOST_LOOKS = 6

SHRUNK, GROWN = 0.4, 2.5
"""An outline of less, or more, than so many times the patch's area is another thing's."""

LEAST_HOLE_PX = 3


@dataclass(frozen=True)
class Drawn:
    """An outline cut at half of its own contrast."""

    geometry: BaseGeometry
    """EPSG:4326, valid."""

    soft_pixels: int
    """By how many pixels it is larger when cut at 0.4 of the contrast, not at 0.6."""

    def beside(self, score_m2: float, gsd_m: float) -> Cut:
        """What can be told of it beside the outline that the score drew.

        Args:
            score_m2: area of the score's outline.
            gsd_m: pixel size.
        """
        edge_m2 = perimeter_m(self.geometry) * gsd_m
        return Cut(
            (score_m2 - geodesic_area_m2(self.geometry)) / edge_m2,
            self.soft_pixels * gsd_m**2 / edge_m2,
        )


def outlined(patch: Patch, series: PatchSeries, box: GeoBox) -> Patch:
    """The patch with outline, area and interval at half of its own contrast; as it was where that can not be told.

    Args:
        patch: as the score gave it.
        series: its looks.
        box: grid of the series.
    """
    if patch.clipped or abs(series.pixel_m - patch.gsd_m) > 1e-6:
        return patch
    images = before_and_since(series)
    if images is None:
        return patch
    drawn = cut_outline(*images, series.inside, series.ring, box)
    if drawn is None or not drawn.geometry.intersects(patch.geometry):
        return patch
    cut = drawn.beside(patch.area_m2, patch.gsd_m)
    low, high = cut_interval(drawn.geometry, patch.gsd_m, cut)
    area = geodesic_area_m2(drawn.geometry)
    return replace(patch, geometry=drawn.geometry, area_m2=area, area_low_m2=low, area_high_m2=high, cut=cut)


def cut_outline(before: FloatArray, after: FloatArray, inside: BoolArray, ring: BoolArray, box: GeoBox) -> Drawn | None:
    """The outline of a patch at half of its own contrast; None where that can not be told.

    Args:
        before: (C, H, W) reflectance, NaN = not observed.
        after: the same bands and grid.
        inside: (H, W) the patch.
        ring: (H, W) like ground around it.
        box: the grid.
    """
    around = near(inside, ring)
    change = change_of(before, after, around)
    mask = None if change is None else half_cut(change, inside, around)
    if change is None or mask is None or not SHRUNK <= mask.sum() / max(int(inside.sum()), 1) <= GROWN:
        return None
    parts, count = ndimage.label(mask, np.ones((3, 3), np.bool_))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    traced = outline(_runs(parts == int(sizes.argmax()), box), LEAST_HOLE_PX)
    gsd_m = float(box.affine.a)
    plane = shapely.transform(smoothed(traced.geometry, traced.pixels, 1.0), lambda cells: cells * gsd_m)
    geometry = to_crs(shapely.segmentize(plane, 200.0), epsg_of(box), 4326)
    return Drawn(geometry, soft_pixels(change, inside, around)) if geometry.is_valid else None


def before_and_since(series: PatchSeries) -> tuple[FloatArray, FloatArray] | None:
    """(C, H, W) medians of looks of one season before the patch and since; None where a side has none."""
    first, last = series.first_seen, series.last_before
    if first is None or last is None:
        return None
    past = [at for at, day in enumerate(series.days) if day <= last]
    now = [at for at, day in enumerate(series.days) if day >= first]
    summers = [[at for at in side if HIGH_SUMMER.holds(series.days[at])] for side in (past, now)]
    if all(summers):
        past, now = summers
        newest = max(series.days[at].year for at in past)
        past = [at for at in past if series.days[at].year == newest]
    else:
        pairs = [(a, b) for a in past for b in now if _apart(series.days[a], series.days[b]) <= LIKE_DAYS]
        past, now = sorted({a for a, _ in pairs}), sorted({b for _, b in pairs})
    if not past or not now:
        return None
    return _median(series.values[past[-MOST_LOOKS:]]), _median(series.values[now[-MOST_LOOKS:]])


def _apart(one: dt.date, other: dt.date) -> int:
    days = abs(one.timetuple().tm_yday - other.timetuple().tm_yday)
    return min(days, 365 - days)


def _median(values: FloatArray) -> FloatArray:
    """(C, H, W) over looks; NaN where none observed."""
    if len(values) == 1:
        return np.asarray(values[0], np.float32)
    ordered = np.sort(values, axis=0)  # NaN comes last; numpy.nanmedian takes ten times as long over so few looks
    count = np.isfinite(values).sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2, count // 2
    halves = [np.take_along_axis(ordered, np.minimum(at, len(values) - 1)[None], axis=0)[0] for at in middle]
    return np.asarray((halves[0] + halves[1]) / 2, np.float32)


def _runs(mask: BoolArray, box: GeoBox) -> IntArray:
    """Runs on the zone's lattice."""
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(change == 1)
    stops = np.nonzero(change == -1)[1]
    cells = window_of(box).cells(rows, starts)
    return merged(np.stack([cells[:, 1], cells[:, 0], cells[:, 0] + stops - starts], axis=1).astype(np.int64))
