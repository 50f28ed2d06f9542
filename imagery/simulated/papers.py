"""The other papers of a simulated world, all marked so: approvals, plans, ground maps, known patches, a penalty.

They are laid so that each answer of the law comes up: a mine with everything, one whose plan is past its day, one with
nothing; farmland above and below a threshold; two maps that disagree; a patch penalised and not restored.
"""

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import shapely
from shapely.geometry.base import BaseGeometry

from imagery.simulated.frame import Frame
from imagery.simulated.landscape import Landscape
from imagery.simulated.layers import CRS, Right
from imagery.simulated.plan import Change
from imagery.simulated.works import WORKS

HOLDER = "模拟数据,非真实权利人"

LEAST_KNOWN_M2 = 3_000.0
"""Smaller changes are nobody's known patch: they may well be missed."""

_PARCEL_MARGIN_M = 90.0
_GROUNDS = {"crop": "耕地", "forest": "林地"}

Table = list[tuple[Mapping[str, str], BaseGeometry]]
"""Attributes and outline in ground coordinates."""


@dataclass(frozen=True)
class Papers:
    """Tables by kind of layer, and the rows of the table of penalties."""

    tables: Mapping[str, Table]
    penalties: tuple[Mapping[str, str], ...]


def draw_up(
    ground: BaseGeometry, land: Landscape, changes: Sequence[Change], rights: Sequence[Right], seen: dt.date
) -> Papers:
    """Draws the papers up.

    Args:
        ground: the world's outline in ground coordinates.
        land: its outlined ground.
        changes: planted in it.
        rights: licences of its mines.
        seen: first date after; deadlines that are to be past lie before it.
    """
    farms, woods = ([_parcel(one) for one in changes if _host(one) == host] for host in ("crop", "forest"))
    patches, penalties = _known(changes, seen)
    tables: dict[str, Table] = {
        "land_approvals": _approvals(changes, rights, len(land.old_mines)),
        "restoration_plans": _plans(rights, len(land.old_mines), seen),
        "basic_farmland": [({"tbbh": f"SIM-JN-{number + 1}"}, farm) for number, farm in enumerate(farms)],
        "forest_land": [
            ({"bsm": f"SIM-LD-{number + 1}", "sllb": "公益林" if number % 2 else "商品林"}, wood)
            for number, wood in enumerate(woods)
        ],
        "grassland": _grassland(ground, land, [*farms[1:], *woods]),
        "known_patches": patches,
    }
    return Papers({kind: rows for kind, rows in tables.items() if rows}, penalties)


def _approvals(changes: Sequence[Change], rights: Sequence[Right], old: int) -> Table:
    """The first new mine has all its ground approved; the old mines too. The second has a licence and no more."""
    pits = [change.outline.buffer(60) for change in changes if change.truth.id == "pit-1"]
    return [
        (
            {
                "pzwh": f"模拟批字〔2019〕{number + 1}号",
                "xmmc": f"模拟建设用地{number + 1}",
                "yddw": HOLDER,
                "pzrq": "2019-03-01",
            },
            tract,
        )
        for number, tract in enumerate([*(tract for _, tract in rights[:old]), *pits])
    ]


def _plans(rights: Sequence[Right], old: int, seen: dt.date) -> Table:
    """The first new mine's plan runs for long, the second's was due before anything was seen, the old were accepted."""
    due = [dt.date(2035, 12, 31), seen - dt.timedelta(days=90)]
    rows: Table = []
    for number, (name, tract) in enumerate(rights):
        row = {"fabh": f"SIM-XF-{number + 1}", "ksmc": name, "zrdw": HOLDER, "xkzh": f"SIM-{number + 1:04d}"}
        row |= {"ysrq": "2022-10-01"} if number < old else {"xfqx": due[min(number - old, 1)].isoformat()}
        rows.append((row, tract))
    return rows


def _grassland(ground: BaseGeometry, land: Landscape, others: Sequence[BaseGeometry]) -> Table:
    """All but villages, mines, woods and farmland; the first farm is on this map as well, as happens."""
    gone = shapely.union_all([*land.villages, *land.old_mines, *others])
    left = shapely.difference(ground, gone)
    parts = [part for part in shapely.get_parts(left) if part.geom_type == "Polygon"]
    return [({"bsm": f"SIM-C-{number + 1}", "dlmc": "天然牧草地"}, part) for number, part in enumerate(parts)]


def _known(changes: Sequence[Change], seen: dt.date) -> tuple[Table, tuple[Mapping[str, str], ...]]:
    """Of the earliest changes off the mines one was penalised and not restored, the next is being put right."""
    off = [c for c in changes if "mine" not in c.truth.detectors and not c.truth.stages]
    early = sorted((c for c in off if c.truth.area_m2 >= LEAST_KNOWN_M2), key=lambda c: (c.truth.happened, c.truth.id))
    rows: Table = []
    penalties = []
    for number, change in enumerate(early[:2]):
        name, holder, gap = f"SIM-TB-{number + 1}", f"模拟当事人{number + 1}", (seen - change.truth.happened) / 4
        row = {"tbbh": name, "fxrq": (change.truth.happened + gap).isoformat(), "ly": "卫片执法", "dsr": holder}
        if number == 0:
            number_zh = "模拟罚字〔2024〕1号"
            penalties.append(
                {
                    "处罚决定书文号": number_zh,
                    "当事人": holder,
                    "图斑编号": name,
                    "处罚日期": (change.truth.happened + 2 * gap).isoformat(),
                    "占用地类": _GROUNDS.get(_host(change), "草原"),
                    "恢复期限": (change.truth.happened + 3 * gap).isoformat(),
                    "是否履行": "否",
                }
            )
            row |= {"zgzt": "已处罚未恢复", "cfwh": number_zh}
        else:
            row |= {"zgzt": "整改中", "zgqx": (seen + dt.timedelta(days=365)).isoformat()}
        rows.append((row, change.outline.buffer(15)))
    return rows, tuple(penalties)


def _host(change: Change) -> str:
    return WORKS[change.truth.kind].host


def _parcel(change: Change) -> BaseGeometry:
    return change.outline.buffer(_PARCEL_MARGIN_M).minimum_rotated_rectangle


def write_papers(folder: Path, papers: Papers, frame: Frame) -> None:
    """Writes a GeoPackage for each layer, and ``penalties.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, rows in papers.tables.items():
        table = geopandas.GeoDataFrame(
            [dict(row) for row, _ in rows],
            geometry=[frame.from_ground(shapely.segmentize(outline, 200), 4490) for _, outline in rows],
            crs=CRS,
        )
        table.to_file(folder / f"{kind}.gpkg", layer=kind, driver="GPKG", engine="pyogrio", promote_to_multi=True)
    if papers.penalties:
        with (folder / "penalties.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(papers.penalties[0]))
            writer.writeheader()
            writer.writerows(papers.penalties)
