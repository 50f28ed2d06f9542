"""Cloud that no mask knew, in a before composite: where the look taken is bright, other looks are asked.

A cloud in the before image hides every work that is begun under it for as long as the composite serves. Ground that
really is bright (salt, gravel, roofs) is so on the other looks too, and keeps the look it has. Where it became bright
within the before range the earlier look is taken: then the work is told, with the earlier date as its bound.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import ImageryError
from imagery.harmonise import harmonised
from imagery.read import Box, read_into
from imagery.scene import Scene

BRIGHT = 0.15
"""Blue reflectance from which a look is asked about: of steppe, fields and soil 0.03–0.12, of thin cloud 0.2."""

CLEARLY = 0.75
"""Another look counts as free of cloud where its blue is below `BRIGHT` and below this share of the first one's."""

OTHERS = 2
"""How many other clear looks are asked; of more of them, one would be dark by chance (rain, shadow)."""

_TILE_PX = 128

Unread = tuple[Scene, ImageryError]


def without_remnants(
    data: NDArray[np.float32],
    source: NDArray[np.int16],
    order: Sequence[Sequence[Scene]],
    number: Mapping[str, int],
    geobox: GeoBox,
    bands: tuple[str, ...],
) -> Iterator[Unread]:
    """Put another look in place, where the one taken is bright and one of the next two is clearly not.

    A pixel's answer depends on its own values alone, not on how a block was cut.

    Args:
        data: (C, H, W) reflectance of the composite, NaN = not observed; changed in place.
        source: (H, W) number of each pixel's scene, −1 = not observed; changed in place.
        order: scenes, best first, in groups; a pixel's other looks come from its scene's own group (one season, one
            kind of sensor).
        number: of each scene, by its id.
        geobox: the grid.
        bands: names of the C bands; without blue among them nothing is done.

    Yields:
        Scenes that could not be read, with the reason; they are left out.
    """
    if "blue" not in bands:
        return
    blue = data[bands.index("blue")]
    for group in order:
        scenes = [scene for scene in group if scene.level != "DN"]
        if len(scenes) < 2:
            continue
        bright = (blue > BRIGHT) & np.isin(source, [number[scene.id] for scene in scenes[:-1]])
        for tile in _tiles(bright):
            yield from _review(data[:, *tile], source[tile], bright[tile], scenes, number, geobox[tile], bands)


def _tiles(mask: NDArray[np.bool_]) -> Iterator[Box]:
    """Boxes of `_TILE_PX` that hold anything True."""
    for row in range(0, mask.shape[0], _TILE_PX):
        for col in range(0, mask.shape[1], _TILE_PX):
            box = slice(row, min(row + _TILE_PX, mask.shape[0])), slice(col, min(col + _TILE_PX, mask.shape[1]))
            if mask[box].any():
                yield box


def _review(
    data: NDArray[np.float32],
    source: NDArray[np.int16],
    bright: NDArray[np.bool_],
    scenes: Sequence[Scene],
    number: Mapping[str, int],
    geobox: GeoBox,
    bands: tuple[str, ...],
) -> Iterator[Unread]:
    """`without_remnants` on one tile and one group of scenes."""
    blue = bands.index("blue")
    enough = np.minimum(BRIGHT, CLEARLY * data[blue])
    to_ask = np.where(bright, OTHERS, 0)
    later = np.zeros(bright.shape, np.bool_)
    """Pixels whose own look ranks before the scene in hand."""
    for scene in scenes:
        asked = later & (to_ask > 0)
        later |= source == number[scene.id]
        if not asked.any():
            continue
        other = np.full(data.shape, np.nan, np.float32)
        try:
            flags = read_into(other, harmonised(scene), geobox, bands, asked)
        except ImageryError as error:
            yield scene, error
            continue
        seen = asked & (flags == 0)
        clear = seen & (other[blue] < enough)
        np.copyto(data, other, where=clear)
        np.copyto(source, np.int16(number[scene.id]), where=clear)
        to_ask[seen] -= 1
        to_ask[clear] = 0
