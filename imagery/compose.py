"""Several looks on one grid: the best before, one solar day after, and radar beside them."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import ImageryError
from imagery.files import reading
from imagery.harmonise import harmonised
from imagery.mosaic import Flag, Mosaic
from imagery.read import read_into, unfilled
from imagery.remnants import without_remnants
from imagery.scene import BANDS, RADAR, Scene

_ROWS = 64
"""Rows of flags compared at a time."""


@dataclass(frozen=True)
class Failure:
    """A scene that could not be read; the others were used."""

    scene_id: str
    reason: str


def solar_days(scenes: Iterable[Scene]) -> dict[dt.date, tuple[Scene, ...]]:
    """Scenes by solar day, days in order, scenes of a day by time and id."""
    days: dict[dt.date, list[Scene]] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.solar_day, scene.datetime, scene.id)):
        days.setdefault(scene.solar_day, []).append(scene)
    return {day: tuple(found) for day, found in days.items()}


def sensor_rank(sensor: str) -> int:
    """Which sensor goes first on a pixel: Sentinel-2 (0), then Landsat and HLS (1), then any other (2).

    The others lack bands (Gaofen, orthophotos) or nobody knows them.
    """
    if sensor.startswith("sentinel-2"):
        return 0
    return 1 if sensor.startswith(("landsat", "hls")) else 2


def composite(layers: Iterable[Mosaic]) -> Mosaic:
    """The best look of each pixel, all bands from that one scene: Sentinel-2 first, and of it the latest clear look.

    The latest clear look before is the tightest bound on when a change happened. Other sensors fill where Sentinel-2
    saw nothing, by `sensor_rank`, even where theirs is the later look: before and after then differ by what happened,
    not by 30 m against 10 m and one sensor's bands against another's. Each pixel keeps its scene, its date and that
    scene's pixel size. The order of the layers does not matter; on one day and of one rank the scene whose id sorts
    first wins. Two mosaics are in memory at a time.

    Args:
        layers: on one grid with the same bands, at least one.

    Raises:
        ValueError: if there is none.
    """
    return _with_used(_merged(layers))


@dataclass(frozen=True, order=True)
class _Look:
    """A scene in a mosaic, with what decides whether another is better. The lesser wins."""

    rank: int
    before: int
    """Days counted backwards: less is later."""

    id: str
    day: dt.date
    sensor: str
    gsd_m: float


def _looks(mosaic: Mosaic) -> tuple[_Look, ...]:
    count = len(mosaic.scenes)
    sensors = mosaic.sensors or ("",) * count
    gsd_m = mosaic.gsd_m or (float("nan"),) * count
    return tuple(
        _Look(sensor_rank(sensor), -day.toordinal(), name, day, sensor, gsd)
        for name, day, sensor, gsd in zip(mosaic.scenes, mosaic.dates, sensors, gsd_m, strict=True)
    )


def _merged(layers: Iterable[Mosaic]) -> Mosaic:
    best: Mosaic | None = None
    for layer in layers:
        best = layer if best is None else _better(best, layer)
    if best is None:
        raise ValueError("nothing to merge: give at least one layer")
    return best


def _better(best: Mosaic, layer: Mosaic) -> Mosaic:
    """Each pixel from the one of two mosaics that ranks higher."""
    looks = {look.id: look for look in (*_looks(best), *_looks(layer))}
    order = sorted(looks.values(), key=lambda look: look.id)
    place = {look.id: index for index, look in enumerate(order)}
    ranks = np.empty(len(order), np.int32)
    ranks[[place[look.id] for look in sorted(order)]] = -np.arange(len(order))
    old, new = _renumbered(best, place), _renumbered(layer, place)
    take = (new >= 0) & ((old < 0) | (ranks[new] > ranks[old])) if order else np.zeros(old.shape, np.bool_)
    data = np.where(take, layer.data, best.data)
    both_blind = (old < 0) & (new < 0)
    flags = np.where(take, layer.flags, best.flags)
    flags[both_blind] = _least(best.flags[both_blind], layer.flags[both_blind])
    return _listed(replace(best, data=data, flags=flags, source=np.where(take, new, old)), order)


def _listed(mosaic: Mosaic, looks: Sequence[_Look]) -> Mosaic:
    """The mosaic with these scenes, to which its `source` points already."""
    return replace(
        mosaic,
        scenes=tuple(look.id for look in looks),
        dates=tuple(look.day for look in looks),
        sensors=tuple(look.sensor for look in looks),
        gsd_m=tuple(look.gsd_m for look in looks),
    )


def _with_used(mosaic: Mosaic) -> Mosaic:
    """The mosaic with only those scenes listed that gave a pixel, by id."""
    looks = _looks(mosaic)
    gave = (index for index in range(len(looks)) if (mosaic.source == index).any())
    used = sorted(gave, key=lambda index: looks[index].id)
    if used != list(range(len(looks))):
        table = np.full(len(looks) + 1, -1, np.int16)
        table[used] = np.arange(len(used))
        mosaic = replace(mosaic, source=table.take(mosaic.source, mode="wrap"))
    return _listed(mosaic, [looks[index] for index in used])


def _renumbered(mosaic: Mosaic, place: dict[str, int]) -> NDArray[np.int16]:
    # one more entry at the end, for source −1
    table = np.array([*(place[name] for name in mosaic.scenes), -1], np.int16)
    return np.asarray(table[mosaic.source])


def _least(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of two reasons why a pixel was not seen, the one that says more: anything before NODATA, then the lesser.

    0 where either has none.
    """
    least = np.empty(one.shape, np.uint8)
    for start in range(0, len(one), _ROWS):  # few rows at a time stay in the processor's cache
        rows = slice(start, start + _ROWS)
        # NODATA is the lowest bit: turned to be the highest, the lesser number is what is wanted
        least[rows] = _turned(np.minimum(_turned(one[rows], 7), _turned(other[rows], 7)), 1)
    return least


