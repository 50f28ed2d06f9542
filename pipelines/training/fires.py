"""Fires laid into made-up ground and into real scenes, beside everything else that may happen between two dates."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from detectors.core.types import BARE, VEGETATION, BoolArray, FloatArray, Surface
from pipelines.training.endmembers import LIBRARY
from pipelines.training.mosaics import (
    HAZE_FREE_PATH,
    TRANSMITTANCE,
    Ground,
    blurred,
    draw_covers,
    draw_ground,
    mix,
    smooth_field,
    through_air,
    vary,
)

UNBURNT, BURNT, LEFT_OUT = 0, 1, 2

CHARRED = 0.28
"""Share of char from which a pixel is burnt; …"""

SCARCELY = 0.06
"""… and up to which it is not. Between them nobody could say."""

_AFTER_PLANTS = {
    "GRASS": 0.28, "CROP": 0.12, "DARK_BARE": 0.31, "BRIGHT_BARE": 0.18, "BUILT": 0.06, "WATER": 0.03, "SNOW": 0.02,
}  # fmt: skip
_AFTER_BARE = {
    "GRASS": 0.20, "CROP": 0.20, "DARK_BARE": 0.25, "BRIGHT_BARE": 0.15, "BUILT": 0.12, "WATER": 0.05, "SNOW": 0.03,
}  # fmt: skip
_AFTER_REST = {
    "WATER": 0.3, "DARK_BARE": 0.15, "BRIGHT_BARE": 0.15, "BUILT": 0.2, "GRASS": 0.1, "WET_VEGETATION": 0.1,
}  # fmt: skip
"""What a piece of ground may turn into between two dates, and how often."""

_SELDOM = {
    "rock": 0.0, "basalt": 0.0, "peat": 0.0, "salt_crust": 0.0, "beach": 0.0, "dune": 0.0, "coal": 0.2,
    "black_soil": 0.4, "wet_soil": 0.5,
}  # fmt: skip
"""Nothing turns into rock within a year, and black ground is seldom what ploughing brings up."""

_MOISTURE = np.array([0.75, 0.80, 0.85, 1.0, 1.5, 1.9], np.float32) * np.float32(0.35)
"""How strongly moisture darkens each band: most in the short-wave infrared (Lobell & Asner 2002)."""


@dataclass(frozen=True)
class Pair:
    """Two dates of one ground, and where a fire was."""

    before: FloatArray
    """(6, H, W) reflectance at the sensor."""

    after: FloatArray
    burnt: NDArray[np.uint8]
    """(H, W) `UNBURNT`, `BURNT` or `LEFT_OUT`."""


@dataclass(frozen=True)
class Fire:
    """What a fire left."""

    image: FloatArray
    """(6, H, W) reflectance of the ground."""

    charred: FloatArray
    """(H, W) share of char, 0–1."""

    outline: BoolArray
    """(H, W) where it went."""


def draw_fire(rng: Generator, image: FloatArray, fuel: FloatArray) -> Fire:
    """A fire of some severity: char, ash, soil without litter, sometimes the green flush that follows.

    Args:
        rng: of the fire.
        image: (6, H, W) reflectance of the ground, without air.
        fuel: (H, W) share of what burns.
    """
    size = image.shape[-1]
    outline = smooth_field(rng, size, rng.uniform(8, 24)) + rng.uniform(-0.8, 1.2) > 0
    # most are patchy; some are even, else evenness alone would say that it was no fire
    uneven = rng.uniform(0.05, 0.4) * (rng.random() < 0.75)
    patchy = rng.uniform(0.55, 1.15) + uneven * smooth_field(rng, size, rng.uniform(1.5, 5))
    taken = gaussian_filter((outline * np.clip(patchy, 0, 1) * (fuel > 0.15)).astype(np.float32), 0.5)
    black = np.clip(rng.uniform(0.27, 1.0) + 0.3 * uneven * smooth_field(rng, size, 4), 0.2, 1)
    # green ground burns to black or not at all; only dry grass burns so thinly that pale soil shows
    ndvi = (image[3] - image[2]) / (image[3] + image[2] + 0.02)
    green = np.clip((ndvi - 0.3) / 0.25, 0, 1)
    black = black * (1 - green) + np.maximum(black, rng.uniform(0.5, 1)) * green
    char = draw_covers(rng, np.array([Surface.BURNT], np.uint8))[0]
    soil = draw_covers(rng, rng.choice([Surface.BRIGHT_BARE, Surface.DARK_BARE], 1).astype(np.uint8))[0]
    # without litter nothing dips at 2.1 µm, and dry heated soil is bright there (Key & Benson 2006)
    soil[4:] *= rng.uniform(1, 1.15), rng.uniform(1, 1.3)
    left = black * char[:, None, None] + (1 - black) * soil[:, None, None]
    if rng.random() < 0.25:
        flush = rng.uniform(0.05, 0.3)
        left = left * (1 - flush) + flush * draw_covers(rng, np.array([Surface.GRASS], np.uint8))[0][:, None, None]
    burnt = np.where(outline, image * (1 - taken) + left * taken, image)
    return Fire(np.asarray(burnt, np.float32), np.asarray(taken * black * outline, np.float32), outline)


def made_up_pair(rng: Generator, size: int = 64) -> Pair:
    """Two dates of made-up ground; half of the time something burnt between them."""
    ground = draw_ground(rng, size)
    later = _later(rng, ground) if rng.random() < 0.85 else ground
    (before, shares), (after, _) = mix(ground), mix(later)
    charred = np.zeros((size, size), np.float32)
    if rng.random() < 0.5:
        fire = draw_fire(rng, after if rng.random() < 0.3 else before, np.tensordot(_flammable(rng), shares, axes=1))
        after, charred = np.where(fire.outline, fire.image, after), fire.charred
    return Pair(_seen(rng, before), _seen(rng, after), _named(charred))


def real_pair(rng: Generator, images: tuple[FloatArray, FloatArray], codes: NDArray[np.uint8], size: int = 64) -> Pair:
    """A piece of a real pair, more often than not with a fire laid into its second date, below its air.

    Args:
        rng: of the piece.
        images: two dates, (6, H, W) reflectance, NaN = not observed.
        codes: (H, W) `Surface` of the first.
        size: edge of the piece; not more than that of the images.
    """
    height, width = codes.shape
    row, col = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    place = (slice(row, row + size), slice(col, col + size))
    before, after = (image[:, *place] for image in images)
    left_out = _suspicious(before, after)
    if rng.random() < 0.3:
        after, left_out = before, np.zeros_like(left_out)
    charred, outline = np.zeros((size, size), np.float32), np.zeros((size, size), bool)
    if rng.random() < 0.6:
        thick = np.float32(rng.uniform(0.5, 1.2))
        through, path = (TRANSMITTANCE**thick)[:, None, None], (HAZE_FREE_PATH * thick)[:, None, None]
        ground = np.maximum((after if rng.random() < 0.5 else before) - path, 0.002) / through
        fire = draw_fire(rng, ground, _flammable(rng)[codes[place]])
        after = np.where(fire.outline, fire.image * through + path, after)
        charred, outline = fire.charred, fire.outline
    if rng.random() < 0.5:
        after = shift(after, (0, *rng.uniform(-0.7, 0.7, 2)), order=1, mode="nearest")
    named = _named(charred)
    named[left_out & ~outline] = LEFT_OUT
    return Pair(_other_gain(rng, before), _other_gain(rng, after), named)


def _named(charred: FloatArray) -> NDArray[np.uint8]:
    return np.where(charred > CHARRED, BURNT, np.where(charred > SCARCELY, LEFT_OUT, UNBURNT)).astype(np.uint8)


def _suspicious(before: FloatArray, after: FloatArray) -> BoolArray:
    """Where a real pair may hold a real fire, which nobody labelled: dNBR above 0.2 down to below −0.1.

    Key & Benson (2006) call it burnt at low severity from 0.1 on.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = ((image[3] - image[5]) / (image[3] + image[5]) for image in (before, after))
        found: BoolArray = (first - second > 0.2) & (second < -0.1)
    return found


