"""A block's composites of one season, a year each."""

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.compose import Failure, read_before, read_day, solar_days
from imagery.read import around
from imagery.scene import Scene
from imagery.seasons import Season, year_in

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
Composite = tuple[FloatArray, IntArray]
"""(C, H, W) values, NaN = not observed; (H, W) proleptic ordinal of the look used, 0 = none."""

MOST_A_YEAR = 8
"""Days of a season that are read where all of them count: the clearest by what their scenes say of themselves. A look
every four days and a half; a season of a month has 6 (one satellite pair) to 14 (where orbits overlap)."""

UNKNOWN_PCT = 50.0
"""Cloud of a scene that does not say."""

STRIP_VALUES = 16_000_000
"""Values in memory while medians are taken: 64 MB."""


def yearly(
    scenes: Sequence[Scene],
    geobox: GeoBox,
    bands: tuple[str, ...],
    season: Season,
    years: Sequence[int],
    choose: str,
    wanted: NDArray[np.bool_] | None = None,
) -> tuple[FloatArray, IntArray, tuple[Failure, ...]]:
    """The composites of a season, a year each.

    Args:
        scenes: over the grid, of any day.
        geobox: the grid.
        bands: wanted; one that no scene has is NaN.
        season: of which looks.
        years: ascending; a season that runs over New Year counts to the year in which it began.
        choose: which look a pixel takes: ``latest`` (Sentinel-2 before other sensors, as in every composite),
            ``barest`` (lowest NDVI), ``greenest`` (highest NDVI) or ``median`` (of each band by itself).
        wanted: (H, W) pixels of interest: only the box around them is read. None = all.

    Returns:
        (Y, C, H, W) values, NaN = not observed; (Y, H, W) proleptic ordinal of the look used (of ``median`` the latest
        that entered), 0 = none; the scenes that could not be read.

    Raises:
        ValueError: if `choose` is none of these.
    """
    if choose not in _WAYS:
        raise ValueError(f"no way {choose!r} to choose a look; there are {', '.join(_WAYS)}")
    values = np.full((len(years), len(bands), *geobox.shape), np.nan, np.float32)
    ordinals = np.zeros((len(years), *geobox.shape), np.int32)
    failures: set[Failure] = set()
    box = np.s_[:, :] if wanted is None else around(wanted)
    if box is None:
        return values, ordinals, ()
    part = geobox if wanted is None else geobox[box]
    for number, year in enumerate(years):
        found = [scene for scene in scenes if year_in(season, scene.solar_day) == year]
        if found:
            values[number, :, *box], ordinals[number, *box] = _WAYS[choose](found, part, bands, failures)
    return values, ordinals, tuple(sorted(failures, key=lambda failure: (failure.scene_id, failure.reason)))


def _latest(scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...], failures: set[Failure]) -> Composite:
    mosaic, failed = read_before(scenes, geobox, bands)
    failures.update(failed)
    # one more entry at the end, for source −1
    days = np.array([*(day.toordinal() for day in mosaic.dates), 0], np.int32)
    return mosaic.data, np.asarray(days[mosaic.source])


def _barest(scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...], failures: set[Failure]) -> Composite:
    return _by_ndvi(scenes, geobox, bands, failures, -1)


def _greenest(scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...], failures: set[Failure]) -> Composite:
    return _by_ndvi(scenes, geobox, bands, failures, 1)


def _by_ndvi(
    scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...], failures: set[Failure], sign: int
) -> Composite:
    """The look of the highest NDVI times `sign`; of equals the earliest."""
    best = np.full((len(bands), *geobox.shape), np.nan, np.float32)
    ordinals = np.zeros(geobox.shape, np.int32)
    highest = np.full(geobox.shape, -np.inf, np.float32)
    both = (*bands, *(name for name in ("red", "nir") if name not in bands))
    red, nir = both.index("red"), both.index("nir")
    for day, found in _clearest(scenes):
        mosaic, failed = read_day(found, geobox, both)
        failures.update(failed)
        sum_of = np.maximum(mosaic.data[nir] + mosaic.data[red], np.float32(1e-3))
        ndvi = sign * (mosaic.data[nir] - mosaic.data[red]) / sum_of
        better = ndvi > highest  # never where it was not observed
        np.copyto(best, mosaic.data[: len(bands)], where=better)
        highest[better], ordinals[better] = ndvi[better], day.toordinal()
    return best, ordinals


def _median(scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...], failures: set[Failure]) -> Composite:
    days = list(_clearest(scenes))
    values = np.empty((len(bands), *geobox.shape), np.float32)
    ordinals = np.zeros(geobox.shape, np.int32)
    height, width = geobox.shape
    strip = max(1, STRIP_VALUES // (len(days) * len(bands) * width))
    for top in range(0, height, strip):
        rows = slice(top, min(top + strip, height))
        stack = np.empty((len(days), len(bands), rows.stop - rows.start, width), np.float32)
        for number, (day, found) in enumerate(days):
            mosaic, failed = read_day(found, geobox[rows, :], bands)
            failures.update(failed)
            stack[number] = mosaic.data
            ordinals[rows][mosaic.observed] = day.toordinal()
        values[:, rows] = _middle(stack)
    return values, ordinals


def _middle(stack: FloatArray) -> FloatArray:
    """Median over the first axis of what is there; NaN where nothing is. Much faster than NumPy's own with NaN."""
    ordered = np.sort(stack, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    places = (np.maximum(count - 1, 0) // 2, count // 2)  # the middle one twice, or the two around it
    low, high = (np.take_along_axis(ordered, place[None], axis=0)[0] for place in places)
    return np.asarray((low + high) / np.float32(2))


def _clearest(scenes: Sequence[Scene]) -> Iterator[tuple[dt.date, tuple[Scene, ...]]]:
    """At most `MOST_A_YEAR` days, ascending."""
    days = solar_days(scenes)
    ranked = sorted(days, key=lambda day: (_cloud_pct(days[day]), day))[:MOST_A_YEAR]
    return ((day, days[day]) for day in sorted(ranked))


def _cloud_pct(scenes: Sequence[Scene]) -> float:
    return sum(UNKNOWN_PCT if one.cloud_pct is None else one.cloud_pct for one in scenes) / len(scenes)


_WAYS = {"latest": _latest, "barest": _barest, "greenest": _greenest, "median": _median}
