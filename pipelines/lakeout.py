"""A lake's record as files: tables, a plot, shores for QGIS, and what was asked and seen."""

import csv
import datetime as dt
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry import MultiLineString, MultiPolygon
from shapely.geometry.base import BaseGeometry

from leads.errors import OutputError
from pipelines.errors import Exit
from pipelines.lake import IceYear, LakeDay, LakeRecord
from pipelines.run import code_version, hashes, scene_record

FORMAT = "weixun-lake-1"
DAYS, YEARS, PLOT, SHORES, RUN = "lake.csv", "lake_years.csv", "lake.png", "lake.gpkg", "run.json"

DAY_HEAD = (
    "日期 date", "面积 area_km2", "下限 low_km2", "上限 high_km2", "观测比例 observed", "冰面比例 ice",
    "岸线 shoreline_km", "水华 bloom_km2", "水华状态 bloom", "传感器 sensors",
)  # fmt: skip
YEAR_HEAD = (
    "年份 year", "末次见冰 last_ice", "首次无冰 first_open", "末次无冰 last_open", "首次见冰 first_ice",
    "无冰期最短 least_days", "无冰期最长 most_days",
)  # fmt: skip

FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "Microsoft YaHei", "SimHei")
"""Fonts with Chinese characters; of a collection file matplotlib knows the first face, which has them all."""

_MDATES: Any = mdates
"""Its classes have no types."""


def write_lake(record: LakeRecord, out: Path) -> dict[str, Any]:
    """Write all of it.

    Returns:
        What `run.json` holds.

    Raises:
        OutputError: if the folder can not be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        _table(out / DAYS, DAY_HEAD, [_day_cells(one) for one in record.days])
        _table(out / YEARS, YEAR_HEAD, [_year_cells(one) for one in record.years])
        draw(record, out / PLOT)
        _shores(record, out / SHORES)
        document = as_json(record, hashes(out, [out / name for name in (DAYS, YEARS, PLOT, SHORES)]))
        text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
        (out / RUN).write_text(text + "\n", encoding="utf-8")
    except (OSError, DataSourceError, DataLayerError) as error:
        raise OutputError(f"{out} can not be written ({error}).") from error
    return document


def _table(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # with a byte order mark, for without it Excel takes Chinese for GBK
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def _cell(value: float | dt.date | None, digits: int = 4) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _day_cells(one: LakeDay) -> list[str]:
    numbers = (one.area, one.low, one.high, one.observed, one.ice, one.shore_km, one.bloom)
    state = {"confirmed": "两期确认 confirmed", "once": "仅一期 once"}.get(one.bloom_state, "")
    return [str(one.day), *map(_cell, numbers), state, " ".join(one.sensors)]


def _year_cells(one: IceYear) -> list[str]:
    least, most = one.days or (None, None)
    return [str(one.year), *map(_cell, (one.last_ice, one.first_open, one.last_open, one.first_ice, least, most))]


def as_json(record: LakeRecord, outputs: dict[str, str]) -> dict[str, Any]:
    """The record as one JSON document, without any path of the machine."""
    return {
        "format": FORMAT,
        "code": code_version(),
        "asked": {
            "aoi": record.aoi.id,
            "aoi_sha256": record.aoi_sha256,
            "dates": [str(day) for day in record.dates],
            "source": record.source,
        },
        "gsd_m": record.gsd_m,
        "ever_km2": record.ever,
        "days": [{name: _plain(value) for name, value in vars(one).items()} for one in record.days],
        "years": [
            {**{name: _plain(value) for name, value in vars(one).items()}, "days": list(one.days) if one.days else None}
            for one in record.years
        ],
        "days_that_saw_nothing": record.skipped,
        "scenes": [scene_record(scene) for scene in record.scenes],
        "unreadable_scenes": [{"name": one.scene_id, "reason": one.reason} for one in record.failures],
        "exit_code": int(exit_code(record)),
        "note": "非测绘成果; remote-sensing estimate, not a survey",
        "outputs": outputs,
    }


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, dt.date) else list(value) if isinstance(value, tuple) else value


def exit_code(record: LakeRecord) -> Exit:
    """Partial where a scene could not be read."""
    return Exit.PARTIAL if record.failures else Exit.DONE


def summary(record: LakeRecord) -> str:
    """What a person wants to know when it ends."""
    stated = [one for one in record.days if one.area is not None]
    lines = [f"{record.aoi.name_zh} {record.aoi.id}: {len(record.days)} days seen, area stated on {len(stated)}"]
    if stated:
        latest = stated[-1]
        areas = [one.area for one in stated if one.area is not None]
        lines.append(
            f"{latest.day}: {latest.area:.3f} km² ({latest.low:.3f}–{latest.high:.3f}); "
            f"all days {min(areas):.3f}–{max(areas):.3f} km²"
        )
    for year in record.years:
        if year.days:
            lines.append(
                f"{year.year}: free of ice {year.days[0]}–{year.days[1]} days ({year.first_open} … {year.last_open})"
            )
    blooms = [str(one.day) for one in record.days if one.bloom_state == "confirmed"]
    if blooms:
        lines.append(f"algal bloom 水华 on {', '.join(blooms)}")
    lines += [f"unreadable scene {one.scene_id}: {one.reason}" for one in record.failures]
    return "\n".join([*lines, "what was not observed is not dry"])


def _shores(record: LakeRecord, path: Path) -> None:
    path.unlink(missing_ok=True)
    stated = {one.day: one for one in record.days if one.day in record.waters}
    for name, shapes in (("shoreline", record.shores), ("water", record.waters)):
        rows = [
            {
                "date": str(day), "area_km2": one.area, "low_km2": one.low, "high_km2": one.high,
                "observed": one.observed, "note": "非测绘成果", "geometry": _many(shapes[day]),
            }
            for day, one in stated.items()
        ]  # fmt: skip
        columns = ["date", "area_km2", "low_km2", "high_km2", "observed", "note", "geometry"]
        kind = "MultiLineString" if name == "shoreline" else "MultiPolygon"
        frame = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs="EPSG:4326")
        frame.to_file(path, layer=name, driver="GPKG", engine="pyogrio", geometry_type=kind)


def _many(geometry: BaseGeometry) -> BaseGeometry:
    """Lines as one MultiLineString, polygons as one MultiPolygon."""
    parts = list(getattr(geometry, "geoms", [geometry]))
    lines = [part for part in parts if part.geom_type == "LineString"]
    return MultiLineString(lines) if lines else MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def draw(record: LakeRecord, path: Path) -> None:
    """The area through time, with its bounds, ice and blooms."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    family = next((name for name in FONTS if name in known), "DejaVu Sans")
    with mpl.rc_context({"font.family": family, "font.size": 9, "axes.unicode_minus": False}):
        figure = Figure(figsize=(8.6, 4.4), dpi=150, layout="constrained")
        top, low = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (4, 1)})
        _areas(top, record.days)
        icy = [one for one in record.days if not math.isnan(one.ice)]
        low.vlines([_number(one.day) for one in icy], 0, [100 * one.ice for one in icy], color="#6f8fb0", linewidth=1.6)
        low.set_ylim(0, 105)
        low.set_ylabel("冰面 %")
        for axes in (top, low):
            axes.grid(visible=True, color="#e3e6ea", linewidth=0.6)
            axes.set_axisbelow(True)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        locator = _MDATES.AutoDateLocator(minticks=3, maxticks=10)
        low.xaxis.set_major_locator(locator)
        low.xaxis.set_major_formatter(_MDATES.ConciseDateFormatter(locator))
        top.set_title(f"{record.aoi.name_zh}水面面积(遥感估算,非测绘成果;未观测不等于干涸)", fontsize=10)
        figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
        figure.savefig(path, format="png", metadata={"Software": None})


