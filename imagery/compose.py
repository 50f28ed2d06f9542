"""Several looks on one grid: the best before, and one solar day after."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import ImageryError
from imagery.mosaic import Flag, Mosaic
from imagery.read import read_where, unobserved
from imagery.scene import BANDS, Scene


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


def composite(layers: Iterable[Mosaic]) -> Mosaic:
    """The best look of each pixel: the latest clear one, all bands from that one scene.

    The latest clear look before is the tightest bound on when a change happened. The order of the layers does not
    matter; on one day the scene whose id sorts first wins. Two mosaics are in memory at a time.

    Args:
        layers: on one grid with the same bands, at least one.

    Raises:
        ValueError: if there is none.
    """
    return _with_used(_merged(layers))


def merge_day(layers: Iterable[Mosaic]) -> Mosaic:
    """The scenes of one solar day as one mosaic; where they overlap the clear one whose id sorts first wins.

    Args:
        layers: on one grid with the same bands, all of one day, at least one.

    Raises:
        ValueError: if there is none, or they are of several days.
    """
    merged = _merged(layers)
    if len(set(merged.dates)) > 1:
        raise ValueError(f"layers of several days are no solar day: {sorted(set(merged.dates))}")
    return _with_used(merged)


def _merged(layers: Iterable[Mosaic]) -> Mosaic:
    best: Mosaic | None = None
    for layer in layers:
        best = layer if best is None else _better(best, layer)
    if best is None:
        raise ValueError("nothing to merge: give at least one layer")
    return best


def _better(best: Mosaic, layer: Mosaic) -> Mosaic:
    """Each pixel from the one of two mosaics that ranks higher."""
    order = sorted(
        {*zip(best.scenes, best.dates, strict=True), *zip(layer.scenes, layer.dates, strict=True)},
        key=lambda look: look[0],
    )
    place = {look[0]: index for index, look in enumerate(order)}
    ranks = np.array(_ranks(order), np.int32)
    old, new = _renumbered(best, place), _renumbered(layer, place)
    take = (new >= 0) & ((old < 0) | (ranks[new] > ranks[old]))
    data = np.where(take, layer.data, best.data)
    both_blind = (old < 0) & (new < 0)
    flags = np.where(take, layer.flags, best.flags)
    flags[both_blind] = _least(best.flags[both_blind], layer.flags[both_blind])
    return replace(
        best,
        data=data,
        flags=flags,
        source=np.where(take, new, old).astype(np.int16),
        scenes=tuple(name for name, _ in order),
        dates=tuple(day for _, day in order),
    )


def _with_used(mosaic: Mosaic) -> Mosaic:
    """The mosaic with only those scenes listed that gave a pixel."""
    used = np.unique(mosaic.source[mosaic.source >= 0])
    table = np.full(len(mosaic.scenes) + 1, -1, np.int16)
    table[used] = np.arange(used.size)
    return replace(
        mosaic,
        source=np.asarray(table[mosaic.source]),
        scenes=tuple(mosaic.scenes[index] for index in used),
        dates=tuple(mosaic.dates[index] for index in used),
    )


def _ranks(order: Sequence[tuple[str, dt.date]]) -> list[int]:
    """Higher is better: the later day, then the id that sorts first."""
    worst_first = sorted(range(len(order)), key=lambda index: (order[index][1], -index))
    ranks = [0] * len(order)
    for rank, index in enumerate(worst_first):
        ranks[index] = rank
    return ranks


def _renumbered(mosaic: Mosaic, place: dict[str, int]) -> NDArray[np.int16]:
    # one more entry at the end, for source −1
    table = np.array([*(place[name] for name in mosaic.scenes), -1], np.int16)
    return np.asarray(table[mosaic.source])


def _least(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of two reasons why a pixel was not seen, the one that says more: anything before NODATA, then the lesser."""
    weight_one, weight_other = (
        np.where(flags & np.uint8(Flag.NODATA), 256 + flags.astype(np.int16), flags) for flags in (one, other)
    )
    return np.where(weight_one <= weight_other, one, other)


def read_before(
    scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...] = BANDS
) -> tuple[Mosaic, tuple[Failure, ...]]:
    """The before composite of a block; scenes that can not be read are reported and left out.

    Scenes are read latest first and no further than needed.
    """
    latest_first = sorted(scenes, key=lambda scene: scene.id)
    latest_first.sort(key=lambda scene: scene.solar_day, reverse=True)
    return _read(latest_first, geobox, bands)


def read_day(
    scenes: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...] = BANDS
) -> tuple[Mosaic, tuple[Failure, ...]]:
    """The scenes of one solar day on a block; scenes that can not be read are reported and left out.

    Raises:
        ValueError: if the scenes are of several solar days.
    """
    if len(days := solar_days(scenes)) > 1:
        raise ValueError(f"these scenes are of several solar days: {', '.join(map(str, days))}")
    return _read(sorted(scenes, key=lambda scene: scene.id), geobox, bands)


def _read(best_first: Sequence[Scene], geobox: GeoBox, bands: tuple[str, ...]) -> tuple[Mosaic, tuple[Failure, ...]]:
    mosaic = unobserved(geobox, bands)
    failures: list[Failure] = []
    for scene in best_first:
        blind = ~mosaic.observed
        if not blind.any():
            break
        try:
            layer = read_where(scene, geobox, bands, blind)
        except ImageryError as error:
            failures.append(Failure(scene.id, str(error)))
            continue
        mosaic = _better(mosaic, layer) if mosaic.scenes else layer
    return _with_used(mosaic), tuple(failures)


def shares(mosaic: Mosaic, mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """What became of the pixels inside a mask: shares observed, cloudy (or in shadow), under snow, without a scene.

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
    cloudy = mask & ~observed & ((mosaic.flags & np.uint8(Flag.CLOUD | Flag.SHADOW | Flag.HAZE)) > 0)
    snow = mask & ~observed & ~cloudy & ((mosaic.flags & np.uint8(Flag.SNOW | Flag.ICE)) > 0)
    counts = [int(part.sum()) for part in (observed, cloudy, snow)]
    rest = total - sum(counts)
    return counts[0] / total, counts[1] / total, counts[2] / total, rest / total
