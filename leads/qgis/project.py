"""The QGIS project beside the leads: our own XML, so that it is written without QGIS and opens in 3.22 and later."""

import os
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from aoi.grid import to_crs
from leads.errors import OutputError
from leads.fields import NOTE
from leads.qgis.elements import element, spatial_reference
from leads.qgis.rasters import (
    FALSE_COLOUR,
    TRUE_COLOUR,
    Look,
    RasterLayer,
    common_stretch,
    image_styles,
    look_at,
    score_style,
)
from leads.qgis.style import Model, coverage_style, leads_style
from leads.staging import staged

THEME_BEFORE = "前时相 before"
THEME_AFTER = "后时相 after"
THEME_FALSE = "假彩色 false colour"
THEME_FALSE_BEFORE = "前时相假彩色 before, false colour"

_GROUPS = {"after": THEME_AFTER, "before": THEME_BEFORE, "score": "得分 scores"}
_CANVAS = 110
_LEAST_VIEW_M = 2000.0
"""The first view shows at least this much ground, in metres each way."""


@dataclass(frozen=True)
class _Layer:
    """One layer of the project, ready to be placed in its tree."""

    id: str
    name: str
    source: str
    provider: str
    epsg: int
    kind: str
    body: tuple[Element, ...]
    """What `<maplayer>` holds besides name, source and CRS."""

    attributes: Mapping[str, str]
    styles: tuple[str, ...] = ("default",)
    shown: bool = True


def write_project(
    path: Path,
    geopackage: Path,
    rasters: Sequence[RasterLayer],
    aoi: BaseGeometry,
    classification: Classification = Classification.PUBLIC,
) -> None:
    """Writes a ``.qgz`` that shows leads over coverage over the after and before images.

    Sources are relative, so the folder can be moved. The first view is on the leads, or on the AOI when there are none.

    Args:
        path: the project; appears only when it is whole.
        geopackage: what `write_geopackage` wrote.
        rasters: images and scores, each group drawn in the order given; the first one's CRS is the project's.
        aoi: outline in EPSG:4326.
        classification: how widely it may be shown; said in its title and its notes.

    Raises:
        OutputError: if the folder is read-only, the disk is full, or the GeoPackage or a raster can not be read.
    """
    models, leads_box = _read_leads(geopackage)
    looks = [look_at(raster.path) for raster in rasters]
    epsg = looks[0].epsg if looks else 4326
    layers = [
        _vector(geopackage, path, "leads", "线索 leads", leads_style(models), labels=True),
        _vector(geopackage, path, "coverage", "观测情况 coverage", coverage_style(), labels=False),
        *_rasters(path, rasters, looks),
    ]
    document = _document(path.stem, layers, epsg, _view(leads_box or aoi, epsg), classification)
    with staged(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed date: the same results give the same file.
        entry = zipfile.ZipInfo(f"{path.stem}.qgs", (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, document)


def _read_leads(geopackage: Path) -> tuple[tuple[Model, ...], BaseGeometry | None]:
    try:
        info = pyogrio.read_info(geopackage, layer="leads", force_total_bounds=True)
        table = pyogrio.read_dataframe(geopackage, layer="leads", columns=["model", "model_zh"], read_geometry=False)
    except (DataSourceError, DataLayerError) as error:
        raise OutputError(f"{geopackage} holds no layer of leads for the QGIS project: {error}") from error
    named = table[table["model"].notna()].fillna("")
    pairs = {(str(row.model), str(row.model_zh)) for row in named.itertuples()}
    return tuple(sorted(pairs)), box(*info["total_bounds"]) if info["features"] else None


def _vector(geopackage: Path, project: Path, layer: str, name: str, style: list[Element], labels: bool) -> _Layer:
    source = f"{_relative(geopackage, project)}|layername={layer}"
    attributes = {"type": "vector", "geometry": "Polygon", "wkbType": "MultiPolygon", "readOnly": "0"}
    attributes |= {"labelsEnabled": str(int(labels)), "simplifyDrawingHints": "1", "simplifyLocal": "1"}
    manager = _style_manager({"default": []})
    return _Layer(_id(layer, source), name, source, "ogr", 4326, layer, (manager, *style), attributes)


def _rasters(project: Path, rasters: Sequence[RasterLayer], looks: Sequence[Look]) -> list[_Layer]:
    pairs = list(zip(rasters, looks, strict=True))
    stretch = common_stretch([look for raster, look in pairs if raster.kind != "score"])
    layers = []
    for kind in _GROUPS:
        for raster, look in pairs:
            if raster.kind != kind:
                continue
            styles = {"default": score_style()} if kind == "score" else image_styles(stretch, look.bands)
            source = _relative(raster.path, project)
            name = f"{raster.name_zh} {raster.name_en}".strip()
            current = next(iter(styles))
            body = (_style_manager(styles), *styles[current])
            attributes = {"type": "raster"}
            # Before stays off at first: where after was not observed it would shine through as if it were after.
            shown = kind == "after"
            layers.append(
                _Layer(_id(kind, source), name, source, "gdal", look.epsg, kind, body, attributes, tuple(styles), shown)
            )
    return layers


def _style_manager(styles: Mapping[str, list[Element]]) -> Element:
    """The named styles of a layer; the first is the current one and is written in the layer itself."""
    names = list(styles)
    manager = element("map-layer-style-manager", {"current": names[0]})
    for name in names:
        style = element("map-layer-style", {"name": name})
        if name != names[0]:
            style.append(element("qgis", {"version": "3.22.0", "styleCategories": "AllStyleCategories"}, *styles[name]))
        manager.append(style)
    return manager


def _relative(target: Path, project: Path) -> str:
    return "./" + Path(os.path.relpath(target.resolve(), project.resolve().parent)).as_posix()


def _id(name: str, source: str) -> str:
    """Name and a UUID: QGIS silently replaces shorter ids, and what refers to them is lost."""
    return f"{name}_{str(uuid.uuid5(uuid.NAMESPACE_URL, source)).replace('-', '_')}"


def _view(ground: BaseGeometry, epsg: int) -> tuple[float, float, float, float]:
    """The first view: the ground with a margin, in the project's CRS."""
    least = _LEAST_VIEW_M if epsg != 4326 else _LEAST_VIEW_M / 111_000
    left, bottom, right, top = to_crs(ground, 4326, epsg).bounds
    width, height = max((right - left) * 1.15, least), max((top - bottom) * 1.15, least)
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _document(
    name: str,
    layers: Sequence[_Layer],
    epsg: int,
    view: tuple[float, float, float, float],
    classification: Classification,
) -> bytes:
    title = f"卫巡 Weixun {name}（{classification.value} {classification.en}）"
    corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), (f"{value:.6f}" for value in view), strict=True))
    canvas = element(
        "mapcanvas",
        {"name": "theMapCanvas", "annotationsVisible": "1"},
        element("units", text="degrees" if epsg == 4326 else "meters"),
        element("extent", {}, *(element(key, text=value) for key, value in corners.items())),
        element("rotation", text="0"),
        element("destinationsrs", {}, spatial_reference(epsg)),
    )
    first = element("DefaultViewExtent", corners, spatial_reference(epsg))
    whole = element(
        "qgis",
        {"version": "3.22.0", "projectname": title},
        element("title", text=title),
        element("projectCrs", {}, spatial_reference(epsg)),
        _tree(layers),
        canvas,
        element("projectlayers", {}, *(_maplayer(layer) for layer in layers)),
        element("layerorder", {}, *(element("layer", {"id": layer.id}) for layer in layers)),
        _properties(),
        _themes(layers),
        element("ProjectViewSettings", {"UseProjectScales": "0"}, element("Scales"), first),
    )
    whole.append(_metadata(title, classification))
    body: bytes = tostring(whole, encoding="utf-8")
    return b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + body


