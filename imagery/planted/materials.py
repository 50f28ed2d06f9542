"""What new ground can be made of: the scene's own bare ground, or a spectral library laid into its radiometry."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter

from imagery.planted.canvas import Canvas, FloatArray
from imagery.scene import BANDS
from imagery.simulated.spectra import INDEX, TABLE

_GREEN = 0.35
"""NDVI over which a pixel is plants."""


@dataclass(frozen=True)
class Palette:
    """The materials of one date of a canvas. A scene's haze and gain are in all of them."""

    image: FloatArray
    """(C, H, W) a copy of the date as it was."""

    bare: FloatArray
    """(N, 2) rows and columns of pixels that are neither green, nor water, nor cloud."""

    bands: tuple[str, ...]
    haze: FloatArray
    """(C,) what the darkest ground of the scene adds to every reflectance."""


def palette(canvas: Canvas, date: int = 1) -> Palette:
    """The materials of a date, found before anything is painted."""
    image = canvas.images[date].copy()
    everywhere = (slice(None), slice(None))
    ndvi = canvas.ndvi(image, everywhere)
    green, nir = (image[canvas.bands.index(band)] for band in ("green", "nir"))
    with np.errstate(invalid="ignore"):
        bare = (ndvi < _GREEN) & (nir > green * 0.95) & (green < 0.45)
    share = gaussian_filter(bare.astype(np.float32), 2)
    spots = np.argwhere(bare & (share > 0.6))
    dark = np.nanpercentile(image[:, ::3, ::3], 0.5, axis=(1, 2)).astype(np.float32)
    visible = np.array([band in ("blue", "green", "red") for band in canvas.bands])
    haze = np.where(visible, np.clip(dark - 0.02, 0, 0.12), np.clip(dark - 0.005, 0, 0.01)).astype(np.float32)
    return Palette(image, spots.astype(np.float32), canvas.bands, haze)


def own_ground(colours: Palette, rng: Generator, shape: tuple[int, int]) -> FloatArray:
    """(C, h, w) a piece of the scene's own bare ground, turned and mirrored, with its texture; else a library soil."""
    if len(colours.bare) < 50:
        return library(colours, rng, shape, str(rng.choice(["chestnut_soil", "sand", "gravel", "concrete"])))
    size = max(shape)
    height, width = colours.image.shape[1:]
    row, col = colours.bare[rng.integers(len(colours.bare))].astype(int)
    rows = np.clip(row - size // 2 + np.arange(size), 0, height - 1)
    cols = np.clip(col - size // 2 + np.arange(size), 0, width - 1)
    piece = colours.image[:, rows[:, None], cols[None, :]]
    middle = np.nanmedian(piece[:, size // 4 : 3 * size // 4 + 1, size // 4 : 3 * size // 4 + 1], axis=(1, 2))
    core = colours.image[:, row, col]
    how = rng.random()
    if how < 0.45:
        # as it lies there, plants and all: yards and sites are patchy
        out = np.where(np.isfinite(piece), piece, middle[:, None, None])
    elif how < 0.75:
        # its colour, and part of its texture
        texture = np.where(np.isfinite(piece), piece, middle[:, None, None]) - middle[:, None, None]
        limit = np.abs(core)[:, None, None] * 0.5
        out = core[:, None, None] + np.clip(texture, -limit, limit) * rng.uniform(0.1, 0.6)
    else:
        out = np.broadcast_to(core[:, None, None], piece.shape) * _grain(rng, (size, size), rng.uniform(0.02, 0.15))
    turned = np.rot90(out, int(rng.integers(4)), (1, 2))
    return np.ascontiguousarray(turned[:, : shape[0], : shape[1]], np.float32)


def library(colours: Palette, rng: Generator, shape: tuple[int, int], name: str) -> FloatArray:
    """(C, h, w) a cover of the simulated steppe, as this scene would show it."""
    spectrum, texture = TABLE[:6, INDEX[name]], float(TABLE[6, INDEX[name]])
    varied = spectrum * rng.uniform(0.8, 1.25) * (1 + rng.normal(0, 0.06, 6))
    flat = np.array([varied[BANDS.index(band)] for band in colours.bands], np.float32) + colours.haze
    return np.asarray(flat[:, None, None] * _grain(rng, shape, texture * rng.uniform(0.6, 1.8)), np.float32)


def _grain(rng: Generator, shape: tuple[int, int], amplitude: float) -> FloatArray:
    """(h, w) factor about 1: grain of a pixel, as a sensor blurs it, and of a few."""
    out = np.zeros(shape)
    for sigma, part in ((0.6, 0.5), (rng.uniform(1.5, 5), 0.6)):
        noise = gaussian_filter(rng.standard_normal(shape), sigma)
        out += part * noise / max(float(noise.std()), 1e-6)
    return np.clip(1 + amplitude * out, 0.3, 2.5).astype(np.float32)
