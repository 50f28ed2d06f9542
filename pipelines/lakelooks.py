"""What one block of a lake shows day by day: water, ice, algae, and what was not seen. Sums and outlines come out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask, shapes
from scipy import ndimage
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.grid import Block, epsg_of, owned, to_crs
from detectors.core.history import Years
from detectors.core.open_water import is_dn, wet
from detectors.core.types import BoolArray, FloatArray
from detectors.hulun_lake import algae
from imagery.compose import Failure, read_day
from imagery.mosaic import Flag, Mosaic
from imagery.scene import Scene
from pipelines.progress import Step

BANDS = ("green", "red", "nir", "swir16", "rededge1")
UNSEEN, LAND, WATER, ICE, BLOOM, MAT = range(6)

ICE_NDSI, ICE_GREEN = 0.4, 0.25
"""Normalised difference snow index and green reflectance from which a surface is ice (Hall et al. 1995, with a brighter
green: turbid water has a high index and stays below)."""

MAT_NDVI = 0.25
"""NDVI from which what floats hides the water under it; wet mud has the same FAI, and less."""

MUD_SWIR = 0.12
"""Reflectance at 1.6 µm of wet mud, the darkest shore there is."""

BESIDE_PX = 11
"""Edge of the window in which the water and the land beside a pixel of the shore are looked at."""

ROWS = 128
"""Rows of all days in memory at a time."""

CodeArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """Sums over a block, or over a lake, on one day. Areas in m²."""

    observed: float
    """Ground seen, ice not counted."""

    ice: float
    water: float
    inferred: float
    """Not seen, but water on every other look: the middle of a lake under a cloud."""

    unknown: float
    """Not seen, and water on some looks only: it may be either."""

    shore_seen: float
    """Ground that is water on some looks only, seen …"""

    shore_wet: float
    """… and of that water."""

    algae: float
    shore_m: float
    """Length of the outline between water and land that was seen."""

    edge_px: float
    less: float
    """By so much the water may be less than its pixels, as those about its outline are mixed …"""

    more: float
    """… and by so much more."""

    def __add__(self, other: "Look") -> "Look":
        """Both together."""
        mine, theirs = vars(self), vars(other)
        return Look(**{name: mine[name] + theirs[name] for name in mine})


NOTHING = Look(*(0.0,) * 12)


@dataclass(frozen=True, eq=False)
class Seen:
    """A block through all days."""

    looks: Mapping[dt.date, Look]
    ground: float
    """Of the lake's area of interest in the block, m²."""

    ever: float
    """Ground that was water at least once, m²."""

    water: Mapping[dt.date, BaseGeometry]
    """Water seen on a day, in the block's own CRS."""

    unseen: Mapping[dt.date, BaseGeometry]
    """Possible water that was not seen: an outline along it is no shore."""

    failures: tuple[Failure, ...]
    extent: BaseGeometry
    """In the block's own CRS."""

    epsg: int
    gsd_m: float


