"""坐落: the banner that a lead lies in, from the boundaries that the office gave. Without them nobody guesses."""

from collections.abc import Sequence

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.layers import Layer, LayerFeature

KIND = "banners"

JOINED = "、"


def places(grounds: Sequence[BaseGeometry], layers: Sequence[Layer]) -> list[str]:
    """Where each ground lies: the banner's name, those of several joined with the one that has most of it first.

    Args:
        grounds: in EPSG:4326.
        layers: all that were given; those of banner boundaries are read, once for all grounds.

    Returns:
        A name for each ground; empty where no boundary was given or none holds it.

    Raises:
        UnreadableVectorError: if a layer can not be read.
    """
    mine = [layer for layer in layers if layer.kind == KIND]
    if not mine or not grounds:
        return [""] * len(grounds)
    reach = shapely.box(*shapely.total_bounds(list(grounds)))
    banners = [banner for layer in mine for banner in layer.features_in(reach) if banner.name]
    return [_place(ground, banners) for ground in grounds]


def _place(ground: BaseGeometry, banners: Sequence[LayerFeature]) -> str:
    shares: dict[str, float] = {}
    for banner in banners:
        # degrees are good enough to say which banner has more of one lead
        shares[banner.name] = shares.get(banner.name, 0.0) + _shared(ground, banner.geometry)
    held = sorted((name for name, share in shares.items() if share > 0), key=lambda name: (-shares[name], name))
    return JOINED.join(held)


def _shared(one: BaseGeometry, other: BaseGeometry) -> float:
    if not one.intersects(other):
        return 0.0
    try:
        return float(one.intersection(other).area)
    except GEOSException:  # needles thinner than the arithmetic
        return float(shapely.intersection(one, other, grid_size=1e-9).area)
