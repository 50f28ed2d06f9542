"""A pair of real images that changes are painted onto, and what was painted."""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import gaussian_filter, uniform_filter
from shapely import affinity
from shapely.geometry.base import BaseGeometry

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Window = tuple[slice, slice]

UNCHANGED, CHANGED, IGNORE = 0, 1, 255
"""Values of a label: quiet ground, a planted change, and ground of which nobody can say."""

_FINE = 4
"""Sub-pixels along a side, by which the share of a pixel inside an outline is counted."""

_VISIBLE = 0.4
"""Least change, in units of the scene's own spread (root mean square over bands), that is labelled as one."""


@dataclass(frozen=True)
class Instance:
    """One thing that was planted."""

    kind: str
    violation: bool
    """False for a decoy."""

    number: int
    """Its value in `Canvas.instance`, from 1."""

    window: Window
    area_m2: float
    """Of its labelled pixels (of its coverage for a decoy)."""


@dataclass
class Canvas:
    """Two images of one place, painted on in place, with the label that follows."""

    before: FloatArray
    """(C, H, W) reflectance, NaN = not observed."""

    after: FloatArray
    bands: tuple[str, ...]
    gsd_m: float
    rng: Generator
    label: NDArray[np.uint8] = field(init=False)
    """(H, W) `UNCHANGED`, `CHANGED` or `IGNORE`."""

    burnt: BoolArray = field(init=False)
    """(H, W) True where a planted fire charred the ground."""

    instance: NDArray[np.int16] = field(init=False)
    """(H, W) number of the violation whose labelled pixels these are; 0 = none."""

    touched: BoolArray = field(init=False)
    """(H, W) where something was painted already."""

    instances: list[Instance] = field(default_factory=list)
    _centre: FloatArray = field(init=False)
    _spread: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        """Measure each date's own spread."""
        shape = self.before.shape[1:]
        self.label = np.zeros(shape, np.uint8)
        self.burnt = np.zeros(shape, bool)
        self.instance = np.zeros(shape, np.int16)
        self.touched = np.zeros(shape, bool)
        quantiles = [np.nanpercentile(image[:, ::5, ::5], (16, 50, 84), axis=(1, 2)) for image in self.images]
        self._centre = np.stack([q[1] for q in quantiles]).astype(np.float32)
        self._spread = np.stack([np.maximum((q[2] - q[0]) / 2, 0.004) for q in quantiles]).astype(np.float32)

    @property
    def images(self) -> tuple[FloatArray, FloatArray]:
        """Before and after."""
        return self.before, self.after

    def ndvi(self, image: FloatArray, window: Window) -> FloatArray:
        """(h, w) NDVI of part of an image."""
        red, nir = (image[(self.bands.index(band), *window)] for band in ("red", "nir"))
        return np.asarray((nir - red) / np.maximum(nir + red, 1e-4), np.float32)

    def place(self, outline: BaseGeometry) -> tuple[Window, FloatArray] | None:
        """Where an outline in metres (x right, y down) lies, and (h, w) share of each pixel inside it, blurred.

        None where it leaves the ground, or nothing is left of it.
        """
        if outline.is_empty:
            return None
        left, top, right, bottom = (edge / self.gsd_m for edge in outline.bounds)
        rows, cols = slice(int(top) - 3, int(bottom) + 4), slice(int(left) - 3, int(right) + 4)
        if rows.start < 0 or cols.start < 0 or rows.stop > self.label.shape[0] or cols.stop > self.label.shape[1]:
            return None
        scale = _FINE / self.gsd_m
        moved = affinity.affine_transform(outline, [scale, 0, 0, scale, -cols.start * _FINE, -rows.start * _FINE])
        height, width = rows.stop - rows.start, cols.stop - cols.start
        fine = rasterize([moved], out_shape=(height * _FINE, width * _FINE), dtype=np.uint8).astype(np.float32)
        share = fine.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
        return (rows, cols), gaussian_filter(share, self.rng.uniform(0.35, 0.6)).astype(np.float32)

    def free(self, window: Window, share: FloatArray) -> bool:
        """Whether an outline lies on observed ground that nothing was painted on."""
        here = share > 0.2
        seen = np.isfinite(self.after[(0, *window)]) & np.isfinite(self.before[(0, *window)])
        return bool(here.any() and seen[here].mean() > 0.9 and not (self.touched[window] & here).any())

    def paint(self, window: Window, share: FloatArray, material: FloatArray, date: int = 1) -> None:
        """Mix a (C, h, w) material into one date by its (h, w) share."""
        image = self.images[date][(slice(None), *window)]
        image += share * (material - image)

    def record_violation(
        self, kind: str, window: Window, share: FloatArray, unpainted: FloatArray, closing_px: int = 3, date: int = 1
    ) -> None:
        """Label what was painted where it can be seen, and leave its fringe out of the truth.

        Args:
            kind: of change.
            window: where.
            share: (h, w) painted.
            unpainted: (C, h, w) the painted image as it was.
            closing_px: edge of the window in which a change must be visible on average: wide for patchy sites.
            date: 1 where the after image was painted, 0 where the before image was.
        """
        painted, other = (self.images[which][(slice(None), *window)] for which in (date, 1 - date))
        spread, centre = self._spread[:, :, None, None], self._centre[:, :, None, None]
        added = np.sqrt(np.square((painted - unpainted) / spread[date]).mean(axis=0))
        against = (other - centre[1 - date]) / spread[1 - date]
        gained = np.sqrt(np.square((painted - centre[date]) / spread[date] - against).mean(axis=0))
        changes = np.minimum(np.nan_to_num(added), np.nan_to_num(gained)) * (share > 0.5)
        around = np.maximum(uniform_filter((share > 0.5).astype(np.float32), closing_px), 1e-3)
        seen = uniform_filter(changes, closing_px) / around > _VISIBLE
        changed = (share > 0.5) & seen
        label = self.label[window]
        label[(share > 0.08) & (label != CHANGED)] = IGNORE
        label[changed] = CHANGED
        self.touched[window] |= share > 0.08
        number = len(self.instances) + 1
        self.instance[window][changed] = number
        area = float(changed.sum()) * self.gsd_m**2
        self.instances.append(Instance(kind, True, number, window, area))

    def record_decoy(self, kind: str, window: Window, share: FloatArray) -> None:
        """Note a decoy: whatever it looks like, nothing was dug or built there."""
        self.touched[window] |= share > 0.3
        area = float((share > 0.5).sum()) * self.gsd_m**2
        self.instances.append(Instance(kind, False, len(self.instances) + 1, window, area))