def look_at_block(
    block: Block, ground: BaseGeometry, days: Mapping[dt.date, Sequence[Scene]], work: Path, step: Step
) -> Seen:
    """Classify a block on every day and sum it up.

    Args:
        block: of the grid, without halo.
        ground: the lake's area of interest, EPSG:4326.
        days: scenes over the block by solar day.
        work: folder for the classes of all days, which are not kept in memory.
        step: told of each day.
    """
    geobox = block.geobox
    inside = _inside(geobox, ground)
    pixel_m2 = geodesic_area_m2(to_crs(geobox.extent.geom, block.epsg, 4326)) / inside.size
    order = tuple(days)
    codes = np.memmap(work / f"{block.id}.u8", np.uint8, "w+", shape=(max(len(order), 1), *geobox.shape))
    failures: set[Failure] = set()
    margins: dict[dt.date, tuple[float, float]] = {}
    for number, day in enumerate(order):
        mosaic, failed = read_day(days[day], geobox, BANDS)
        failures.update(failed)
        codes[number] = classes(mosaic, day, block.gsd_m)
        margins[day] = mixed(codes[number], mosaic.data[BANDS.index("swir16")], inside)
        step()
    ever, always = _frequent(codes, inside)
    sums, water, unseen = {}, {}, {}
    for number, day in enumerate(order):
        look = np.asarray(codes[number])
        # a mat lies on the lake where there is water at all other times; at the shore it may be reed
        mat = look == MAT
        here = inside & ((look == WATER) | (look == BLOOM) | (mat & always))
        lost = inside & ever & ((look == UNSEEN) | (look == ICE) | (mat & ~always))
        less, more = (px * pixel_m2 for px in margins[day])
        found = _sum(look, here, lost, inside, ever, always, pixel_m2, block.gsd_m)
        sums[day] = replace(found, less=less, more=more)
        water[day], unseen[day] = _outline(here, geobox), _outline(lost, geobox)
    del codes
    (work / f"{block.id}.u8").unlink()
    ground_m2, ever_m2 = float(inside.sum()) * pixel_m2, float((inside & ever).sum()) * pixel_m2
    return Seen(sums, ground_m2, ever_m2, water, unseen, tuple(failures), geobox.extent.geom, block.epsg, block.gsd_m)


def classes(mosaic: Mosaic, day: dt.date, pixel_m: float) -> CodeArray:
    """(H, W) what each pixel is on a day: UNSEEN, LAND, WATER, ICE, BLOOM, or MAT.

    BLOOM is water with algae. MAT is green and wet: algae so thick that no water shows, or plants at the shore.
    """
    shape_ = mosaic.data.shape[1:]
    ordinals = np.full((1, *shape_), day.toordinal(), np.int32)
    look = Years(mosaic.data[None], mosaic.bands, (day.year,), ordinals, np.ones(shape_, np.bool_), pixel_m)
    water = wet(look)
    codes = np.where(np.isfinite(water[0]), np.where(water[0] > 0, WATER, LAND), UNSEEN).astype(np.uint8)
    numbers = is_dn(look)
    green_stuff = np.nan_to_num(algae(look, water)[0]) > 0
    codes[green_stuff & (codes == WATER)] = BLOOM
    codes[green_stuff & (codes == LAND) & (np.nan_to_num(look.index("ndvi")[0]) > MAT_NDVI)] = MAT
    if not numbers:
        index, green = look.index("mndwi")[0], look.band("green")[0]
        codes[(np.nan_to_num(index) > ICE_NDSI) & (np.nan_to_num(green) > ICE_GREEN)] = ICE
    codes[(mosaic.flags & np.uint8(Flag.SNOW | Flag.ICE)) > 0] = ICE
    return codes


def mixed(codes: CodeArray, swir: FloatArray, inside: BoolArray) -> tuple[float, float]:
    """By how many pixels the water of a look may be less, and more, than its pixels say.

    Short-wave infrared mixes linearly, so the pixels about the outline tell how much of each is water, once it is known
    how bright the land beside it is: as dark as wet mud (a strip of it narrower than a pixel can not be told), or as
    bright as the ground a few pixels off. The first gives the least water, the second the most.

    Args:
        codes: (H, W) classes of a look.
        swir: (H, W) reflectance at 1.6 µm; NaN = not observed.
        inside: (H, W) pixels that count.
    """
    water, land, seen = (codes == WATER) | (codes == BLOOM), codes == LAND, np.isfinite(swir)
    near = np.ones((3, 3), np.bool_)
    grown = ndimage.binary_dilation(water, near, 2)
    heart = ndimage.binary_erosion(water, near, 2)
    low, high = _beside(swir, heart & seen), _beside(swir, land & ~grown & seen)
    edge = grown & ~heart & (water | land) & seen & inside & np.isfinite(low)
    mud = np.maximum(low + np.float32(0.05), np.float32(MUD_SWIR))
    high = np.where(np.isfinite(high), np.maximum(high, mud), mud)
    with np.errstate(invalid="ignore"):
        least, most = (np.clip((top - swir) / (top - low), 0, 1)[edge] for top in (mud, high))
    whole = water[edge].astype(np.float32)
    short, extra = float((whole - least).sum()), float((most - whole).sum())
    # what an outline is off where nothing could be unmixed: narrow water, or no such band
    rest = 0.5 * _edge_px(water & inside & ~edge, land & inside & ~edge)
    return max(short, 0.0) + rest, max(extra, 0.0) + rest


