"""Many looks of the past at small windows; `imagery.yearly` makes a block's composites.

Windows are read scene by scene, not one after the other: what lies in one tile of a file is then decoded once for all
of them, and each file is opened once.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.compose import Failure, read_day, solar_days
from imagery.errors import ImageryError
from imagery.read import clear_share
from imagery.scene import Scene
from imagery.seasons import Season, year_in
from imagery.yearly import yearly as yearly

FloatArray = NDArray[np.float32]
Days = Mapping[dt.date, tuple[Scene, ...]]
_Group = tuple[int, int]
"""Year and place of the season."""


@dataclass(frozen=True)
class Wanted:
    """A window, and which looks at it are wanted."""

    geobox: GeoBox
    bands: tuple[str, ...]
    seasons: tuple[Season, ...]
    years: tuple[int, ...]
    most: int
    """Looks at most: the clearest of the window, each season of each year keeping its share."""

    last: dt.date = dt.date.max
    """No look of a later day."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The looks at a window that saw any of it."""

    days: tuple[dt.date, ...]
    """Ascending."""

    values: FloatArray
    """(T, C, H, W) reflectance, harmonised, NaN = not observed; a band that a look's scenes lack is all NaN."""


def looks(
    scenes: Sequence[Scene],
    geobox: GeoBox,
    bands: tuple[str, ...],
    seasons: Sequence[Season],
    years: Sequence[int],
    most: int,
) -> tuple[list[dt.date], FloatArray, tuple[Failure, ...]]:
    """The looks at one window in some seasons of some years.

    Returns:
        Days, ascending; (T, C, H, W) as in `Seen`; scenes that could not be read.
    """
    seen, failures = looks_at(scenes, [Wanted(geobox, bands, tuple(seasons), tuple(years), most)])
    return list(seen[0].days), seen[0].values, failures


def looks_at(scenes: Sequence[Scene], wanted: Sequence[Wanted]) -> tuple[list[Seen], tuple[Failure, ...]]:
    """The looks at several windows; all of them are in memory together, so hand in as many as it bears.

    Args:
        scenes: of any day.
        wanted: windows that lie near each other.

    Returns:
        As many as were wanted, in their order; and the scenes that could not be read, which are left out.
    """
    failures: set[Failure] = set()
    days = solar_days(scenes)
    chosen = _chosen(days, wanted, failures)
    parts: list[list[tuple[dt.date, FloatArray]]] = [[] for _ in wanted]
    for day, found in days.items():
        same: dict[tuple[GeoBox, tuple[str, ...]], FloatArray | None] = {}
        for number in chosen.get(day, ()):
            one = wanted[number]
            key = one.geobox, one.bands  # several models mostly ask about the same site
            if key not in same:
                mosaic, failed = read_day(found, *key)
                failures.update(failed)
                same[key] = mosaic.data if mosaic.observed.any() else None
            data = same[key]
            if data is not None:
                parts[number].append((day, data))
    return [_seen(one, part) for one, part in zip(wanted, parts, strict=True)], _sorted(failures)


def _seen(wanted: Wanted, parts: Sequence[tuple[dt.date, FloatArray]]) -> Seen:
    if not parts:
        return Seen((), np.empty((0, len(wanted.bands), *wanted.geobox.shape), np.float32))
    return Seen(tuple(day for day, _ in parts), np.stack([data for _, data in parts]))


def _sorted(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    return tuple(sorted(failures, key=lambda failure: (failure.scene_id, failure.reason)))


def _chosen(days: Days, wanted: Sequence[Wanted], failures: set[Failure]) -> dict[dt.date, list[int]]:
    """For each day the windows (by number) that it is read for."""
    groups = [_groups(days, one) for one in wanted]
    crowded = [sum(map(len, found.values())) > one.most for found, one in zip(groups, wanted, strict=True)]
    shares: dict[tuple[int, dt.date], float] = {}
    for day, scenes in days.items():
        # masks alone tell which looks are worth reading; they too are asked scene by scene
        for number, one in enumerate(wanted):
            if crowded[number] and any(day in found for found in groups[number].values()):
                shares[number, day] = _clear(scenes, one.geobox, failures)
    chosen: dict[dt.date, list[int]] = {}
    for number, one in enumerate(wanted):
        kept = _shares_kept({group: len(found) for group, found in groups[number].items()}, one.most)
        for group, found in groups[number].items():
            ranked = sorted((-shares.get((number, day), 1.0), day) for day in found)
            for _, day in ranked[: kept[group]]:
                chosen.setdefault(day, []).append(number)
    return chosen


def _groups(days: Iterable[dt.date], wanted: Wanted) -> dict[_Group, list[dt.date]]:
    """The days wanted by year and season; a day that lies in several seasons is of the first."""
    groups: dict[_Group, list[dt.date]] = {}
    for day in days:
        years = ((number, year_in(season, day)) for number, season in enumerate(wanted.seasons))
        place = next(((year, number) for number, year in years if year is not None), None)
        if place is not None and place[0] in wanted.years and day <= wanted.last:
            groups.setdefault(place, []).append(day)
    return groups


def _shares_kept(sizes: Mapping[_Group, int], most: int) -> dict[_Group, int]:
    """How many of each group are kept, `most` in all: as even as they allow, what is left over to the latest years."""
    kept = dict.fromkeys(sizes, 0)
    left = min(most, sum(sizes.values()))
    order = sorted(sizes, key=lambda group: (-group[0], group[1]))
    while left:
        for group in order:
            if left and kept[group] < sizes[group]:
                kept[group] += 1
                left -= 1
    return kept


def _clear(scenes: Sequence[Scene], geobox: GeoBox, failures: set[Failure]) -> float:
    """Share of a window that the clearest scene of a day leaves clear."""
    best = 0.0
    for scene in scenes:
        try:
            best = max(best, clear_share(scene, geobox))
        except ImageryError as error:
            failures.add(Failure(scene.id, str(error)))
    return best
