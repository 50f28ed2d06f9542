"""Outlines as analysts draw them: read from a GeoPackage's bytes, judged, and compared with what was there before."""

from collections.abc import Sequence

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.errors import LeadsError

MOST_VERTICES = 200_000

REACH_DEG = 0.05
"""An outline lies no further from what it corrects: about 5.5 km north–south."""

LEAST_M2 = 1.0
SAME_DEG = 1e-9
"""Coordinates that differ by less, a tenth of a millimetre, are the same."""

_ENVELOPE = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
"""Bytes of the envelope by its code: OGC 12-128 (GeoPackage), 2.1.3."""


class DrawnError(LeadsError):
    """A row of an inbox makes no sense; the message ends the sentence that names the row."""


def gpkg_shape(blob: bytes) -> BaseGeometry:
    """The geometry in a GeoPackage's bytes (OGC 12-128, 2.1.3).

    Raises:
        DrawnError: if it is none, or not in EPSG:4326.
    """
    flags = blob[3] if len(blob) > 8 and blob[:3] == b"GP\0" else 0xFF
    envelope = _ENVELOPE.get(flags >> 1 & 7)
    if envelope is None or flags & 0x20:
        raise DrawnError("轮廓不是 GeoPackage 几何 its outline is no geometry of a GeoPackage")
    if int.from_bytes(blob[4:8], "little" if flags & 1 else "big") != 4326:
        raise DrawnError("轮廓不是 EPSG:4326 坐标 its outline is not in EPSG:4326")
    try:
        shape: BaseGeometry = shapely.force_2d(shapely.from_wkb(blob[8 + envelope :]))
    except GEOSException as error:
        raise DrawnError("轮廓已损坏 its outline is damaged") from error
    return shape


def outline_of(blobs: Sequence[bytes | None], was: BaseGeometry) -> BaseGeometry | None:
    """The outline that an analyst drew, its parts together; None where nothing was drawn or changed.

    Args:
        blobs: the parts as the GeoPackage has them; None for one too large to be read.
        was: the outline that was handed out, EPSG:4326.

    Raises:
        DrawnError: if a part crosses itself, is no polygon, is empty, or lies somewhere else.
    """
    if not blobs:
        return None
    parts = [_judged(blob) for blob in blobs]
    if len(parts) == 1 and same_outline(parts[0], was):
        return None
    whole = shapely.union_all(parts)
    if geodesic_area_m2(whole) < LEAST_M2:
        raise DrawnError("轮廓没有面积 its outline has no area")
    if whole.distance(was) > REACH_DEG:
        raise DrawnError("轮廓远离该线索，是否属于另一条 its outline lies far from the lead: was it drawn for another?")
    return whole


def refuse_bad_outline(shape: BaseGeometry | None) -> BaseGeometry:
    """An outline that can be taken over as it is.

    Raises:
        DrawnError: if it can not.
    """
    if shape is None or shape.is_empty:
        raise DrawnError("轮廓为空 its outline is empty")
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise DrawnError(f"轮廓不是面 its outline is a {shape.geom_type}, not a polygon")
    if shapely.get_num_coordinates(shape) > MOST_VERTICES:
        raise DrawnError(f"轮廓节点过多 its outline has more than {MOST_VERTICES} vertices")
    left, bottom, right, top = shape.bounds
    if not (-180 <= left <= right <= 180 and -90 <= bottom <= top <= 90):
        raise DrawnError("轮廓坐标不是经纬度 its outline is not in degrees")
    if not shape.is_valid:
        raise DrawnError(f"轮廓自相交，请在 QGIS 中改正 its outline crosses itself: {shapely.is_valid_reason(shape)}")
    return shape


def same_outline(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether two outlines are the same, wherever their rings begin and however a single part is wrapped."""
    parts = [shapely.normalize(shapely.multipolygons(shapely.get_parts(shape))) for shape in (one, other)
             if shape.geom_type in ("Polygon", "MultiPolygon")]  # fmt: skip
    return len(parts) == 2 and bool(parts[0].equals_exact(parts[1], SAME_DEG))


def _judged(blob: bytes | None) -> BaseGeometry:
    if blob is None:
        raise DrawnError("轮廓为空或过大 its outline is empty or too large")
    return refuse_bad_outline(gpkg_shape(blob))
