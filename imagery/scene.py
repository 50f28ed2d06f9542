"""One acquisition and the files it is made of."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""The six harmonised bands, by their STAC common names, in the order of every array."""


RADAR = ("vv", "vh")
"""Backscatter, which sees through cloud: by the polarisation sent and received."""

CLOUD_MASKS = ("scl", "qa_pixel", "pixel_qa", "fmask", "cloud_mask")
"""Assets that say where cloud is, by any of which a scene is masked."""

COARSE_MASK = "classi_opaque"
"""Cloud of a Sentinel-2 L1C product's own mask (MSK_CLASSI): asked only where there is none of the others."""


@dataclass(frozen=True)
class Asset:
    """One band of a scene in one raster file."""

    href: str
    """Absolute path or URL; the original file, in place."""

    index: int = 1
    """Raster band inside the file, from 1."""

    scale: float = 1.0
    offset: float = 0.0
    """Reflectance = DN * scale + offset (for bands); masks have 1 and 0."""

    nodata: float | None = None
    """DN that means not observed."""

    gsd_m: float = 10.0
    sha256: str = ""


@dataclass(frozen=True)
class Scene:
    """One acquisition of one sensor over one footprint."""

    id: str
    sensor: str
    """``sentinel-2``, ``landsat-8``, … as in STAC's ``platform``/``constellation``; ``unknown`` where nobody said."""

    level: str
    """``L1C``, ``L2A``, ``SR`` (surface reflectance), ``GRD`` or ``RTC`` (radar), or ``DN`` where values are neither
    reflectance nor backscatter."""

    datetime: dt.datetime
    """UTC, aware. Noon UTC where only the date is known."""

    geometry: BaseGeometry
    """Footprint in EPSG:4326."""

    assets: Mapping[str, Asset]
    """By STAC common name (``blue`` … ``swir22``, ``rededge1``), ``vv``, ``vh``, or a mask of `imagery.names.MASKS`."""

    cloud_pct: float | None = None
    baseline: str = ""
    """Processing baseline (``05.09``) where there is one."""

    properties: Mapping[str, str] = field(default_factory=dict)
    """What else the source said, for the record: product id, where the date came from."""

    @property
    def gsd_m(self) -> float:
        """Finest pixel size of the bands in metres."""
        return min(asset.gsd_m for asset in self.assets.values())

    @property
    def has_cloud_mask(self) -> bool:
        """Whether anything says where cloud is, or nothing need: without it cloud may be taken for change."""
        return not self.optical or any(name in self.assets for name in (*CLOUD_MASKS, COARSE_MASK))

    @property
    def optical(self) -> bool:
        """Whether it has any of the harmonised bands; radar alone has none, and sees through cloud."""
        return any(name in self.assets for name in BANDS)

    @property
    def solar_day(self) -> dt.date:
        """Date at the footprint's own longitude: scenes of one overpass share it."""
        shift = dt.timedelta(hours=float(self.geometry.centroid.x) / 15)
        return (self.datetime + shift).date()
