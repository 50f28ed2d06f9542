"""Real ground moved within its own pair: a place as it looks after, laid where something else was before.

Paint never looks quite like the world, and a network learns the paint. Ground taken whole from the same image has the
texture, the mixed pixels and the radiometry of the real thing, and its outline is its own. So that neither the seam nor
a thing out of place gives it away, other pieces are moved in both dates at once: they look as odd, and did not change.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter, label, uniform_filter

from imagery.planted.canvas import BoolArray, Canvas, FloatArray, Window

_TRIES = 30
_GREEN = 0.35
"""NDVI over which a pixel is plants."""


@dataclass(frozen=True)
class Ground:
    """What can be moved: both dates as they were before anything was planted, and what their ground is like."""

    images: tuple[FloatArray, FloatArray]
    """(C, H, W) before and after."""

    looks: tuple[FloatArray, FloatArray]
    """(2C, H, W) per date: smoothed bands and their local spread, in units of the scene's own spread."""

    made: FloatArray
    """(H, W) how much the after image looks dug or built: bare of plants and rough. 0 where unobserved or water."""

    wet: BoolArray
    """(H, W) True where the before image shows water."""

    seen: BoolArray
    """(H, W) True where both dates were observed."""

    shaky: BoolArray
    """(H, W) True where something may really have changed: a piece moved in both dates would carry that along."""


def ground_of(canvas: Canvas, shaky: BoolArray | None = None) -> Ground:
    """The ground of a canvas nothing was painted on yet."""
    images = (canvas.before.copy(), canvas.after.copy())
    looks = tuple(_looks(image) for image in images)
    seen = np.asarray(np.isfinite(images[0]).all(axis=0) & np.isfinite(images[1]).all(axis=0))
    wet = tuple(_wet(canvas, image) for image in images)
    with np.errstate(invalid="ignore"):
        bare = canvas.ndvi(images[1], (slice(None), slice(None))) < _GREEN
    rough = looks[1][len(images[1]) :].mean(axis=0)
    made = np.where(bare & ~wet[1] & seen, 0.3 + np.clip(rough, 0, 3), 0).astype(np.float32)
    doubt = np.zeros_like(seen) if shaky is None else shaky
    return Ground(images, (looks[0], looks[1]), made, wet[0], seen, doubt)


def _wet(canvas: Canvas, image: FloatArray) -> BoolArray:
    green, nir = (image[canvas.bands.index(band)] for band in ("green", "nir"))
    with np.errstate(invalid="ignore"):
        return np.asarray(nir < green * 0.9)


def _looks(image: FloatArray) -> FloatArray:
    filled = np.where(np.isfinite(image), image, np.nanmedian(image, axis=(1, 2), keepdims=True)).astype(np.float32)
    low, high = np.percentile(filled[:, ::5, ::5], (16, 84), axis=(1, 2))
    unit = np.maximum((high - low) / 2, 0.004)[:, None, None].astype(np.float32)
    level = uniform_filter(filled, (0, 3, 3)) / unit
    mean, square = uniform_filter(filled, (0, 7, 7)), uniform_filter(filled**2, (0, 7, 7))
    return np.concatenate([level, np.sqrt(np.maximum(square - mean**2, 0)) / unit])


def appeared(canvas: Canvas, ground: Ground, area_m2: float) -> bool:
    """A piece of dug or built ground, as it looks after, where other ground was before."""
    return _changed(canvas, ground, area_m2, 1)


def vanished(canvas: Canvas, ground: Ground, area_m2: float) -> bool:
    """The same the other way round: it was there before, and the after image has what is there in truth."""
    return _changed(canvas, ground, area_m2, 0)


def moved(canvas: Canvas, ground: Ground, area_m2: float) -> bool:
    """A decoy: a piece of any ground moved in both dates; odd where it lies, and unchanged."""
    rng = canvas.rng
    seeds = ground.seen.astype(np.float32) if rng.random() < 0.5 else ground.made
    cut = _piece(ground, canvas, seeds * ~ground.shaky, int(rng.integers(2)), area_m2)
    if cut is None:
        return False
    source, mask = cut
    if ground.shaky[source][mask].mean() > 0.02:
        return False
    share = _soft(rng, mask)
    for _ in range(_TRIES):
        window = _somewhere(canvas, mask.shape)
        if canvas.free(window, share):
            for date in (0, 1):
                canvas.paint(window, share, ground.images[date][(slice(None), *source)], date)
            canvas.record_decoy("moved", window, share)
            return True
    return False


