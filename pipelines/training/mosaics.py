"""Small made-up pieces of ground with a known surface in every pixel: what the surface head learns from.

Unlike the simulated steppe they follow no geography: any cover may lie beside any other, under any air and sensor, so
that nothing but the spectra and the grain of the ground can be learned from them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from detectors.core.types import VEGETATION, FloatArray, Surface
from pipelines.training.endmembers import LIBRARY

SURFACES = max(Surface) + 1
_PRIOR = {
    Surface.WATER: 1.0,
    Surface.WET_VEGETATION: 0.5,
    Surface.TREE: 1.6,
    Surface.GRASS: 2.2,
    Surface.CROP: 1.2,
    Surface.DARK_BARE: 1.7,
    Surface.BRIGHT_BARE: 1.4,
    Surface.BUILT: 1.9,
    Surface.BURNT: 0.75,
    Surface.SNOW: 0.25,
    Surface.BLOOM: 0.12,
}
_P = np.array([_PRIOR.get(Surface(code), 0.0) for code in range(SURFACES)])
_P /= _P.sum()

HAZE_FREE_PATH = np.array([0.085, 0.050, 0.026, 0.012, 0.003, 0.001], np.float32)
"""Path radiance of an ordinary clear sky as reflectance, and …"""

TRANSMITTANCE = np.array([0.80, 0.85, 0.91, 0.94, 0.96, 0.94], np.float32)
"""… what passes it both ways: what tells L1C from L2A (6S, Vermote et al. 1997, rounded)."""

_HAZE = np.array([0.42, 0.38, 0.35, 0.36, 0.24, 0.18], np.float32)
_VEIL = np.array([1.25, 1.1, 1.0, 0.85, 0.40, 0.28], np.float32)
_SHADE = np.array([0.78, 0.85, 0.90, 1.0, 1.03, 1.04], np.float32)


@dataclass(frozen=True)
class Ground:
    """Pieces of ground and what each is made of."""

    region: NDArray[np.intp]
    """(H, W) which piece a pixel belongs to."""

    first: FloatArray
    """(R, 6) reflectance of a piece's main cover."""

    second: FloatArray
    """(R, 6) of what is mixed in."""

    surfaces: NDArray[np.uint8]
    """(R, 2) `Surface` codes of both."""

    share: FloatArray
    """(R,) share of the second, 0–1."""

    patchy: FloatArray
    """(H, W) factor on that share."""

    relief: FloatArray
    """(H, W) brightness of the ground by slope and grain, about 1."""


@dataclass(frozen=True)
class Chip:
    """What a sensor shows, and what it really is."""

    image: FloatArray
    """(6, H, W) reflectance."""

    surface: NDArray[np.uint8]
    """(H, W) `Surface` code of more than half of the pixel; UNKNOWN where nothing has half of it."""


def vary(rng: Generator, spectra: FloatArray) -> FloatArray:
    """Spectra (N, 6) as they vary within one cover: brightness, slope and each band a little."""
    count = len(spectra)
    slope = np.linspace(-1, 1, 6, dtype=np.float32) * rng.normal(0, 0.07, (count, 1)).astype(np.float32)
    bands = rng.normal(0, 0.05, (count, 6)).astype(np.float32)
    return np.asarray(spectra * np.exp(rng.normal(0, 0.16, (count, 1)).astype(np.float32) + slope + bands))


def draw_covers(rng: Generator, surfaces: NDArray[np.uint8]) -> FloatArray:
    """(N, 6) one varied spectrum for each surface asked for."""
    places = np.array([rng.choice(len(LIBRARY.names), p=LIBRARY.odds[code]) for code in surfaces], np.intp)
    return vary(rng, LIBRARY.spectra[places])


def smooth_field(rng: Generator, size: int, scale: float) -> FloatArray:
    """(size, size) smooth noise of mean 0 and variance about 1."""
    nodes = int(np.ceil(size / scale)) + 4
    field = zoom(rng.standard_normal((nodes, nodes)).astype(np.float32), scale, order=2)
    row, col = rng.integers(0, max(field.shape[0] - size, 0) + 1, 2)
    field = field[row : row + size, col : col + size]
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float32)


