"""What the network sees of a pair: the images in the region's own units, and how unlike its likes each pixel changed.

Scene-relative numbers carry over to new ground; absolute ones (indices, brightness) tell water, plants, cloud and char.
Every channel is scaled to about −4…4, and is 0 where its band is missing or the pixel was not observed.
docs/design/network.md holds what each group is worth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.core import anomaly, surface
from detectors.core.neighbourhood import Box, box_of, with_reach, within
from detectors.core.normals import REACH_PX, Normals
from detectors.core.training_free import log_unusual
from detectors.core.types import BoolArray, FloatArray, Pair

__all__ = ["CHANNELS", "REACH_PX", "Features", "features", "tiles"]

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")

INDICES = {
    "ndvi": ("nir", "red"),
    "ndwi": ("green", "nir"),
    "mndwi": ("green", "swir16"),
    "ndmi": ("nir", "swir16"),
    "nbr": ("nir", "swir22"),
}
"""Rouse 1974, McFeeters 1996, Xu 2006, Gao 1996, Key & Benson 2006."""

CHANNELS = (
    *(f"before_{band}" for band in BANDS),
    *(f"after_{band}" for band in BANDS),
    *(f"residual_{band}" for band in BANDS),
    *(f"backward_{band}" for band in BANDS),
    "length",
    "unlike_forward",
    "unlike_backward",
    "unusual",
    *(f"has_{band}" for band in BANDS),
    *(f"before_{index}" for index in INDICES),
    *(f"after_{index}" for index in INDICES),
    "before_brightness",
    "after_brightness",
    "has_reflectance",
    "observed",
)
"""Names of the channels, in their order; a manifest of weights lists them."""

_PLACE = {name: place for place, name in enumerate(CHANNELS)}
_LIMIT = np.float32(4)
_TILE = 256, 640  # rows, columns: a plane of a tile stays near the processor; those of a whole block never would


@dataclass(frozen=True)
class Features:
    """The input of the network on one grid."""

    channels: FloatArray
    """(F, H, W), in the order of `CHANNELS`."""

    observed: BoolArray
    """(H, W) both dates observed in every band of the normals; elsewhere all channels are 0."""

    def parts(self) -> "Iterator[tuple[Box, Features]]":
        """All of it as one piece, for those who take `tiles`."""
        height, width = self.observed.shape
        yield (slice(0, height), slice(0, width)), self


def features(pair: Pair, normals: Sequence[tuple[Normals, FloatArray]]) -> Features:
    """What the network sees of a pair.

    A pixel's channels depend on what lies within `REACH_PX` and on the normals, on nothing else of the array.

    Args:
        pair: before and after.
        normals: each with its (H, W) share in every pixel; the shares sum to 1, or to 0 where there are none. Every
            normals' bands are among the pair's.
    """
    total = np.zeros((len(CHANNELS), *pair.valid.shape), np.float32)
    observed = np.zeros(pair.valid.shape, bool)
    for box in _boxes(observed.shape):
        _filled(pair, normals, box, total[:, *box], observed[box])
    return Features(total, observed)


def tiles(pair: Pair, normals: Sequence[tuple[Normals, FloatArray]]) -> Iterator[tuple[Box, Features]]:
    """As `features`, piece by piece: boxes that together are the whole, each with its part.

    The same arrays are filled again for every piece, so that they stay near the processor: use them before the next.
    """
    channels, observed = np.empty((len(CHANNELS), *_TILE), np.float32), np.empty(_TILE, bool)
    for box in _boxes(pair.valid.shape):
        height, width = (side.stop - side.start for side in box)
        part = Features(channels[:, :height, :width], observed[:height, :width])
        part.channels[:], part.observed[:] = 0, False
        _filled(pair, normals, box, part.channels, part.observed)
        yield box, part


def _filled(
    pair: Pair, normals: Sequence[tuple[Normals, FloatArray]], box: Box, total: FloatArray, observed: BoolArray
) -> None:
    """Fills in a box of all channels, all zero; where nothing was observed they stay so."""
    valid = pair.valid[box]
    if valid.any():
        inner = box_of(valid)
        _tile(pair, normals, within(box, inner), total[:, *inner], observed[inner])


def _boxes(shape: tuple[int, ...]) -> Iterator[Box]:
    height, width = _TILE
    for top in range(0, shape[0], height):
        for left in range(0, shape[1], width):
            yield slice(top, min(top + height, shape[0])), slice(left, min(left + width, shape[1]))


def _tile(
    pair: Pair, normals: Sequence[tuple[Normals, FloatArray]], box: Box, total: FloatArray, observed: BoolArray
) -> None:
    """Fills in a box of all channels, and which of its pixels were observed."""
    share = np.zeros(observed.shape, np.float32)
    for each, weights in normals:
        where = np.flatnonzero((weights[box] > 0).any(axis=0))
        if not len(where):
            continue
        cols = slice(int(where[0]), int(where[-1]) + 1)
        part = box[0], slice(box[1].start + cols.start, box[1].start + cols.stop)
        weight = weights[part]
        if weight.size == share.size and (weight == 1).all():  # as on most ground: no other normals count here
            observed[:] = _fill(total, pair, each, part) & pair.valid[part]
            _scaled(total, observed)
            return
        channels = np.zeros((len(CHANNELS), *weight.shape), np.float32)
        seen = _fill(channels, pair, each, part)
        shared = np.where(seen, weight, np.float32(0))
        for plane, channel in zip(total[:, :, cols], channels, strict=True):  # one by one: they fit into the cache
            channel *= shared
            plane += channel
        share[:, cols] += shared
        observed[:, cols] |= seen & (weight > 0)
    observed &= pair.valid[box]
    _scaled(total, np.asarray(observed / np.where(share > 0, share, np.float32(1)), np.float32))


def _scaled(total: FloatArray, factor: FloatArray | BoolArray) -> None:
    """Multiplies every channel, where that changes anything."""
    if not (factor == 1).all():
        total *= factor


def _fill(out: FloatArray, pair: Pair, normals: Normals, box: Box) -> BoolArray:
    """Fills in (F, h, w) channels, all zero, of a box under one region's normals; (h, w) where they mean something.

    The box is worked with what it looks at around it, and nothing more.
    """
    (rows, cols), inner = with_reach(box, pair.valid.shape, REACH_PX)
    index = [pair.bands.index(band) for band in normals.bands]
    images = pair.before[index, rows, cols], normals.align(pair.after[index, rows, cols])
    measures = anomaly.measure(images, normals.standards, normals.regressions, normals.codebook)
    for number, band in enumerate(normals.bands):
        for role, z in zip(("before", "after"), measures.z, strict=True):
            _put(out, f"{role}_{band}", z[number][inner] / 2)
        for role, residual in zip(("residual", "backward"), measures.residuals, strict=True):
            off = residual[number][inner]
            _put(out, f"{role}_{band}", np.sign(off) * np.log1p(np.abs(off)))
        out[_PLACE[f"has_{band}"]] = 1
    root = np.float32(0.5 * np.log(len(normals.bands)))
    _put(out, "length", measures.log_length[inner] - root)
    _put(out, "unlike_forward", measures.log_unlike[0][inner] - root)
    _put(out, "unlike_backward", measures.log_unlike[1][inner] - root)
    _put(out, "unusual", 2 * log_unusual(images, measures, normals, pair.reflectance)[inner])
    if pair.reflectance:
        for role, image in zip(("before", "after"), images, strict=True):
            _absolute(out, role, image[(slice(None), *inner)], normals.bands)
        out[_PLACE["has_reflectance"]] = 1
    out[_PLACE["observed"]] = 1
    return measures.observed[inner]


def _absolute(out: FloatArray, role: str, image: FloatArray, bands: tuple[str, ...]) -> None:
    """Indices and brightness of one date, which mean the same on all ground."""
    for name, (first, second) in INDICES.items():
        if {first, second} <= set(bands):
            _put(out, f"{role}_{name}", 2 * np.nan_to_num(surface.ratio(image, bands, first, second)))
    visible = [bands.index(band) for band in ("blue", "green", "red") if band in bands]
    if visible:
        mean = np.nan_to_num(image[visible].mean(axis=0))
        # 0.1 is bare ground, 0.02 water, 0.8 snow or cloud
        _put(out, f"{role}_brightness", 2 * np.log(np.clip(mean, 0.005, 2) / 0.1))


def _put(out: FloatArray, channel: str, values: FloatArray) -> None:
    """Fills in one channel, limited while it is near the processor."""
    np.clip(values, -_LIMIT, _LIMIT, out=out[_PLACE[channel]])
