"""The QGIS project beside the leads: our own XML, so that it is written without QGIS and opens in 3.22 and later."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from leads.errors import OutputError
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
from leads.qgis.elements import element
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

THEME_BEFORE = "前时相 before"
THEME_AFTER = "后时相 after"
THEME_FALSE = "假彩色 false colour"
THEME_FALSE_BEFORE = "前时相假彩色 before, false colour"

_GROUPS = {"after": THEME_AFTER, "before": THEME_BEFORE, "score": "得分 scores"}


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
    file = relative(geopackage, path)
    layers = [
        vector_layer(f"{file}|layername=leads", "ogr", "leads", "线索 leads", leads_style(models), labels=True),
        vector_layer(
            f"{file}|layername=coverage", "ogr", "coverage", "观测情况 coverage", coverage_style(), labels=False
        ),
        *_rasters(path, rasters, looks),
    ]
    ground = leads_box or aoi
    write_document(path, Document(path.stem, layers, _tree(layers), _themes(layers), epsg, ground, classification))


def _read_leads(geopackage: Path) -> tuple[tuple[Model, ...], BaseGeometry | None]:
    try:
        info = pyogrio.read_info(geopackage, layer="leads", force_total_bounds=True)
        table = pyogrio.read_dataframe(geopackage, layer="leads", columns=["model", "model_zh"], read_geometry=False)
    except (DataSourceError, DataLayerError) as error:
        raise OutputError(f"{geopackage} holds no layer of leads for the QGIS project: {error}") from error
    named = table[table["model"].notna()].fillna("")
    pairs = {(str(row.model), str(row.model_zh)) for row in named.itertuples()}
    return tuple(sorted(pairs)), box(*info["total_bounds"]) if info["features"] else None


def _rasters(project: Path, rasters: Sequence[RasterLayer], looks: Sequence[Look]) -> list[ProjectLayer]:
    pairs = list(zip(rasters, looks, strict=True))
    stretch = common_stretch([look for raster, look in pairs if raster.kind != "score"])
    layers = []
    for kind in _GROUPS:
        for raster, look in pairs:
            if raster.kind != kind:
                continue
            styles = {"default": score_style()} if kind == "score" else image_styles(stretch, look.bands)
            source = relative(raster.path, project)
            name = f"{raster.name_zh} {raster.name_en}".strip()
            current = next(iter(styles))
            body = (style_manager(styles), *styles[current])
            # Before stays off at first: where after was not observed it would shine through as if it were after.
            shown = kind == "after"
            layers.append(
                ProjectLayer(
                    layer_id(kind, source),
                    name,
                    source,
                    "gdal",
                    look.epsg,
                    kind,
                    body,
                    {"type": "raster"},
                    tuple(styles),
                    shown,
                )
            )
    return layers


def _tree(layers: Sequence[ProjectLayer]) -> Element:
    """Leads, coverage, then a group each for the after images, the before images and the scores."""
    tree = element("layer-tree-group")
    for layer in layers:
        if layer.kind not in _GROUPS:
            tree.append(tree_node(layer, expanded=layer.kind == "leads"))
    for kind, name in _GROUPS.items():
        members = [tree_node(layer, expanded=False) for layer in layers if layer.kind == kind]
        if members:
            opened = str(int(kind != "score"))
            tree.append(
                element("layer-tree-group", {"name": name, "checked": "Qt::Checked", "expanded": opened}, *members)
            )
    return tree


def _themes(layers: Sequence[ProjectLayer]) -> Element:
    themes = [(THEME_AFTER, "after", TRUE_COLOUR), (THEME_BEFORE, "before", TRUE_COLOUR)]
    themes += [(THEME_FALSE, "after", FALSE_COLOUR), (THEME_FALSE_BEFORE, "before", FALSE_COLOUR)]
    made = element("visibility-presets")
    for name, kind, style in themes:
        images = [(layer, style) for layer in layers if layer.kind == kind and style in layer.styles]
        if images:
            vectors = [(layer, "default") for layer in layers if layer.kind in ("leads", "coverage")]
            made.append(theme(name, (*vectors, *images)))
    return made
