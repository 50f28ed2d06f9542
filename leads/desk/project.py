"""The project of an inbox: one press of the space bar swaps the image under the leads.

The image groups lie over each other, each on grey ground of its own so that nothing shines through. Selecting a group
in the layer panel and pressing space shows or hides it, in plain QGIS, without macros, plugins or Python.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from aoi.grid import zone_of
from leads.desk.statutory import table_name, title
from leads.desk.style import aoi_style, ground_style, inbox_style, outlines_style, statutory_style
from leads.qgis.document import (
    Document,
    ProjectLayer,
    layer_id,
    relative,
    style_manager,
    theme,
    tree_node,
    vector_layer,
    write_document,
)
from leads.qgis.elements import element, spatial_reference
from leads.qgis.project import THEME_AFTER, THEME_BEFORE, THEME_FALSE, THEME_FALSE_BEFORE
from leads.qgis.rasters import FALSE_COLOUR, TRUE_COLOUR, Look, common_stretch, image_styles, look_at
from leads.qgis.style import Model, coverage_style
from leads.store.records import LeadRecord

FINER = "更高分辨率影像 finer imagery（把 DOM 拖到这里 drag a DOM here）"
STATUTORY = "法定图层 statutory layers"
SPACE = "（空格键显隐 space shows or hides）"

_SWAPPED = (
    ("beforefalse", "before", THEME_FALSE_BEFORE, FALSE_COLOUR),
    ("afterfalse", "after", THEME_FALSE, FALSE_COLOUR),
    ("before", "before", THEME_BEFORE, TRUE_COLOUR),
    ("after", "after", THEME_AFTER, TRUE_COLOUR),
)
"""Image groups from the top: kind of their layers, role of the image, name, colours. Only the last shows at first."""

_AROUND = 1.5
"""A bookmark shows a lead in so many of its extents, each way."""

_LEAST_DEG = 0.006


@dataclass(frozen=True)
class Vector:
    """A vector layer of a desk's project."""

    kind: str
    name: str
    source: str
    provider: str
    style: Sequence[Element]
    editable: bool = False
    shown: bool = True


def write_inbox_project(
    path: Path,
    geopackage: Path,
    images: Mapping[str, Path],
    leads: Sequence[LeadRecord],
    aoi: BaseGeometry,
    classification: Classification,
    kinds: Sequence[str] = (),
) -> None:
    """Writes the ``.qgz`` of an inbox.

    Args:
        path: the project.
        geopackage: the inbox beside it.
        images: role and zone → COG, under the same folder.
        leads: in the order of the inbox.
        aoi: outline in EPSG:4326; the first view where there is no lead.
        classification: how widely it may be shown.
        kinds: of the statutory layers in the GeoPackage.
    """
    file = relative(geopackage, path)

    def vector(kind: str, name: str, style: Sequence[Element], editable: bool = False, table: str = "") -> Vector:
        return Vector(kind, name, f"{file}|layername={table or kind}", "ogr", style, editable)

    leads_id = layer_id("leads", f"{file}|layername=leads")
    models = models_of(leads)
    top = [
        vector("outlines", "人工勾绘 outlines", outlines_style(leads_id), editable=True),
        vector("leads", "线索 leads", inbox_style(models), editable=True),
        vector("coverage", "观测情况 coverage", coverage_style()),
        vector("aoi", "巡查区 AOI", aoi_style()),
    ]
    laws = [
        vector(f"law{kind.replace('_', '')}", title(kind), statutory_style(kind), table=table_name(kind))
        for kind in kinds
    ]
    ground = vector("ground", "未观测 not observed", ground_style())
    view = shapely.union_all([lead.geometry for lead in leads]) if leads else aoi
    write_document(path, desk_document(path, top, laws, ground, images, leads, view, classification))


def desk_document(
    path: Path,
    top: Sequence[Vector],
    laws: Sequence[Vector],
    ground: Vector,
    images: Mapping[str, Path],
    leads: Sequence[LeadRecord],
    view: BaseGeometry,
    classification: Classification,
) -> Document:
    """The project of any desk: vectors, statutory layers, the slot for finer imagery, and the images to be swapped.

    Args:
        path: where it will be written.
        top: drawn over everything, the first on top.
        laws: in a group of their own, hidden at first.
        ground: the grey under each image.
        images: role and zone → COG.
        leads: for bookmarks, in their order.
        view: what the first view shows, EPSG:4326.
        classification: how widely it may be shown.
    """
    looks = {key: look_at(image) for key, image in images.items()}
    epsg = next((looks[key].epsg for key in sorted(looks)), zone_of(*view.centroid.coords[0]))
    vectors, under = [_vector(one) for one in top], [_vector(one) for one in laws]
    groups = [_images(path, images, looks, ground, *one) for one in _SWAPPED]
    layers = [*vectors, *under, *(layer for group in groups for layer in group)]
    return Document(
        path.stem,
        layers,
        _tree(vectors, under, groups),
        _themes(vectors, groups),
        epsg,
        view,
        classification,
        more=(_bookmarks(leads),),
    )


