"""Statutory layers: what the ground is in law, read a few features at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.errors import UnreadableVectorError
from aoi.features import polygonal
from aoi.kinds import KIND_NAMES, KINDS, canonical, kind_of
from aoi.tables import Row, refuse_unusable, rows_near
from aoi.vectors import vector_tables

__all__ = ["KINDS", "KIND_NAMES", "Layer", "LayerFeature", "crossings", "ignored_tables", "open_layers"]

Status = Literal["official", "derived", "simulated"]

REPAIRED = "geometry_repaired"
"""Attribute that says ``1`` where a ring crossed itself and was repaired before it was crossed with anything."""

_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")


@dataclass(frozen=True)
class LayerFeature:
    """One feature of a layer."""

    kind: str

    id: str
    """Licence or approval number where there is one, else the file's own id, else file and row."""

    name: str
    """Empty where the file gives none."""

    geometry: BaseGeometry
    """Polygon or MultiPolygon in EPSG:4326, valid."""

    attributes: Mapping[str, str]
    """What the row says under its own column names; and under ours (`aoi.kinds.FIELD_ALIASES`) where they are known."""


@dataclass(frozen=True)
class Layer:
    """A statutory layer in a file; nothing of it is held in memory."""

    kind: str
    """One of `KINDS`."""

    path: Path
    table: str | None
    """In a GeoPackage."""

    status: Status
    """``official`` as the office gave it, ``derived`` from something else, or ``simulated``."""

    name: str
    """File and table, for reports."""

    def features_in(self, geometry: BaseGeometry) -> tuple[LayerFeature, ...]:
        """The features that share ground or an edge with a geometry, in the file's order.

        Only rows whose box meets the geometry's are read. Rows without any polygon (a point, an open line, nothing)
        are left out: they cover no ground.

        Args:
            geometry: in EPSG:4326.

        Raises:
            UnreadableVectorError: if the file is gone, damaged, or was changed to something else.
        """
        shapely.prepare(geometry)
        return tuple(
            feature
            for row in rows_near(self.path, self.table, geometry)
            if (feature := self._feature(row)) is not None and geometry.intersects(feature.geometry)
        )

    def _feature(self, row: Row) -> LayerFeature | None:
        if row.geometry is None or row.geometry.is_empty:
            return None
        repaired = row.repaired or not row.geometry.is_valid
        ground = polygonal(row.geometry if row.geometry.is_valid else shapely.make_valid(row.geometry))
        if ground.is_empty:
            return None
        ours = {field: row.properties[column] for field, column in canonical(row.properties).items()}
        attributes = {**row.properties, **ours, **({REPAIRED: "1"} if repaired else {})}
        own = ours.get("licence") or ours.get("id") or f"{self.name}#{row.fid}"
        return LayerFeature(self.kind, own, ours.get("name", ""), ground, attributes)


def open_layers(path: Path, status: Status = "official") -> tuple[Layer, ...]:
    """The layers in a GeoPackage (each table named after a kind), a folder, or a single file named after one.

    A name may be the kind's id or its Chinese or English name. What is named otherwise is left out: `ignored_tables`.

    Args:
        path: of the file or folder.
        status: what they are, as far as whoever gives them knows.

    Raises:
        UnreadableVectorError: if nothing there is named after a kind, or one that is can not be read, does not say
            its CRS, or holds points or lines.
    """
    layers = tuple(
        Layer(kind, file, table, status, _name(file, table)) for file, table, kind in _named(path) if kind is not None
    )
    if not layers:
        others = ", ".join(ignored_tables(path)[:6]) or "nothing"
        raise UnreadableVectorError(
            f"{path}: no layer in it is named after a kind (it has {others}); kinds are {', '.join(KIND_NAMES)}"
        )
    for layer in layers:
        refuse_unusable(layer.path, layer.table)
    return layers


def ignored_tables(path: Path) -> tuple[str, ...]:
    """Names of the tables and files that `open_layers` leaves out, because they are not named after a kind.

    Raises:
        UnreadableVectorError: if the file or folder can not be read.
    """
    return tuple(_name(file, table) for file, table, kind in _named(path) if kind is None)


def crossings(geometry: BaseGeometry, layers: Sequence[Layer]) -> tuple[tuple[LayerFeature, float], ...]:
    """The features that a geometry shares ground with, and how much of it, m² on the CGCS2000 ellipsoid.

    Args:
        geometry: polygon or multipolygon in EPSG:4326, valid.
        layers: to cross it with; features come in their order, the largest share first.

    Raises:
        UnreadableVectorError: if a layer can not be read.
    """
    found = []
    for layer in layers:
        shares = [(feature, _shared_m2(geometry, feature.geometry)) for feature in layer.features_in(geometry)]
        # An edge in common is no ground in common.
        found += sorted((pair for pair in shares if pair[1] > 0), key=lambda pair: (-pair[1], pair[0].id))
    return tuple(found)


def _shared_m2(one: BaseGeometry, other: BaseGeometry) -> float:
    try:
        shared = shapely.intersection(one, other)
    except GEOSException:  # needles thinner than the arithmetic: on a grid of a tenth of a millimetre they are gone
        shared = shapely.intersection(one, other, grid_size=1e-9)
    return geodesic_area_m2(shared)


def _named(path: Path) -> Iterator[tuple[Path, str | None, str | None]]:
    """(file, table, kind or None) for all that could be a layer."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.casefold() in _SUFFIXES and file.is_file())
    elif path.is_file():
        files = [path]
    else:
        raise UnreadableVectorError(f"{path}: there is no such file or folder")
    for file in files:
        if file.suffix.casefold() == ".gpkg":
            tables = vector_tables(file)
            for table in tables:
                yield file, table, kind_of(table) or (kind_of(file.stem) if len(tables) == 1 else None)
        elif file.suffix.casefold() in _SUFFIXES:
            yield file, None, kind_of(file.stem)
        else:
            raise UnreadableVectorError(f"{file}: layers are GeoPackage, GeoJSON or Shapefile")


def _name(file: Path, table: str | None) -> str:
    return file.name if table is None else f"{file.name}:{table}"
