"""Scenes merged on one grid."""

import datetime as dt
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox


class Flag(IntFlag):
    """Why a pixel was not observed; one bit each, the same for every sensor."""

    NODATA = 1
    CLOUD = 2
    SHADOW = 4
    SNOW = 8
    ICE = 16
    SATURATED = 32
    HAZE = 64


@dataclass(frozen=True)
class Mosaic:
    """Reflectance on one grid, with where each pixel came from."""

    data: NDArray[np.float32]
    """(C, H, W) reflectance 0–1 (DN where the level says so); NaN = not observed. A band no scene has is all NaN."""

    bands: tuple[str, ...]
    """Names of the C bands."""

    flags: NDArray[np.uint8]
    """(H, W) `Flag` bits of the best look; 0 where the pixel was observed."""

    source: NDArray[np.int16]
    """(H, W) index into `scenes`; −1 = not observed."""

    scenes: tuple[str, ...]
    """Ids of the scenes used."""

    dates: tuple[dt.date, ...]
    """Solar day of each scene."""

    geobox: GeoBox

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(H, W) True where at least one scene gave a clear value."""
        return self.source >= 0

    @property
    def present(self) -> tuple[bool, ...]:
        """For each band, whether any pixel has it."""
        return tuple(bool(np.isfinite(band).any()) for band in self.data)