def draw_ground(rng: Generator, size: int) -> Ground:
    """A made-up piece of ground of (size, size) pixels."""
    region = _cells(rng, size, int(rng.integers(2, 26)))
    count = int(region.max()) + 1
    kinds = rng.choice(SURFACES, count, p=_P).astype(np.uint8)
    region, kinds = _towns(rng, region, kinds)
    region, kinds = _lines(rng, region, kinds)
    count = len(kinds)
    # what is mixed in is most often soil, grass or trees
    usual = np.array([Surface.GRASS, Surface.DARK_BARE, Surface.TREE, Surface.BRIGHT_BARE, Surface.CROP], np.uint8)
    mixed = np.where(rng.random(count) < 0.7, rng.choice(usual, count), rng.choice(SURFACES, count, p=_P))
    pure = rng.random(count) < 0.35
    grain = rng.uniform(0.01, 0.09) * rng.standard_normal((size, size)).astype(np.float32)
    slope = rng.uniform(0.0, 0.22) * (rng.random() < 0.4) * smooth_field(rng, size, rng.uniform(4, 12))
    return Ground(
        region=region,
        first=draw_covers(rng, kinds),
        second=draw_covers(rng, mixed.astype(np.uint8)),
        surfaces=np.stack([kinds, mixed.astype(np.uint8)], axis=1),
        share=np.where(pure, rng.uniform(0, 0.08, count), rng.uniform(0.05, 0.6, count)).astype(np.float32),
        patchy=np.clip(1 + rng.uniform(0, 0.5) * smooth_field(rng, size, rng.uniform(1.5, 6)), 0, 2),
        relief=np.clip(1 + grain + slope, 0.35, 1.6),
    )


def _cells(rng: Generator, size: int, count: int) -> NDArray[np.intp]:
    """Voronoi cells with bent edges; straight ones half of the time, as fields have."""
    points = rng.uniform(0, size, (2, count, 1, 1))
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    if rng.random() < 0.5:
        rows = rows + 4 * smooth_field(rng, size, 8)
        cols = cols + 4 * smooth_field(rng, size, 8)
    stretch = rng.uniform(0.4, 2.5)
    return np.asarray(np.argmin((rows - points[0]) ** 2 * stretch + (cols - points[1]) ** 2, axis=0))


def _towns(
    rng: Generator, region: NDArray[np.intp], kinds: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Most built cells become a patchwork of roofs, streets and gardens, one to four pixels each."""
    for cell in np.flatnonzero(kinds == Surface.BUILT):
        if rng.random() < 0.3:
            continue
        green = rng.uniform(0.05, 0.4)
        parts = np.full(14, Surface.BUILT, np.uint8)
        gardens = rng.choice([Surface.TREE, Surface.GRASS, Surface.BRIGHT_BARE, Surface.DARK_BARE], 5)
        parts[9:] = gardens
        odds = np.r_[np.full(9, (1 - green) / 9), np.full(5, green / 5)]
        edge = int(rng.integers(1, 5))
        size = len(region)
        small = rng.choice(14, (size // edge + 1, size // edge + 1), p=odds)
        tiles = np.kron(small, np.ones((edge, edge), np.intp))[:size, :size]
        inside = region == cell
        region = np.where(inside, len(kinds) + tiles, region)
        kinds = np.concatenate([kinds, parts])
    return region, kinds


def _lines(
    rng: Generator, region: NDArray[np.intp], kinds: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Rivers, ditches, roads and hedges of one to four pixels."""
    size = len(region)
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):
        turn, place, bend = rng.uniform(0, np.pi), rng.uniform(0.1, 0.9) * size, rng.uniform(0, 4)
        far = (rows - size / 2) * np.cos(turn) + (cols - size / 2) * np.sin(turn) + size / 2 - place
        far = far + bend * smooth_field(rng, size, 12)
        kind = rng.choice([Surface.WATER, Surface.BUILT, Surface.BRIGHT_BARE, Surface.TREE], p=[0.4, 0.3, 0.2, 0.1])
        region = np.where(np.abs(far) < rng.uniform(0.5, 2.2), len(kinds), region)
        kinds = np.append(kinds, np.uint8(kind))
    return region, kinds


def mix(ground: Ground) -> tuple[FloatArray, FloatArray]:
    """Reflectance (6, H, W) of the bare truth, and the share (11 + 1, H, W) of every surface in each pixel."""
    share = np.clip(ground.share[ground.region] * ground.patchy, 0, 1)
    first, second = ground.first[ground.region], ground.second[ground.region]
    image = np.moveaxis(first * (1 - share[..., None]) + second * share[..., None], -1, 0) * ground.relief
    shares = np.zeros((SURFACES, *share.shape), np.float32)
    kinds = ground.surfaces[ground.region]
    for code in range(1, SURFACES):
        shares[code] = (kinds[..., 0] == code) * (1 - share) + (kinds[..., 1] == code) * share
    return np.asarray(image, np.float32), shares


