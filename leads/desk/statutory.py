"""The statutory layers around the leads of an inbox, copied in so that the inbox is whole without them."""

from collections.abc import Sequence
from itertools import chain, groupby

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.kinds import KIND_NAMES
from aoi.layers import Layer, LayerFeature
from leads.desk.columns import STATUTORY_FIELDS
from leads.desk.style import statutory_style
from leads.geopackage import Row, Table
from leads.qgis.style import qml

AROUND_DEG = 0.03
"""About 3.3 km north–south, 2.2 km east–west at 49° N: what lies beside a lead explains it, a whole banner does not."""

MOST_FEATURES = 20_000
"""Of one kind."""


def table_name(kind: str) -> str:
    """Of the layer that holds the features of a kind."""
    return f"law_{kind}"


def statutory_tables(layers: Sequence[Layer], leads: Sequence[BaseGeometry]) -> list[Table]:
    """A layer for each kind that was given, also where nothing of it lies near a lead."""
    if not leads:
        return []
    near = shapely.union_all([shapely.box(*lead.buffer(AROUND_DEG).bounds) for lead in leads])
    tables = []
    for kind, members in groupby(sorted(layers, key=lambda layer: layer.kind), key=lambda layer: layer.kind):
        rows = list(chain.from_iterable(_rows(layer, near) for layer in members))[:MOST_FEATURES]
        tables.append(Table(table_name(kind), STATUTORY_FIELDS, rows, qml(statutory_style(kind), labels=False)))
    return tables


def title(kind: str) -> str:
    """A kind as the layer tree shows it."""
    zh, en = KIND_NAMES.get(kind, (kind, kind))
    return f"{zh} {en}（线索周边 near leads only）"


def _rows(layer: Layer, near: BaseGeometry) -> list[Row]:
    return [(feature.geometry, _values(layer, feature)) for feature in layer.features_in(near)]


def _values(layer: Layer, feature: LayerFeature) -> dict[str, object]:
    told = {name: feature.attributes.get(name) or None for name in ("holder", "valid_from", "valid_to")}
    return {"id": feature.id, "name": feature.name or None, **told, "status": layer.status, "layer": layer.name}
