"""A scan's result folder, read back: its leads, its record, its images."""

import datetime as dt
import hashlib
import json
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of
from aoi.kinds import KIND_NAMES
from detectors.core.apply import TRAINING_FREE
from leads.attributes import Value
from leads.dossier.model import Plate, RunNote, SceneNote
from leads.exports.row import Row
from leads.fields import FIELDS
from leads.quicklook import quicklook_geobox
from leads.raster import REFLECTANCE_SCALE
from pipelines.errors import BadInputError
from pipelines.run import FORMAT

RUN_BYTES_MAX = 64 << 20

NOON = dt.time(12)
"""The time that an archive gives a scene of which only the day is known."""


@dataclass(frozen=True)
class Result:
    """The leads of a scan, and what its record says."""

    folder: Path
    rows: tuple[Row, ...]
    run: Mapping[str, Any]
    run_sha256: str

    @property
    def gsd_m(self) -> float:
        """Pixel size of the analysis grid."""
        value = self.run.get("grid", {}).get("gsd_m", 10.0)
        return float(value) if isinstance(value, int | float) else 10.0

    @property
    def reflectance(self) -> bool:
        """False where a scene held plain DN."""
        return not any(scene.get("level") == "DN" for scene in self.run.get("scenes", ()))

    def row(self, lead_id: str) -> Row:
        """The lead of an id.

        Raises:
            BadInputError: if there is none, naming some that there are.
        """
        found = next((row for row in self.rows if row.id == lead_id), None)
        if found is None:
            some = ", ".join(row.id for row in self.rows[:5]) or "none"
            raise BadInputError(
                f"{self.folder} has no lead {lead_id!r}; it has {some}{' …' if len(self.rows) > 5 else ''}"
            )
        return found


def read_result(folder: Path) -> Result:
    """Read a scan's result folder.

    Raises:
        BadInputError: if it is no such folder, or a file of it is damaged.
    """
    geopackage, record = folder / "leads.gpkg", folder / "run.json"
    for path in (geopackage, record):
        if not path.is_file():
            raise BadInputError(f"{folder} is not the result of a scan: {path.name} is missing")
    if record.stat().st_size > RUN_BYTES_MAX:
        raise BadInputError(f"{record} is larger than any run's record: it is not one of ours")
    content = record.read_bytes()
    try:
        run = json.loads(content)
    except ValueError as error:
        raise BadInputError(f"{record} is damaged: {error}") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise BadInputError(f"{record} is no record that this program reads (format {FORMAT})")
    return Result(folder, _rows(geopackage), run, hashlib.sha256(content).hexdigest())


def _rows(geopackage: Path) -> tuple[Row, ...]:
    try:
        with warnings.catch_warnings():
            # GDAL says of a damaged file what the error below says as well
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="pyogrio")
            table = pyogrio.read_dataframe(geopackage, layer="leads", use_arrow=False)
    except (DataSourceError, DataLayerError) as error:
        raise BadInputError(f"{geopackage} can not be read: {error}") from error
    names = [field.name for field in FIELDS if field.name in table.columns]
    return tuple(
        Row(_single(geometry), {name: _value(value) for name, value in zip(names, values, strict=True)})
        for geometry, values in zip(table.geometry, table[names].itertuples(index=False), strict=True)
        if geometry is not None
    )


def _single(geometry: BaseGeometry) -> BaseGeometry:
    """A multipolygon of one part as that part: the layer holds multipolygons only."""
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else geometry


def _value(value: Any) -> Value:
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NaT", "nan"):
        return None
    if isinstance(value, dt.date):  # pandas' own timestamps are datetimes
        return value.isoformat()[:10]
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, int | float) else str(value)


def run_note(result: Result, model: str) -> RunNote:
    """Where the leads of a model come from; what the run noted of other models is left out."""
    run = result.run
    asked = run.get("asked", {})
    told = {
        "查询区域": str(asked.get("aoi", "")),
        "前时相范围": " 至 ".join(map(str, asked.get("before", ()))),
        "后时相范围": " 至 ".join(map(str, asked.get("after", ()))),
        "影像来源": "本地影像档案" if asked.get("source") == "local" else str(asked.get("source", "")),
    }
    weights = sorted({str(one.get("weights", "")) for one in run.get("detectors", ())})
    notes = [f"区块 {one['name']} 失败：{one['reason']}" for one in run.get("failed_blocks", ())]
    notes += [f"影像 {one['name']} 不可读：{one['reason']}" for one in run.get("unreadable_scenes", ())]
    others = {str(one.get("id")) for one in run.get("detectors", ())} - {model}
    # layers that were not given stand in the row itself
    own = (str(note) for note in run.get("notes", ()) if note.partition(":")[0] not in others)
    notes += [_in_chinese(note) for note in own if not note.startswith(f"{model}: layer ")]
    return RunNote(
        str(run.get("code", "")),
        result.run_sha256,
        told,
        "、".join("免训练评分" if name == TRAINING_FREE else name for name in weights),
        tuple(map(_layer, run.get("layers", ()))),
        tuple(notes),
        result.reflectance,
    )