def sense(rng: Generator, image: FloatArray, shares: FloatArray) -> Chip:
    """What one sensor shows through one sky."""
    both = blurred(rng, np.concatenate([image, shares]))
    return Chip(through_air(rng, both[:6]), name_surfaces(both[6:]))


def blurred(rng: Generator, planes: FloatArray) -> FloatArray:
    """Planes, the six bands first, as a sensor's aperture blurs them; short-wave infrared often at half resolution."""
    width = rng.uniform(0.35, 0.85)
    planes = gaussian_filter(planes, (0, width, width))
    if rng.random() < 0.7:
        planes[4:6] = gaussian_filter(planes[4:6], (0, 0.8, 0.8))
    return np.asarray(planes, np.float32)


def name_surfaces(shares: FloatArray) -> NDArray[np.uint8]:
    """(H, W) the surface that has more than half of a pixel.

    Water among plants is wet vegetation until it has two thirds of the pixel; water on bare ground has no name before
    that.

    Args:
        shares: (12, H, W) of every `Surface`.
    """
    surface: NDArray[np.uint8] = shares.argmax(axis=0).astype(np.uint8)
    surface[shares.max(axis=0) < 0.5] = Surface.UNKNOWN
    water = shares[Surface.WATER]
    plants = shares[list(VEGETATION)].sum(axis=0)
    some = (water > 0.3) & (water < 0.62)
    surface[some] = Surface.UNKNOWN
    surface[some & (plants > 0.35)] = Surface.WET_VEGETATION
    return surface


def through_air(rng: Generator, image: FloatArray, shaded: float = 0.25, thickest: float = 1.5) -> FloatArray:
    """Reflectance at the sensor: shade, haze, path radiance, gain and offset of the product, and noise.

    Args:
        rng: of the sky.
        image: (6, H, W) reflectance of the ground.
        shaded: how often a cloud or a slope throws its shadow.
        thickest: path radiance at most, against an ordinary clear sky.
    """
    size = image.shape[-1]
    column = (slice(None), None, None)
    if rng.random() < shaded:
        shade = rng.uniform(0.3, 0.75) * np.clip(smooth_field(rng, size, 12) + rng.uniform(-1, 0.5), 0, 1)
        image = image * (1 - _SHADE[column] * shade)
    if rng.random() < 0.55:  # top of atmosphere
        thick = rng.uniform(0.2, 1) * thickest
        image = image * TRANSMITTANCE[column] ** thick + HAZE_FREE_PATH[column] * np.float32(thick)
    if rng.random() < 0.2:
        mist = np.clip(rng.uniform(0.02, 0.22) * (1 + 0.5 * smooth_field(rng, size, 16)), 0, 0.5) * _VEIL[column]
        image = image + mist * (_HAZE[column] - image)
    gain = rng.uniform(0.92, 1.08) * (1 + rng.normal(0, 0.025, 6))
    offset = rng.normal(0, 0.006) * np.array([1.6, 1.3, 1, 0.9, 0.7, 0.6]) + rng.normal(0, 0.0025, 6)
    if rng.random() < 0.15:
        offset = offset + rng.uniform(-0.012, 0.02)
    noise = rng.standard_normal(image.shape).astype(np.float32) * (0.0012 + 0.006 * np.abs(image))
    return np.asarray(image * gain[column] + offset[column] + noise, np.float32)


def draw_chip(rng: Generator, size: int = 64) -> Chip:
    """One chip of made-up ground; a quarter of them as a sensor with pixels twice as large sees it."""
    if rng.random() < 0.25:
        image, shares = mix(draw_ground(rng, 2 * size))
        return sense(rng, _halved(image), _halved(shares))
    return sense(rng, *mix(draw_ground(rng, size)))


def _halved(planes: FloatArray) -> FloatArray:
    count, height, width = planes.shape
    return np.asarray(planes.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4)), np.float32)


def drop_bands(rng: Generator, image: FloatArray) -> FloatArray:
    """A copy that lacks bands as sensors do: both SWIR (Gaofen), one of them, or blue."""
    dropped = image.copy()
    draw = rng.random()
    if draw < 0.18:
        dropped[4:] = np.nan
    elif draw < 0.30:
        dropped[4] = np.nan
    elif draw < 0.42:
        dropped[5] = np.nan
    if rng.random() < 0.05:
        dropped[0] = np.nan
    return dropped
