"""Change vector analysis, the method that every score is measured beside. Arrays in, arrays out.

Malila, "Change vector analysis: an approach for detecting forest changes with Landsat", 1980.
Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979).
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from detectors.core.types import BoolArray, FloatArray

SMOOTHING_PX = 1.0
_BINS = 256


def cva(before: FloatArray, after: FloatArray) -> FloatArray:
    """Length of the change vector in bands whose differences have mean 0 and deviation 1.

    Args:
        before: (C, H, W) reflectance or DN, NaN = not observed.
        after: the same bands and grid.

    Returns:
        (H, W) magnitude over its own median, smoothed a little; NaN where a band was not observed at either date.
    """
    difference = after - before
    seen = np.isfinite(difference).all(axis=0)
    if not seen.any():
        return np.full(seen.shape, np.nan, np.float32)
    values = difference[:, seen].astype(np.float64)
    deviation = values.std(axis=1, keepdims=True)
    values = (values - values.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1)
    magnitude = np.zeros(seen.shape)
    magnitude[seen] = np.sqrt((values**2).sum(axis=0))
    smooth = _smoothed(magnitude, seen)
    return np.where(seen, smooth / max(float(np.median(smooth[seen])), 1e-9), np.nan).astype(np.float32)


def _smoothed(magnitude: np.ndarray, seen: BoolArray) -> np.ndarray:
    """Gaussian mean of the observed neighbours."""
    weight = gaussian_filter(seen.astype(np.float64), SMOOTHING_PX)
    return gaussian_filter(magnitude, SMOOTHING_PX) / np.maximum(weight, 1e-9)


def otsu(score: FloatArray) -> float:
    """The threshold that parts a score's histogram into two classes with the most variance between them.

    Args:
        score: any shape, NaN = not observed.

    Raises:
        ValueError: if nothing was observed.
    """
    seen = score[np.isfinite(score)]
    if seen.size == 0:
        raise ValueError("nothing was observed")
    counts, edges = np.histogram(seen, _BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = seen.size - below
    mass = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = mass[:-1] / below - (mass[-1] - mass[:-1]) / above
    between = np.nan_to_num(below * above * gap**2)
    return float(edges[1 + int(np.argmax(between))])