def _changed(canvas: Canvas, ground: Ground, area_m2: float, date: int) -> bool:
    cut = _piece(ground, canvas, ground.made, 1, area_m2)
    if cut is None:
        return False
    source, mask = cut
    share = _soft(canvas.rng, mask)
    looks = ground.looks[date]
    here = looks[(slice(None), *source)][:, mask].mean(axis=1)
    least = canvas.rng.uniform(0.25, 1.5)
    on_water = canvas.rng.random() < 0.05
    for _ in range(_TRIES):
        window = _somewhere(canvas, mask.shape)
        there = looks[(slice(None), *window)][:, mask].mean(axis=1)
        if np.sqrt(np.square(here - there).mean()) < least or not canvas.free(window, share):
            continue
        if not on_water and ground.wet[window][mask].mean() > 0.2:
            continue
        stage = share if canvas.rng.random() < 0.7 else share * np.float32(canvas.rng.uniform(0.4, 0.95))
        piece = ground.images[date][(slice(None), *source)]
        _lay(canvas, window, share, stage, piece, date)
        return True
    return False


def _lay(canvas: Canvas, window: Window, share: FloatArray, stage: FloatArray, piece: FloatArray, date: int) -> None:
    unpainted = canvas.images[date][(slice(None), *window)].copy()
    canvas.paint(window, stage, piece, date)
    canvas.record_violation("transplant", window, share, unpainted, closing_px=5, date=date)


def _somewhere(canvas: Canvas, shape: tuple[int, int]) -> Window:
    rows, cols = (
        int(canvas.rng.integers(0, max(size - edge, 0) + 1))
        for size, edge in zip(canvas.label.shape, shape, strict=True)
    )
    return slice(rows, rows + shape[0]), slice(cols, cols + shape[1])


def _piece(
    ground: Ground, canvas: Canvas, seeds: FloatArray, date: int, area_m2: float
) -> tuple[Window, BoolArray] | None:
    """A connected piece of like ground of about an area: its window and (h, w) mask."""
    rng = canvas.rng
    pixels = max(4, round(area_m2 / canvas.gsd_m**2))
    seed = _seed(seeds, rng)
    if seed is None:
        return None
    reach = int(np.ceil(1.1 * np.sqrt(pixels))) + 3
    rows, cols = (
        slice(max(0, at - reach), min(size, at + reach + 1)) for at, size in zip(seed, canvas.label.shape, strict=True)
    )
    looks = ground.looks[date][:, rows, cols]
    start = seed[0] - rows.start, seed[1] - cols.start
    unlike = np.sqrt(np.square(looks - looks[:, *start][:, None, None]).mean(axis=0))
    # where it ends is noisy in nature too; and far from the seed it must be more alike
    down, across = np.ogrid[: unlike.shape[0], : unlike.shape[1]]
    far = np.hypot(down - start[0], across - start[1]) / np.sqrt(pixels)
    mask = _grown(unlike + rng.uniform(0.2, 1.0) * far, start, pixels)
    if mask is None:
        return None
    window, tight = _tight((rows, cols), mask)
    return (window, tight) if ground.seen[window].all() else None


def _seed(seeds: FloatArray, rng: Generator) -> tuple[int, int] | None:
    """A random place, likelier where it is heavier."""
    at = rng.integers(0, seeds.size, 400)
    weight = np.nan_to_num(seeds.ravel()[at]).astype(float)
    if weight.sum() <= 0:
        return None
    chosen = int(rng.choice(at, p=weight / weight.sum()))
    return chosen // seeds.shape[1], chosen % seeds.shape[1]


def _grown(cost: FloatArray, start: tuple[int, int], pixels: int) -> BoolArray | None:
    """The part connected with the start below that cost which makes it about so large."""
    for share in (0.3, 0.4, 0.5, 0.65, 0.85):
        level = np.quantile(cost, share)
        parts, _ = label(cost <= level)
        if parts[start] and (part := parts == parts[start]).sum() >= 0.6 * pixels:
            inner = np.sort(cost[part])
            if len(inner) > 1.5 * pixels:
                parts, _ = label(cost <= inner[pixels - 1])
                part = parts == parts[start]
            whole = np.pad(part, 2)
            return np.asarray(binary_fill_holes(binary_closing(whole))[2:-2, 2:-2])
    return None


def _tight(window: Window, mask: BoolArray) -> tuple[Window, BoolArray]:
    """Without empty rows and columns, but a rim of two pixels where there is one."""
    parts = []
    for axis, along in enumerate(window):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        parts.append((max(0, int(used[0]) - 2), min(along.stop - along.start, int(used[-1]) + 3)))
    (top, bottom), (left, right) = parts
    rows = slice(window[0].start + top, window[0].start + bottom)
    cols = slice(window[1].start + left, window[1].start + right)
    return (rows, cols), mask[top:bottom, left:right]


def _soft(rng: Generator, mask: BoolArray) -> FloatArray:
    return np.asarray(gaussian_filter(mask.astype(np.float32), rng.uniform(0.35, 0.7)), np.float32)
