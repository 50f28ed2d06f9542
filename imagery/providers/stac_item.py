"""What is kept of an item that a service lists: checked, and cut down to what a scene is made of."""

import datetime as dt
import ipaddress
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from imagery.errors import ProviderError
from imagery.providers.stac_collections import ASSET_KEYS
from imagery.remote.address import stable

MAX_ITEM_CHARS = 200_000
MAX_VERTICES = 10_000
_MAX_HREF = 2_000
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

_PROPERTIES = (
    "datetime", "start_datetime", "created", "updated", "platform", "constellation", "gsd", "eo:cloud_cover",
    "s2:processing_baseline", "processing:version", "s2:generation_time", "processing:datetime", "s2:product_uri",
    "s2:mgrs_tile", "grid:code", "landsat:wrs_path", "landsat:wrs_row", "earthsearch:boa_offset_applied",
    "sentinel:boa_offset_applied", "processing:level", "proj:code", "proj:epsg", "proj:transform", "raster:bands",
)  # fmt: skip
_ASSET_FIELDS = (
    "type", "gsd", "raster:bands", "bands", "eo:bands", "raster:scale", "raster:offset", "nodata",
    "raster:spatial_resolution", "file:size", "file:checksum", "proj:transform", "proj:code", "weixun:band_index",
)  # fmt: skip


class UnusableItemError(ProviderError):
    """One item of a listing is no scene; the others are."""


@dataclass(frozen=True)
class Kept:
    """An item as it is remembered."""

    id: str
    collection: str
    when: dt.datetime
    """UTC, aware."""

    footprint: BaseGeometry
    """In EPSG:4326."""

    content: Mapping[str, Any]
    """Properties and assets, cut down; every href absolute and checked."""

    @property
    def updated(self) -> str:
        """When the service last changed it, as it says; empty where it does not."""
        properties = self.content["properties"]
        return str(properties.get("updated") or properties.get("created") or "")


@dataclass(frozen=True)
class Trust:
    """Which hrefs a service may name."""

    api: str
    """URL of the service."""

    hosts: tuple[str, ...] = ()
    """Hosts (or ends of their names, from a dot on) and buckets that assets may lie on; empty = any public one."""

    signs: bool = False
    """Whether we sign for this service ourselves, so that signatures in its hrefs are not needed."""

    def checked(self, href: str) -> str:
        """A href without what signs it; one that a remote service has no business naming is refused.

        Raises:
            UnusableItemError: with the reason.
        """
        if len(href) > _MAX_HREF or _CONTROL.search(href):
            raise UnusableItemError(f"a href is no URL ({href[:60]!r}…)")
        try:
            parts = urlsplit(href)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            raise UnusableItemError(f"a href is no URL ({href[:60]!r})") from None
        shown = f"{parts.scheme}://{host}{parts.path}"[:200]
        allowed = ("https", "s3", "http") if urlsplit(self.api).scheme == "http" else ("https", "s3")
        if parts.scheme not in allowed:
            raise UnusableItemError(f"{shown} is no {' or '.join(allowed)} address")
        if parts.username is not None or parts.password is not None:
            raise UnusableItemError(f"{shown} carries a user name")
        if ".." in unquote(unquote(parts.path)).replace("\\", "/").split("/"):
            raise UnusableItemError(f"{shown} climbs out of its folder")
        unsigned = stable(href) if parts.query else href
        if (
            unsigned != href
            and not self.signs
            and len(parse_qsl(urlsplit(unsigned).query)) < len(parse_qsl(parts.query))
        ):
            raise UnusableItemError(f"{shown} is signed for a while; name a profile that signs for this service")
        if parts.scheme == "s3" and not _BUCKET.fullmatch(host):
            raise UnusableItemError(f"{shown} names no bucket")
        self._check_host(parts.scheme, host, shown)
        return unsigned

    def _check_host(self, scheme: str, host: str, shown: str) -> None:
        if self.hosts:
            if not any(host == name or (name.startswith(".") and host.endswith(name)) for name in self.hosts):
                raise UnusableItemError(f"{shown} lies on a host that is not among the hosts of this source")
        elif scheme != "s3" and _is_inside(host) and not _is_inside(urlsplit(self.api).hostname or ""):
            raise UnusableItemError(f"{shown} points into this network, which a remote service must not")


