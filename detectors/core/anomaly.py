"""The conditional anomaly: how unlike its likes a pixel changed.

One date is predicted from the other (the pixel, its surroundings at two sizes, its texture) by robust ridge
regression over a fixed random codebook (Rahimi & Recht 2007); the residual is divided by the scatter that such
pixels show, whitened, and its length taken. It is done both ways, as a new building is unlikely given the field
before, and the field before is unlikely given the building now (compare Theiler & Perkins 2006).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.neighbourhood import box_mean, gaussian_mean, gaussian_reach
from detectors.core.types import BoolArray, FloatArray

WINDOWS_PX = (3, 11)
"""Edges of the surroundings a pixel is described with, the last the largest."""

TEXTURE_PX = 5
"""Edge of the window in which texture is measured."""

SMOOTHING_PX = 2.0
"""Standard deviation of the mean over log scores: a geometric mean, which a single glinting roof can not carry."""

REACH_PX = max(*WINDOWS_PX, TEXTURE_PX) // 2 + gaussian_reach(SMOOTHING_PX)
"""How far a raw score looks."""

CODES = 64
"""Random features."""

RIDGE = 1e-3
"""Ridge penalty per sample, in units of the standardised inputs."""

_CHUNK = 1 << 14
"""Pixels per matrix product of a fit: keeps memory flat. Sums depend on it, by their last bits."""

_CHUNK_APPLIED = 1 << 10
"""Likewise where a fit is applied, each pixel by itself: what a chunk needs stays near the processor."""


@dataclass(frozen=True)
class Standard:
    """Centre and spread of the inputs at one date."""

    centre: FloatArray
    """(C,) median of each band."""

    spread: FloatArray
    """(C,) half the distance between the 16th and 84th percentile."""

    texture: FloatArray
    """(2,) centre and spread of the log texture."""


@dataclass(frozen=True)
class Codebook:
    """Random features tanh(f @ directions + offsets), the same everywhere."""

    directions: FloatArray
    """(inputs, `CODES`)."""

    offsets: FloatArray
    """(`CODES`,)."""

    @property
    def weights(self) -> FloatArray:
        """(`CODES`, 1 + inputs) both in one, for descriptions that begin with a one."""
        return np.ascontiguousarray(np.vstack([self.offsets, self.directions]).T)


@dataclass(frozen=True)
class Regression:
    """What one date lets us expect of the other."""

    coefficients: FloatArray
    """(features, C) expected standardised band."""

    log_scatter: FloatArray
    """(features, C) expected log of the absolute residual."""

    whitening: FloatArray
    """(C, C) makes the scaled residuals of unchanged pixels uncorrelated, of unit variance."""


def codebook(bands: int) -> Codebook:
    """The codebook for a number of bands; seeded, so that every fit has the same."""
    inputs = bands * (1 + len(WINDOWS_PX)) + 1
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((inputs, CODES)) * 1.5 / np.sqrt(inputs)
    return Codebook(directions.astype(np.float32), (rng.standard_normal(CODES) * 0.7).astype(np.float32))


def seen(image: FloatArray) -> BoolArray:
    """(H, W) True where all bands were observed."""
    return np.asarray(np.isfinite(image).all(axis=0))


def standardise(image: FloatArray, observed: BoolArray, standard: Standard) -> FloatArray:
    """(C, H, W) bands in units of the region's own spread, zero where not observed."""
    z = image - standard.centre[:, None, None]
    z /= standard.spread[:, None, None]
    z[:, ~observed] = 0
    return z


def log_texture(z: FloatArray, observed: BoolArray) -> FloatArray:
    """(H, W) log of the standard deviation in a small window, mean over bands; its reach is half `TEXTURE_PX`."""
    mean = box_mean(z, observed, TEXTURE_PX)
    square = box_mean(np.square(z).mean(axis=0, keepdims=True), observed, TEXTURE_PX)[0]
    variance = np.maximum(square - np.square(mean).mean(axis=0), 0)
    return np.asarray(0.5 * np.log(variance + 0.0025), dtype=np.float32)


def describe(z: FloatArray, observed: BoolArray, standard: Standard) -> FloatArray:
    """(1 + inputs, H, W) what a pixel is regressed on: one, itself, its surroundings, its texture; without outliers."""
    texture = (log_texture(z, observed) - standard.texture[0]) / standard.texture[1]
    bands = len(z)
    described = np.empty((bands * (1 + len(WINDOWS_PX)) + 2, *z.shape[1:]), np.float32)
    described[0] = 1
    described[1 : 1 + bands] = z
    for number, size in enumerate(WINDOWS_PX, start=1):
        part = described[1 + number * bands : 1 + (number + 1) * bands]
        np.multiply(box_mean(z, observed, size), np.float32(0.7), out=part)
    described[-1] = texture
    return np.clip(described, -5, 5, out=described)


def _code(described: FloatArray, weights: FloatArray, out: FloatArray) -> None:
    """Fills in (`CODES`, N) random features of (1 + inputs, N)."""
    np.tanh(np.matmul(weights, described, out=out), out=out)