def _areas(axes: Axes, days: Sequence[LakeDay]) -> None:
    stated = [one for one in days if one.area is not None]
    bounded = [one for one in days if one.area is None and one.low > 0 and not one.ice > 0.5]
    if bounded:
        at = [_number(one.day) for one in bounded]
        axes.vlines(at, [one.low for one in bounded], [one.high for one in bounded], color="#b9c2cc", linewidth=1.2,
                    label="观测不足:仅给出上下限")  # fmt: skip
    if stated:
        at, area = [_number(one.day) for one in stated], [one.area or 0.0 for one in stated]
        errors = ([a - one.low for a, one in zip(area, stated, strict=True)],
                  [one.high - a for a, one in zip(area, stated, strict=True)])  # fmt: skip
        axes.errorbar(at, area, yerr=errors, color="#1f5f8b", linewidth=0.9, marker="o", markersize=3.6, capsize=2,
                      label="面积及区间")  # fmt: skip
    for state, colour, label in (("confirmed", "#2e7d32", "水华(两期确认)"), ("once", "#9ccc65", "水华(仅一期)")):
        bloom = [one for one in days if one.bloom_state == state]
        if bloom:
            axes.scatter([_number(one.day) for one in bloom], [one.area or one.low for one in bloom], s=44, zorder=3,
                         facecolors="none", edgecolors=colour, linewidths=1.5, label=label)  # fmt: skip
    axes.set_ylabel("面积 / km²")


def _number(day: dt.date) -> float:
    """A day as matplotlib counts it."""
    return float((day - dt.date(1970, 1, 1)).days)
