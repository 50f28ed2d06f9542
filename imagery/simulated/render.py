"""From the ground's covers to what a scene's files hold, one window at a time."""

import math

import numpy as np
from numpy.random import default_rng

from imagery.simulated.found import Puff
from imagery.simulated.frame import Window
from imagery.simulated.landcover import NATURAL_PLACES, Ground, Landcover
from imagery.simulated.noise import FloatArray
from imagery.simulated.parts import Painted, Zoned, lay
from imagery.simulated.sensors import Seen, expose, step_of
from imagery.simulated.sky import Look, Sky, through
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.spectra import TINT, wetted

MARGIN_PX = 8
"""Computed around every window, so that displacement and blur know their neighbours; a multiple of 4."""

TINT_STRENGTH = 0.035


class View:
    """One window, prepared once for all dates."""

    def __init__(self, spec: SteppeSpec, window: Window, cover: Landcover, sky: Sky, zoned: Zoned) -> None:
        """Computes what does not change with the date."""
        self._spec, self._cover, self._sky = spec, cover, sky
        self._tint = np.float32(TINT_STRENGTH * (1 + spec.variety))
        self._window = window
        padded = window.grown(MARGIN_PX)
        self._ground: Ground = cover.ground(padded)
        self._painted: list[Painted] = zoned.within(padded)

    def surface(self, look: Look, planted: bool = True, displaced: bool = True) -> FloatArray:
        """Reflectance of the ground alone: no air, no noise.

        Args:
            look: the date.
            planted: whether planted changes are there.
            displaced: whether the date's misregistration applies.

        Returns:
            (6, H, W) reflectance 0–1 at the rendered pixel size, blurred as the sensor blurs.
        """
        cover = self._cover.cover(self._ground, look.date)
        table = wetted(self._cover.spectra, look.wetness)
        flat = cover.reshape(cover.shape[0], -1)
        mixed = (table[:, NATURAL_PLACES] @ flat).reshape(-1, *cover.shape[1:])
        lay(mixed, self._painted, table, look.date, planted)
        bands, rough = mixed[:6], mixed[6]
        grain = 1 + rough * self._ground.texture
        first, second = (self._tint * tint for tint in self._ground.tints)
        for place, band in enumerate(bands):
            band *= grain + TINT[0, place] * first + TINT[1, place] * second
        step = step_of(self._spec)
        shift = (look.shift_px[0] * step, look.shift_px[1] * step) if displaced else (0.0, 0.0)
        return np.maximum(_sense(bands, shift), np.float32(0.001))

    def seen(self, look: Look, puffs: tuple[Puff, ...], planted: bool = True) -> Seen:
        """What the scene's files hold of the window.

        Args:
            look: the date.
            puffs: small clouds and haze of the date that nothing flags.
            planted: whether planted changes are there.
        """
        window = self._window
        bands = self.surface(look, planted)
        veil = self._sky.veil(look, window, window.coarse(self._cover.frame), puffs)
        through(bands, veil, look)
        place = (int(window.left // 10), int(window.top // 10))
        rng = default_rng([self._spec.seed, 505, look.index, window.epsg, *place])
        return expose(bands, veil, self._spec, look, rng)


def _sense(bands: FloatArray, shift_px: tuple[float, float]) -> FloatArray:
    """Displaced by a part of a pixel and blurred, without the margin.

    The kernel is the quadratic B-spline: it keeps linear ramps, so that the displacement is exact, and with the
    pixel's own aperture it passes 0.32 of the Nyquist frequency, as the 10 m bands of Sentinel-2 do.
    """
    cols, rows = _spline(shift_px[0]), _spline(shift_px[1])
    edge = MARGIN_PX
    _, height, width = bands.shape
    inner_h, inner_w = height - 2 * edge, width - 2 * edge
    out = np.empty((len(bands), inner_h, inner_w), np.float32)
    for place, band in enumerate(bands):
        across = np.zeros((height, inner_w), np.float32)
        for step, weight in enumerate(cols):
            if weight:
                start = edge - len(cols) // 2 + step
                across += weight * band[:, start : start + inner_w]
        down = np.zeros((inner_h, inner_w), np.float32)
        for step, weight in enumerate(rows):
            if weight:
                start = edge - len(rows) // 2 + step
                down += weight * across[start : start + inner_h]
        out[place] = down
    return out


def _spline(shift: float) -> list[np.float32]:
    """An odd number of weights, for neighbours −n … n, that move an image by `shift` pixels."""
    reach = max(2, math.ceil(abs(shift) + 1))
    weights = []
    for step in range(-reach, reach + 1):
        far = abs(step + shift)
        if far <= 0.5:
            weights.append(0.75 - far**2)
        else:
            weights.append(0.5 * (1.5 - far) ** 2 if far < 1.5 else 0.0)
    return [np.float32(weight) for weight in weights]
