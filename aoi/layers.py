"""Statutory layers: what the ground is in law, read a few features at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.classification import Classification, strictest
from aoi.errors import UnreadableVectorError
from aoi.features import polygonal
from aoi.intake.meta import read_meta
from aoi.kinds import KIND_NAMES, KINDS, canonical, kind_of
from aoi.schema.column import Record
from aoi.schema.reading import as_text, read_record
from aoi.schema.records import RECORDS
from aoi.tables import POINTER, Row, pointed_kind, refuse_unusable, rows_near
from aoi.vectors import vector_tables

__all__ = [
    "KINDS",
    "KIND_NAMES",
    "Classification",
    "Layer",
    "LayerFeature",
    "Status",
    "crossings",
    "ignored_tables",
    "open_layers",
    "stored_layers",
    "strictest",
]

Status = Literal["official", "derived", "simulated"]

STATUSES: tuple[Status, ...] = get_args(Status)

REPAIRED = "geometry_repaired"
"""Attribute that says ``1`` where a ring crossed itself and was repaired before it was crossed with anything."""

_SAME_AS = {"valid_from": "approved", "valid_to": "expires"}
"""What a permit's record calls the fields that all kinds share."""

_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".gdb")
_DATABASES = (".gpkg", ".gdb")


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
    """What the row says under its own column names; and under ours where they are known: the fields of `record`, days
    as ISO 8601 and choices as ids, and those of `aoi.kinds.FIELD_ALIASES`, which are the same for all kinds."""

    @property
    def record(self) -> Record:
        """What the row says, typed: such as `aoi.schema.permits.TemporaryLandPermit` with ``expires`` as a date.

        What can not be read is None; `aoi.intake.judge` says why.
        """
        return read_record(RECORDS[self.kind], self.attributes)[0]


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

    classification: Classification = Classification.INTERNAL
    """How widely it may be shown; what is made with it inherits the strictest of all (`strictest`)."""

    sha256: str | None = None
    """Of the file that the office gave, where the layer was checked and stored."""

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
        typed = as_text(read_record(RECORDS[self.kind], row.properties)[0])
        ours = {
            field: typed.get(field) or typed.get(_SAME_AS.get(field, "")) or row.properties[column]
            for field, column in canonical(row.properties).items()
        }
        told = {**ours, **typed}
        attributes = {**row.properties, **told, **({REPAIRED: "1"} if repaired else {})}
        own = told.get("licence") or told.get("id") or f"{self.name}#{row.fid}"
        return LayerFeature(self.kind, own, told.get("name", ""), ground, attributes)


def open_layers(path: Path, status: Status = "official") -> tuple[Layer, ...]:
    """The layers in a GeoPackage (each table named after a kind), a folder, or a single file named after one.

    A name may be the kind's id or its Chinese or English name. What is named otherwise is left out: `ignored_tables`.

    Args:
        path: of the file or folder.
        status: what they are, as far as whoever gives them knows; a pointer to a PostGIS table says its own.

    Raises:
        UnreadableVectorError: if nothing there is named after a kind, or one that is can not be read, does not say
            its CRS, or holds points or lines.
    """
    layers = tuple(
        _pointed(file) if _is_pointer(file) else Layer(kind, file, table, status, _name(file, table))
        for file, table, kind in _named(path)
        if kind is not None and RECORDS[kind].located
    )
    if not layers:
        others = ", ".join(ignored_tables(path)[:6]) or "nothing"
        raise UnreadableVectorError(
            f"{path}: no layer in it is named after a kind (it has {others}); kinds are {', '.join(KIND_NAMES)}"
        )
    for layer in layers:
        refuse_unusable(layer.path, layer.table)
    return layers


def stored_layers(home: Path) -> tuple[Layer, ...]:
    """The layers of a home folder, by name: those that `weixun layers add` checked, and pointers to PostGIS tables.

    Raises:
        AoiStoreError: if a stored layer is damaged.
        UnreadableVectorError: if a pointer is wrong.
    """
    folder = home / "layers"
    found = []
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        if file.suffix == ".gpkg" and (told := read_meta(file)) is not None and RECORDS[told["kind"]].located:
            status = next(status for status in STATUSES if status == told["status"])
            level, sha256 = Classification(told["classification"]), told["source_sha256"]
            found.append(Layer(told["kind"], file, told["kind"], status, told["name"], level, sha256))
        elif file.name.endswith(POINTER):
            found.append(_pointed(file))
    return tuple(found)


def _pointed(file: Path) -> Layer:
    from aoi.intake.pointer import read_pointer

    pointer = read_pointer(file)
    level = Classification(pointer.classification)
    return Layer(pointed_kind(file), file, None, pointer.status, file.name.removesuffix(POINTER), level)


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
    if path.is_dir() and path.suffix.casefold() != ".gdb":
        files = sorted(file for file in path.iterdir() if _may_be_layer(file))
    elif path.exists():
        files = [path]
    else:
        raise UnreadableVectorError(f"{path}: there is no such file or folder")
    for file in files:
        if file.suffix.casefold() in _DATABASES:
            tables = vector_tables(file)
            for table in tables:
                yield file, table, kind_of(table) or (kind_of(file.stem) if len(tables) == 1 else None)
        elif _is_pointer(file):
            yield file, None, pointed_kind(file)
        elif file.suffix.casefold() in _SUFFIXES:
            yield file, None, kind_of(file.stem)
        else:
            raise UnreadableVectorError(
                f"{file}: layers are GeoPackage, GeoJSON or Shapefile (or .gdb, or a .postgis.toml); "
                "bring other files in with `weixun layers add`"
            )


def _may_be_layer(file: Path) -> bool:
    if file.suffix.casefold() == ".gdb":
        return file.is_dir()
    return file.is_file() and (file.suffix.casefold() in _SUFFIXES or _is_pointer(file))


def _is_pointer(file: Path) -> bool:
    return file.name.casefold().endswith(POINTER)


def _name(file: Path, table: str | None) -> str:
    return file.name if table is None else f"{file.name}:{table}"
