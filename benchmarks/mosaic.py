"""The best pixel of an archive's scenes, block by block: ours, odc-stac with xarray, and decoding alone.

One rule for both: of each pixel the latest scene that is clear there, all bands from that one scene; clear by the scene
classification, cloud and shadow widened by 40 m; bands interpolated bilinearly, classes taken from the nearest pixel.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import odc.stac
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from aoi.grid import Block, blocks_of
from imagery.archive import Archive
from imagery.compose import read_before
from imagery.files import opened
from imagery.item import to_item
from imagery.masks import widened
from imagery.mosaic import Mosaic
from imagery.scene import BANDS, Scene
from imagery.source import Source

WORKERS = os.cpu_count() or 1
GSD_M = 10.0
SHARE = {"whole": 1.0, "quarter": 0.5}
"""Of the width and of the height."""

CLOSE = 1e-4
"""Reflectance by which two ways may differ: they round differently."""

CLEAR, HIDING = (2, 4, 5, 6, 7), (3, 8, 9, 10)
"""Classes that are clear, and those that are widened."""

MARGIN_PX = 2
SCALE = np.float32(1e-4)

Read = tuple[Path, int, Window]


def measure(world: str, way: str, part: str) -> dict[str, Any]:
    """Seconds of one way over the whole archive or its south-western quarter.

    Args:
        world: folder with ``archive/``.
        way: ``ours``, ``odc`` or ``decode`` (the very windows that ours reads, and nothing done with them).
        part: ``whole`` or ``quarter``.
    """
    scenes = Archive.open(Path(world) / "archive").scenes()
    blocks = _blocks(scenes, SHARE[part])
    for scene in scenes:
        for name in (*BANDS, "scl"):
            Path(scene.assets[name].href).read_bytes()  # warms the page cache
    work = _prepared(way, scenes, blocks)
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    wall, cpu = time.perf_counter() - wall, _cpu_s() - cpu
    pixels = sum(block.size_px**2 for block in blocks)
    return {"seconds": wall, "cpu_s": cpu, "mpx": pixels / 1e6, "blocks": len(blocks), "threads": WORKERS}


def check(world: str) -> dict[str, Any]:
    """That both ways give the same mosaic; the process ends with an error where they do not."""
    scenes = Archive.open(Path(world) / "archive").scenes()
    blocks = _blocks(scenes, 1.0)
    items = _items(scenes)
    worst, seen, several = 0.0, 0, 0

    def compared(block: Block) -> tuple[float, int, int]:
        mine, _ = read_before(scenes, block.geobox, BANDS, remnants=False)
        return _difference(block, mine, *_odc_block(items, block.geobox), [item.id for item in items])

    with ThreadPoolExecutor(WORKERS) as pool:
        for difference, pixels, used in pool.map(compared, blocks):
            worst, seen, several = max(worst, difference), seen + pixels, several + (used > 1)
    if not seen or not several:
        sys.exit("nothing to compare: no block has pixels of several scenes")
    return {"worst": worst, "pixels": seen, "blocks": len(blocks), "of_several_scenes": several}


def _difference(
    block: Block, mine: Mosaic, theirs: xr.Dataset, source: Any, ids: Sequence[str]
) -> tuple[float, int, int]:
    """Largest difference in reflectance, pixels observed, scenes used; ends the process where they disagree."""
    place = np.array([*(ids.index(name) for name in mine.scenes), -1])
    if not np.array_equal(place[mine.source], source):
        sys.exit(f"block {block.id}: {(place[mine.source] != source).mean():.2%} of the pixels are of other scenes")
    values = np.stack([theirs[name].values for name in BANDS])
    if not np.array_equal(np.isnan(values), np.isnan(mine.data)):
        sys.exit(f"block {block.id}: other pixels are observed")
    worst = float(np.nanmax(np.abs(values - mine.data), initial=0.0))
    if worst > CLOSE:
        sys.exit(f"block {block.id}: values differ by {worst:.2g}, more than {CLOSE:g}")
    return worst, int(mine.observed.sum()), len(mine.scenes)


def _blocks(scenes: Sequence[Scene], share: float) -> tuple[Block, ...]:
    west, south, east, north = shapely.union_all([scene.geometry for scene in scenes]).bounds
    ground = shapely.box(west, south, west + (east - west) * share, south + (north - south) * share)
    return blocks_of(ground, GSD_M)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _prepared(way: str, scenes: Sequence[Scene], blocks: Sequence[Block]) -> Callable[[], object]:
    """The work to be timed."""
    if way == "ours":
        return lambda: _each(blocks, lambda block: read_before(scenes, block.geobox, BANDS, remnants=False))
    if way == "odc":
        items = _items(scenes)
        return lambda: _each(blocks, lambda block: _odc_block(items, block.geobox))
    # in a process of its own, that no tile is decoded here before the clock starts
    with ProcessPoolExecutor(1, get_context("spawn")) as child:
        reads = child.submit(_recorded, scenes, blocks).result()
    return lambda: _each(reads, _decoded)


def _each(things: Sequence[Any], work: Callable[[Any], object]) -> None:
    """Do and forget: what is held is bounded by a block for each thread."""

    def forget(thing: Any) -> None:
        work(thing)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(forget, things))


def _items(scenes: Sequence[Scene]) -> list[Any]:
    """STAC items for odc-stac, in order of time; it loads only assets that are called data."""
    items = [to_item(scene) for scene in sorted(scenes, key=lambda scene: scene.datetime)]
    for item in items:
        item.assets["scl"].roles = ["data"]
    return items


def _load(items: Sequence[Any], bands: Sequence[str], geobox: GeoBox, dtype: str, resampling: str) -> Any:
    return odc.stac.load(
        items, bands=bands, geobox=geobox, dtype=dtype, resampling=resampling, nodata=0, groupby="id"
    )  # fmt: skip


def _odc_block(items: Sequence[Any], geobox: GeoBox) -> tuple[xr.Dataset, Any]:
    """The mosaic of a block, and for each of its pixels the number of the item; −1 = not observed."""
    dataset = _load(items, BANDS, geobox, "uint16", "bilinear")
    return _latest(dataset, _clear(items, geobox, dataset))


def _clear(items: Sequence[Any], geobox: GeoBox, dataset: xr.Dataset) -> Any:
    """(time, y, x) True where a scene is clear; its classes are of 20 m and widened there."""
    classes = _load(items, ["scl"], geobox.zoom_out(2).pad(MARGIN_PX), "uint8", "nearest").scl
    hidden = np.stack([widened(layer, MARGIN_PX) for layer in classes.isin(HIDING).values])
    clear = classes.isin(CLEAR) & ~classes.copy(data=hidden)
    return clear.sel(y=dataset.y, x=dataset.x, method="nearest").assign_coords(y=dataset.y, x=dataset.x)


def _latest(dataset: xr.Dataset, clear: Any) -> tuple[xr.Dataset, Any]:
    seen = clear
    for name in BANDS:
        seen = seen & (dataset[name] != 0)
    source = xr.full_like(seen.isel(time=0, drop=True), -1, dtype="int16")
    best: dict[str, Any] = {}
    for index in reversed(range(dataset.sizes["time"])):
        here = seen.isel(time=index, drop=True) & (source < 0)
        for name in BANDS:
            values = dataset[name].isel(time=index, drop=True).astype("float32") * SCALE
            best[name] = values.where(here, best.get(name, np.float32(np.nan)))
        source = source.where(~here, np.int16(index))
    return xr.Dataset(best), source


def _recorded(scenes: Sequence[Scene], blocks: Sequence[Block]) -> list[Read]:
    """Every window that ours reads, by doing it once unmeasured."""
    seen: list[Read] = []
    plain, straight = Source.raw, Source.raw_into

    def raw(self: Source, window: Window, margin: int = 0) -> Any:
        part, (rows, cols) = plain(self, window, margin)
        corner = window.col_off - cols.start, window.row_off - rows.start
        seen.append((Path(self.asset.href), self.asset.index, Window(*corner, part.shape[1], part.shape[0])))
        return part, (rows, cols)

    def raw_into(self: Source, window: Window, own: tuple[slice, slice], out: Any) -> None:
        straight(self, window, own, out)
        corner = window.col_off + (own[1].start or 0), window.row_off + (own[0].start or 0)
        seen.append((Path(self.asset.href), self.asset.index, Window(*corner, out.shape[1], out.shape[0])))

    Source.raw, Source.raw_into = raw, raw_into  # type: ignore[method-assign]
    try:
        for block in blocks:
            read_before(scenes, block.geobox, BANDS, remnants=False)
    finally:
        Source.raw, Source.raw_into = plain, straight  # type: ignore[method-assign]
    return seen


def _decoded(read: Read) -> None:
    path, index, window = read
    with opened(path) as source:
        source.read(index, window=window)
