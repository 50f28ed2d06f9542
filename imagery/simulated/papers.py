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

from imagery.simulated.course import Paper
from imagery.simulated.deeds import HOLDER, site_permit
from imagery.simulated.frame import Frame
from imagery.simulated.landscape import Landscape
from imagery.simulated.layers import CRS, Right
from imagery.simulated.plan import Change
from imagery.simulated.works import WORKS

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
    mines: tuple[Paper, ...] = ()
    """Rights of mines that have closed, which stand in the table of mining rights."""


def draw_up(
    land: Landscape, changes: Sequence[Change], rights: Sequence[Right], seen: dt.date, drawn: Sequence[Paper]
) -> Papers:
    """Draws the papers up.

    Args:
        land: the world's outlined ground.
        changes: planted in it.
        rights: licences of its mines.
        seen: first date after; deadlines that are to be past lie before it.
        drawn: rows of the maps of the ground, and papers that belong to one place.
    """
    patches, penalties = _known(changes, seen)
    tables: dict[str, Table] = {
        "land_approvals": _approvals(changes, rights, len(land.old_mines)),
        "restoration_plans": _plans(rights, len(land.old_mines), seen),
        "known_patches": patches,
    }
    for paper in drawn:
        tables.setdefault(paper.kind, []).append((paper.row, paper.outline))
    tables.pop("mining_rights", None)
    farms, woods = ([one for one in changes if _host(one) == host] for host in ("crop", "forest"))
    _on_map(tables, "basic_farmland", farms[:1], {"tbbh": "SIM-JN-1", "dlbm": "0103", "dlmc": "旱地", "bb": "2023"})
    _on_map(tables, "black_soil", farms, {"bsm": "SIM-HT", "dlbm": "0103", "trlx": "黑钙土"})
    _on_map(tables, "forest_land", woods, {"bsm": "SIM-LD", "sllb": "商品林"})
    if farms:  # the first farm is on the map of grassland as well, as happens
        tables.setdefault("grassland", []).append(({"bsm": "SIM-C-1", "cylb": "其他草原"}, _parcel(farms[0])))
    _spare_permits(tables, seen)
    mines = tuple(paper for paper in drawn if paper.kind == "mining_rights")
    return Papers({kind: rows for kind, rows in tables.items() if rows}, penalties, mines)


def _on_map(tables: dict[str, Table], kind: str, changes: Sequence[Change], row: Mapping[str, str]) -> None:
    """Where a map leaves out ground on which something was done, it gets a parcel there."""
    for change in changes:
        mapped = [outline for _, outline in tables.get(kind, ()) if outline.intersects(change.outline)]
        if sum(outline.intersection(change.outline).area for outline in mapped) < 0.9 * change.outline.area:
            parcel = shapely.difference(_parcel(change), shapely.union_all(mapped))
            tables.setdefault(kind, []).append((row, parcel))


def _spare_permits(tables: dict[str, Table], seen: dt.date) -> None:
    """Where nothing was permitted, two temporary sites that nobody came to use: one given back, one in its term."""
    if "temporary_land_permits" in tables or "grassland" not in tables:
        return
    meadow = max((outline for _, outline in tables["grassland"]), key=lambda outline: outline.area)
    busy = [outline for kind in ("known_patches", "land_approvals") for _, outline in tables.get(kind, ())]
    room = meadow.buffer(-250).difference(shapely.union_all([one.buffer(200) for one in busy]))
    parts = sorted(shapely.get_parts(room), key=lambda part: -part.area)[:2]
    for number, part in enumerate(part for part in parts if part.area > 0):
        at = part.representative_point()
        begins = seen.replace(day=1) - dt.timedelta(days=1_600 if number == 0 else 300)
        expires = begins + dt.timedelta(days=700 if number == 0 else 4 * 365)
        accepted = expires + dt.timedelta(days=300) if number == 0 else None
        permit = site_permit(
            at.buffer(60, quad_segs=1), begins, expires, project="公路工程", ground="其他", accepted=accepted
        )
        tables.setdefault(permit.kind, []).append((permit.row, permit.outline))


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
