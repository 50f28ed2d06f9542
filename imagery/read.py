"""One scene on one grid."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from imagery.files import idle_first
from imagery.masks import Translate, in_use, translation
from imagery.mosaic import Flag, Mosaic
from imagery.projection import transformer
from imagery.sampling import bilinear, coarsening
from imagery.scene import BANDS, Asset, Scene
from imagery.source import open_source

SATURATED_DN = 65535
_ROWS = 128
WHOLE = 0.999
"""Share of a pixel on its own side of a mosaic's seam; the rest is rounding."""

THREADS = min(4, os.cpu_count() or 1)


_SMALL = ("uint8", "int16", "uint16")
"""DN that a float32 holds exactly."""

BoolArray = NDArray[np.bool_]
Box = tuple[slice, slice]


@dataclass(frozen=True)
class _Layer:
    """One band on the grid."""

    values: NDArray[np.float32]
    """(H, W) reflectance, NaN = not observed."""

    missing: BoolArray | None
    """Where it is NaN; None = nowhere."""

    saturated: BoolArray | None


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
    mosaic = unfilled(geobox, bands, scene)
    flags = read_into(mosaic.data, scene, geobox, bands, threads=THREADS)
    return replace(mosaic, flags=flags, source=np.where(flags == 0, np.int16(0), np.int16(-1)))


def read_into(
    data: NDArray[np.float32],
    scene: Scene,
    geobox: GeoBox,
    bands: tuple[str, ...],
    wanted: BoolArray | None = None,
    threads: int = 1,
) -> NDArray[np.uint8]:
    """Put a scene's clear values into an array where they are wanted, the same bits as `read_scene` has there.

    Only the box around wanted pixels is read, and no band when the masks leave none of them clear.

    Args:
        data: (C, H, W) of the bands; NaN where wanted. Pixels that are not wanted are left as they are. After an
            error wanted pixels may hold anything.
        scene: in any CRS.
        geobox: the grid.
        bands: names of the bands wanted.
        wanted: (H, W) pixels of interest; None = all: what the array held before is of no account then, and NaN is
            put where nothing is clear.
        threads: bands read at a time. Blocks are worked side by side as a rule; more threads then only cost.

    Returns:
        (H, W) flags: 0 where values were put, NODATA where nobody wanted them.

    Raises:
        UnreadableImageError: if a file of the scene is missing, truncated or damaged.
    """
    near = any(name in scene.assets for name in bands) and _meets(scene, geobox)
    if near and wanted is None:
        return _part(data, scene, geobox, bands, None, threads)
    flags = np.full(geobox.shape, Flag.NODATA, np.uint8)
    if wanted is None:
        data.fill(np.nan)
    elif near and (box := around(wanted)) is not None:
        here = wanted[box]
        found = _part(data[:, *box], scene, geobox[box], bands, here, threads)
        np.copyto(flags[box], found, where=here)
    return flags


def _part(
    data: NDArray[np.float32],
    scene: Scene,
    geobox: GeoBox,
    bands: tuple[str, ...],
    wanted: BoolArray | None,
    threads: int,
) -> NDArray[np.uint8]:
    """As `read_into`, on one box; what the flags say where nothing is wanted is nothing to go by."""
    flags = _mask_flags(scene, geobox)
    clear = flags == 0
    need = clear if wanted is None else clear & wanted
    if (box := around(need)) is None:
        if wanted is None:
            data.fill(np.nan)
        return flags
    if wanted is None:
        _blank(data, box)
    target = data[:, *box]
    if wanted is None:  # all of the array is ours to write
        here = _bands(target, scene, geobox[box], bands, threads)
        bad = ~(need[box] & (here == 0))
    else:
        here = _bands_among(target, need[box], scene, geobox[box], bands)
        bad = need[box] & (here != 0)
    if bad.any():
        np.copyto(target, np.float32(np.nan), where=bad)
    flags[box] |= here
    return flags


def _blank(data: NDArray[np.float32], box: Box) -> None:
    """Put NaN outside a box."""
    rows, cols = box
    data[:, : rows.start] = np.nan
    data[:, rows.stop :] = np.nan
    data[:, rows, : cols.start] = np.nan
    data[:, rows, cols.stop :] = np.nan


