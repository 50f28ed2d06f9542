"""The statutory layer of a simulated world: mining rights, simulated and marked so."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.random import Generator, default_rng
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from imagery.simulated.course import Paper
from imagery.simulated.frame import Frame
from imagery.simulated.landscape import Landscape
from imagery.simulated.plan import Change, noted

TABLE = "mining_rights"
CRS = "EPSG:4490"
"""As official Chinese data comes: CGCS2000 degrees."""

Right = tuple[str, BaseGeometry]
"""Name of the mine, outline in ground coordinates."""


def grant(seed: int, land: Landscape, changes: Sequence[Change]) -> tuple[list[Right], tuple[Change, ...]]:
    """Draws licences: the old mines and the first pit inside one, the second pit partly beyond, the others without.

    Args:
        seed: of the world.
        land: its outlined ground, with the old mines.
        changes: planted in it.

    Returns:
        The licences, and the changes with a note on how they stand to them.
    """
    rng = default_rng([seed, 606])
    rights: list[Right] = [
        (f"模拟矿场{number + 1}号", _tract(rng, mine, 130.0)) for number, mine in enumerate(land.old_mines)
    ]
    told = []
    for change in changes:
        if change.truth.kind == "pit" and change.truth.id in ("pit-1", "pit-2"):
            tract = _tract(rng, change.outline, 90.0)
            if change.truth.id == "pit-2":
                tract = _short(tract, change.outline)
            rights.append((f"模拟采区{len(rights) + 1}号", tract))
        licensed = shapely.union_all([tract for _, tract in rights]).intersection(change.outline).area
        told.append(
            noted(change, _standing(licensed / change.outline.area)) if "mine" in change.truth.detectors else change
        )
    return rights, tuple(told)


def _standing(share: float) -> str:
    if share < 0.01:
        return "without licence"
    return "inside a licence" if share > 0.99 else "partly beyond its licence"


def _tract(rng: Generator, outline: BaseGeometry, margin_m: float) -> BaseGeometry:
    """A licence's outline: few corners, round the ground it is for."""
    hull = outline.convex_hull.buffer(margin_m, join_style="mitre", mitre_limit=1.5)
    return affinity.rotate(hull.minimum_rotated_rectangle, rng.uniform(-8, 8)).union(hull).convex_hull.simplify(25)


def _short(tract: BaseGeometry, outline: BaseGeometry) -> BaseGeometry:
    """The tract moved aside until a part of the ground lies beyond it."""
    west, _, east, _ = tract.bounds
    for step in np.linspace(0.1, 1.0, 19):
        moved = affinity.translate(tract, (east - west) * float(step), 0)
        if moved.intersection(outline).area < 0.7 * outline.area:
            return moved
    return tract


def write_rights(path: Path, rights: Sequence[Right], frame: Frame, closed: Sequence[Paper] = ()) -> None:
    """Writes the licences as a GeoPackage table.

    Args:
        path: of the GeoPackage.
        rights: in force for long.
        frame: the world's projection.
        closed: rights of mines that have closed, with rows of their own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Mapping[str, str]] = [
        {
            "xkzh": f"SIM-{number + 1:04d}",
            "ksmc": name,
            "cqr": "模拟数据,非真实权利人",
            "yxqq": dt.date(2019, 1, 1).isoformat(),
            "yxqz": dt.date(2029, 12, 31).isoformat(),
        }
        for number, (name, _) in enumerate(rights)
    ]
    rows += [paper.row for paper in closed]
    grounds = [*(tract for _, tract in rights), *(paper.outline for paper in closed)]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["xkzh", "ksmc", "cqr", "yxqq", "yxqz"]
    table = geopandas.GeoDataFrame(
        {name: [row.get(name) for row in rows] for name in columns},
        geometry=[frame.from_ground(tract, 4490) for tract in grounds],
        crs=CRS,
    )
    table.to_file(path, layer=TABLE, driver="GPKG", engine="pyogrio", geometry_type="Polygon")