def _turned(flags: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Bits turned to the left; those that leave come in at the right."""
    turned = flags << np.uint8(bits)
    turned |= flags >> np.uint8(8 - bits)
    return turned


def read_before(
    scenes: Sequence[Scene],
    geobox: GeoBox,
    bands: tuple[str, ...] = BANDS,
    first: Collection[str] = frozenset(),
    *,
    remnants: bool = True,
) -> tuple[Mosaic, tuple[Failure, ...]]:
    """The before composite of a block; scenes that can not be read are reported and left out.

    What `composite` makes of the scenes' own mosaics, harmonised. Scenes are read best first and no further than
    needed.

    Args:
        scenes: over the block.
        geobox: the grid.
        bands: wanted.
        first: ids of scenes that go before all others, such as those of one season with the after day
            (`imagery.seasons.alike`); the others then only fill what those did not see.
        remnants: whether cloud that no mask knew is looked for where the look taken is bright (`imagery.remnants`).
    """
    return _read(scenes, geobox, bands, first, remnants=remnants)


def read_day(
    scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...] = BANDS
) -> tuple[Mosaic, tuple[Failure, ...]]:
    """The scenes of one solar day on a block, harmonised; scenes that can not be read are reported and left out.

    Raises:
        ValueError: if the scenes are of several solar days.
    """
    if len(days := solar_days(scenes)) > 1:
        raise ValueError(f"these scenes are of several solar days: {', '.join(map(str, days))}")
    return _read(scenes, geobox, bands)


def read_beside(scenes: Sequence[Scene], geobox: GeoBox) -> tuple[tuple[Mosaic, ...], tuple[Failure, ...]]:
    """What radar saw of a block, beside the optical mosaics and never merged with them: one mosaic a solar day.

    Args:
        scenes: those without backscatter are passed over.
        geobox: the grid.

    Returns:
        Mosaics of ``vv`` and ``vh`` (linear power), days in order, those that saw nothing left out; and the scenes that
        could not be read.
    """
    mosaics: list[Mosaic] = []
    failures: list[Failure] = []
    for day in solar_days(scene for scene in scenes if any(name in scene.assets for name in RADAR)).values():
        mosaic, failed = _read(day, geobox, RADAR)
        failures += failed
        if mosaic.scenes:
            mosaics.append(mosaic)
    return tuple(mosaics), tuple(failures)


def _read(
    scenes: Sequence[Scene],
    geobox: GeoBox,
    bands: tuple[str, ...],
    first: Collection[str] = (),
    *,
    remnants: bool = False,
) -> tuple[Mosaic, tuple[Failure, ...]]:
    by_id = sorted(scenes, key=lambda scene: scene.id)
    best_first = sorted(by_id, key=lambda scene: (scene.id not in first, *_order(scene)))
    number = {scene.id: place for place, scene in enumerate(by_id)}
    mosaic = unfilled(geobox, bands, *by_id)
    data, source = mosaic.data, mosaic.source
    flags: NDArray[np.uint8] | None = None
    failures: list[Failure] = []
    with reading():
        for scene in best_first:
            blind = None if flags is None else flags != 0
            if blind is not None and not blind.any():
                break
            try:
                found = read_into(data, harmonised(scene), geobox, bands, blind)
            except ImageryError as error:
                failures.append(Failure(scene.id, str(error)))
                np.copyto(data, np.float32(np.nan), where=True if blind is None else blind)
                continue
            np.copyto(source, np.int16(number[scene.id]), where=found == 0)
            # where a pixel is seen already its flags are 0, and nothing is less
            flags = found if flags is None else _least(flags, found)
        if remnants and flags is not None:
            lost = {failure.scene_id for failure in failures}
            groups = _groups([scene for scene in best_first if scene.id not in lost], first)
            for scene, reason in without_remnants(data, source, groups, number, geobox, bands):
                failures.append(Failure(scene.id, str(reason)))
    if flags is None:
        data.fill(np.nan)
        flags = mosaic.flags
    return _with_used(replace(mosaic, flags=flags)), tuple(failures)


def _groups(best_first: Sequence[Scene], first: Collection[str]) -> list[list[Scene]]:
    """Scenes whose looks may stand for each other: of one season, and of one kind of sensor."""
    groups: dict[tuple[bool, int], list[Scene]] = {}
    for scene in best_first:
        groups.setdefault((scene.id in first, sensor_rank(scene.sensor)), []).append(scene)
    return list(groups.values())


def _order(scene: Scene) -> tuple[int, int, str]:
    """Best first, as `_Look`."""
    return sensor_rank(scene.sensor), -scene.solar_day.toordinal(), scene.id


def shares(mosaic: Mosaic, mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """What became of the pixels inside a mask: shares observed, cloudy, under snow or ice, without a scene.

    Cloudy is all that hid the ground from a scene that was there: cloud, shadow, haze, and light too strong to be
    measured, unless it is snow's. A pixel with several reasons counts once, cloud before snow.

    Args:
        mosaic: any.
        mask: (H, W) pixels that count; where it is empty all is without a scene.

    Returns:
        Four shares, together 1.
    """
    total = int(mask.sum())
    if total == 0:
        return 0.0, 0.0, 0.0, 1.0
    observed = mosaic.observed & mask
    unseen = mask & ~observed
    cloudy = unseen & ((mosaic.flags & np.uint8(Flag.CLOUD | Flag.SHADOW | Flag.HAZE)) > 0)
    snow = unseen & ~cloudy & ((mosaic.flags & np.uint8(Flag.SNOW | Flag.ICE)) > 0)
    cloudy |= unseen & ~snow & ((mosaic.flags & np.uint8(Flag.SATURATED)) > 0)
    counts = [int(part.sum()) for part in (observed, cloudy, snow)]
    rest = total - sum(counts)
    return counts[0] / total, counts[1] / total, counts[2] / total, rest / total
