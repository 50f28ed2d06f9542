"""What is known to have changed: a raster or polygons, read a window at a time beside the scores."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyproj
import rasterio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from rasterio.windows import Window
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from detectors.core.types import BoolArray
from pipelines.errors import BadInputError
from pipelines.warp import Window2D, blaming, geobox_of, read_grid, windows

VECTOR_SUFFIXES = frozenset({".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".zip", ".fgb"})

_ASK = "say with --change-value which value means change"


class Truth(Protocol):
    """Where change is known, on a grid of its own."""

    @property
    def geobox(self) -> GeoBox:
        """The grid on which it is compared."""
        ...

    def read(self, window: Window2D) -> tuple[BoolArray, BoolArray]:
        """(changed, ignore) of part of the grid; ignore is True where nobody knows."""
        ...


class Polygons:
    """Truth, or an area, drawn as polygons: a pixel is inside when its centre is."""

    def __init__(self, geometry: BaseGeometry, geobox: GeoBox) -> None:
        """Bring polygons in EPSG:4326 onto a grid, which must have a CRS."""
        if geobox.crs is None:
            raise BadInputError(
                "The score has no georeference, so polygons can not be laid over it; give one that has."
            )
        self.geobox = geobox
        turn = pyproj.Transformer.from_crs(4326, geobox.crs.to_wkt(), always_xy=True)
        # A long edge is straight in degrees and bent on the grid: about a kilometre is straight on both.
        parts = shapely.get_parts(shapely.segmentize(geometry, 0.01))
        self._tree = shapely.STRtree(shapely.transform(parts, turn.transform, interleaved=False))

    def inside(self, window: Window2D) -> BoolArray:
        """(h, w) True where a pixel's centre lies in a polygon."""
        part = self.geobox[window]
        near = self._tree.geometries.take(self._tree.query(box(*part.boundingbox.bbox)))
        if len(near) == 0:
            return np.zeros(part.shape, bool)
        burned = rasterize(list(near), out_shape=part.shape, transform=part.affine, dtype=np.uint8)
        return np.asarray(burned, bool)

    def read(self, window: Window2D) -> tuple[BoolArray, BoolArray]:
        """What lies outside every polygon did not change."""
        changed = self.inside(window)
        return changed, np.zeros_like(changed)


class Labels:
    """Truth as a raster of two values."""

    def __init__(self, source: rasterio.DatasetReader, geobox: GeoBox, change_value: float) -> None:
        """Take an open raster, the grid it lies on, and its value that means change."""
        self.geobox = geobox
        self._source = source
        self._change_value = change_value

    def read(self, window: Window2D) -> tuple[BoolArray, BoolArray]:
        """Nodata of the file is ignored."""
        values = _values(self._source, window)
        return np.equal(values, self._change_value), np.isnan(values)


def labels_on_grid(
    source: rasterio.DatasetReader,
    grid: Path | None,
    scores: Sequence[rasterio.DatasetReader],
    change_value: float | None,
) -> Labels:
    """Lay a truth raster on the grid it belongs to: its own, that of another file, or that of the only score.

    Args:
        source: the open truth.
        grid: a raster on whose grid a truth without georeference lies.
        scores: the open scores.
        change_value: the value that means change; None where the raster has two values and the larger is meant.

    Raises:
        BadInputError: if it has no georeference and another shape, or it is not clear which value means change.
    """
    geobox = geobox_of(source)
    if source.crs is None:
        lent = read_grid(grid) if grid else geobox_of(scores[0]) if len(scores) == 1 else None
        if lent is None:
            raise BadInputError(f"The truth {source.name} has no georeference; name a raster of its grid with --grid.")
        if lent.shape != geobox.shape:
            raise BadInputError(
                f"The truth {source.name} has no georeference and {_size(geobox)} pixels, {grid or scores[0].name} has "
                f"{_size(lent)}; name a raster of the truth's own grid with --grid."
            )
        geobox = lent
    value = _larger_of_two(source) if change_value is None else change_value
    return Labels(source, geobox, value)


def _size(geobox: GeoBox) -> str:
    return f"{geobox.shape[1]} × {geobox.shape[0]}"


def _values(source: rasterio.DatasetReader, window: Window2D) -> NDArray[np.float64]:
    with blaming(source.name, "truth"):
        masked = source.read(1, window=Window.from_slices(*window), masked=True)
    values: NDArray[np.float64] = masked.astype(np.float64).filled(np.nan)
    return values


def _larger_of_two(source: rasterio.DatasetReader) -> float:
    found: set[float] = set()
    for window in windows(source.shape):
        values = _values(source, window)
        found |= set(np.unique(values[~np.isnan(values)])[:4].tolist())
        if len(found) > 2:
            raise BadInputError(f"The truth {source.name} has more than two values; {_ASK}.")
    if not found:
        raise BadInputError(f"The truth {source.name} holds nothing but nodata.")
    if found == {0.0}:
        return math.inf  # nothing changed: 0 is the one value that never means change
    if len(found) == 1:
        raise BadInputError(f"The truth {source.name} has the one value {found.pop():g}; {_ASK}.")
    return max(found)
