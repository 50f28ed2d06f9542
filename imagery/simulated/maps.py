"""The ground of a simulated world as the maps of offices show it: each drawn apart, so that they never quite meet."""

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from affine import Affine
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from rasterio.features import shapes
from shapely import affinity
from shapely.geometry import LineString, shape
from shapely.geometry.base import BaseGeometry

from imagery.simulated.course import Paper
from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import Landscape
from imagery.simulated.shapes import valid

STEP_M = 30.0
"""Of the lattice on which the maps are drawn; wider in very large worlds."""

MOST_STEPS = 700

OFF_M = 4.0
"""By how much the whole of a map lies beside the ground, standard deviation; and how coarsely its lines are drawn."""

LEAST_M2 = 4_000.0
"""Smaller parcels are on nobody's map."""

FLATS = 0.97
"""Distance to the river, over the width of its flood plain, up to which the ground is wet meadow."""

SCOPE_M = 130.0
"""The scope of a river reaches at least so far from its middle."""

HOLDER = "模拟数据,非真实单位"

Said = Callable[[int], dict[str, str]]
"""What the row of a parcel says, by its number."""

RESERVE_M = (90.0, 450.0, 900.0)
"""Around a lake: how far its zones reach."""


def ground_maps(seed: int, frame: Frame, cover: Landcover, land: Landscape, two_zones: bool) -> tuple[Paper, ...]:
    """Rows of the maps of grassland, forest, wetland, cropland, river and reserve.

    Args:
        seed: of the world.
        frame: its projection.
        cover: its natural cover.
        land: its outlined ground.
        two_zones: whether reserves are zoned by the scheme in force from 2026-03-15.
    """
    rng = default_rng([seed, 616])
    lattice = Lattice(frame, cover)
    waters = [lake.basin for lake in land.lakes]
    built = [*land.villages, *land.old_mines]
    woods, wet = _polygons(lattice.wood, lattice), _polygons(lattice.wet, lattice)
    plots = lattice.plots()
    others = [*woods, *wet, *plots, *(one.buffer(20) for one in built), *(water.buffer(15) for water in waters)]
    grass = [part for part in shapely.get_parts(_without(frame.rectangle, others)) if part.area > LEAST_M2]
    channel = LineString(land.river).buffer(SCOPE_M)
    scope = valid(shapely.union_all([*wet, channel]).intersection(frame.rectangle))
    return (
        *_rows(rng, "forest_land", woods, _forest),
        *_rows(rng, "grassland", grass, _grass),
        *_rows(rng, "black_soil", plots, _black),
        *_rows(rng, "basic_farmland", [plot for number, plot in enumerate(plots) if number % 3], _farm),
        *_rows(rng, "wetland", [*wet, *(water.buffer(70) for water in waters)], _wetland),
        *_rows(rng, "river_scope", [scope], lambda number: {"hlmc": "模拟河", "fwlx": "管理范围", "gldw": HOLDER}),
        *_reserves(frame, waters, two_zones),
    )


def wooded(cover: Landcover, frame: Frame) -> list[BaseGeometry]:
    """The woods of a world, holes left out, ground coordinates."""
    lattice = Lattice(frame, cover)
    return [shapely.Polygon(part.exterior) for part in _polygons(lattice.wood, lattice)]


def _forest(number: int) -> dict[str, str]:
    kind, level = ("公益林", "Ⅱ级") if number % 2 else ("商品林", "Ⅲ级")
    return {"lin_ban": f"{number // 10 + 1}", "xiao_ban": f"{number % 10 + 1}", "sllb": kind, "bh_dj": level}


def _grass(number: int) -> dict[str, str]:
    return {"cylb": "基本草原" if number % 4 else "其他草原", "cylx": "温性草甸草原"}


def _black(number: int) -> dict[str, str]:
    return {"dlbm": "0103", "trlx": "黑钙土", "htchd": str(25 + number * 7 % 40)}


def _farm(number: int) -> dict[str, str]:
    return {"dlbm": "0103", "dlmc": "旱地", "bb": "2023"}


def _wetland(number: int) -> dict[str, str]:
    return {"sdmc": f"模拟湿地{number + 1}", "sdlx": "沼泽草地", "zydj": "一般湿地"}