def _flammable(rng: Generator) -> FloatArray:
    """(12,) whether each `Surface` burns this time: grass and trees always, crops and reed sometimes."""
    burns = np.zeros(max(Surface) + 1, np.float32)
    burns[[Surface.GRASS, Surface.TREE]] = 1
    burns[Surface.WET_VEGETATION], burns[Surface.CROP] = rng.random() < 0.5, rng.random() < 0.3
    return burns


def _later(rng: Generator, ground: Ground) -> Ground:
    """The same ground at another date: seasons, harvest, tillage, building, rain, snow, but no fire."""
    first, surfaces, share = ground.first.copy(), ground.surfaces.copy(), ground.share.copy()
    small = np.exp(rng.normal(0, 0.05, (len(first), 1)) + rng.normal(0, 0.015, (len(first), 6))).astype(np.float32)
    first *= small
    busy = rng.uniform(0.2, 0.9)
    for piece in np.flatnonzero(rng.random(len(first)) < busy):
        kind = Surface(surfaces[piece, 0])
        if kind in BARE and rng.random() < 0.5:
            first[piece] *= np.float32(rng.uniform(0.45, 1.6)) ** _MOISTURE
            continue
        first[piece], surfaces[piece, 0] = _turned(rng, kind)
        if rng.random() < 0.5:
            share[piece] *= rng.uniform(0, 0.6)
    if rng.random() < 0.5:
        share = np.clip(share * rng.uniform(0.5, 1.5, len(share)), 0, 0.8).astype(np.float32)
    return replace(ground, first=first, second=ground.second * small, surfaces=surfaces, share=share)


def _turned(rng: Generator, kind: Surface) -> tuple[FloatArray, Surface]:
    """A spectrum of what a kind of ground may turn into, and what that is."""
    odds = _AFTER_PLANTS if kind in VEGETATION else _AFTER_BARE if kind in BARE else _AFTER_REST
    stays = kind is Surface.TREE and rng.random() < 0.5
    turned = kind if stays else Surface[str(rng.choice(list(odds), p=list(odds.values())))]
    weight = LIBRARY.odds[turned] * [_SELDOM.get(name, 1.0) for name in LIBRARY.names]
    place = rng.choice(len(weight), p=weight / weight.sum())
    return vary(rng, LIBRARY.spectra[place : place + 1])[0], turned


def _seen(rng: Generator, image: FloatArray) -> FloatArray:
    """A date as its sensor shows it, displaced by up to a pixel against the other."""
    image = blurred(rng, image)
    if rng.random() < 0.6:
        image = shift(image, (0, *rng.uniform(-0.8, 0.8, 2)), order=1, mode="nearest")
    return through_air(rng, image, shaded=0.06)


def _other_gain(rng: Generator, image: FloatArray) -> FloatArray:
    gain = rng.uniform(0.92, 1.08) * (1 + rng.normal(0, 0.02, 6))
    offset = rng.normal(0, 0.004) * np.array([1.6, 1.3, 1, 0.9, 0.7, 0.6]) + rng.normal(0, 0.002, 6)
    return np.asarray(image * gain[:, None, None] + offset[:, None, None], np.float32)
