"""Real pairs without labels, read from an archive: the ground that changes are planted into."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_propagation, label

from aoi.grid import to_crs, zone_of
from detectors.core import anomaly, surface
from detectors.core.errors import TooLittleGroundError
from detectors.core.normals import fit
from detectors.core.training_free import log_unusual
from detectors.core.types import BoolArray, FloatArray
from imagery.compose import read_day, solar_days
from imagery.mosaic import Mosaic
from imagery.scene import BANDS, Scene

LARGEST_PX = 1024
"""A scene is cut into grounds of at most this edge."""

SMALLEST_PX = 128
SEEN_SHARE = 0.5
"""Least share of a ground that both dates must show."""

MAY_HAVE_CHANGED = -0.6
"""Natural log of the training-free anomaly over its threshold from which a real pixel may truly have changed."""

SURELY, PERHAPS = 0.6, 0.25
"""From a core of the first log anomaly, grown down to the second, a real pair is taken to have changed: the network's
only sight of real changes. About six in ten are; it learns from planted ones which."""

SPECK_PX = 15
"""Fewer doubtful pixels together are glints, cars and edges, which the network shall keep silent about."""


@dataclass(frozen=True)
class Background:
    """Two real images of one ground."""

    name: str
    place: str
    """Grounds of one place are never parted between training and validation."""

    before: FloatArray
    """(C, H, W) reflectance, NaN = not observed."""

    after: FloatArray
    bands: tuple[str, ...]
    gsd_m: float
    doubtful: BoolArray
    """(H, W) True where something may really have changed between the dates, though nobody labelled it."""

    likely: BoolArray
    """(H, W) True where the training-free score is so high that it most likely did."""

    def reversed(self) -> "Background":
        """The same ground with its dates the other way round."""
        return replace(self, name=f"{self.name} reversed", before=self.after, after=self.before)

    def still(self, date: int) -> "Background":
        """One date twice: nothing changed, for certain."""
        image = (self.before, self.after)[date]
        nowhere = np.zeros_like(self.doubtful)
        return replace(self, name=f"{self.name} still", before=image, after=image, doubtful=nowhere, likely=nowhere)


def backgrounds(scenes: Sequence[Scene], pairs_at_most: int = 4) -> Iterator[Background]:
    """Every ground that the scenes show, with pairs of its dates; a ground seen once is paired with itself.

    Args:
        scenes: of any places and dates; those without reflectance are left out.
        pairs_at_most: of dates for one ground.
    """
    for place, group in enumerate(_places([scene for scene in scenes if scene.level != "DN"])):
        for ground in grounds(group):
            days = [day for day in solar_days(group).items()]
            read = {day: read_day(found, ground, BANDS)[0] for day, found in days}
            usable = [day for day, mosaic in read.items() if mosaic.observed.mean() > SEEN_SHARE]
            pairs = list(combinations(usable, 2))[:pairs_at_most] or [(day, day) for day in usable[:1]]
            for first, second in pairs:
                name = (
                    f"{group[0].id} {place} {ground.boundingbox.left:.0f} {ground.boundingbox.top:.0f} {first} {second}"
                )
                made = _background(name, group[0].id, read[first], read[second])
                if made is not None:
                    yield made


def _places(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Scenes grouped by footprints that mostly overlap."""
    groups: list[list[Scene]] = []
    for scene in sorted(scenes, key=lambda s: s.datetime):
        for group in groups:
            common = group[0].geometry.intersection(scene.geometry).area
            if common > 0.6 * min(group[0].geometry.area, scene.geometry.area) and group[0].gsd_m == scene.gsd_m:
                group.append(scene)
                break
        else:
            groups.append([scene])
    return groups


def grounds(group: Sequence[Scene]) -> list[GeoBox]:
    """Boxes of at most `LARGEST_PX` that cover what all scenes of a place show."""
    everywhere = shapely.intersection_all([scene.geometry for scene in group])
    if everywhere.is_empty:  # two small scenes at either end of a large one are of its place, and not of each other's
        return []
    epsg = zone_of(float(everywhere.centroid.x), float(everywhere.centroid.y))
    gsd_m = group[0].gsd_m
    left, bottom, right, top = (round(edge / gsd_m) for edge in to_crs(everywhere, 4326, epsg).bounds)
    rows, cols = top - bottom, right - left
    down, across = (max(1, -(-size // LARGEST_PX)) for size in (rows, cols))
    height, width = rows // down, cols // across
    if min(height, width) < SMALLEST_PX:
        return []
    return [
        GeoBox(
            (height, width),
            Affine(gsd_m, 0, (left + j * width) * gsd_m, 0, -gsd_m, (top - i * height) * gsd_m),
            f"EPSG:{epsg}",
        )
        for i in range(down)
        for j in range(across)
    ]


def _background(name: str, place: str, before: Mosaic, after: Mosaic) -> Background | None:
    used = [i for i, present in enumerate(np.array(before.present) & np.array(after.present)) if present]
    bands = tuple(before.bands[i] for i in used)
    if not {"green", "red", "nir"} <= set(bands):
        return None
    images = before.data[used], after.data[used]
    if before.dates == after.dates:
        doubtful = likely = np.zeros(images[0].shape[1:], bool)
    else:
        try:
            doubtful, likely = may_have_changed(images, bands)
        except TooLittleGroundError:
            return None
    return Background(name, place, images[0], images[1], bands, float(abs(before.geobox.affine.a)), doubtful, likely)


def may_have_changed(images: tuple[FloatArray, FloatArray], bands: tuple[str, ...]) -> tuple[BoolArray, BoolArray]:
    """(H, W) where a real pair is too unusual to be called unchanged, and where it most likely changed.

    By the training-free anomaly. Plants that stayed plants and water that stayed water are quiet whatever they look
    like.
    """
    normals = fit([images], bands)
    index = [bands.index(band) for band in normals.bands]
    used = images[0][index], normals.align(images[1][index])
    measures = anomaly.measure(used, normals.standards, normals.regressions, normals.codebook)
    unusual = log_unusual(used, measures, normals, reflectance=False) > MAY_HAVE_CHANGED
    with np.errstate(invalid="ignore"):
        green = [surface.ratio(image, bands, "nir", "red") > 0.5 for image in images]
        wet = [(surface.ratio(image, bands, "green", "nir") > 0.1) for image in images]
    doubtful = _large(measures.observed & unusual & ~(green[0] & green[1]) & ~(wet[0] & wet[1]))
    damped = log_unusual(used, measures, normals, reflectance=True)
    likely = _large(binary_propagation(doubtful & (damped > SURELY), mask=doubtful & (damped > PERHAPS)))
    return doubtful, likely


def _large(where: BoolArray) -> BoolArray:
    """Without specks."""
    parts, count = label(where)
    large = np.bincount(parts.ravel(), minlength=count + 1) >= SPECK_PX
    large[0] = False
    return np.asarray(large[parts])