def _bands(
    data: NDArray[np.float32], scene: Scene, geobox: GeoBox, bands: tuple[str, ...], threads: int
) -> NDArray[np.uint8]:
    """Fill an array with the bands' values; (H, W) flags of what the bands themselves say."""
    flags = np.zeros(geobox.shape, np.uint8)
    for layer in _layers(data, scene, geobox, bands, threads):
        _note(flags, layer)
    return flags


def _bands_among(
    data: NDArray[np.float32], need: BoolArray, scene: Scene, geobox: GeoBox, bands: tuple[str, ...]
) -> NDArray[np.uint8]:
    """As `_bands`, where values are needed; NaN is there so far, and other pixels keep what they have."""
    flags = np.zeros(geobox.shape, np.uint8)
    band = np.empty(geobox.shape, np.float32)  # one after the other, so that little memory is touched
    for number in idle_first(_hrefs(scene, bands)):
        _note(flags, _layer(scene, scene.assets[bands[number]], geobox, _gsd_m(geobox), band))
        np.copyto(data[number], band, where=need)
    return flags


def _hrefs(scene: Scene, bands: tuple[str, ...]) -> dict[int, str]:
    """Of the bands that a scene has, by their places."""
    return {number: scene.assets[name].href for number, name in enumerate(bands) if name in scene.assets}


def _note(flags: NDArray[np.uint8], layer: _Layer) -> None:
    if layer.missing is not None:
        flags[layer.missing] |= np.uint8(Flag.NODATA)
    if layer.saturated is not None:
        flags[layer.saturated] |= np.uint8(Flag.SATURATED)


def clear_share(scene: Scene, geobox: GeoBox) -> float:
    """Share of a grid against which none of the scene's masks speaks: 0 to 1. No band is read.

    Raises:
        UnreadableImageError: if a file of its masks is missing, truncated or damaged.
    """
    return float((_mask_flags(scene, geobox) == 0).mean()) if _meets(scene, geobox) else 0.0


