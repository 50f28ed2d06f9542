"""The real fires: where their images lie, what the files do not say themselves, and what burnt.

Imagery of one fire may be written anew in a scratch folder, where its own files do not say what was not observed.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataSourceError
from rasterio.features import geometry_mask
from scipy import ndimage

from aoi.grid import epsg_of, to_crs
from detectors.core.types import BoolArray, FloatArray
from imagery.scene import BANDS
from pipelines.errors import BadInputError
from pipelines.exams.raster import write_raster
from pipelines.warp import blaming, geobox_of, open_raster

PAIR_BANDS = ("blue", "green", "red", "nir", "swir22")
PAIR_NODATA = -32768
PAIR_DAYS = 30
"""Nobody says when the before images were taken; they are dated so many days before the after image."""

YAKUTIA = (("lt2010229_p122r20_sub_60m_from_enp", "2010-08-17", "landsat-5"),
           ("le2011224_p122r20_sub_60m_from_enp", "2011-08-12", "landsat-7"))  # fmt: skip
"""File stem, date (year and day of year stand in the name) and sensor."""

PILBARA = ("Australia_wild_fires_01_12_2018", "Australia_wild_fire_05_01_2019")
PILBARA_NIR_DROP = 0.25
PILBARA_SWIR_DROP = 0.2
"""Shares of the before reflectance that char loses; the picture shows the burn's own outline at these."""

PILBARA_MEDIAN_PX = 5
PILBARA_LEAST_PX = 500
PILBARA_FLAMES_PX = 5
"""So far beyond the char flames still stand, which is neither burnt nor unburnt ground."""

PILBARA_SMOKE_SOUTH_OF = -21.995
"""Smoke and its shadow lie on the ground beyond this latitude: nobody can say what burnt there."""


@dataclass(frozen=True, eq=False)
class Fire:
    """Two images and what burnt between them."""

    name: str
    sources: tuple[Path, ...]
    sidecar: Mapping[str, Any] | None
    geobox: GeoBox
    """Of the truth."""

    burnt: BoolArray
    """(H, W)."""

    ignore: BoolArray
    """(H, W) True where nobody knows."""


Load = Callable[[Path], Fire]
"""Reads a fire; what must be written anew goes into the folder given."""


def find_fires(real: Path) -> dict[str, Load]:
    """The fires under a folder of real imagery by name, read when they are wanted.

    Args:
        real: holds ``s2_burn_pairs/``, ``s2_pilbara_fire/``, ``burned_yakutia/``, ``l8_coldsprings_fire/``, or some.

    Raises:
        BadInputError: if there is none.
    """
    found: dict[str, Load] = {}
    for mask in sorted((real / "s2_burn_pairs").glob("*_mask.tif")):
        found[mask.stem.removesuffix("_mask")] = partial(_burn_pair, mask)
    if (real / "s2_pilbara_fire").is_dir():
        found["pilbara"] = partial(_pilbara, real / "s2_pilbara_fire")
    if (real / "burned_yakutia").is_dir():
        found["yakutia"] = partial(_yakutia, real / "burned_yakutia")
    if (real / "l8_coldsprings_fire").is_dir():
        found["coldsprings"] = partial(_coldsprings, real / "l8_coldsprings_fire")
    if not found:
        raise BadInputError(f"{real} holds no fire; expected are s2_burn_pairs, s2_pilbara_fire and their like.")
    return found


def _burn_pair(mask: Path, _scratch: Path) -> Fire:
    stem = mask.stem.removesuffix("_mask")
    after = _day(stem)
    days = (("pre", after - dt.timedelta(PAIR_DAYS)), ("post", after))
    # Some are of 2024, when Sentinel-2 DN are shifted; these are not, so the scaling is said.
    note = {"bands": PAIR_BANDS, "level": "L2A", "sensor": "sentinel-2", "scale": 1e-4, "offset": 0.0}
    files = [mask.with_name(f"{stem}_{end}.tif") for end, _ in days]
    scenes = [
        {"file": file.name, "date": str(day), "nodata": PAIR_NODATA, **note}
        for file, (_, day) in zip(files, days, strict=True)
    ]
    with open_raster(mask, "burn mask") as source, blaming(mask, "burn mask"):
        geobox, burnt = geobox_of(source), source.read(1) == 1
    return Fire(stem, tuple(files), {"scenes": scenes}, geobox, burnt, np.zeros_like(burnt))


def _day(stem: str) -> dt.date:
    try:
        return dt.datetime.strptime(stem.rsplit("_", 1)[-1], "%Y%m%d").date()
    except ValueError as error:
        raise BadInputError(f"{stem}_mask.tif carries no date; burn pairs are called NAME_YYYYMMDD.") from error