class Lattice:
    """What grows at the places of a lattice over a world."""

    def __init__(self, frame: Frame, cover: Landcover) -> None:
        """Looks at every place once."""
        west, south, east, north = frame.rectangle.bounds
        self.step = max(STEP_M, (east - west) / MOST_STEPS, (north - south) / MOST_STEPS)
        xs, ys = np.arange(west, east, self.step) + self.step / 2, np.arange(north, south, -self.step) - self.step / 2
        x, y = np.meshgrid(xs, ys)
        self.affine = Affine(self.step, 0, west, 0, -self.step, north)
        lie, plots = cover.lie(x, y), cover.cropland.locate(x, y)
        self._cover, self._x, self._y, self._plots = cover, x, y, plots
        self.wet: NDArray[np.bool_] = np.asarray(lie.bank < FLATS)
        self._field = plots.ploughed & (lie.bank > 1.1)
        self.wood: NDArray[np.bool_] = np.asarray((lie.wooded > 0.05) & ~self.wet & ~self._field)

    def plots(self) -> list[BaseGeometry]:
        """The fields, whole."""
        rows, cols = np.nonzero(self._field)
        names = np.column_stack([self._plots.column[rows, cols], self._plots.row[rows, cols]])
        _, first, count = np.unique(names, axis=0, return_index=True, return_counts=True)
        x, y = self._x[rows[first], cols[first]], self._y[rows[first], cols[first]]
        fields = [self._cover.cropland.outline(float(a), float(b)) for a, b in zip(x, y, strict=True)]
        seen = count * self.step**2
        # a field that the river's flats cut is on the map as far as it is field
        return [field for field, area in zip(fields, seen.tolist(), strict=True) if area > 0.6 * field.area]


def _polygons(mask: NDArray[np.bool_], lattice: Lattice) -> list[BaseGeometry]:
    """The parts of a mask, their steps smoothed away."""
    if not mask.any():
        return []
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=lattice.affine)
    raw = [shape(outline) for outline, _ in found]
    smooth = [
        valid(one.buffer(lattice.step * 0.6).buffer(-lattice.step * 0.6).simplify(lattice.step * 0.5)) for one in raw
    ]
    return [part for one in smooth for part in shapely.get_parts(one) if part.area > LEAST_M2]


def _without(ground: BaseGeometry, others: Sequence[BaseGeometry]) -> BaseGeometry:
    return valid(ground.difference(shapely.union_all(list(others)))) if others else ground


def _rows(rng: Generator, kind: str, parcels: Sequence[BaseGeometry], said: Said) -> list[Paper]:
    """The rows of one map, moved and redrawn as another office would: slivers along every border."""
    east, north = (float(step) for step in rng.normal(0, OFF_M, 2))
    drawn = [valid(affinity.translate(one, east, north).simplify(2 * OFF_M)) for one in parcels]
    kept = [one for one in drawn if not one.is_empty and one.area > LEAST_M2 / 2]
    return [
        Paper(kind, {"bsm": f"SIM-{kind[:2].upper()}-{number + 1}", **said(number)}, one)
        for number, one in enumerate(kept)
    ]


def _reserves(frame: Frame, waters: Sequence[BaseGeometry], two_zones: bool) -> list[Paper]:
    """The largest lake as the heart of a reserve, the others inside its outer zone as far as they lie near."""
    if not waters:
        return []
    heart = max(waters, key=lambda water: water.area)
    inner, middle, outer = (valid(heart.buffer(far).intersection(frame.rectangle)) for far in RESERVE_M)
    zones = (
        [("核心保护区", middle), ("一般控制区", outer.difference(middle))]
        if two_zones
        else [("核心区", inner), ("缓冲区", middle.difference(inner)), ("实验区", outer.difference(middle))]
    )
    name = "模拟呼伦湖国家级自然保护区"
    return [
        Paper(
            "reserve_zones", {"bsm": f"SIM-RE-{number + 1}", "bhqmc": name, "gnfq": zone, "jb": "国家级"}, valid(ground)
        )
        for number, (zone, ground) in enumerate(zones)
    ]