def fit_regression(described: FloatArray, target: FloatArray, book: Codebook) -> Regression:
    """Regress one date on the other, robustly.

    Args:
        described: (1 + inputs, N) descriptions of the samples at one date.
        target: (C, N) their standardised bands at the other.
        book: random features.
    """
    count = described.shape[1]
    x = np.empty((len(described) + CODES, count), np.float32)
    x[: len(described)] = described
    _code(described, book.weights, x[len(described) :])
    weights = np.ones(count, np.float32)
    for _ in range(4):
        coefficients = _ridge(x, target, weights)
        residual = target - coefficients.T @ x
        distance = np.sqrt(np.square(residual).mean(axis=0))
        # Cauchy weights: real changes are among the samples and must not be learned as normal
        weights = (1 / (1 + np.square(distance / max(2 * float(np.median(distance)), 1e-6)))).astype(np.float32)
    log_scatter = _ridge(x, np.log(np.abs(residual) + 0.02), np.ones(count, np.float32))
    scaled = residual / _scatter(log_scatter.T @ x)
    length = np.square(scaled).sum(axis=0)
    usual = scaled[:, length <= np.percentile(length, 92)]
    covariance = np.atleast_2d(np.cov(usual)) + 0.05 * np.eye(len(target))
    whitening = np.linalg.inv(np.linalg.cholesky(covariance))
    return Regression(coefficients, log_scatter, whitening.astype(np.float32))


def _ridge(x: FloatArray, target: FloatArray, weights: FloatArray) -> FloatArray:
    """(features, C) coefficients for (features, N) samples of (N,) weights."""
    gram: NDArray[np.floating] = RIDGE * float(weights.sum()) * np.eye(len(x))
    moment: NDArray[np.floating] = np.zeros((len(x), len(target)))
    for start in range(0, x.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        weighted = x[:, part] * weights[part]
        gram += weighted @ x[:, part].T
        moment += weighted @ target[:, part].T
    return np.linalg.solve(gram, moment).astype(np.float32)


def _scatter(log_scatter: FloatArray) -> FloatArray:
    # 1.6 turns the mean log of an absolute normal deviate into its standard deviation, roughly
    return np.asarray(1.6 * np.exp(np.clip(log_scatter, -4, 4)), dtype=np.float32)


def residual(described: FloatArray, target: FloatArray, regression: Regression, book: Codebook) -> FloatArray:
    """(C, N) how far (C, N) targets lie off what (1 + inputs, N) descriptions let expect, in units of usual scatter."""
    both = np.concatenate([regression.coefficients, regression.log_scatter], axis=1).T
    by_input, by_code = (np.ascontiguousarray(part) for part in np.split(both, [len(described)], axis=1))
    weights, bands = book.weights, len(target)
    out, codes = np.empty_like(target), np.empty((CODES, 0), np.float32)
    for start in range(0, described.shape[1], _CHUNK_APPLIED):
        part = slice(start, start + _CHUNK_APPLIED)
        x = described[:, part]
        if codes.shape[1] != x.shape[1]:  # filled anew for every chunk
            codes = np.empty((CODES, x.shape[1]), np.float32)
        _code(x, weights, codes)
        said = by_code @ codes
        said += by_input @ x
        np.divide(target[:, part] - said[:bands], _scatter(said[bands:]), out=out[:, part])
    return out


@dataclass(frozen=True)
class Measures:
    """Everything that is measured of a pair of images against the normals, before any scale is known."""

    z: tuple[FloatArray, FloatArray]
    """(C, H, W) before and after in units of the region's spread; zero where not observed."""

    residuals: tuple[FloatArray, FloatArray]
    """(C, H, W) after given before, and before given after, in units of usual scatter, not whitened."""

    log_length: FloatArray
    """(H, W) natural log of the length of the change vector in z."""

    log_unlike: tuple[FloatArray, FloatArray]
    """(H, W) natural log of the length of each whitened residual."""

    observed: BoolArray
    """(H, W) at both dates; elsewhere every number is finite and means nothing."""

    @property
    def log_score(self) -> FloatArray:
        """(H, W) natural log of √(forward × backward) × change vector, smoothed: a geometric mean over neighbours."""
        log = self.log_length + np.float32(0.5) * (self.log_unlike[0] + self.log_unlike[1])
        log[~self.observed] = 0
        return gaussian_mean(log, self.observed, SMOOTHING_PX)


def measure(
    images: tuple[FloatArray, FloatArray],
    standards: tuple[Standard, Standard],
    regressions: tuple[Regression, Regression],
    book: Codebook,
) -> Measures:
    """How unlike its likes every pixel changed, both ways.

    Args:
        images: before and after, (C, H, W) of the bands used, NaN = not observed.
        standards: of before and after.
        regressions: after from before, before from after.
        book: random features.
    """
    observed = [seen(image) for image in images]
    z = [standardise(*each) for each in zip(images, observed, standards, strict=True)]
    residuals, unlike = [], []
    for source, target in ((0, 1), (1, 0)):
        described = describe(z[source], observed[source], standards[source])
        off = residual(
            described.reshape(len(described), -1), z[target].reshape(len(z[target]), -1), regressions[source], book
        )
        length = np.sqrt(np.square(regressions[source].whitening @ off).sum(axis=0))
        residuals.append(off.reshape(z[target].shape))
        unlike.append(np.log(np.maximum(length, 1e-3)).reshape(z[target].shape[1:]))
    return Measures(
        z=(z[0], z[1]),
        residuals=(residuals[0], residuals[1]),
        log_length=np.log(_length(z[1] - z[0])),
        log_unlike=(unlike[0], unlike[1]),
        observed=observed[0] & observed[1],
    )


def _length(change: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(np.sqrt(np.square(change).sum(axis=0)), 1e-3), dtype=np.float32)
