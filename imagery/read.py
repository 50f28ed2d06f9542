"""One scene on one grid."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from imagery.masks import margin_px, pixel_qa_flags, qa_pixel_flags, scl_flags
from imagery.mosaic import Flag, Mosaic
from imagery.projection import transformer
from imagery.sampling import bilinear, coarsening
from imagery.scene import BANDS, Asset, Scene
from imagery.source import open_source

SATURATED_DN = 65535
THREADS = min(4, os.cpu_count() or 1)


Translate = Callable[[NDArray[Any]], NDArray[np.uint8]]


@dataclass(frozen=True)
class _Layer:
    """One band on the grid."""

    values: NDArray[np.float32]
    """(H, W) reflectance, NaN = not observed."""

    saturated: NDArray[np.bool_] | None


def read_scene(scene: Scene, geobox: GeoBox, bands: tuple[str, ...] = BANDS) -> Mosaic:
    """A scene on a grid: scaled, masked, resampled bilinearly (masks to the nearest).

    The value of a pixel does not depend on the window it is read with. A pixel is observed when all bands that the
    scene has are valid there and no mask flags it; a band that the scene lacks is NaN everywhere.

    Args:
        scene: in any CRS, its bands of any pixel size.
        geobox: the grid, its axes along those of its CRS.
        bands: names of the bands wanted, in the order of the result.

    Raises:
        UnreadableImageError: if a file of the scene is missing, truncated or damaged.
    """
    return read_where(scene, geobox, bands, None)


def read_where(scene: Scene, geobox: GeoBox, bands: tuple[str, ...], wanted: NDArray[np.bool_] | None) -> Mosaic:
    """As `read_scene`, but no band is opened when the masks leave none of the wanted pixels clear.

    Args:
        scene: in any CRS.
        geobox: the grid.
        bands: names of the bands wanted.
        wanted: (H, W) pixels of interest; None = all.
    """
    present = [name for name in bands if name in scene.assets]
    if not present or not _meets(scene, geobox):
        return unobserved(geobox, bands, scene)
    flags = _mask_flags(scene, geobox)
    data = np.full((len(bands), *geobox.shape), np.nan, np.float32)
    clear = flags == 0
    if not (clear if wanted is None else clear & wanted).any():
        flags[clear] = np.uint8(Flag.NODATA)  # nobody wanted them, so nobody looked
        return _mosaic(scene, geobox, bands, data, flags)
    for name, layer in zip(present, _layers(scene, geobox, present), strict=True):
        data[bands.index(name)] = layer.values
        flags[np.isnan(layer.values)] |= np.uint8(Flag.NODATA)
        if layer.saturated is not None:
            flags[layer.saturated] |= np.uint8(Flag.SATURATED)
    np.copyto(data, np.float32(np.nan), where=flags != 0)
    return _mosaic(scene, geobox, bands, data, flags)


def unobserved(geobox: GeoBox, bands: tuple[str, ...], *scenes: Scene) -> Mosaic:
    """A mosaic in which nothing was observed: NODATA everywhere."""
    return Mosaic(
        data=np.full((len(bands), *geobox.shape), np.nan, np.float32),
        bands=bands,
        flags=np.full(geobox.shape, Flag.NODATA, np.uint8),
        source=np.full(geobox.shape, -1, np.int16),
        scenes=tuple(scene.id for scene in scenes),
        dates=tuple(scene.solar_day for scene in scenes),
        geobox=geobox,
    )


def _mosaic(
    scene: Scene, geobox: GeoBox, bands: tuple[str, ...], data: NDArray[np.float32], flags: NDArray[np.uint8]
) -> Mosaic:
    source = np.where(flags == 0, 0, -1).astype(np.int16)
    return Mosaic(data, bands, flags, source, (scene.id,), (scene.solar_day,), geobox)


def _meets(scene: Scene, geobox: GeoBox) -> bool:
    """Whether the grid touches the scene's footprint (with a margin for the footprint's straight edges)."""
    ground = shapely.segmentize(box(*geobox.boundingbox.bbox), max(geobox.shape) * abs(geobox.affine.a) / 8)
    degrees = shapely.transform(ground, transformer(str(geobox.crs), "EPSG:4326").transform, interleaved=False)
    return bool(scene.geometry.distance(degrees) < 0.001)


def _layers(scene: Scene, geobox: GeoBox, names: list[str]) -> list[_Layer]:
    gsd_m = _gsd_m(geobox)

    def layer(name: str) -> _Layer:
        return _layer(scene, scene.assets[name], geobox, gsd_m)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(layer, names))


def read_band(scene: Scene, asset: Asset, geobox: GeoBox, gsd_m: float) -> NDArray[np.float32]:
    """(H, W) values of one band on a grid, NaN = not observed, without any mask.

    Args:
        scene: for messages.
        asset: the band.
        geobox: the grid.
        gsd_m: its pixel size in metres; finer bands are averaged before they are sampled.

    Raises:
        UnreadableImageError: if its file is missing, truncated or damaged.
    """
    return _layer(scene, asset, geobox, gsd_m).values


def source_geobox(scene: Scene, asset: Asset, gsd_m: float) -> GeoBox:
    """The pixel grid of a band's own file, coarsened to about a pixel size in metres.

    Raises:
        UnreadableImageError: if its file is missing, truncated or damaged.
    """
    with open_source(scene, asset, coarsening(asset.gsd_m, gsd_m)) as source:
        return source.geobox


def _layer(scene: Scene, asset: Asset, geobox: GeoBox, gsd_m: float) -> _Layer:
    factor = coarsening(asset.gsd_m, gsd_m)
    with open_source(scene, asset, factor) as source:
        view = source.view(geobox)
        if view.window is None:
            return _Layer(np.full(geobox.shape, np.nan, np.float32), None)
        dn, valid = source.values(view.window)
        values = bilinear(view, dn, valid)
        values *= np.float32(asset.scale)
        values += np.float32(asset.offset)
        saturated = None
        if source.dtype == "uint16" and asset.nodata != SATURATED_DN and dn.max() >= SATURATED_DN:
            saturated = view.nearest(dn >= SATURATED_DN, False)
        return _Layer(values, saturated)


def _mask_flags(scene: Scene, geobox: GeoBox) -> NDArray[np.uint8]:
    """(H, W) flags of whatever masks the scene has; 0 = nothing against the pixel."""
    flags = np.zeros(geobox.shape, np.uint8)
    if asset := scene.assets.get("valid"):
        flags |= _class_flags(
            scene, asset, geobox, lambda part: np.where(part == 0, np.uint8(Flag.NODATA), np.uint8(0))
        )
    if asset := scene.assets.get("scl"):
        gsd_m = asset.gsd_m
        flags |= _class_flags(scene, asset, geobox, lambda part: scl_flags(part, gsd_m), margin_px(gsd_m))
    elif asset := scene.assets.get("qa_pixel"):
        flags |= _class_flags(scene, asset, geobox, qa_pixel_flags)
    elif asset := scene.assets.get("pixel_qa"):
        flags |= _class_flags(scene, asset, geobox, pixel_qa_flags)
    elif asset := scene.assets.get("cloud_mask"):
        flags |= _class_flags(scene, asset, geobox, lambda part: part.astype(np.uint8))
    return flags


def _class_flags(
    scene: Scene, asset: Asset, geobox: GeoBox, translate: Translate, margin: int = 0
) -> NDArray[np.uint8]:
    with open_source(scene, asset) as source:
        view = source.view(geobox)
        if view.window is None:
            return np.full(geobox.shape, Flag.NODATA, np.uint8)
        part, inner = source.raw(view.window, margin)
        return view.nearest(translate(part)[inner], np.uint8(Flag.NODATA))


def _gsd_m(geobox: GeoBox) -> float:
    step = abs(float(geobox.affine.a))
    return step * 111_320 if geobox.crs is not None and geobox.crs.geographic else step
