"""What the assets of well-known STAC collections are, collection by collection."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

S2_SCALE = 1e-4
S2_OFFSET = -0.1
"""From processing baseline 04.00 on (2022-01-25) Sentinel-2 DN carry 1000 more; ESA, Sentinel-2 products, PB 04.00."""


@dataclass(frozen=True)
class Key:
    """Where a band or mask of a collection is found in an item."""

    keys: tuple[str, ...]
    """Asset keys that services use for it, the preferred one first."""

    gsd_m: float


@dataclass(frozen=True)
class Product:
    """One kind of product, whatever service offers it."""

    sensor: str
    """As in `Scene.sensor`; empty = the item's own platform."""

    level: str
    bands: Mapping[str, Key]
    """By STAC common band name."""

    masks: Mapping[str, Key]
    """By the name that `imagery.read` decodes."""

    scale: float
    offset: float
    """Value = DN * scale + offset, where the item does not say otherwise."""

    nodata: float | None
    reason: str
    """Where these numbers come from, for the record."""

    offset_by_baseline: bool = False
    """Sentinel-2: the offset is `S2_OFFSET` from baseline 04.00 on, none before."""


def _keys(gsd_m: float, **names: str) -> dict[str, Key]:
    return {band: Key(tuple(keys.split()), gsd_m) for band, keys in names.items()}


_S2_BANDS = {
    **_keys(10, blue="blue B02 B02_10m", green="green B03 B03_10m", red="red B04 B04_10m", nir="nir B08 B08_10m"),
    **_keys(20, swir16="swir16 B11 B11_20m", swir22="swir22 B12 B12_20m", nir08="nir08 B8A B8A_20m"),
    **_keys(20, rededge1="rededge1 B05 B05_20m", rededge2="rededge2 B06 B06_20m", rededge3="rededge3 B07 B07_20m"),
    **_keys(60, coastal="coastal B01 B01_60m", nir09="nir09 B09 B09_60m"),
}
_LANDSAT_BANDS = _keys(
    30, coastal="coastal", blue="blue", green="green", red="red", nir="nir08 nir", swir16="swir16", swir22="swir22"
)
_HLS_S30_BANDS = _keys(
    30, coastal="B01", blue="B02", green="B03", red="B04", rededge1="B05", rededge2="B06", rededge3="B07",
    nir="B8A", swir16="B11", swir22="B12",
)  # fmt: skip
_HLS_L30_BANDS = _keys(30, coastal="B01", blue="B02", green="B03", red="B04", nir="B05", swir16="B06", swir22="B07")
_SAR_BANDS = _keys(10, vv="vv VV", vh="vh VH")

_S2_REASON = "Sentinel-2, DN / 10000, offset by baseline"
_HLS_REASON = "HLS v2 user guide: DN * 0.0001"


_SCL, _QA, _FMASK = (
    _keys(20, scl="scl SCL SCL_20m"),
    _keys(30, qa_pixel="qa_pixel", qa_radsat="qa_radsat"),
    _keys(30, fmask="Fmask fmask"),
)

S2_L2A = Product("sentinel-2", "L2A", _S2_BANDS, _SCL, S2_SCALE, 0.0, 0.0, _S2_REASON, offset_by_baseline=True)
S2_L1C = Product("sentinel-2", "L1C", _S2_BANDS, {}, S2_SCALE, 0.0, 0.0, _S2_REASON, offset_by_baseline=True)
LANDSAT = Product("", "SR", _LANDSAT_BANDS, _QA, 2.75e-5, -0.2, 0.0, "Landsat C2 L2: DN * 0.0000275 - 0.2")
HLS_S30 = Product("hls-s30", "SR", _HLS_S30_BANDS, _FMASK, 1e-4, 0.0, -9999.0, _HLS_REASON)
HLS_L30 = Product("hls-l30", "SR", _HLS_L30_BANDS, _FMASK, 1e-4, 0.0, -9999.0, _HLS_REASON)
S1_RTC = Product("sentinel-1", "RTC", _SAR_BANDS, {}, 1.0, 0.0, -32768.0, "Sentinel-1 RTC: linear gamma naught")
S1_GRD = Product("sentinel-1", "GRD", _SAR_BANDS, {}, 1.0, 0.0, 0.0, "Sentinel-1 GRD: amplitudes, kept as they are")

_BY_COLLECTION = (
    (re.compile(r"sentinel-2(-c1|-pre-c1)?-l2a(-cogs)?|sentinel-s2-l2a(-cogs)?", re.IGNORECASE), S2_L2A),
    (re.compile(r"sentinel-2(-c1)?-l1c|sentinel-s2-l1c", re.IGNORECASE), S2_L1C),
    (re.compile(r"landsat-c2-?l2(-sr)?|landsat-ot-c2-l2", re.IGNORECASE), LANDSAT),
    (re.compile(r"hls2-s30|HLSS30([._]v?2\.0)?", re.IGNORECASE), HLS_S30),
    (re.compile(r"hls2-l30|HLSL30([._]v?2\.0)?", re.IGNORECASE), HLS_L30),
    (re.compile(r"sentinel-1-rtc", re.IGNORECASE), S1_RTC),
    (re.compile(r"sentinel-1-grd", re.IGNORECASE), S1_GRD),
)


def product_of(collection: str, item_id: str) -> Product | None:
    """What items of a collection hold; None where no table knows it.

    Args:
        collection: its id at the service.
        item_id: decides between the two sensors of a collection that holds all of HLS.
    """
    if collection.lower() == "hls2":
        return HLS_S30 if item_id.upper().startswith("HLS.S30.") else HLS_L30
    return next((product for pattern, product in _BY_COLLECTION if pattern.fullmatch(collection)), None)


ASSET_KEYS = frozenset(
    key
    for _, product in _BY_COLLECTION
    for names in (product.bands, product.masks)
    for found in names.values()
    for key in found.keys
)
"""Every asset key that some table names."""