def _edge_px(water: BoolArray, dry: BoolArray) -> float:
    """Length of the outline between two masks, in pixels."""
    across = (water[:, 1:] & dry[:, :-1]).sum() + (dry[:, 1:] & water[:, :-1]).sum()
    down = (water[1:] & dry[:-1]).sum() + (dry[1:] & water[:-1]).sum()
    # a staircase of pixels is 4/π as long as the line it follows, whatever its direction, on the average
    return float(across + down) * np.pi / 4


def _beside(values: FloatArray, where: BoolArray) -> FloatArray:
    """(H, W) mean of the values of a place within `BESIDE_PX` of each pixel; NaN where there is none."""
    share = ndimage.uniform_filter(where.astype(np.float32), BESIDE_PX)
    total = ndimage.uniform_filter(np.where(where, values, np.float32(0)), BESIDE_PX)
    few = share < 2.5 / BESIDE_PX**2  # a sum of two pixels, less what rounding leaves
    return np.where(few, np.nan, total / np.where(few, 1, share)).astype(np.float32)


def _inside(geobox: GeoBox, ground: BaseGeometry) -> BoolArray:
    near = to_crs(shapely.segmentize(ground, 0.01), 4326, epsg_of(geobox))
    burnt = geometry_mask([near], geobox.shape, geobox.affine, invert=True)
    return np.asarray(burnt & owned(geobox))


def _frequent(codes: CodeArray, inside: BoolArray) -> tuple[BoolArray, BoolArray]:
    """(H, W) water at least once, and on every one of at least two looks."""
    ever, always = np.zeros_like(inside), np.zeros_like(inside)
    for top in range(0, len(inside), ROWS):
        rows = slice(top, top + ROWS)
        part = codes[:, rows]
        wet_looks = ((part == WATER) | (part == BLOOM)).sum(axis=0, dtype=np.int32)
        looks = wet_looks + (part == LAND).sum(axis=0, dtype=np.int32)
        ever[rows], always[rows] = wet_looks > 0, (wet_looks == looks) & (looks > 1)
    return ever, always


def _sum(
    look: CodeArray,
    water: BoolArray,
    lost: BoolArray,
    inside: BoolArray,
    ever: BoolArray,
    always: BoolArray,
    pixel_m2: float,
    gsd_m: float,
) -> Look:
    clear = inside & (look != UNSEEN) & (look != ICE) & ~lost
    shore, dry = clear & ever & ~always, clear & ~water
    edge_px = _edge_px(water, dry)

    def area(mask: BoolArray) -> float:
        return float(mask.sum()) * pixel_m2

    return Look(
        observed=area(clear),
        ice=area(inside & (look == ICE) & ever),
        water=area(water),
        inferred=area(lost & always),
        unknown=area(lost & ~always),
        shore_seen=area(shore),
        shore_wet=area(shore & water),
        algae=area(water & (look >= BLOOM)),
        shore_m=edge_px * gsd_m,
        edge_px=edge_px,
        less=0.0,
        more=0.0,
    )


def _outline(mask: BoolArray, geobox: GeoBox) -> BaseGeometry:
    """Polygons of a mask on the grid's own CRS: blocks of a zone then join without a seam."""
    found = [shape(one) for one, _ in shapes(mask.astype(np.uint8), mask=mask, transform=geobox.affine)]
    return shapely.union_all(found) if found else shapely.MultiPolygon()
