"""The field pack: an offline QField project around a few leads, and KML for a phone."""

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import shapely

from aoi.classification import Classification
from aoi.grid import zone_of
from leads.desk.columns import INBOX_FIELDS, inbox_row
from leads.desk.kml import GCJ02_FILE, WGS84_FILE, write_kml
from leads.desk.style import inbox_style
from leads.errors import OutputError
from leads.fields import Field
from leads.geopackage import Table, models_of, write_tables
from leads.qgis.document import (
    Document,
    ProjectLayer,
    layer_id,
    style_manager,
    theme,
    tree_node,
    vector_layer,
    write_document,
)
from leads.qgis.elements import element, option_map, rule_renderer, symbol, symbol_layer
from leads.qgis.form import Config, form
from leads.qgis.rasters import RasterLayer, common_stretch, image_styles, look_at
from leads.qgis.style import qml
from leads.staging import stage
from leads.store.records import LeadRecord

NAME = "weixun_field"
PHOTOS = "DCIM"

FOUND: tuple[tuple[str, str, str], ...] = (
    ("as_seen", "与影像一致", "as the imagery shows"),
    ("partly", "部分一致", "partly"),
    ("nothing", "未见变化", "nothing there"),
    ("restored", "已恢复", "restored"),
    ("no_access", "未能到达", "not reached"),
)

VISIT_FIELDS: tuple[Field, ...] = (
    Field("lead_id", "text", "监测编号", "Lead id", editable=True),
    Field("found", "text", "现场情况", "What is there", editable=True, choices=FOUND),
    Field("note", "text", "记录", "Note", editable=True),
    Field("photo", "text", "照片", "Photo", editable=True),
    Field("visitor", "text", "核查人", "Visitor", editable=True),
    Field("at", "text", "时间", "Time", editable=True),
)
"""One point for each thing seen in the field, with a photo."""

_README = """卫巡外业包 Weixun field pack

QField：把整个文件夹拷入手机，用 QField 打开 weixun_field.qgz，离线可用。
QField: copy the whole folder to the phone and open weixun_field.qgz; it works offline.
照片存入 DCIM；回来后运行 weixun leads photos 文件夹。
Photos go to DCIM; back at the desk run: weixun leads photos FOLDER
手机地图 phone maps: leads_GCJ02_…kml（偏移坐标，仅供找路 shifted, only for finding the way）
其他软件 other software: leads_WGS84.kml
线索，非测绘成果、非鉴定意见。A lead, no survey and no verdict.
"""