@lru_cache(1_024)
def _is_inside(host: str) -> bool:
    """Whether a name or address is of this machine or its own network."""
    name = host.rstrip(".").lower()
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        # a name without a dot, or one that some resolvers read as an address (2130706433, 0x7f.1)
        local = name == "" or "." not in name or name.endswith((".localhost", ".local", ".internal", ".lan"))
        return local or bool(
            re.fullmatch(r"[0-9a-fx.]+", name) and re.fullmatch(r"(0x)?[0-9a-f]+", name.split(".")[-1])
        )


def kept(item: Any, trust: Trust, collection: str) -> Kept:
    """An item as it is remembered.

    Args:
        item: as the service gave it; anything at all.
        trust: which hrefs the service may name.
        collection: that was asked for.

    Raises:
        UnusableItemError: if it is no item, has no place, no time or no fit name, or names hostile hrefs.
    """
    if not isinstance(item, dict) or not isinstance(item.get("properties"), dict):
        raise UnusableItemError("it is no STAC item")
    name = item.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise UnusableItemError("its id is not letters, digits, dots, dashes and underscores")
    if item.get("collection", collection) != collection:
        raise UnusableItemError(f"it is of another collection than {collection}, which was asked for")
    properties = {key: value for key in _PROPERTIES if (value := item["properties"].get(key)) is not None}
    content = {"properties": properties, "assets": dict(_assets(item, trust))}
    try:
        size = len(json.dumps(content, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        raise UnusableItemError("it holds figures that are no numbers") from None
    if size > MAX_ITEM_CHARS:
        raise UnusableItemError(f"it is larger than any item ({size:,} characters)")
    return Kept(name, collection, _when(properties), _footprint(item.get("geometry")), content)


def _assets(item: dict[str, Any], trust: Trust) -> Iterator[tuple[str, dict[str, Any]]]:
    assets = item.get("assets")
    if not isinstance(assets, dict) or not assets:
        raise UnusableItemError("it has no assets")
    base = _self_link(item) or trust.api
    for key, asset in assets.items():
        # thumbnails, metadata and the like may lie anywhere: nobody fetches them
        if not isinstance(asset, dict) or not (key in ASSET_KEYS or asset.get("eo:bands") or asset.get("bands")):
            continue
        if not isinstance(href := asset.get("href"), str):
            raise UnusableItemError(f"its asset {key[:40]} has no href")
        try:
            # checked before it is joined as well: joining hides a climb
            if "://" not in href and ".." in unquote(unquote(href)).replace("\\", "/").split("/"):
                raise UnusableItemError(f"{href[:60]!r} climbs out of its folder")
            absolute = href if urlsplit(href).scheme else urljoin(base, href)
            absolute = trust.checked(absolute)
        except UnusableItemError as error:
            raise UnusableItemError(f"its asset {key[:40]}: {error}") from None
        except ValueError:
            raise UnusableItemError(f"its asset {key[:40]} has a href that is no URL") from None
        yield key, {"href": absolute, **{field: asset[field] for field in _ASSET_FIELDS if field in asset}}


def _self_link(item: dict[str, Any]) -> str:
    links = item.get("links")
    found = (
        [link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "self"]
        if isinstance(links, list)
        else []
    )
    return found[0] if found and isinstance(found[0], str) else ""


def _when(properties: Mapping[str, Any]) -> dt.datetime:
    said = properties.get("datetime") or properties.get("start_datetime")
    try:
        when = dt.datetime.fromisoformat(str(said))
        return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UnusableItemError(f"it has no datetime ({str(said)[:40]!r})") from None


def _footprint(geometry: Any) -> BaseGeometry:
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise UnusableItemError("it has no footprint (no polygon as its geometry)")
    try:
        with np.errstate(invalid="ignore"):  # JSON as Python reads it may hold NaN
            found = shape(geometry)
            found = found if found.is_valid else shapely.make_valid(found)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError):
        raise UnusableItemError("its geometry is no polygon") from None
    west, south, east, north = found.bounds if not found.is_empty else (math.nan,) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90) or found.area == 0:
        raise UnusableItemError("its footprint lies on no place on earth")
    if shapely.get_num_coordinates(found) > MAX_VERTICES:
        raise UnusableItemError(f"its footprint has more than {MAX_VERTICES:,} corners")
    return found
