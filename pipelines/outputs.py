"""Where a scan's pixels go while it runs: score and image files per UTM zone, and the looks of each block."""

import datetime as dt
import os
import zipfile
from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aoi.grid import Block
from detectors.core.types import FloatArray, Surface
from imagery.files import reading
from imagery.mosaic import Mosaic
from leads.raster import ImageSink, RasterSink, zone_geobox
from pipelines.plan import Plan

Role = Literal["before", "after"]

UNSEEN = 255
"""Quantised score of a pixel that a look did not observe."""

SCORE_STEPS = 250


@dataclass(frozen=True)
class Looks:
    """What each look of one detector saw of some pixels of a block's core: of those around its pieces."""

    pixels: NDArray[np.int32]
    """(N,) row × width + column of the core, ascending."""

    scores: NDArray[np.uint8]
    """(L, N) score × `SCORE_STEPS`; `UNSEEN` = not observed."""

    days: tuple[dt.date, ...]
    before: NDArray[np.int32]
    """(B, N) solar day of the before pixel as a proleptic ordinal; 0 = not observed; a composite each."""

    held_against: tuple[int, ...]
    """For each look, which of the composites it was compared with."""

    def at(self, pixels: NDArray[np.int32]) -> "Looks":
        """What they saw of other pixels; those that are not among these were not observed."""
        if not len(self.pixels):
            unseen = np.full((len(self.scores), len(pixels)), UNSEEN, np.uint8)
            never = np.zeros((len(self.before), len(pixels)), np.int32)
            return replace(self, pixels=pixels, scores=unseen, before=never)
        place = np.minimum(np.searchsorted(self.pixels, pixels), len(self.pixels) - 1)
        known = self.pixels[place] == pixels
        scores = np.where(known, self.scores[:, place], np.uint8(UNSEEN))
        return replace(self, pixels=pixels, scores=scores, before=np.where(known, self.before[:, place], 0))


class Outputs:
    """The files in the making. Blocks may write from several threads; memory stays that of the blocks at work."""

    def __init__(self, plan: Plan, folder: Path, spool: Path, scores: bool) -> None:
        """Opens one file per role or detector, and zone.

        Args:
            plan: names the blocks, zones and detectors.
            folder: staged output folder.
            spool: scratch folder for what is needed again once the leads are known.
            scores: whether score files are wanted.
        """
        self._spool = spool
        zones: dict[int, list[Block]] = defaultdict(list)
        for block in plan.blocks:
            zones[block.epsg].append(block)
        grids = {epsg: zone_geobox(blocks) for epsg, blocks in zones.items()}
        scale = {} if plan.reflectance else {"scale": 1.0}
        roles: tuple[Role, ...] = ("before", "after")
        self.images = {
            (role, epsg): ImageSink(folder / "imagery" / f"{role}_{epsg}.tif", grid, **scale)
            for role in roles
            for epsg, grid in grids.items()
        }
        self.scores = {
            (detector.id, epsg): RasterSink(
                folder / "scores" / f"{detector.id}_{epsg}.tif", grid, 1, "float32", float("nan"), (detector.id,)
            )
            for detector in plan.detectors
            for epsg, grid in grids.items()
            if scores
        }
        self.surfaces = {
            (role, epsg): RasterSink(
                folder / "surfaces" / f"{role}_{epsg}.tif", grid, 1, "uint8", Surface.UNKNOWN, overviews="MODE"
            )
            for role in roles
            for epsg, grid in grids.items()
            if scores
        }

    def write_score(self, detector: str, block: Block, score: FloatArray) -> None:
        """Puts a block's score in its file; nothing where scores were not asked for."""
        sink = self.scores.get((detector, block.epsg))
        if sink is not None:
            sink.write(block.geobox, score)

    def write_surface(self, role: Role, block: Block, codes: NDArray[np.uint8]) -> None:
        """Puts what a block's core was taken for in its file; the last look counts. Nothing where no score is wanted.

        Args:
            role: which date.
            block: the block.
            codes: (H, W) `Surface` codes on its core, UNKNOWN = not observed or not told.
        """
        sink = self.surfaces.get((role, block.epsg))
        if sink is not None:
            sink.write(block.geobox, codes)

    def write_images(self, block: Block, before: Mosaic, after: Mosaic) -> None:
        """Puts a block's before and newest after image in their files."""
        mosaics: dict[Role, Mosaic] = {"before": before, "after": after}
        for role, mosaic in mosaics.items():
            data = np.ascontiguousarray(mosaic.data[:, *block.core])
            self.images[role, block.epsg].write(block.geobox, data, mosaic.bands)

    def put_images(self, block: Block, before: NDArray[np.uint16], after: NDArray[np.uint16]) -> None:
        """Puts a block's images in their files, as `leads.raster.stored_image` made them."""
        stored: dict[Role, NDArray[np.uint16]] = {"before": before, "after": after}
        for role, image in stored.items():
            self.images[role, block.epsg].put(block.geobox, image)

    def remember(self, detector: str, block: Block, looks: Looks) -> None:
        """Keeps a block's looks until the leads are dated."""
        ordinals = np.array([day.toordinal() for day in looks.days], np.int32)
        against = np.array(looks.held_against, np.int32)
        place = self._place(detector, block)
        arrays: dict[str, NDArray[Any]] = {"pixels": looks.pixels, "scores": looks.scores, "before": looks.before}
        write_arrays(place, arrays | {"days": ordinals, "against": against})

    def looks(self, detector: str, block: Block) -> Looks | None:
        """The looks that were kept, or None where the block had no fragment."""
        path = self._place(detector, block)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            days = tuple(dt.date.fromordinal(int(day)) for day in kept["days"])
            return Looks(kept["pixels"], kept["scores"], days, kept["before"], tuple(kept["against"].tolist()))

    def close(self) -> None:
        """Finishes every file, some side by side: most of the work on each is one thread's."""

        def close(sink: ImageSink | RasterSink) -> None:
            with reading():  # for the bound on GDAL's cache
                sink.close()

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(close, self._sinks()))

    def discard(self) -> None:
        """Drops every unfinished file."""
        for sink in self._sinks():
            sink.discard()

    def _sinks(self) -> list[ImageSink | RasterSink]:
        return [*self.images.values(), *self.scores.values(), *self.surfaces.values()]

    def _place(self, detector: str, block: Block) -> Path:
        return self._spool / f"{detector}-{block.id}.npz"


def write_arrays(file: Path, arrays: Mapping[str, NDArray[Any]], as_they_are: Collection[str] = ()) -> None:
    """Writes what `numpy.load` reads, packed lightly: three times as fast as NumPy's own, a tenth larger.

    Args:
        file: to be written.
        arrays: by name.
        as_they_are: names of those that are packed already.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
        for name, array in arrays.items():
            pack.compression = zipfile.ZIP_STORED if name in as_they_are else zipfile.ZIP_DEFLATED
            with pack.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
