"""What the catalogue says of an acquisition, believed only after a look."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal
from imagery.errors import ProviderError
from imagery.levels import scaling_of
from imagery.names import baseline_in_name
from imagery.providers.provider import Quarantined
from imagery.providers.sh.collections import Collection
from imagery.providers.sh.request import Wanted
from imagery.providers.sh.tiles import Lattice
from imagery.scene import Asset, Scene

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{3,150}")
_MGRS = re.compile(r"_T(\d{2})([C-HJ-NP-X])[A-Z]{2}(?:_|$)")
_LANDSAT = re.compile(r"L[A-Z]0([4-9])_")


@dataclass(frozen=True)
class Item:
    """One acquisition."""

    product: str
    """Its id without ``.SAFE``."""

    time: dt.datetime
    footprint: BaseGeometry
    """Polygonal, EPSG:4326."""

    epsg: int | None
    """UTM zone of its pixels, if they lie in one."""

    cloud_pct: float | None

    @property
    def baseline(self) -> str:
        """Processing baseline of Sentinel-2; empty when the id does not say."""
        return baseline_in_name(self.product)


def items_of(page: Sequence[Any]) -> tuple[list[Item], list[Quarantined]]:
    """What a page of the catalogue says, and which acquisitions it names that can not be.

    Raises:
        ProviderError: if nothing on the page could be true.
    """
    found: list[Item] = []
    refused: list[Quarantined] = []
    for feature in page:
        try:
            found.append(item_of(feature))
        except ProviderError as error:
            refused.append(Quarantined(_name_of(feature), str(error)))
    if refused and not found:
        raise ProviderError(f"{refused[-1].reason} So are all others on that page; try again later.")
    return found, refused


def _name_of(feature: Any) -> str:
    name = feature.get("id") if isinstance(feature, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else "?"


def item_of(feature: Any) -> Item:
    """What the catalogue says of one acquisition.

    Raises:
        ProviderError: if it says nothing that could be true.
    """
    name = ""
    fault = ""
    try:
        name = str(feature["id"]).removesuffix(".SAFE")
        said = feature["properties"]
        if not _ID.fullmatch(name):
            raise ValueError("id")
        time = dt.datetime.fromisoformat(said["datetime"])
        cloud = said.get("eo:cloud_cover")
        return Item(
            product=name,
            time=(time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC),
            footprint=_footprint(feature["geometry"]),
            epsg=_zone(said, name),
            cloud_pct=None if cloud is None else min(max(float(cloud), 0.0), 100.0),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, ShapelyError) as error:
        fault = type(error).__name__
    raise ProviderError(
        f"The catalogue names an acquisition that can not be: {name if _ID.fullmatch(name) else '?'} ({fault})."
    )


def _footprint(said: Any) -> BaseGeometry:
    found = shape(said)
    if not found.is_valid:
        found = shapely.make_valid(found)
    found = polygonal(found)
    west, south, east, north = found.bounds
    if not all(map(math.isfinite, (west, south, east, north))) or not -180 <= west <= east <= 180 or abs(north) > 90:
        raise ValueError("footprint")
    return found


def _zone(said: Mapping[str, Any], name: str) -> int | None:
    """EPSG code of the pixels' UTM zone: as the item says, else as the tile in its name does."""
    code = said.get("proj:epsg") or str(said.get("proj:code", "")).removeprefix("EPSG:")
    epsg = int(code) if code else 0
    if not epsg and (match := _MGRS.search(name)):
        epsg = (32600 if match[2] >= "N" else 32700) + int(match[1])
    return epsg if 32601 <= epsg <= 32660 or 32701 <= epsg <= 32760 else None


def scenes_of(
    item: Item, ground: BaseGeometry, collection: Collection, lattice: Lattice, profile: str
) -> Iterator[Scene]:
    """An acquisition as scenes, one for each tile in which it shows ground.

    Args:
        item: the acquisition.
        ground: in EPSG:4326.
        collection: it is of.
        lattice: how ground is cut.
        profile: which service, for the record.
    """
    seen = polygonal(shapely.intersection(ground, item.footprint))
    if seen.is_empty:
        return
    assets = _assets(item, collection, profile)
    said = _said(item, collection, profile)
    shapely.prepare(item.footprint)
    for tile in lattice.over(seen, item.epsg if collection.zoned else None):
        inside = item.footprint.contains_properly(tile.footprint)
        shown = tile.footprint if inside else polygonal(shapely.intersection(item.footprint, tile.footprint))
        if shown.is_empty:  # they met by less than projecting an edge may move it
            continue
        yield Scene(
            id=f"{item.product}_{tile.name}",
            sensor=_sensor(item, collection),
            level=collection.level,
            datetime=item.time,
            geometry=shown,
            assets=assets,
            cloud_pct=item.cloud_pct,
            baseline=item.baseline if collection.harmonises else "",
            properties={**said, "tile": tile.name, "crs": f"EPSG:{tile.epsg}"},
        )


def harmonised(collection: Collection, baseline: str) -> bool:
    """Whether the service should take the offset of baseline 04.00 out: only where we do not know the baseline.

    Then what should be negative comes as 0. With the baseline known we take the DN of the original file.
    """
    return collection.harmonises and not baseline


def _sensor(item: Item, collection: Collection) -> str:
    match = _LANDSAT.match(item.product)
    return f"landsat-{match[1]}" if match and collection.sensor.startswith("landsat") else collection.sensor


def _said(item: Item, collection: Collection, profile: str) -> dict[str, str]:
    said = {"product": item.product, "collection": collection.id, "service": profile}
    if harmonised(collection, item.baseline):
        return {**said, "scaling": "DN harmonised by the service to before baseline 04.00: reflectance × 10000, from 0"}
    if collection.level == "GRD":
        return {**said, "scaling": "linear power, gamma0 with terrain correction"}
    found = scaling_of(_sensor(item, collection), collection.level, item.baseline, item.time.date())
    return {**said, "scaling": found.reason if found else ""}


def _assets(item: Item, collection: Collection, profile: str) -> dict[str, Asset]:
    """What there will be; the hrefs name the acquisition at the service, which gives no files."""
    href = f"sentinelhub:{profile}/{collection.id}/{item.product}"
    scale, offset = 1.0, 0.0
    if harmonised(collection, item.baseline):
        scale = 1e-4
    elif found := scaling_of(_sensor(item, collection), collection.level, item.baseline, item.time.date()):
        scale, offset = found.scale, found.offset
    return {
        band.name: Asset(href, gsd_m=float(band.gsd_m))
        if band.mask
        else Asset(href, scale=scale, offset=offset, nodata=0.0, gsd_m=float(band.gsd_m))
        for band in collection.bands
    }


def wanted_of(scene: Scene, collection: Collection, lattice: Lattice) -> Wanted:
    """What to ask the service for a scene that `scenes_of` made.

    Raises:
        ValueError: if it is none of this collection and lattice.
    """
    said = scene.properties
    if said.get("collection") != collection.id or not _ID.fullmatch(said.get("product", "")):
        raise ValueError(f"{scene.id} is not of {collection.id}")
    tile = lattice.tile(said.get("tile", ""))
    return Wanted(collection, said["product"], scene.datetime, tile, harmonised(collection, scene.baseline))
