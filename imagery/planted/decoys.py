"""What deceives: painted like a violation, labelled as nothing."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter, label, spline_filter
from scipy.ndimage import shift as moved
from shapely import affinity

from imagery.planted.canvas import BoolArray, Canvas, FloatArray, Window
from imagery.planted.materials import Palette, library
from imagery.planted.violations import Planter, plants, somewhere
from imagery.simulated.shapes import blob, rectangle

__all__ = ["DECOYS", "misregister", "stripes"]

_HAZE = {"blue": 1.0, "green": 0.85, "red": 0.7, "nir": 0.45, "swir16": 0.15, "swir22": 0.1}
"""Relative brightness that thin cloud and haze add, falling with the wavelength."""

_EVEN = 0.035
"""Mean deviation from its surroundings, relative, up to which ground counts as a field and not as a town."""


def cloud_remnant(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A small cloud that no mask caught, with its shadow; at either date."""
    rng = canvas.rng
    date = int(rng.random() < 0.6)
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2, 0.5, rng.uniform(1, 2)), lambda *_: True)
    placed = canvas.place(outline) if outline is not None else None
    if outline is None or placed is None:
        return False
    window, share = placed
    soft = gaussian_filter(share, rng.uniform(1, 4)) * rng.uniform(0.3, 0.95)
    tops = np.array([0.35 + 0.45 * _HAZE[band] ** 0.3 for band in canvas.bands], np.float32) * rng.uniform(0.6, 1.2)
    texture = np.clip(1 + 0.1 * gaussian_filter(rng.standard_normal(share.shape), 2) * 5, 0.6, 1.4)
    canvas.paint(window, soft.astype(np.float32), (tops[:, None, None] * texture).astype(np.float32), date)
    canvas.record_decoy("cloud_remnant", window, soft)
    away, angle = rng.uniform(100, 900), rng.uniform(-1, 1)
    shadow = canvas.place(affinity.translate(outline, -away * np.sin(angle), -away * np.cos(angle)))
    if shadow is not None:
        _darken(canvas, *shadow, date)
        canvas.record_decoy("cloud_remnant", shadow[0], shadow[1])
    return True


def _darken(canvas: Canvas, window: Window, share: FloatArray, date: int) -> None:
    rng = canvas.rng
    soft = gaussian_filter(share, rng.uniform(0.5, 3))
    image = canvas.images[date][(slice(None), *window)]
    # skylight is blue: the visible keeps more of its light in the shade than the infrared
    kept = np.array([rng.uniform(0.3, 0.8) + 0.2 * (_HAZE[band] > 0.6) for band in canvas.bands], np.float32)
    image *= 1 - soft * (1 - np.minimum(kept, 0.95)[:, None, None])


def shadow(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Shade of a cloud beyond the image, or of relief; at either date."""
    rng = canvas.rng
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2 * 3, 0.5, rng.uniform(1, 4)), lambda *_: True)
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    _darken(canvas, *placed, int(rng.random() < 0.6))
    canvas.record_decoy("shadow", *placed)
    return True


def haze(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A veil that nothing flags; at either date."""
    rng = canvas.rng
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2 * 20, 0.5, rng.uniform(1, 3)), lambda *_: True)
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    window, share = placed
    soft = gaussian_filter(share, rng.uniform(5, 15)) * rng.uniform(0.01, 0.09)
    veil = np.array([_HAZE[band] for band in canvas.bands], np.float32)[:, None, None]
    image = canvas.images[int(rng.random() < 0.6)][(slice(None), *window)]
    image += veil * soft * (1 - image)
    canvas.record_decoy("haze", window, np.zeros_like(share))
    return True