def _pilbara(folder: Path, _scratch: Path) -> Fire:
    """A fire without a mask: char is where near infrared and SWIR both lost a part of what they were, in one piece.

    The rule compares two dates and knows no limits of reflectance or NBR, so it shares nothing with `surface.classify`.
    """
    images = {
        code: [_band(next((folder / epoch).glob(f"*_{code}_(Raw).tiff"), folder / epoch)) for epoch in PILBARA]
        for code in ("B08", "B11")
    }
    geobox = images["B08"][0][1]
    burnt = char(*(loss(before, after) for (before, _), (after, _) in images.values()))
    ignore = ndimage.binary_dilation(burnt, iterations=PILBARA_FLAMES_PX) & ~burnt
    rows = geobox.affine.f + geobox.affine.e * (np.arange(geobox.shape[0]) + 0.5)
    ignore[rows < PILBARA_SMOKE_SOUTH_OF] = True
    sources = tuple(folder / epoch for epoch in PILBARA)
    return Fire("pilbara", sources, None, geobox, burnt, ignore)


def loss(before: FloatArray, after: FloatArray) -> FloatArray:
    """(H, W) share of a band's before value that is gone, 0 where one has none; a median takes the noise off both."""
    one, other = (ndimage.median_filter(image, PILBARA_MEDIAN_PX) for image in (before, after))
    return np.where((before > 0) & (after > 0), 1 - other / np.maximum(one, 1e-3), 0).astype(np.float32)


def char(nir_loss: FloatArray, swir_loss: FloatArray) -> BoolArray:
    """(H, W) pieces of at least `PILBARA_LEAST_PX` where both bands lost more than char loses."""
    labels, count = ndimage.label((nir_loss > PILBARA_NIR_DROP) & (swir_loss > PILBARA_SWIR_DROP), np.ones((3, 3)))
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= PILBARA_LEAST_PX
    keep[0] = False
    return np.asarray(keep[labels])


def _band(file: Path) -> tuple[FloatArray, GeoBox]:
    with open_raster(file, "band") as source, blaming(file, "band"):
        return source.read(1).astype(np.float32) / 65535, geobox_of(source)


def _yakutia(folder: Path, scratch: Path) -> Fire:
    scenes = []
    for stem, date, sensor in YAKUTIA:
        path = folder / f"{stem}.tif"
        with open_raster(path, "image") as source, blaming(path, "image"):
            data, geobox = source.read().astype(np.float32), geobox_of(source)
        data[:, (data <= 0).any(axis=0)] = np.nan  # the gaps between Landsat 7's lines hold negative numbers
        write_raster(scratch / f"{stem}.tif", data, geobox, np.nan)
        note = {"bands": BANDS, "level": "SR", "sensor": sensor, "scale": 1e-4, "offset": 0.0}
        scenes.append({"file": f"{stem}.tif", "date": date, **note})
    burnt = _inside(folder / "test_area_fire.shp", geobox)
    sources = tuple(scratch / f"{stem}.tif" for stem, *_ in YAKUTIA)
    return Fire("yakutia", sources, {"scenes": scenes}, geobox, burnt, np.zeros_like(burnt))


def _coldsprings(folder: Path, _scratch: Path) -> Fire:
    data = folder / "data" / "demo"
    crops = tuple(sorted((data / "landsat_collect").glob("*/crop")))
    bands = sorted((data / "landsat_collect").glob("*/crop/*_sr_band5_crop.tif"))
    outlines = sorted(data.glob("vector_layers/fire-boundary-geomac/*_dd83_utm.shp"))
    if not bands or not outlines:
        raise BadInputError(f"{folder} holds no *_sr_band5_crop.tif or no fire boundary *_dd83_utm.shp.")
    with open_raster(bands[0], "band") as source:
        geobox = geobox_of(source)
    burnt = _inside(outlines[0], geobox)
    return Fire("coldsprings", crops, None, geobox, burnt, np.zeros_like(burnt))


def _inside(outline: Path, geobox: GeoBox) -> NDArray[np.bool_]:
    """(H, W) True inside the polygons of a file."""
    try:
        frame = pyogrio.read_dataframe(outline, columns=[])
    except DataSourceError as error:
        raise BadInputError(f"The fire's outline {outline} can not be read ({error}).") from error
    ground = to_crs(shapely.union_all(frame.geometry.values), frame.crs.to_epsg(), epsg_of(geobox))
    return np.asarray(geometry_mask([ground], geobox.shape, geobox.affine, invert=True))