_CHINESE = (
    (re.compile(r"^asked for: the training-free score was used$"), "按要求使用免训练评分"),
    (re.compile(r"^no trained weights: the training-free score was used$"), "没有训练权重，使用免训练评分"),
    (re.compile(r"^(\S+) has no cloud mask: cloud may be taken for change$"), r"影像 \1 没有云掩膜，云可能被误作变化"),
    (re.compile(r"^values are DN, not reflectance.*$"), "影像为灰度值而非反射率，地表类型未知"),
)
"""Notes of a run that come often; the others are quoted as they are."""


def _in_chinese(note: str) -> str:
    return next((chinese.sub(text, note) for chinese, text in _CHINESE if chinese.match(note)), note)


def _layer(told: Mapping[str, Any]) -> str:
    kind = str(told.get("kind", ""))
    name = KIND_NAMES.get(kind, (kind, kind))[0]
    status = {"derived": "推算图层", "simulated": "模拟图层"}.get(str(told.get("status")), "")
    parts = [name, str(told.get("name", "")), status, str(told.get("classification", ""))]
    digest = told.get("sha256")
    return "，".join(part for part in parts if part) + (f"，sha256 {digest}" if digest else "")


def _taken(result: Result, lon: float) -> list[tuple[dt.datetime, dt.date, Mapping[str, Any]]]:
    """The scenes of a record with their time in UTC and their solar day at a longitude."""
    times = [
        (dt.datetime.fromisoformat(scene["datetime"]).astimezone(dt.UTC), scene)
        for scene in result.run.get("scenes", ())
    ]
    return [(taken, (taken + dt.timedelta(hours=lon / 15)).date(), scene) for taken, scene in times]


def imaged_before(result: Result, lon: float, last_before: dt.date) -> dt.date:
    """The day of the before image: where papers set the first day of a conduct, no image need be of that day."""
    asked = [dt.date.fromisoformat(str(day)) for day in result.run.get("asked", {}).get("before", ())]
    days = [day for _, day, _ in _taken(result, lon) if len(asked) == 2 and asked[0] <= day <= asked[1]]
    return last_before if last_before in days else max(days, default=last_before)


def scene_notes(result: Result, lon: float, before: dt.date, after: dt.date) -> tuple[SceneNote, ...]:
    """The images of the two days, as the record holds them."""
    before = imaged_before(result, lon, before)
    found = []
    for taken, day, scene in _taken(result, lon):
        role = "前时相" if day == before else "后时相" if day == after else ""
        if role:
            properties = scene.get("properties", {})
            found.append(
                SceneNote(
                    role_zh=role,
                    id=scene["id"],
                    sensor=scene.get("sensor", ""),
                    level=scene.get("level", ""),
                    baseline=scene.get("baseline", ""),
                    taken=taken,
                    time_known=taken.time() != NOON,
                    product=str(properties.get("product", "")),
                    sha256=dict(scene.get("sha256", {})),
                )
            )
    return tuple(found)


def result_plates(result: Result, row: Row, before: dt.date, after: dt.date) -> tuple[Plate, ...]:
    """Before and after from the images that the scan left; none where they are not there.

    Raises:
        BadInputError: if an image is damaged.
    """
    geobox, lon = quicklook_geobox(row.geometry, result.gsd_m), row.geometry.centroid.x
    before = imaged_before(result, lon, before)
    made = []
    # the after image of a scan is that of its newest look, which may be later than the first that shows the lead
    newest = max(
        (dt.date.fromisoformat(day) for day in result.run.get("observed", {}) if day != "before"), default=after
    )
    for role_zh, role, day in (("前时相", "before", before), ("后时相", "after", newest)):
        path = result.folder / "imagery" / f"{role}_{epsg_of(geobox)}.tif"
        if not path.is_file():
            continue
        try:
            with rasterio.open(path) as dataset, WarpedVRT(
                dataset, crs=str(geobox.crs), transform=geobox.affine, height=geobox.shape[0], width=geobox.shape[1],
                resampling=Resampling.nearest,
            ) as view:  # fmt: skip
                stored = view.read(out_dtype="float32")
                scale = 1.0 if dataset.tags().get("STORED") == "DN" else REFLECTANCE_SCALE
        except RasterioError as error:
            raise BadInputError(f"{path} can not be read: {error}") from error
        data = np.where(stored == 0, np.nan, stored / np.float32(scale)).astype(np.float32)
        notes = [one for one in scene_notes(result, lon, before, day) if one.role_zh == role_zh]
        sensors = "、".join(dict.fromkeys(one.sensor for one in notes))
        kind = "扫描成果中的前时相合成影像" if role == "before" else "扫描成果中最近一次后时相影像"
        made.append(Plate(role_zh, role, day, data, geobox, tuple(one.id for one in notes), sensors, kind))
    return tuple(made)


def hashes(result: Result, lead_id: str) -> tuple[tuple[str, str], ...]:
    """sha256 of what concerns a lead: the GeoPackage, the images and normals, its own quicklooks."""
    outputs = result.run.get("outputs", {})
    wanted = [name for name in sorted(outputs) if not name.startswith("quicklook/") or lead_id in name]
    return (("run.json", result.run_sha256), *((name, str(outputs[name])) for name in wanted))
