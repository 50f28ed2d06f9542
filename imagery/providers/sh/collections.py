"""What the service's collections hold, and how each band is asked for and read.

Band names and units: https://docs.sentinel-hub.com/api/latest/data and
https://documentation.dataspace.copernicus.eu/APIs/SentinelHub/Data.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sentinelhub.data_collections import DataCollection

from imagery.providers.sh.settings import SentinelHubSettings
from imagery.providers.sh.tiles import Lattice

VALID = "valid"
_OLI_DN = "Math.round(({} + 0.2) / 2.75e-5)"
"""The service gives Landsat as reflectance only; this is the DN it was made of (USGS LSDS-1619)."""


@dataclass(frozen=True)
class Channel:
    """One band of an answer."""

    name: str
    """Of the asset."""

    code: str
    """The service's name of it."""

    gsd_m: int
    """The sensor's own pixel size; answers come at the finest, each pixel repeated."""

    unit: str = "DN"
    script: str = "{}"
    """JavaScript from the service's value to the one that is sent."""

    mask: bool = False
    """Classes or bits, which are neither scaled nor interpolated."""


@dataclass(frozen=True)
class Collection:
    """One collection."""

    id: str
    known: DataCollection
    """The client's own definition: ids and filters."""

    sensor: str
    level: str
    channels: tuple[Channel, ...]
    """What one request brings, without the data mask, which always comes last."""

    gsd_m: int = 10
    origin_m: int = 0
    dtype: str = "uint16"
    zoned: bool = True
    """Whether an acquisition has a UTM zone of its own."""

    processing: Mapping[str, Any] = field(default_factory=dict)
    """What the service is to do to pixels, beside resampling to the nearest."""

    @property
    def bands(self) -> tuple[Channel, ...]:
        """All bands of an answer, in order."""
        return (*self.channels, Channel(VALID, "dataMask", self.gsd_m, mask=True))

    def lattice(self, size_px: int) -> Lattice:
        """How its ground is cut."""
        return Lattice(self.gsd_m, size_px, self.origin_m)

    @property
    def harmonises(self) -> bool:
        """Whether the service would take the offset of processing baseline 04.00 out of DN unless told not to."""
        return self.sensor == "sentinel-2"


def _msi(fine: str, coarse: str) -> tuple[Channel, ...]:
    """Bands of Sentinel-2 as ``name=code`` pairs: those of 10 m, and those of 20 m."""
    pairs = [(pair.split("="), gsd_m) for text, gsd_m in ((fine, 10), (coarse, 20)) for pair in text.split()]
    return tuple(Channel(name, code, gsd_m) for (name, code), gsd_m in pairs)


_FINE = "blue=B02 green=B03 red=B04 nir=B08"
_S2_L2A = (*_msi(_FINE, "rededge1=B05 swir16=B11 swir22=B12"), Channel("scl", "SCL", 20, mask=True))
# It comes without classes: the bands of 60 m are for our own cloud mask.
_S2_L1C = _msi(_FINE, "rededge1=B05 nir08=B8A swir16=B11 swir22=B12 coastal=B01 nir09=B09 cirrus=B10")
_OLI = tuple(
    Channel(name, f"B0{number}", 30, "REFLECTANCE", _OLI_DN)
    for number, name in enumerate(("blue", "green", "red", "nir", "swir16", "swir22"), 2)
)
_GAMMA0 = {"orthorectify": True, "backCoeff": "GAMMA0_TERRAIN", "demInstance": "COPERNICUS_30"}

COLLECTIONS: Mapping[str, Collection] = MappingProxyType({
    found.id: found
    for found in (
        Collection("sentinel-2-l2a", DataCollection.SENTINEL2_L2A, "sentinel-2", "L2A", _S2_L2A),
        Collection("sentinel-2-l1c", DataCollection.SENTINEL2_L1C, "sentinel-2", "L1C", _S2_L1C),
        Collection(
            "landsat-ot-l2", DataCollection.LANDSAT_OT_L2, "landsat-8", "SR",
            (*_OLI, Channel("qa_pixel", "BQA", 30, mask=True)), gsd_m=30, origin_m=15,
        ),
        Collection(
            "sentinel-1-grd", DataCollection.SENTINEL1_IW, "sentinel-1", "GRD",
            tuple(Channel(code.lower(), code, 10, "LINEAR_POWER") for code in ("VV", "VH")),
            dtype="float32", zoned=False, processing=_GAMMA0,
        ),
    )
})  # fmt: skip


@dataclass(frozen=True)
class Deployment:
    """Where a service is."""

    base_url: str
    token_url: str


_TOKEN_URLS = {
    "sentinelhub": "https://services.sentinel-hub.com/auth/realms/main/protocol/openid-connect/token",
    "cdse": "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",
}
_CDSE = "https://sh.dataspace.copernicus.eu"


def deployment(settings: SentinelHubSettings) -> Deployment:
    """Where a collection is served: Landsat lies in another region of the commercial service than Sentinel."""
    usual = _CDSE
    if settings.profile == "sentinelhub":
        usual = str(COLLECTIONS[settings.collection].known.service_url)
    return Deployment(settings.base_url or usual, settings.token_url or _TOKEN_URLS[settings.profile])
