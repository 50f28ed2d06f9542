"""From an item that is kept to a scene: bands by their common names, with scale and offset."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imagery.backscatter import PROPERTY
from imagery.names import MASKS
from imagery.providers.stac_collections import S2_OFFSET, Key, Product, product_of
from imagery.providers.stac_item import Kept, UnusableItemError
from imagery.scene import BANDS, Asset, Scene

MIN_BANDS = 3
"""Fewer harmonised bands than this can not tell a change from a change of light."""

_BASELINE_04 = "04.00"
_BACKSCATTER: Mapping[str, Mapping[str, str]] = {"RTC": {PROPERTY: "linear"}, "GRD": {PROPERTY: "amplitude"}}
_SHA256 = "1220"
"""Multihash prefix of file:checksum: algorithm 0x12, 0x20 bytes."""


@dataclass(frozen=True)
class _Scaling:
    scale: float
    offset: float
    nodata: float | None
    reason: str


def to_scene(item: Kept, wanted: Sequence[str] = BANDS) -> Scene:
    """The scene that an item describes.

    Scale, offset and nodata that the item states win over the table of its collection, with two exceptions for
    Sentinel-2, where items are known to contradict their pixels: where `earthsearch:boa_offset_applied` is true the
    offset is already taken off, whatever `raster:bands` says (Element84/earth-search issues 9 and 66), and no product
    before baseline 04.00 ever had one.

    Args:
        item: checked.
        wanted: names of the bands that are wanted; masks are always taken.

    Raises:
        UnusableItemError: if neither a table nor the item itself says what its assets are.
    """
    properties = item.content["properties"]
    product = product_of(item.collection, item.id) or _by_common_names(item)
    baseline = _baseline(properties)
    assets = {name: _asset(item, product, name, key, baseline) for name, key in _found(item, product, wanted)}
    bands = [name for name in assets if name in product.bands]
    least = min(MIN_BANDS, len([name for name in product.bands if name in wanted]))
    if len(bands) < max(1, least):
        raise UnusableItemError(f"it has {len(bands)} of the bands {', '.join(wanted)}")
    scaling = _scaling(item, product, {}, baseline)
    return Scene(
        id=item.id,
        sensor=product.sensor or str(properties.get("platform") or properties.get("constellation") or "unknown"),
        level=product.level,
        datetime=item.when,
        geometry=item.footprint,
        assets=assets,
        cloud_pct=_number(properties.get("eo:cloud_cover")),
        baseline=baseline,
        properties={
            "collection": item.collection,
            "date_source": "STAC item",
            "scaling": scaling.reason,
            "crs": _crs(properties),
            "updated": item.updated,
            **_BACKSCATTER.get(product.level, {}),
        },
    )


def _found(item: Kept, product: Product, wanted: Sequence[str]) -> Iterator[tuple[str, Key]]:
    """Names of bands and masks the item has, each with the one key it has it under."""
    for name, key in (*product.bands.items(), *product.masks.items()):
        if name not in wanted and name not in product.masks:
            continue
        if present := next((one for one in key.keys if one in item.content["assets"]), None):
            yield name, Key((present,), key.gsd_m)


def _asset(item: Kept, product: Product, name: str, key: Key, baseline: str) -> Asset:
    said = item.content["assets"][key.keys[0]]
    gsd_m = _gsd_m(said, item.content["properties"], key.gsd_m)
    index = said.get("weixun:band_index", 1)
    checksum = said.get("file:checksum")
    sha256 = checksum[4:].lower() if isinstance(checksum, str) and checksum.startswith(_SHA256) else ""
    index = index if isinstance(index, int) and index >= 1 else 1
    if name in product.masks:
        return Asset(said["href"], index, gsd_m=gsd_m, sha256=sha256)
    scaling = _scaling(item, product, said, baseline)
    return Asset(said["href"], index, scaling.scale, scaling.offset, scaling.nodata, gsd_m, sha256)


def _scaling(item: Kept, product: Product, asset: Mapping[str, Any], baseline: str) -> _Scaling:
    offset, reason = product.offset, product.reason
    properties = item.content["properties"]
    applied = properties.get("earthsearch:boa_offset_applied", properties.get("sentinel:boa_offset_applied"))
    stated = _stated(asset, "offset")
    if product.offset_by_baseline:
        shifted = baseline >= _BASELINE_04 if baseline else True
        if applied is True:
            stated, offset, reason = None, 0.0, "Sentinel-2, offset already taken off by the service"
        elif not shifted:
            stated, offset, reason = None, 0.0, f"Sentinel-2 baseline {baseline}: no offset"
        elif baseline:
            offset, reason = S2_OFFSET, f"Sentinel-2 baseline {baseline}: offset -1000 DN"
        elif stated is None and asset:
            raise UnusableItemError("it says neither its processing baseline nor its offset")
    scale, nodata = _stated(asset, "scale"), _stated(asset, "nodata")
    if scale == 0:
        raise UnusableItemError("it states a scale of zero")
    return _Scaling(
        product.scale if scale is None else scale,
        offset if stated is None else stated,
        product.nodata if nodata is None else nodata,
        reason,
    )


def _stated(asset: Mapping[str, Any], name: str) -> float | None:
    """A figure of an asset: of STAC 1.1 (`bands`, or on the asset itself), or of the raster extension before it."""
    for field in ("raster:bands", "bands"):
        bands = asset.get(field)
        if isinstance(bands, list) and bands and isinstance(bands[0], dict):
            for key in (name, f"raster:{name}"):
                if (number := _number(bands[0].get(key))) is not None:
                    return number
    number = _number(asset.get(f"raster:{name}"))
    return number if number is not None else _number(asset.get(name)) if name == "nodata" else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _gsd_m(asset: Mapping[str, Any], properties: Mapping[str, Any], usual: float) -> float:
    transform = asset.get("proj:transform")
    step = _number(transform[0]) if isinstance(transform, list) and len(transform) >= 6 else None
    projected = not str(asset.get("proj:code") or _crs(properties)).endswith(":4326")
    for figure in (_stated(asset, "spatial_resolution"), step if projected else None, _number(asset.get("gsd"))):
        if figure is not None and 0.1 <= figure <= 10_000:
            return figure
    return usual


def _crs(properties: Mapping[str, Any]) -> str:
    if isinstance(code := properties.get("proj:code"), str):
        return code
    return f"EPSG:{code}" if isinstance(code := properties.get("proj:epsg"), int) else ""


def _baseline(properties: Mapping[str, Any]) -> str:
    said = str(properties.get("s2:processing_baseline") or properties.get("processing:version") or "")
    whole, _, rest = said.partition(".")
    return f"{int(whole):02d}.{rest:<02s}" if whole.isdigit() and rest.isdigit() and len(rest) <= 2 else ""


def _by_common_names(item: Kept) -> Product:
    """A table made from what the item says of its own bands, for a collection that nobody here knows.

    Raises:
        UnusableItemError: if it does not say enough.
    """
    assets: Mapping[str, Mapping[str, Any]] = item.content["assets"]
    bands: dict[str, Key] = {}
    for key, asset in assets.items():
        said = asset.get("eo:bands") or asset.get("bands")
        one = said[0] if isinstance(said, list) and len(said) == 1 and isinstance(said[0], dict) else {}
        name = one.get("common_name") or one.get("eo:common_name")
        if isinstance(name, str) and _stated(asset, "scale") is not None:
            bands.setdefault(name, Key((key,), 10.0))
    masks = {name: Key((key,), 20.0) for key in assets for name in MASKS if key.lower() == name}
    level = str(item.content["properties"].get("processing:level") or "")
    if len([name for name in bands if name in BANDS]) < MIN_BANDS or not level:
        raise UnusableItemError(
            f"the collection {item.collection or '?'} is not known here, and its items do not say enough "
            "(eo:bands with common names, raster:bands with scale and offset, processing:level)"
        )
    return Product("", level, bands, masks, 1.0, 0.0, None, "scale and offset as the item states them")
