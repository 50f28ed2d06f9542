"""A QGIS project as a file: layers, their tree, themes and first view. What they show is the caller's."""

import os
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from aoi.grid import to_crs
from leads.fields import NOTE
from leads.qgis.elements import element, spatial_reference
from leads.staging import staged

_CANVAS = 110
_LEAST_VIEW_M = 2000.0
"""The first view shows at least this much ground, in metres each way."""


@dataclass(frozen=True)
class ProjectLayer:
    """One layer of a project, ready to be placed in its tree."""

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


@dataclass(frozen=True)
class Document:
    """A project before it is written."""

    name: str
    layers: Sequence[ProjectLayer]
    """The first is drawn on top."""

    tree: Element
    themes: Element
    epsg: int
    ground: BaseGeometry
    """What the first view shows, EPSG:4326."""

    classification: Classification
    more: Sequence[Element] = ()
    """Further parts of the project, such as its bookmarks."""


def vector_layer(
    source: str, provider: str, layer: str, name: str, style: Sequence[Element], *, labels: bool, editable: bool = True
) -> ProjectLayer:
    """A layer of polygons in EPSG:4326.

    Args:
        source: where QGIS reads it; a file relative to the project.
        provider: ``ogr`` or ``postgres``.
        layer: its kind, the first part of its id.
        name: as the layer tree shows it.
        style: renderer and form.
        labels: whether its labels are drawn.
        editable: whether QGIS lets it be edited.
    """
    attributes = {
        "type": "vector",
        "geometry": "Polygon",
        "wkbType": "MultiPolygon",
        "readOnly": str(int(not editable)),
    }
    attributes |= {"labelsEnabled": str(int(labels)), "simplifyDrawingHints": "1", "simplifyLocal": "1"}
    manager = style_manager({"default": []})
    return ProjectLayer(layer_id(layer, source), name, source, provider, 4326, layer, (manager, *style), attributes)


def style_manager(styles: Mapping[str, Sequence[Element]]) -> Element:
    """The named styles of a layer; the first is the current one and is written in the layer itself."""
    names = list(styles)
    manager = element("map-layer-style-manager", {"current": names[0]})
    for name in names:
        style = element("map-layer-style", {"name": name})
        if name != names[0]:
            style.append(element("qgis", {"version": "3.22.0", "styleCategories": "AllStyleCategories"}, *styles[name]))
        manager.append(style)
    return manager


def relative(target: Path, project: Path) -> str:
    """A file as seen from the project's folder, so that the folder can be moved."""
    return "./" + Path(os.path.relpath(target.resolve(), project.resolve().parent)).as_posix()


def layer_id(name: str, source: str) -> str:
    """Name and a UUID: QGIS silently replaces shorter ids, and what refers to them is lost."""
    return f"{name}_{str(uuid.uuid5(uuid.NAMESPACE_URL, source)).replace('-', '_')}"


def tree_node(layer: ProjectLayer, expanded: bool) -> Element:
    """A layer's place in the tree."""
    shown = "Qt::Checked" if layer.shown else "Qt::Unchecked"
    named = {"id": layer.id, "name": layer.name, "source": layer.source, "providerKey": layer.provider}
    return element("layer-tree-layer", {**named, "checked": shown, "expanded": str(int(expanded))})


def theme(name: str, shown: Sequence[tuple[ProjectLayer, str]]) -> Element:
    """A map theme: the layers that it shows, each in one of its styles."""
    layers = (element("layer", {"id": layer.id, "style": style, "visible": "1"}) for layer, style in shown)
    return element("visibility-preset", {"name": name}, *layers)


def write_document(path: Path, document: Document) -> None:
    """Writes the ``.qgz``; the same document gives the same file.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    body = _document(document)
    with staged(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed date: the same results give the same file.
        entry = zipfile.ZipInfo(f"{path.stem}.qgs", (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, body)


def _view(ground: BaseGeometry, epsg: int) -> tuple[float, float, float, float]:
    """The first view: the ground with a margin, in the project's CRS."""
    least = _LEAST_VIEW_M if epsg != 4326 else _LEAST_VIEW_M / 111_000
    left, bottom, right, top = to_crs(ground, 4326, epsg).bounds
    width, height = max((right - left) * 1.15, least), max((top - bottom) * 1.15, least)
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _document(what: Document) -> bytes:
    epsg = what.epsg
    title = f"卫巡 Weixun {what.name}（{what.classification.value} {what.classification.en}）"
    view = _view(what.ground, epsg)
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
        what.tree,
        canvas,
        element("projectlayers", {}, *(_maplayer(layer) for layer in what.layers)),
        element("layerorder", {}, *(element("layer", {"id": layer.id}) for layer in what.layers)),
        _properties(),
        what.themes,
        *what.more,
        element("ProjectViewSettings", {"UseProjectScales": "0"}, element("Scales"), first),
    )
    whole.append(_metadata(title, what.classification))
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


def _maplayer(layer: ProjectLayer) -> Element:
    return element(
        "maplayer",
        {"styleCategories": "AllStyleCategories", "autoRefreshEnabled": "0", **layer.attributes},
        element("id", text=layer.id),
        element("datasource", text=layer.source),
        element("layername", text=layer.name),
        element("srs", {}, spatial_reference(layer.epsg)),
        element("provider", {} if layer.provider == "gdal" else {"encoding": "UTF-8"}, text=layer.provider),
        *layer.body,
    )


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
