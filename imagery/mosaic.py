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

    sensors: tuple[str, ...] = ()
    """Sensor of each scene, as in `Scene.sensor`; empty where nobody said."""

    gsd_m: tuple[float, ...] = ()
    """Pixel size in metres of each scene's finest band, whatever the grid's: a 30 m scene on a 10 m grid is
    interpolated, never finer than it was. Empty where nobody said."""

    @property
    def pixel_gsd_m(self) -> NDArray[np.float32]:
        """(H, W) pixel size in metres of the scene that each pixel comes from; NaN = not observed, or nobody said."""
        known = self.gsd_m or (float("nan"),) * len(self.scenes)
        # one more entry at the end, for source −1
        return np.asarray(np.array([*known, np.nan], np.float32)[self.source])

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(H, W) True where at least one scene gave a clear value."""
        return self.source >= 0

    @property
    def present(self) -> tuple[bool, ...]:
        """For each band, whether any pixel has it."""
        return tuple(bool(np.isfinite(band).any()) for band in self.data)