def write_field_pack(
    folder: Path,
    leads: Sequence[LeadRecord],
    classification: Classification,
    rasters: Sequence[RasterLayer] = (),
) -> tuple[Path, ...]:
    """Writes ``weixun_field.qgz`` and ``.gpkg``, two KML files, an empty ``DCIM`` and a note.

    Args:
        folder: new or empty; everything in it is named relative to it.
        leads: to be visited, at least one.
        classification: how widely it may be shown.
        rasters: images to take along; copied in.

    Returns:
        The files, the project first.

    Raises:
        OutputError: if the folder holds something, is read-only, or the disk is full.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not empty: a field pack may hold photos and is never written over")
    room = stage(folder / NAME) if folder.is_dir() else stage(folder)
    try:
        _fill(room, leads, classification, rasters)
        folder.mkdir(parents=True, exist_ok=True)
        made = []
        for path in sorted(
            room.iterdir(), key=lambda path: path.suffix == ".qgz"
        ):  # the project when all else is there
            path.replace(folder / path.name)
            made.append(folder / path.name)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return tuple(reversed(made))


def _fill(
    room: Path, leads: Sequence[LeadRecord], classification: Classification, rasters: Sequence[RasterLayer]
) -> None:
    rows = [(lead.geometry, inbox_row(lead, rank, None)) for rank, lead in enumerate(leads, 1)]
    day = max(lead.updated for lead in leads).astimezone(dt.UTC).date()
    style = inbox_style(models_of(rows), _closed())
    geopackage = room / f"{NAME}.gpkg"
    write_tables(
        geopackage,
        (
            Table("leads", INBOX_FIELDS, rows, qml(style, labels=True)),
            Table("visits", VISIT_FIELDS, (), qml(visits_style(), labels=False), "Point"),
        ),
        day,
        classification,
    )
    brought = [RasterLayer(one.name_zh, Path(shutil.copy(one.path, room / one.path.name)), one.kind) for one in rasters]
    _write_project(room, leads, style, brought, classification)
    for name, shifted in ((WGS84_FILE, False), (GCJ02_FILE, True)):
        write_kml(room / name, leads, f"{classification.value} {classification.en}", gcj02=shifted)
    (room / PHOTOS).mkdir()
    (room / "README_说明.txt").write_text(_README, encoding="utf-8")


def _closed() -> tuple[Field, ...]:
    """The columns of a lead, none to be written: in the field people write visits."""
    return tuple(replace(field, editable=False) for field in INBOX_FIELDS)


def visits_style(leads_id: str = "") -> list[Element]:
    """Points with their form: the lead is the one underfoot, the photo is kept beside the project.

    Args:
        leads_id: id of the project's layer of leads; empty where the layer is opened alone.
    """
    marker = {"name": "circle", "color": "0,200,255,255", "outline_color": "0,0,0,255", "size": "4", "size_unit": "MM"}
    point = symbol("0", symbol_layer("SimpleMarker", marker), kind="marker")
    style = [rule_renderer([("ELSE", "现场记录 visit", point)]), *form(VISIT_FIELDS)]
    for part in style:
        if part.tag == "fieldConfiguration":
            _with_camera(part)
    nearest = f"array_first(overlay_nearest('{leads_id}', \"lead_id\"))" if leads_id else "''"
    defaults = {"lead_id": nearest, "at": "format_date(now(), 'yyyy-MM-ddTHH:mm:ss')"}
    made = (
        element("default", {"field": name, "expression": expression, "applyOnUpdate": "0"})
        for name, expression in defaults.items()
    )
    return [*style, element("previewExpression", text='"lead_id"'), element("defaults", {}, *made)]


def _with_camera(configuration: Element) -> None:
    """Makes the field `photo` an attachment, its path relative to the project."""
    for field in configuration.iter("field"):
        if field.get("name") == "photo":
            options: Config = {"DocumentViewer": 1.0, "RelativeStorage": 1.0, "StorageMode": 0.0, "FileWidget": True}
            options |= {"FileWidgetButton": True, "FileWidgetFilter": "", "UseLink": False}
            widget = element("editWidget", {"type": "ExternalResource"}, element("config", {}, option_map(options)))
            for child in list(field):
                field.remove(child)
            field.append(widget)


_NAMING = (
    '{"photo": "\'' + PHOTOS + "/' || coalesce(\\\"lead_id\\\", 'lead') || '_' || "
    "format_date(now(), 'yyyyMMddhhmmsszzz') || '.{extension}'\"}"
)
"""How QField names a photo (the property QFieldSync keeps)."""


def _write_project(
    room: Path,
    leads: Sequence[LeadRecord],
    style: Sequence[Element],
    rasters: Sequence[RasterLayer],
    classification: Classification,
) -> None:
    file = f"./{NAME}.gpkg"
    drawn = vector_layer(f"{file}|layername=leads", "ogr", "leads", "线索 leads", style, labels=True, editable=False)
    source = f"{file}|layername=visits"
    body = (style_manager({"default": []}), *visits_style(drawn.id), _field_properties())
    attributes = {"type": "vector", "geometry": "Point", "wkbType": "Point", "readOnly": "0", "labelsEnabled": "0"}
    visits = ProjectLayer(
        layer_id("visits", source), "现场记录 visits", source, "ogr", 4326, "visits", body, attributes
    )
    looks = [look_at(one.path) for one in rasters]
    stretch = common_stretch(looks)
    images = []
    for one, look in zip(rasters, looks, strict=True):
        styles = image_styles(stretch, look.bands)
        shown = next(iter(styles.values()))
        place = f"./{one.path.name}"
        inside = (style_manager({"default": []}), *shown)
        images.append(
            ProjectLayer(
                layer_id("image", place), one.name_zh, place, "gdal", look.epsg, "image", inside, {"type": "raster"}
            )
        )
    layers = [visits, drawn, *images]
    view = shapely.union_all([lead.geometry for lead in leads])
    tree = element("layer-tree-group", {}, *(tree_node(layer, expanded=False) for layer in layers))
    themes = element("visibility-presets", {}, theme("外业 field", [(layer, "default") for layer in layers]))
    epsg = looks[0].epsg if looks else zone_of(*view.centroid.coords[0])
    write_document(room / f"{NAME}.qgz", Document(NAME, layers, tree, themes, epsg, view, classification))


def _field_properties() -> Element:
    options = {
        "QFieldSync/action": "offline",
        "QFieldSync/attachment_naming": _NAMING,
        "QFieldSync/photo_naming": _NAMING,
    }
    return element("customproperties", {}, option_map(options))
