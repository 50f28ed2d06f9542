"""Scene ⇄ STAC item."""

import datetime as dt
from pathlib import Path
from typing import Any

import pystac
from shapely.geometry import mapping, shape

from imagery.errors import ArchiveError
from imagery.names import MASKS
from imagery.scene import RADAR, Asset, Scene

EXTENSIONS = (
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
)

_EO_NAMES = {
    "rededge1": "rededge", "rededge2": "rededge", "rededge3": "rededge",
}  # fmt: skip
"""Asset names that the eo extension knows by another common name."""

_SHA256 = "1220"
"""Multihash prefix of file:checksum: algorithm 0x12, 0x20 bytes."""


def to_item(scene: Scene, root: Path | None = None) -> pystac.Item:
    """The scene as a STAC item.

    Args:
        scene: any scene.
        root: folder the item's file lies under; assets inside its parent are written relative, so that an archive
            with its own images can be moved. None keeps all hrefs absolute.
    """
    item = pystac.Item(
        id=scene.id,
        geometry=mapping(scene.geometry),
        bbox=list(scene.geometry.bounds),
        datetime=scene.datetime,
        properties=_properties(scene),
        stac_extensions=list(EXTENSIONS),
    )
    for name, asset in scene.assets.items():
        item.add_asset(name, _to_asset(name, asset, root))
    return item


def _properties(scene: Scene) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "constellation": scene.sensor,
        "processing:level": scene.level,
        "gsd": scene.gsd_m,
        **{f"weixun:{key}": value for key, value in scene.properties.items()},
    }
    if (crs := scene.properties.get("crs", "")).startswith("EPSG:"):
        properties["proj:code"] = crs
    if scene.cloud_pct is not None:
        properties["eo:cloud_cover"] = scene.cloud_pct
    if scene.baseline:
        properties["s2:processing_baseline"] = scene.baseline
    return properties


def _to_asset(name: str, asset: Asset, root: Path | None) -> pystac.Asset:
    extra: dict[str, Any] = {"gsd": asset.gsd_m, "weixun:band_index": asset.index}
    if asset.sha256:
        extra["file:checksum"] = _SHA256 + asset.sha256
    raster: dict[str, Any] = {"scale": asset.scale, "offset": asset.offset, "spatial_resolution": asset.gsd_m}
    if asset.nodata is not None:
        raster["nodata"] = asset.nodata
    extra["raster:bands"] = [raster]
    if name in RADAR:
        extra["sar:polarizations"] = [name.upper()]
    elif name not in MASKS:
        extra["eo:bands"] = [{"name": name, "common_name": _EO_NAMES.get(name, name)}]
    href = asset.href
    if root is not None and Path(href).is_relative_to(root.parent):
        href = "../" + Path(href).relative_to(root.parent).as_posix()
    return pystac.Asset(href=href, roles=["data" if name not in MASKS else "metadata"], extra_fields=extra)


def from_item(item: dict[str, Any], root: Path | None = None) -> Scene:
    """The scene that an item written by `to_item` holds.

    Args:
        item: the item's JSON content.
        root: folder the item's file lies in; relative hrefs are resolved against it.

    Raises:
        ArchiveError: if the content is no such item.
    """
    try:
        properties = item["properties"]
        return Scene(
            id=item["id"],
            sensor=properties["constellation"],
            level=properties["processing:level"],
            datetime=dt.datetime.fromisoformat(properties["datetime"]).astimezone(dt.UTC),
            geometry=shape(item["geometry"]),
            assets={name: _from_asset(asset, root) for name, asset in item["assets"].items()},
            cloud_pct=properties.get("eo:cloud_cover"),
            baseline=properties.get("s2:processing_baseline", ""),
            properties={
                key.removeprefix("weixun:"): value for key, value in properties.items() if key.startswith("weixun:")
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        name = item.get("id", "?") if isinstance(item, dict) else "?"
        raise ArchiveError(f"The item {name} is not one that this archive writes ({error!r}).") from error


def _from_asset(asset: dict[str, Any], root: Path | None) -> Asset:
    href = asset["href"]
    if root is not None and not Path(href).is_absolute() and "://" not in href:
        href = str((root / href).resolve())
    raster = asset["raster:bands"][0]
    return Asset(
        href=href,
        index=asset["weixun:band_index"],
        scale=raster["scale"],
        offset=raster["offset"],
        nodata=raster.get("nodata"),
        gsd_m=asset["gsd"],
        sha256=asset.get("file:checksum", "").removeprefix(_SHA256),
    )
