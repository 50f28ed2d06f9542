"""Where the ground is: one fixed projection for the world, and windows of UTM zones that look at it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.simulated.noise import FloatArray

STEP = 4
"""Smooth fields are computed at every fourth pixel corner and interpolated."""

Grid = tuple[NDArray[np.float64], NDArray[np.float64]]


@lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True)
class Frame:
    """The world's own projection: a transverse Mercator on the nearest multiple of 3°, as Chinese 3° zones are."""

    centre: tuple[float, float]
    """Longitude and latitude, degrees."""

    width_m: float
    height_m: float

    @property
    def crs(self) -> str:
        """PROJ string of the ground coordinates."""
        meridian = round(self.centre[0] / 3) * 3
        return f"+proj=tmerc +lat_0=0 +lon_0={meridian} +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m +no_defs"

    @cached_property
    def rectangle(self) -> BaseGeometry:
        """The world's outline in ground coordinates."""
        x, y = _transformer("EPSG:4326", self.crs).transform(*self.centre)
        half_w, half_h = self.width_m / 2, self.height_m / 2
        return box(x - half_w, y - half_h, x + half_w, y + half_h)

    def from_ground(self, geometry: BaseGeometry, epsg: int) -> BaseGeometry:
        """A geometry of ground coordinates in another CRS."""
        transform = _transformer(self.crs, f"EPSG:{epsg}").transform
        return shapely.transform(geometry, transform, interleaved=False)

    def to_ground(self, geometry: BaseGeometry, epsg: int) -> BaseGeometry:
        """A geometry of another CRS in ground coordinates."""
        transform = _transformer(f"EPSG:{epsg}", self.crs).transform
        return shapely.transform(geometry, transform, interleaved=False)

    def ground_of(self, x: NDArray[np.float64], y: NDArray[np.float64], epsg: int) -> Grid:
        """Ground coordinates of places in another CRS."""
        east, north = _transformer(f"EPSG:{epsg}", self.crs).transform(x, y)
        return np.asarray(east), np.asarray(north)


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels of a UTM zone. Its corner lies on the lattice of `STEP` pixels."""

    epsg: int
    left: float
    top: float
    height: int
    width: int
    """Pixels; multiples of `STEP`."""

    gsd_m: float = 10.0

    @property
    def affine(self) -> Affine:
        """Pixel to zone coordinates."""
        return Affine(self.gsd_m, 0, self.left, 0, -self.gsd_m, self.top)

    @property
    def bounds(self) -> BaseGeometry:
        """Outline in zone coordinates."""
        return box(self.left, self.top - self.height * self.gsd_m, self.left + self.width * self.gsd_m, self.top)

    def grown(self, margin_px: int) -> "Window":
        """The window with a margin on all sides."""
        return Window(
            self.epsg,
            self.left - margin_px * self.gsd_m,
            self.top + margin_px * self.gsd_m,
            self.height + 2 * margin_px,
            self.width + 2 * margin_px,
            self.gsd_m,
        )

    def coarse(self, frame: Frame) -> Grid:
        """Ground coordinates of every fourth pixel corner, (H/4+1, W/4+1)."""
        step_m = STEP * self.gsd_m
        x = self.left + np.arange(self.width // STEP + 1) * step_m
        y = self.top - np.arange(self.height // STEP + 1) * step_m
        xs, ys = np.meshgrid(x, y)
        return frame.ground_of(xs, ys, self.epsg)

    def fine(self, coarse: Grid) -> Grid:
        """Ground coordinates of every pixel centre, (H, W), from `coarse`; true to a millimetre."""
        rows, cols = _weights(self.height, np.float64), _weights(self.width, np.float64)
        return rows @ coarse[0] @ cols.T, rows @ coarse[1] @ cols.T

    def spread(self, field: FloatArray) -> FloatArray:
        """A field at the coarse corners, interpolated to the pixel centres (H, W)."""
        rows, cols = _weights(self.height, np.float32), _weights(self.width, np.float32)
        return np.asarray(rows @ field @ cols.T, dtype=np.float32)


@lru_cache(maxsize=32)
def _weights(pixels: int, dtype: type) -> NDArray[np.floating[Any]]:
    place = (np.arange(pixels) + 0.5) / STEP
    node = np.floor(place).astype(int)
    weights: NDArray[np.floating[Any]] = np.zeros((pixels, pixels // STEP + 1), dtype)
    weights[np.arange(pixels), node] = 1 - (place - node)
    weights[np.arange(pixels), node + 1] = place - node
    return weights
