"""Poorer versions of a labelled pair: without SWIR, at 30 m, as an 8-bit picture. Made in a scratch folder.

Only what a poorer sensor would not have is taken away; labels and dates stay.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject

from imagery.errors import ImageryError
from imagery.layouts import oscd
from imagery.layouts.model import Candidate
from imagery.names import SENTINEL2
from imagery.sidecar import Notes
from pipelines.exams.raster import write_raster
from pipelines.labelled import LabelledPair
from pipelines.warp import blaming, geobox_of, open_raster

COARSER = 3
"""10 m pixels per edge of a pixel of 30 m."""

STRETCH_PERCENT = (2.0, 98.0)
"""An office picture is stretched between these percentiles, per image and band."""

DOM_BANDS = {"dom4": ("red", "green", "blue", "nir"), "dom3": ("red", "green", "blue")}

CODES = {name: code for code, name in SENTINEL2.items()}


def without_swir(pair: LabelledPair, folder: Path) -> LabelledPair:
    """The same files but those of SWIR. Without it cloud can not be masked either."""
    place = folder / "images" / pair.name
    for scene in _scenes(pair):
        epoch = place / scene.place.name
        epoch.mkdir(parents=True)
        for band in scene.bands:
            if not band.name.startswith("swir"):
                shutil.copyfile(band.path, epoch / band.path.name)
    _keep_dates(pair, place)
    return replace(pair, group=f"{pair.group} without SWIR", sources=(place,))


def at_30_m(pair: LabelledPair, folder: Path) -> LabelledPair:
    """Means over 3 × 3 pixels of 10 m; a pixel of 30 m changed when more than half of it did."""
    place = folder / "images" / pair.name
    for scene in _scenes(pair):
        grid = _coarse(_grid_of(scene), COARSER)
        for band in scene.bands:
            target = place / scene.place.name / f"T_{CODES[band.name]}.tif"
            write_raster(target, _averaged(band.path, grid), grid, 0)
    _keep_dates(pair, place)
    geobox = _coarse(pair.geobox, COARSER)
    changed, _ = pair.read_truth()
    rows, cols = geobox.shape
    parts = changed[: rows * COARSER, : cols * COARSER].reshape(rows, COARSER, cols, COARSER)
    label = folder / "label.tif"
    write_raster(label, (parts.mean(axis=(1, 3)) > 0.5).astype(np.uint8), geobox, None)
    return replace(pair, group=f"{pair.group} at 30 m", sources=(place,), geobox=geobox, changed=label, change_value=1)


def dom4(pair: LabelledPair, folder: Path) -> LabelledPair:
    """Two 8-bit pictures of red, green, blue and near infrared, each stretched on its own: DN, not reflectance."""
    return _dom(pair, folder, "dom4")


def dom3(pair: LabelledPair, folder: Path) -> LabelledPair:
    """The same without near infrared."""
    return _dom(pair, folder, "dom3")


VARIANTS: Mapping[str, Callable[[LabelledPair, Path], LabelledPair]] = {
    "no-swir": without_swir,
    "30m": at_30_m,
    "dom4": dom4,
    "dom3": dom3,
}
"""By the name that a part of the exam has for it."""


def _dom(pair: LabelledPair, folder: Path, kind: str) -> LabelledPair:
    bands = DOM_BANDS[kind]
    notes: list[dict[str, Any]] = []
    for scene in _scenes(pair):
        files = {band.name: band.path for band in scene.bands}
        data, grid = [], _grid_of(scene)
        for name in bands:
            with open_raster(files[name], "band") as source, blaming(files[name], "band"):
                data.append(stretched(source.read(1)))
        target = folder / f"{scene.place.name}.tif"
        write_raster(target, np.stack(data), grid, 0)
        note = {"date": str(scene.when.date()), "level": "DN", "nodata": 0, "bands": bands}
        notes.append({"file": target.name, **note})
    sources = tuple(folder / note["file"] for note in notes)
    return replace(pair, group=f"{pair.group} as 8-bit {kind}", sources=sources, sidecar={"scenes": notes})


def stretched(dn: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(H, W) DN 1–255 between the image's own percentiles; 0 stays 0, which is no data."""
    values = dn.astype(np.float32)
    if not (values > 0).any():
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(values[values > 0], STRETCH_PERCENT)
    scaled = 1 + 254 * np.clip((values - low) / max(float(high - low), 1.0), 0, 1)
    return np.where(values > 0, np.rint(scaled), 0).astype(np.uint8)


def _scenes(pair: LabelledPair) -> tuple[Candidate, ...]:
    found = oscd.recognise(pair.sources[0], Notes()) or ()
    scenes = tuple(scene for scene in found if isinstance(scene, Candidate))
    if len(scenes) != 2:
        raise ImageryError(f"{pair.sources[0]} is no pair of imgs_1 and imgs_2; only such pairs are made poorer.")
    return scenes


def _grid_of(scene: Candidate) -> GeoBox:
    """The grid of a scene's bands of 10 m."""
    blue = next(band.path for band in scene.bands if band.name == "blue")
    with open_raster(blue, "band") as source:
        return geobox_of(source)


def _keep_dates(pair: LabelledPair, place: Path) -> None:
    shutil.copyfile(pair.sources[0] / "dates.txt", place / "dates.txt")


def _coarse(grid: GeoBox, factor: int) -> GeoBox:
    """The grid in pixels so many times larger; what does not fill one is cut off."""
    rows, cols = grid.shape
    return GeoBox((rows // factor, cols // factor), grid.affine @ Affine.scale(factor), grid.crs)


def _averaged(path: Path, grid: GeoBox) -> NDArray[np.uint16]:
    target = np.zeros(grid.shape, np.float32)
    with open_raster(path, "band") as source, blaming(path, "band"):
        reproject(
            rasterio.band(source, 1),
            target,
            src_nodata=0,
            dst_transform=grid.affine,
            dst_crs=source.crs,
            dst_nodata=0,
            resampling=Resampling.average,
        )
    return np.rint(target).astype(np.uint16)
