"""An area of interest."""

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Aoi:
    """A named piece of ground that is patrolled."""

    id: str
    """Stable, ASCII, file-name safe."""

    name_zh: str
    name_en: str

    geometry: BaseGeometry
    """Polygon or MultiPolygon in EPSG:4326, valid, within 180° W – 180° E and 80° S – 84° N (the UTM zones), not
    crossing the antimeridian."""

    detectors: tuple[str, ...] = ()
    """Ids of the detectors that patrol it; empty means all."""

    layers: tuple[str, ...] = ()
    """Kinds of the statutory layers it is crossed with; empty means whatever is given."""

    approximate: bool = False
    """True when the outline was drawn by hand for orientation and has no legal standing."""
