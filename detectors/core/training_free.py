"""The training-free score: the baseline that any network must beat, and the fallback without weights.

Conditional anomaly in units of what is usual in the region, damped where the after image is green (season, regrowth)
and where both dates are water (waves, silt). The threshold is a fixed multiple of the region's own upper quartile:
no label sets it. docs/design/normals.md holds the measurements.
"""

from collections.abc import Sequence

import numpy as np

from detectors.core import anomaly, surface
from detectors.core.neighbourhood import Box, box_of, gaussian_mean, with_reach
from detectors.core.normals import REACH_PX, Normals
from detectors.core.types import BoolArray, FloatArray, Pair

UNUSUAL = 2.75
"""A pixel scores 0.5 when its anomaly is so many times the region's upper quartile."""

STEEPNESS = 2.0
"""Score = 1 / (1 + (`UNUSUAL` / anomaly) ** steepness): 0.4 lies at 0.82 of the threshold, 0.8 at twice it."""

_NDVI_PX = 1.0
"""Standard deviation of the mean over NDVI, so that one tree in a yard does not hide the yard."""


def disturbance(pair: Pair, normals: Sequence[tuple[Normals, FloatArray]]) -> FloatArray:
    """(H, W) score 0–1 without a network, 0.5 = the threshold, NaN = not observed.

    A pixel's score depends on what lies within `REACH_PX` and on the normals, on nothing else of the array.

    Args:
        pair: before and after.
        normals: each with its (H, W) share in every pixel; the shares sum to 1. Every normals' bands are among the
            pair's.
    """
    total = np.zeros(pair.valid.shape, np.float32)
    share = np.zeros(pair.valid.shape, np.float32)
    for each, weight in normals:
        if not (weight > 0).any():
            continue
        box = box_of(weight > 0)
        around, inner = with_reach(box, weight.shape, REACH_PX)
        score = _score(pair, each, around)[inner]
        part = np.where(np.isfinite(score), weight[box], np.float32(0))
        total[box] += np.where(part > 0, score, np.float32(0)) * part
        share[box] += part
    seen = pair.valid & (share > 0)
    return np.where(seen, total / np.where(seen, share, 1), np.float32(np.nan)).astype(np.float32)


def _score(pair: Pair, normals: Normals, box: Box) -> FloatArray:
    """(h, w) score of a box under one region's normals, NaN where not observed."""
    index = [pair.bands.index(band) for band in normals.bands]
    images = pair.before[index, *box], normals.align(pair.after[index, *box])
    measures = anomaly.measure(images, normals.standards, normals.regressions, normals.codebook)
    log = log_unusual(images, measures, normals, pair.reflectance)
    with np.errstate(over="ignore"):
        score = 1 / (1 + np.exp(-np.float32(STEEPNESS) * log))
    return np.where(measures.observed, score, np.float32(np.nan)).astype(np.float32)


def log_unusual(
    images: tuple[FloatArray, FloatArray], measures: anomaly.Measures, normals: Normals, reflectance: bool
) -> FloatArray:
    """(H, W) natural log of the damped anomaly over the threshold: zero is the threshold, finite everywhere.

    Args:
        images: before and aligned after, (C, H, W) of the normals' bands, NaN = not observed.
        measures: of these images.
        normals: of the region.
        reflectance: False leaves out the damping, which needs indices.
    """
    before, after = images
    log = measures.log_score - np.float32(normals.log_usual + np.log(UNUSUAL))
    if reflectance:
        log += np.log(_green(after, normals.bands, measures.observed))
        log += np.log(_open_water(before, normals.bands) * _open_water(after, normals.bands) * np.float32(-0.9) + 1)
    return log


def _green(after: FloatArray, bands: tuple[str, ...], observed: BoolArray) -> FloatArray:
    """Factor 1 on bare ground to 0.3 on green: what grows was not dug up or built on. NDVI: Rouse et al. 1974."""
    if not {"red", "nir"} <= set(bands):
        return np.ones(observed.shape, np.float32)
    ndvi = np.where(observed, surface.ratio(after, bands, "nir", "red"), np.float32(0))
    return np.float32(0.3) + np.float32(0.7) * _step(np.float32(0.35) - gaussian_mean(ndvi, observed, _NDVI_PX), 0.1)


def _open_water(image: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """0–1: water by NDWI (McFeeters 1996) and, where there is SWIR, by MNDWI (Xu 2006)."""
    out = np.ones(image.shape[1:], np.float32)
    for other in ("nir", "swir16"):
        if {"green", other} <= set(bands):
            index = np.nan_to_num(surface.ratio(image, bands, "green", other))
            out = np.minimum(out, _step(index - np.float32(0.15), 0.1))
        elif other == "nir":
            return np.zeros(image.shape[1:], np.float32)
    return out


def _step(value: FloatArray, width: float) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(np.clip(-value / width, -30, 30))), dtype=np.float32)