def _metadata(title: str, classification: Classification) -> Element:
    """What the project says of itself under Project ▸ Properties ▸ Metadata."""
    return element(
        "projectMetadata",
        {},
        element("identifier"),
        element("type", text="project"),
        element("title", text=title),
        element("abstract", text=f"分级 Classification: {classification.value} {classification.en}。{NOTE}"),
        element("author", text="卫巡 Weixun"),
    )


def _maplayer(layer: _Layer) -> Element:
    return element(
        "maplayer",
        {"styleCategories": "AllStyleCategories", "autoRefreshEnabled": "0", **layer.attributes},
        element("id", text=layer.id),
        element("datasource", text=layer.source),
        element("layername", text=layer.name),
        element("srs", {}, spatial_reference(layer.epsg)),
        element("provider", {"encoding": "UTF-8"} if layer.provider == "ogr" else {}, text=layer.provider),
        *layer.body,
    )


def _tree(layers: Sequence[_Layer]) -> Element:
    """Leads, coverage, then a group each for the after images, the before images and the scores."""
    tree = element("layer-tree-group")
    for layer in layers:
        if layer.kind not in _GROUPS:
            tree.append(_node(layer, expanded=layer.kind == "leads"))
    for kind, name in _GROUPS.items():
        members = [_node(layer, expanded=False) for layer in layers if layer.kind == kind]
        if members:
            opened = str(int(kind != "score"))
            tree.append(
                element("layer-tree-group", {"name": name, "checked": "Qt::Checked", "expanded": opened}, *members)
            )
    return tree


def _node(layer: _Layer, expanded: bool) -> Element:
    shown = "Qt::Checked" if layer.shown else "Qt::Unchecked"
    named = {"id": layer.id, "name": layer.name, "source": layer.source, "providerKey": layer.provider}
    return element("layer-tree-layer", {**named, "checked": shown, "expanded": str(int(expanded))})


def _themes(layers: Sequence[_Layer]) -> Element:
    themes = [(THEME_AFTER, "after", TRUE_COLOUR), (THEME_BEFORE, "before", TRUE_COLOUR)]
    themes += [(THEME_FALSE, "after", FALSE_COLOUR), (THEME_FALSE_BEFORE, "before", FALSE_COLOUR)]
    made = element("visibility-presets")
    for name, kind, style in themes:
        images = [(layer, style) for layer in layers if layer.kind == kind and style in layer.styles]
        if images:
            vectors = [(layer, "default") for layer in layers if layer.kind in ("leads", "coverage")]
            made.append(
                element(
                    "visibility-preset",
                    {"name": name},
                    *(
                        element("layer", {"id": layer.id, "style": chosen, "visible": "1"})
                        for layer, chosen in (*vectors, *images)
                    ),
                )
            )
    return made


def _properties() -> Element:
    def value(tag: str, kind: str, text: str) -> Element:
        return element(tag, {"type": kind}, text=text)

    return element(
        "properties",
        {},
        element("SpatialRefSys", {}, value("ProjectionsEnabled", "int", "1")),
        element("Paths", {}, value("Absolute", "bool", "false")),
        # Grey, so that ground without imagery is neither black water nor white snow.
        element(
            "Gui", {}, *(value(f"CanvasColor{part}Part", "int", str(_CANVAS)) for part in ("Red", "Green", "Blue"))
        ),
        element("Measure", {}, value("Ellipsoid", "QString", "EPSG:7030")),
        element("Measurement", {}, value("AreaUnits", "QString", "m2"), value("DistanceUnits", "QString", "meters")),
    )