def mowing(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Plants cut to dry stalks in a straight-edged block or in swaths: paler, less green, but not bare."""
    rng = canvas.rng
    stretch, angle = rng.uniform(1, 5), rng.uniform(0, 180)
    outline = rectangle(0, 0, np.sqrt(area_m2 * 2 * stretch), np.sqrt(area_m2 * 2 / stretch), angle)
    outline = somewhere(canvas, outline, plants(canvas, 0.4))
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    window, share = placed
    y, x = np.mgrid[: share.shape[0], : share.shape[1]] * canvas.gsd_m
    wave = np.sin(2 * np.pi * (x * np.sin(np.radians(angle)) + y * np.cos(np.radians(angle))) / rng.uniform(20, 80))
    cut = share * np.clip(rng.uniform(0.2, 0.6) + rng.uniform(0, 0.15) * wave, 0, 1)
    name = str(rng.choice(["dry_grass", "stubble", "ripe_crop"]))
    canvas.paint(window, cut.astype(np.float32), library(colours, rng, share.shape, name))
    canvas.record_decoy("mowing", window, share)
    return True


def harvest(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A whole field, within the edges it had before, turned into another field's state: cut, tilled, or grown."""
    rng = canvas.rng
    field_of = _a_field(canvas, area_m2)
    if field_of is None:
        return False
    window, inside = field_of
    share = gaussian_filter(inside.astype(np.float32), 0.5)
    name = str(rng.choice(["stubble", "tilled", "ripe_crop", "chestnut_soil", "crop", "green_grass", "dry_grass"]))
    own = _like_another(colours, rng, share.shape) if rng.random() < 0.5 else None
    material = library(colours, rng, share.shape, name) if own is None else own
    canvas.paint(window, share * np.float32(rng.uniform(0.6, 1)), material)
    canvas.record_decoy("harvest", window, share)
    return True


def _like_another(colours: Palette, rng: Generator, shape: tuple[int, int]) -> FloatArray | None:
    """The scene's own farmland elsewhere: what a neighbour's field looks like on that day."""
    height, width = colours.image.shape[1:]
    for _ in range(8):
        row, col = int(rng.integers(2, height - 2)), int(rng.integers(2, width - 2))
        spot = colours.image[:, row - 2 : row + 3, col - 2 : col + 3]
        if np.isfinite(spot).all() and (spot.std(axis=(1, 2)) / spot.mean(axis=(1, 2))).max() < 0.06:
            grain = 1 + rng.standard_normal(shape) * rng.uniform(0.01, 0.05)
            return np.asarray(spot.mean(axis=(1, 2))[:, None, None] * grain, np.float32)
    return None


def _a_field(canvas: Canvas, area_m2: float) -> tuple[Window, BoolArray] | None:
    """A piece of even ground with an edge around it, grown from a random pixel of the before image."""
    rng = canvas.rng
    height, width = canvas.label.shape
    reach = int(np.clip(np.sqrt(area_m2 * 4) / canvas.gsd_m, 12, 60))
    if min(height, width) <= reach:
        return None
    for _ in range(12):
        row, col = (
            int(rng.integers(reach, max(height - reach, reach + 1))),
            int(rng.integers(reach, max(width - reach, reach + 1))),
        )
        window = (slice(row - reach, min(row + reach, height)), slice(col - reach, min(col + reach, width)))
        smooth = gaussian_filter(canvas.before[(slice(None), *window)], (0, 1, 1))
        seed = smooth[:, reach : reach + 1, reach : reach + 1]
        if not np.isfinite(smooth).all():
            continue
        unlike = np.abs(smooth - seed).mean(axis=0) / np.maximum(np.abs(seed).mean(), 0.02)
        parts, _ = label(unlike < rng.uniform(0.08, 0.16))
        inside = parts == parts[reach, reach]
        whole = inside & ~canvas.touched[window]
        if not 30 < whole.sum() < 0.6 * whole.size or parts[reach, reach] == 0:
            continue  # a speck, or a surface that goes on beyond the window
        rough = np.abs(canvas.before[(slice(None), *window)] - smooth)[:, whole].mean() / smooth[:, whole].mean()
        if rough < _EVEN:
            return window, whole
    return None


def burn(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A fire over plants, of uneven severity; its pixels are remembered as burnt."""
    rng = canvas.rng
    size = area_m2 * rng.uniform(3, 60)
    outline = somewhere(
        canvas, blob(rng, 0, 0, size, rng.uniform(0.3, 0.6), rng.uniform(1, 3)), plants(canvas, 0.15, 0.5)
    )
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    window, share = placed
    uneven = gaussian_filter(rng.standard_normal(share.shape), rng.uniform(1, 6))
    uneven /= max(float(uneven.std()), 1e-6)
    severity = share * np.clip(rng.uniform(0.45, 0.95) + rng.uniform(0.05, 0.25) * uneven, 0, 1)
    char = library(colours, rng, share.shape, "char")
    if rng.random() < 0.4:
        ground = canvas.after[(slice(None), *window)] * rng.uniform(0.5, 0.9)
        char = np.asarray(0.6 * char + 0.4 * ground, np.float32)
    canvas.paint(window, severity.astype(np.float32), char)
    canvas.burnt[window] |= severity > 0.4
    canvas.record_decoy("burn", window, share)
    return True


def snow(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Snow that lingers in a hollow; at either date."""
    rng = canvas.rng
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2, 0.5, rng.uniform(1, 4)), lambda *_: True)
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    window, share = placed
    cover = gaussian_filter(share, rng.uniform(0.3, 1.5)) * rng.uniform(0.3, 1)
    canvas.paint(window, cover.astype(np.float32), library(colours, rng, share.shape, "snow"), int(rng.random() < 0.7))
    canvas.record_decoy("snow", window, share)
    return True


