"""Whether what happened between two dates was a fire.

One date often can not say: char on red soil looks like dark soil, and thin char over pale soil like pale soil. Two can:
a fire takes near infrared away, and leaves or raises short-wave infrared. The classical measures of that are dNBR (Key
& Benson 2006), RBR (Parks et al. 2014) and MIRBI (Trigg & Flasse 2001); here a small perceptron learned it from fires
laid into made-up ground and into real scenes, whose air, gain and season differ between the dates.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from detectors.core import spectral
from detectors.core.neighbourhood import box_mean
from detectors.core.perceptron import Perceptron
from detectors.core.spectral import place_of
from detectors.core.types import BoolArray, FloatArray, Surface

WINDOWS_PX = (5, 13)
"""Edges of the windows over which the change nearby is averaged."""

GROWTH_PX = 8
"""How far a fire grows from where it is certain over ground where it is likely."""

REACH_PX = max(WINDOWS_PX) // 2 + GROWTH_PX
"""How far an answer looks."""

CERTAIN = 0.6
"""Probability from which a pixel is burnt whatever lies around it; …"""

LIKELY = 0.25
"""… and that to which it grows: chosen on fires laid into the training scenes."""

SEEN = 0.1
"""Probability that is enough where the after date shows char by itself and the before date did not."""

_GREEN, _RED, _NIR = 1, 2, 3
_NDVI, _NDMI, _NBR = place_of("nir", "red"), place_of("nir", "swir16"), place_of("nir", "swir22")
_USED = (
    *range(6),
    _NDVI,
    place_of("blue", "red"),
    place_of("green", "red"),
    _NDMI,
    _NBR,
    place_of("swir16", "swir22"),
)
FEATURES = 3 * len(_USED) + 3 + 5 * len(WINDOWS_PX)
"""How many numbers describe a pixel of a pair."""

_STRIP_ROWS = 48
_GREEN_GROUND = (Surface.TREE, Surface.CROP, Surface.WET_VEGETATION)
_PALE_GROUND = (Surface.BRIGHT_BARE, Surface.BUILT)
_NEVER_BEFORE = (Surface.WATER, Surface.BUILT, Surface.BURNT, Surface.SNOW)


def pair_features(before: FloatArray, after: FloatArray) -> FloatArray:
    """(`FEATURES`, H, W): both dates, their difference, which bands there are, and its mean and spread nearby.

    Args:
        before: (6, H, W) in the order of `spectral.BANDS`, NaN = not observed.
        after: likewise. A band that is missing at one date is left out at both.
    """
    known = spectral.usable(before) & spectral.usable(after)
    missing = ~(np.isfinite(before) & np.isfinite(after))
    first = spectral.describe(np.where(missing, np.float32(np.nan), before))
    second = spectral.describe(np.where(missing, np.float32(np.nan), after))
    used = len(_USED)
    out = np.empty((FEATURES, *known.shape), np.float32)
    out[:used], out[used : 2 * used] = first[list(_USED)], second[list(_USED)]
    np.subtract(out[used : 2 * used], out[:used], out=out[2 * used : 3 * used])
    out[3 * used : 3 * used + 3] = second[-3:]
    change = second - first
    short_wave = np.where(second[-1] > 0, change[_NBR], change[_NDMI])
    fall = change[_NIR]
    planes = np.stack([change[_GREEN] + change[_RED], fall, change[_NDVI], short_wave, fall * fall]) * known
    for place, window in enumerate(WINDOWS_PX):
        mean = box_mean(planes, known, window)
        mean[4] = np.sqrt(np.maximum(mean[4] - mean[1] * mean[1], 0)) * 4
        start = 3 * used + 3 + 5 * place
        out[start : start + 5] = mean
    return out


def probability(layers: Perceptron, before: FloatArray, after: FloatArray) -> FloatArray:
    """(H, W) how likely a pixel burnt between two dates, 0–1; 0 where it was not observed at both.

    Args:
        layers: from `FEATURES` numbers to one.
        before: (6, H, W) reflectance in the order of `spectral.BANDS`, NaN = not observed.
        after: likewise.
    """
    height, width = before.shape[1:]
    out = np.zeros((height, width), np.float32)
    margin = max(WINDOWS_PX) // 2
    for top in range(0, height, _STRIP_ROWS):
        low, bottom = max(top - margin, 0), min(top + _STRIP_ROWS, height)
        one, other = before[:, low : bottom + margin], after[:, low : bottom + margin]
        inner = slice(top - low, bottom - low)
        described = pair_features(one, other)[:, inner].reshape(FEATURES, -1)
        value = np.clip(layers(described)[0], -30, 30).reshape(-1, width)
        known = (spectral.usable(one) & spectral.usable(other))[inner]
        out[top:bottom] = np.where(known, 1 / (1 + np.exp(-value)), 0)
    return out


def decide(likely: FloatArray, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> BoolArray:
    """(H, W) burnt: certain, or likely and within `GROWTH_PX` of that, or char seen where there was none.

    Args:
        likely: (H, W) probability 0–1.
        before: (H, W) `Surface` codes.
        after: likewise.
    """
    certain = likely >= CERTAIN
    grown = binary_dilation(certain, iterations=GROWTH_PX, mask=likely >= LIKELY) if certain.any() else certain
    charred = (after == Surface.BURNT) & ~np.isin(before, _NEVER_BEFORE) & (likely >= SEEN)
    # green ground that turned pale was cleared or built on: fire leaves it black
    cleared = np.isin(before, _GREEN_GROUND) & np.isin(after, _PALE_GROUND)
    burnt: BoolArray = (grown | charred) & ~cleared
    return burnt