def _vector(one: Vector) -> ProjectLayer:
    labels = one.kind == "leads"
    return vector_layer(one.source, one.provider, one.kind, one.name, one.style, labels=labels, editable=one.editable)


def _images(
    project: Path,
    images: Mapping[str, Path],
    looks: Mapping[str, Look],
    ground: Vector,
    kind: str,
    role: str,
    _: str,
    colours: str,
) -> list[ProjectLayer]:
    """One group: its images, and the grey ground under them; empty where there is no such image."""
    stretch = common_stretch(list(looks.values()))
    layers = []
    for key in sorted(images):
        styles = image_styles(stretch, looks[key].bands)
        if key.split("_")[0] == role and colours in styles:
            source = relative(images[key], project)
            body = (style_manager({"default": []}), *styles[colours])
            number = layer_id(kind, f"{source}#{kind}")
            layers.append(ProjectLayer(number, key, source, "gdal", looks[key].epsg, kind, body, {"type": "raster"}))
    if layers:
        below = f"ground{kind}"
        drawn = vector_layer(
            ground.source, ground.provider, below, ground.name, ground.style, labels=False, editable=False
        )
        salted = layer_id(below, f"{ground.source}#{kind}")
        layers.append(
            ProjectLayer(salted, drawn.name, drawn.source, drawn.provider, 4326, below, drawn.body, drawn.attributes)
        )
    return layers


def _tree(
    vectors: Sequence[ProjectLayer], laws: Sequence[ProjectLayer], groups: Sequence[list[ProjectLayer]]
) -> Element:
    tree = element("layer-tree-group", {}, *(tree_node(layer, expanded=layer.kind == "leads") for layer in vectors))
    if laws:
        tree.append(_group(STATUTORY, laws, shown=False))
    tree.append(_group(FINER, (), shown=True))
    for (kind, _, name, _), members in zip(_SWAPPED, groups, strict=True):
        if members:
            tree.append(_group(_title(kind, name), members, shown=kind == "after"))
    return tree


def _title(kind: str, name: str) -> str:
    return name if kind == "after" else name + SPACE


def _group(name: str, members: Sequence[ProjectLayer], shown: bool) -> Element:
    checked = "Qt::Checked" if shown else "Qt::Unchecked"
    nodes = (tree_node(layer, expanded=False) for layer in members)
    return element("layer-tree-group", {"name": name, "checked": checked, "expanded": "0"}, *nodes)


def _themes(vectors: Sequence[ProjectLayer], groups: Sequence[list[ProjectLayer]]) -> Element:
    """The same four views for those who prefer a menu: the eye above the layer panel."""
    made = element("visibility-presets")
    for (kind, _, name, _), members in zip(_SWAPPED, groups, strict=True):
        if members:
            preset = theme(name, [(layer, "default") for layer in (*vectors, *members)])
            preset.set("has-checked-group-info", "1")
            checked = (FINER, _title(kind, name))
            preset.append(
                element("checked-group-nodes", {}, *(element("checked-group-node", {"id": one}) for one in checked))
            )
            made.append(preset)
    return made


def _bookmarks(leads: Sequence[LeadRecord]) -> Element:
    """One for each lead, in their order: View ▸ Show spatial bookmarks."""
    marks = element("Bookmarks")
    for rank, lead in enumerate(leads, 1):
        left, bottom, right, top = lead.geometry.bounds
        half = max((right - left) * _AROUND, (top - bottom) * _AROUND, _LEAST_DEG)
        x, y = (left + right) / 2, (bottom + top) / 2
        extent = shapely.box(x - half, y - half, x + half, y + half, ccw=False)
        marks.append(
            element(
                "Bookmark",
                {
                    "id": str(uuid.uuid5(uuid.NAMESPACE_URL, lead.id)),
                    "name": f"{rank:03d} · {lead.id}",
                    "group": "线索 leads",
                    "extent": extent.wkt,
                },
                spatial_reference(4326),
            )
        )
    return marks


def models_of(leads: Sequence[LeadRecord]) -> list[Model]:
    """The models that have leads, for the legend."""
    return sorted({(lead.detector, str(lead.attributes.get("model_zh") or "")) for lead in leads})