def water_level(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A shore moved by a pixel or a few, as levels do: the water's rim drowned, or laid dry."""
    rng = canvas.rng
    height, width = canvas.label.shape
    size = int(np.clip(np.sqrt(area_m2 * 10) / canvas.gsd_m, 20, 120))
    if min(height, width) <= size:
        return False
    for _ in range(12):
        row, col = int(rng.integers(height - size)), int(rng.integers(width - size))
        window = (slice(row, row + size), slice(col, col + size))
        green, nir = (canvas.before[(canvas.bands.index(band), *window)] for band in ("green", "nir"))
        wet = ((green > nir) & (nir < 0.12)).astype(np.float32)
        if not 0.1 < wet.mean() < 0.9 or canvas.touched[window].mean() > 0.05:
            continue
        # the shore as a level of the blurred mask moves by about so many pixels
        blurred = gaussian_filter(wet, 2.5)
        inner = (
            np.clip((blurred - 0.5) / 0.1 + rng.uniform(-3, 3), 0, 1)
            if rng.random() < 0.5
            else (blurred > rng.uniform(0.15, 0.85)) * 1.0
        )
        rim = np.abs(inner - wet) * (blurred > 0.03) * (blurred < 0.97)
        name = "turbid_water" if inner.mean() > wet.mean() else "mud"
        share = gaussian_filter(rim, 0.5).astype(np.float32)
        canvas.paint(window, share, library(colours, rng, (size, size), name))
        canvas.record_decoy("water_level", window, share)
        return True
    return False


def speckle(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Cars, glinting roofs, a tree felled: a few specks of one to eight pixels, too small to be a lead."""
    rng = canvas.rng
    height, width = canvas.label.shape
    found = False
    for _ in range(int(rng.integers(3, 12))):
        edge = rng.uniform(0.6, 3) * canvas.gsd_m
        x, y = rng.uniform(0, width) * canvas.gsd_m, rng.uniform(0, height) * canvas.gsd_m
        placed = canvas.place(rectangle(x, y, edge, edge * rng.uniform(0.5, 1), rng.uniform(0, 180)))
        if placed is None or not canvas.free(*placed):
            continue
        window, share = placed
        image = canvas.images[int(rng.random() < 0.6)][(slice(None), *window)]
        image *= 1 + share * np.float32(rng.choice([rng.uniform(-0.6, -0.2), rng.uniform(0.2, 1.2)]))
        canvas.record_decoy("speckle", window, share)
        found = True
    return found


def misregister(image: FloatArray, shift_px: tuple[float, float]) -> FloatArray:
    """(C, H, W) image displaced by (row, col), each at most a pixel; unobserved ground widens by as much."""
    hollow: BoolArray = np.asarray(~np.isfinite(image).all(axis=0))
    out = np.empty_like(image)
    for band, target in zip(image, out, strict=True):
        filled = np.where(hollow, np.nanmedian(band), band).astype(np.float64)
        smooth = np.asarray(spline_filter(filled, 2), np.float64)
        target[:] = moved(smooth, shift_px, order=2, mode="nearest", prefilter=False)
    if hollow.any():
        out[:, moved(hollow.astype(np.float32), shift_px, order=1, mode="nearest") > 0.01] = np.nan
    return out


def stripes(image: FloatArray, rng: Generator, gsd_m: float) -> None:
    """View-angle steps between detectors, along the track (about 12° off north), a few per cent each; in place."""
    height, width = image.shape[1:]
    y, x = np.mgrid[:height, :width] * gsd_m
    across = x * np.cos(np.radians(12)) + y * np.sin(np.radians(12))
    period = rng.uniform(3000, 25000)
    band = np.floor((across + rng.uniform(0, period)) / period).astype(int)
    steps = 1 + rng.normal(0, 0.02, (len(image), int(band.max()) + 1))
    image *= steps[:, band].astype(np.float32)


DECOYS: Mapping[str, Planter] = MappingProxyType(
    {
        "cloud_remnant": cloud_remnant,
        "shadow": shadow,
        "haze": haze,
        "mowing": mowing,
        "harvest": harvest,
        "burn": burn,
        "snow": snow,
        "water_level": water_level,
        "speckle": speckle,
    }
)
"""Every kind that is painted, by its name; misregistration and stripes concern a whole image."""

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "cloud_remnant": 0.14,
        "shadow": 0.1,
        "haze": 0.05,
        "mowing": 0.16,
        "harvest": 0.37,
        "burn": 0.07,
        "snow": 0.03,
        "water_level": 0.08,
        "speckle": 0.2,
    }
)
