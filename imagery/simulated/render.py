"""From the ground's covers to what a scene's files hold, one window at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from imagery.simulated.classification import classify, halved
from imagery.simulated.decoys import Puff
from imagery.simulated.frame import Window
from imagery.simulated.landcover import Ground, Landcover
from imagery.simulated.noise import FloatArray
from imagery.simulated.parts import Painted, Zoned, lay
from imagery.simulated.sky import Look, Sky, through
from imagery.simulated.spectra import TABLE, TINT

MARGIN_PX = 8
"""Computed around every window, so that displacement and blur know their neighbours; a multiple of 4."""

TINT_STRENGTH = 0.035
FINE = slice(0, 4)
COARSE = slice(4, 6)


@dataclass(frozen=True)
class Seen:
    """What one date shows of one window."""

    fine: FloatArray
    """(4, H, W) blue, green, red, nir; reflectance 0–1."""

    coarse: FloatArray
    """(2, H/2, W/2) swir16, swir22."""

    classes: NDArray[np.uint8]
    """(H/2, W/2) scene classification."""


class View:
    """One window, prepared once for all dates."""

    def __init__(self, seed: int, window: Window, cover: Landcover, sky: Sky, zoned: Zoned) -> None:
        """Computes what does not change with the date."""
        self._seed, self._cover, self._sky = seed, cover, sky
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
            (6, H, W) reflectance 0–1 at the fine pixel size, blurred as the sensor blurs.
        """
        cover = self._cover.cover(self._ground, look.date)
        lay(cover, self._painted, look.date, planted)
        flat = cover.reshape(cover.shape[0], -1)
        mixed = (TABLE @ flat).reshape(-1, *cover.shape[1:])
        bands, rough = mixed[:6], mixed[6]
        grain = 1 + rough * self._ground.texture
        first, second = (np.float32(TINT_STRENGTH) * tint for tint in self._ground.tints)
        for place, band in enumerate(bands):
            band *= grain + TINT[0, place] * first + TINT[1, place] * second
        shift = look.shift_px if displaced else (0.0, 0.0)
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
        swir = halved(bands[COARSE])
        classes = classify(np.concatenate([halved(bands[FINE]), swir]), veil)
        rng = default_rng([self._seed, 505, look.index, window.epsg, int(window.left // 10), int(window.top // 10)])
        return Seen(_noisy(bands[FINE], rng), _noisy(swir, rng), classes)


def _noisy(bands: FloatArray, rng: np.random.Generator) -> FloatArray:
    """With the sensor's noise: a floor and a part that grows with the signal (SNR above 150 on bright ground)."""
    grain = rng.standard_normal(bands.shape, dtype=np.float32)
    grain *= np.float32(0.0007) + np.float32(0.005) * bands
    grain += bands
    return grain


def _sense(bands: FloatArray, shift_px: tuple[float, float]) -> FloatArray:
    """Displaced by a part of a pixel and blurred, without the margin.

    The kernel is the quadratic B-spline: it keeps linear ramps, so that the displacement is exact, and with the
    pixel's own aperture it passes 0.32 of the Nyquist frequency, as the 10 m bands of Sentinel-2 do.
    """
    cols, rows = _spline(shift_px[0]), _spline(shift_px[1])
    edge, reach = MARGIN_PX, len(cols) // 2
    _, height, width = bands.shape
    inner_h, inner_w = height - 2 * edge, width - 2 * edge
    out = np.empty((len(bands), inner_h, inner_w), np.float32)
    for place, band in enumerate(bands):
        across = np.zeros((height, inner_w), np.float32)
        for step, weight in enumerate(cols):
            if weight:
                across += weight * band[:, edge - reach + step : edge - reach + step + inner_w]
        down = np.zeros((inner_h, inner_w), np.float32)
        for step, weight in enumerate(rows):
            if weight:
                down += weight * across[edge - reach + step : edge - reach + step + inner_h]
        out[place] = down
    return out


def _spline(shift: float) -> list[np.float32]:
    """Five weights for neighbours −2 … 2 that move an image by `shift` pixels, at most half a pixel."""
    weights = []
    for step in range(-2, 3):
        far = abs(step + shift)
        if far <= 0.5:
            weights.append(0.75 - far**2)
        else:
            weights.append(0.5 * (1.5 - far) ** 2 if far < 1.5 else 0.0)
    return [np.float32(weight) for weight in weights]