def around(mask: BoolArray) -> Box | None:
    """The smallest box around what is True; None where nothing is."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    cols = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def unfilled(geobox: GeoBox, bands: tuple[str, ...], *scenes: Scene) -> Mosaic:
    """A mosaic in which nothing was observed: NODATA everywhere. What its data hold is chance until it is put there."""
    return Mosaic(
        data=np.empty((len(bands), *geobox.shape), np.float32),
        bands=bands,
        flags=np.full(geobox.shape, Flag.NODATA, np.uint8),
        source=np.full(geobox.shape, -1, np.int16),
        scenes=tuple(scene.id for scene in scenes),
        dates=tuple(scene.solar_day for scene in scenes),
        geobox=geobox,
        sensors=tuple(scene.sensor for scene in scenes),
        gsd_m=tuple(finest_gsd_m(scene, bands) for scene in scenes),
    )


def finest_gsd_m(scene: Scene, bands: tuple[str, ...]) -> float:
    """Pixel size in metres of the finest of some bands of a scene; NaN where it has none of them."""
    return min((scene.assets[name].gsd_m for name in bands if name in scene.assets), default=float("nan"))


def _meets(scene: Scene, geobox: GeoBox) -> bool:
    """Whether the grid touches the scene's footprint (with a margin for the footprint's straight edges)."""
    ground = shapely.segmentize(box(*geobox.boundingbox.bbox), max(geobox.shape) * abs(geobox.affine.a) / 8)
    degrees = shapely.transform(ground, transformer(str(geobox.crs), "EPSG:4326").transform, interleaved=False)
    return bool(scene.geometry.distance(degrees) < 0.001)


def _layers(
    data: NDArray[np.float32], scene: Scene, geobox: GeoBox, bands: tuple[str, ...], threads: int
) -> list[_Layer]:
    """The bands that the scene has, in their places of an array; a band that it lacks is NaN there."""
    gsd_m = _gsd_m(geobox)
    present = _hrefs(scene, bands)
    for number in set(range(len(bands))) - set(present):
        data[number] = np.nan

    def layer(number: int) -> _Layer:
        return _layer(scene, scene.assets[bands[number]], geobox, gsd_m, data[number])

    if threads == 1:
        return [layer(number) for number in idle_first(present)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(layer, present))


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
    return _layer(scene, asset, geobox, gsd_m, np.empty(geobox.shape, np.float32)).values


def source_geobox(scene: Scene, asset: Asset, gsd_m: float) -> GeoBox:
    """The pixel grid of a band's own file, coarsened to about a pixel size in metres.

    Raises:
        UnreadableImageError: if its file is missing, truncated or damaged.
    """
    with open_source(scene, asset, coarsening(asset.gsd_m, gsd_m)) as source:
        return source.geobox


def _layer(scene: Scene, asset: Asset, geobox: GeoBox, gsd_m: float, out: NDArray[np.float32]) -> _Layer:
    """One band, put into an array."""
    factor = coarsening(asset.gsd_m, gsd_m)
    with open_source(scene, asset, factor) as source:
        view = source.view(geobox)
        if view.window is None:
            out[:] = np.nan
            return _Layer(out, np.ones(out.shape, np.bool_), None)
        if view.own is not None and factor == 1 and not source.backscatter and source.dtype in _SMALL:
            source.raw_into(view.window, view.own, out)
            return _scaled(asset, source.dtype, out)
        dn, valid = source.values(view.window)
        bilinear(view, dn, valid, out)
        if not source.backscatter:
            out *= np.float32(asset.scale)
            if asset.offset:
                out += np.float32(asset.offset)
        missing = np.isnan(out) if np.isnan(out.min()) else None
        saturated = None
        if source.dtype == "uint16" and asset.nodata != SATURATED_DN and dn.max() >= SATURATED_DN:
            saturated = view.nearest(dn >= SATURATED_DN, False)
        return _Layer(out, missing, saturated)


def _scaled(asset: Asset, dtype: str, out: NDArray[np.float32]) -> _Layer:
    """A band whose pixels are the grid's, from DN in place: the same bits as by way of sampling."""
    absent_dn = np.float32(np.nan if asset.nodata is None else asset.nodata)
    may_saturate = dtype == "uint16" and asset.nodata != SATURATED_DN
    missing: BoolArray | None = None
    saturated: BoolArray | None = None
    for start in range(0, len(out), _ROWS):  # few rows at a time stay in the processor's cache
        rows = slice(start, start + _ROWS)
        part = out[rows]
        low, high = part.min(), part.max()
        if low <= absent_dn <= high and (absent := part == absent_dn).any():
            missing = np.zeros(out.shape, np.bool_) if missing is None else missing
            missing[rows] = absent
        if may_saturate and high >= SATURATED_DN:
            saturated = np.zeros(out.shape, np.bool_) if saturated is None else saturated
            saturated[rows] = part >= SATURATED_DN
        part *= np.float32(asset.scale)
        if asset.offset:
            part += np.float32(asset.offset)
    if missing is not None:
        out[missing] = np.nan
    return _Layer(out, missing, saturated)


def _mask_flags(scene: Scene, geobox: GeoBox) -> NDArray[np.uint8]:
    """(H, W) flags of whatever masks the scene has; 0 = nothing against the pixel."""
    flags = np.zeros(geobox.shape, np.uint8)
    if asset := scene.assets.get("seam"):
        # a pixel is the scene's when all that is averaged for it is
        share = read_band(scene, asset, geobox, _gsd_m(geobox))
        flags[~(share > WHOLE)] |= np.uint8(Flag.NODATA)
    for name in in_use(scene.assets):
        asset = scene.assets[name]
        flags |= _class_flags(scene, asset, geobox, *translation(name, scene.sensor, asset.gsd_m))
    return flags


def _class_flags(scene: Scene, asset: Asset, geobox: GeoBox, translate: Translate, margin: int) -> NDArray[np.uint8]:
    with open_source(scene, asset) as source:
        view = source.view(geobox)
        if view.window is None:
            return np.full(geobox.shape, Flag.NODATA, np.uint8)
        part, inner = source.raw(view.window, margin)
        return view.nearest(translate(part)[inner], np.uint8(Flag.NODATA))


def _gsd_m(geobox: GeoBox) -> float:
    step = abs(float(geobox.affine.a))
    return step * 111_320 if geobox.crs is not None and geobox.crs.geographic else step
