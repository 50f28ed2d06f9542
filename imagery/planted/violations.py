"""Violations as they look from above, painted into an after image."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import shapely
from numpy.random import Generator
from scipy.ndimage import gaussian_filter
from shapely import affinity
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from imagery.planted.canvas import Canvas, FloatArray, Window
from imagery.planted.materials import Palette, library, own_ground
from imagery.simulated.shapes import blob, rectangle, valid, wander

Planter = Callable[[Canvas, Palette, float], bool]
"""(canvas, colours of the after image, area in m²) → whether it found a place."""

_TRIES = 25


def somewhere(canvas: Canvas, outline: BaseGeometry, fits: Callable[[Window, FloatArray], bool]) -> BaseGeometry | None:
    """The outline, moved to a random place that suits it."""
    height, width = (size * canvas.gsd_m for size in canvas.label.shape)
    x, y = outline.centroid.coords[0]
    for _ in range(_TRIES):
        moved = affinity.translate(outline, canvas.rng.uniform(0, width) - x, canvas.rng.uniform(0, height) - y)
        placed = canvas.place(moved)
        if placed is not None and canvas.free(*placed) and fits(*placed):
            return moved
    return None


def plants(canvas: Canvas, least: float, share_of: float = 0.6) -> Callable[[Window, FloatArray], bool]:
    """Asks for ground of which so large a share had at least this NDVI before."""

    def fits(window: Window, share: FloatArray) -> bool:
        here = share > 0.5
        ndvi = canvas.ndvi(canvas.before, window)
        return bool(here.any() and (ndvi[here] > least).mean() > share_of)

    return fits


def _land(canvas: Canvas) -> Callable[[Window, FloatArray], bool]:
    def fits(window: Window, share: FloatArray) -> bool:
        return bool((~_wet(canvas, window)[share > 0.5]).mean() > 0.9) if (share > 0.5).any() else False

    return fits


def _wet(canvas: Canvas, window: Window) -> np.ndarray:
    green, nir = (canvas.before[(canvas.bands.index(band), *window)] for band in ("green", "nir"))
    return np.asarray((green > nir) & (nir < 0.12))


def _outline(rng: Generator, area_m2: float) -> BaseGeometry:
    """A blob or a rectangle, or a few of them run together."""
    parts = []
    count = int(rng.choice([1, 1, 2, 3]))
    edge = np.sqrt(area_m2 / count)
    angle = rng.uniform(0, 180)
    for _ in range(count):
        x, y = rng.normal(0, 0.5 * edge, 2)
        stretch = rng.uniform(1, 2.5)
        if rng.random() < 0.5:
            parts.append(rectangle(x, y, edge * np.sqrt(stretch), edge / np.sqrt(stretch), angle))
        else:
            parts.append(blob(rng, x, y, edge * edge, rng.uniform(0.1, 0.5), stretch))
    return valid(shapely.union_all(parts))


def _lay(
    canvas: Canvas, kind: str, outline: BaseGeometry | None, make: Callable[[tuple[int, int]], FloatArray]
) -> bool:
    """Paint one material into an outline, wholly or (a work under way) in part, and label it."""
    placed = canvas.place(outline) if outline is not None else None
    if placed is None:
        return False
    window, share = placed
    unpainted = canvas.after[(slice(None), *window)].copy()
    canvas.paint(window, share * _stage(canvas.rng, share.shape), make(share.shape))
    canvas.record_violation(kind, window, share, unpainted)
    return True


def _stage(rng: Generator, shape: tuple[int, int]) -> FloatArray:
    """(h, w) how far the work has come: mostly done, sometimes patchy or thin."""
    if rng.random() < 0.35:
        return np.ones(shape, np.float32)
    patchy = gaussian_filter(rng.standard_normal(shape), rng.uniform(1, 4))
    patchy /= max(float(patchy.std()), 1e-6)
    return np.clip(rng.uniform(0.3, 0.95) + rng.uniform(0, 0.3) * patchy, 0.15, 1).astype(np.float32)


def _soil(canvas: Canvas, colours: Palette) -> Callable[[tuple[int, int]], FloatArray]:
    """Ground laid bare: mostly the scene's own."""
    name = str(canvas.rng.choice(["chestnut_soil", "sand", "gravel", "spoil", "rock", "mud", "tilled"]))
    if canvas.rng.random() < 0.8:
        return lambda shape: own_ground(colours, canvas.rng, shape)
    return lambda shape: library(colours, canvas.rng, shape, name)


def stripped(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Ground stripped of its turf."""
    outline = somewhere(canvas, _outline(canvas.rng, area_m2), _land(canvas))
    return _lay(canvas, "stripped", outline, _soil(canvas, colours))


def site(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A site at work: ground laid bare beside ground not yet touched, a few roofs and tracks; one change as a whole."""
    rng = canvas.rng
    outline = somewhere(canvas, _outline(rng, area_m2 * 2), _land(canvas))
    placed = canvas.place(outline) if outline is not None else None
    if outline is None or placed is None:
        return False
    window, share = placed
    unpainted = canvas.after[(slice(None), *window)].copy()
    for _ in range(int(rng.integers(2, 5))):
        patchy = gaussian_filter(rng.standard_normal(share.shape), rng.uniform(2, 6))
        part = np.clip((patchy / max(float(patchy.std()), 1e-6) - rng.uniform(-1.2, 0.8)) * 2 + 0.5, 0, 1)
        soil = own_ground(colours, rng, share.shape)
        canvas.paint(window, (share * part * rng.uniform(0.3, 1)).astype(np.float32), soil)
    for roof in _roofs(rng, outline.envelope, 0.0)[: int(rng.integers(0, 8))]:
        spot = canvas.place(roof.intersection(outline))
        if spot is not None and rng.random() < 0.7:
            canvas.paint(*spot, own_ground(colours, rng, spot[1].shape))
    canvas.record_violation("site", window, share, unpainted, closing_px=9)
    return True


def clearing(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Strips of dense plants cut down to the ground."""
    rng = canvas.rng
    edge = np.sqrt(area_m2 * rng.uniform(1, 5))
    outline = somewhere(canvas, rectangle(0, 0, edge, area_m2 / edge, rng.uniform(0, 180)), plants(canvas, 0.55, 0.8))
    return _lay(canvas, "clearing", outline, _soil(canvas, colours))


def ploughed(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A block of plants turned to tillage, across whatever edges lay there."""
    rng = canvas.rng
    stretch, angle = rng.uniform(1, 4), rng.uniform(0, 180)
    outline = rectangle(0, 0, np.sqrt(area_m2 * stretch), np.sqrt(area_m2 / stretch), angle)
    outline = somewhere(canvas, outline, plants(canvas, 0.3, 0.8))

    def furrows(shape: tuple[int, int]) -> FloatArray:
        soil = library(colours, rng, shape, str(rng.choice(["tilled", "tilled", "chestnut_soil"])))
        y, x = np.mgrid[: shape[0], : shape[1]] * canvas.gsd_m
        wave = np.sin(
            2 * np.pi * (x * np.sin(np.radians(angle)) + y * np.cos(np.radians(angle))) / rng.uniform(40, 160)
        )
        return np.asarray(soil * (1 + rng.uniform(0, 0.08) * wave), np.float32)

    return _lay(canvas, "ploughed", outline, furrows)


def pit(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A pit: a rim of fresh spoil around a floor that is darker, or under water."""
    rng = canvas.rng
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2, rng.uniform(0.1, 0.4), rng.uniform(1, 2)), _land(canvas))
    if outline is None or not _lay(canvas, "pit", outline, _soil(canvas, colours)):
        return False
    floor = canvas.place(valid(outline.buffer(-np.sqrt(area_m2) * rng.uniform(0.12, 0.3))))
    if floor is not None and floor[1].max() > 0.5:
        name = str(rng.choice(["coal", "mud", "rock", "turbid_water", "tilled"]))
        canvas.paint(*floor, library(colours, rng, floor[1].shape, name))
    return True


def dump(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Heaps, lit from the south-east and shaded in the north-west."""
    rng = canvas.rng
    outline = somewhere(canvas, blob(rng, 0, 0, area_m2, rng.uniform(0.2, 0.5), rng.uniform(1, 3)), _land(canvas))
    soil = _soil(canvas, colours)

    def heaps(shape: tuple[int, int]) -> FloatArray:
        height = gaussian_filter(rng.standard_normal(shape), rng.uniform(1.2, 4))
        slope = np.gradient(height, axis=0) + np.gradient(height, axis=1)
        slope /= max(float(slope.std()), 1e-6)
        return np.asarray(soil(shape) * np.clip(1 + rng.uniform(0.03, 0.15) * slope, 0.4, 1.6), np.float32)

    return _lay(canvas, "dump", outline, heaps)


def road(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A road or canal of 8–30 m width."""
    rng = canvas.rng
    width = rng.uniform(8, 30)
    length = min(max(area_m2 / width, 150), 2500)
    line = wander(rng, (0, 0), (length, 0), sway=rng.uniform(0.0, 0.06))
    outline = affinity.rotate(
        LineString(line.coords).buffer(width / 2, cap_style="flat"), rng.uniform(0, 180), origin=(0, 0)
    )
    outline = somewhere(canvas, outline, _land(canvas))
    name = str(rng.choice(["gravel", "asphalt", "concrete", "spoil"]))
    make = _soil(canvas, colours) if rng.random() < 0.5 else lambda shape: library(colours, rng, shape, name)
    return _lay(canvas, "road", outline, make)


def buildings(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Roofs in rows on a levelled yard, each with its shadow."""
    rng = canvas.rng
    angle, stretch = rng.uniform(0, 180), rng.uniform(1, 2.5)
    length, width = np.sqrt(area_m2 * stretch), np.sqrt(area_m2 / stretch)
    yard = somewhere(canvas, rectangle(0, 0, length, width, angle), _land(canvas))
    if yard is None:
        return False
    # a single building stands on what was there; a settlement levels its ground
    levelled = area_m2 > 2500 and rng.random() < 0.75
    window_share = canvas.place(yard)
    if window_share is None:
        return False
    window, share = window_share
    unpainted = canvas.after[(slice(None), *window)].copy()
    if levelled:
        canvas.paint(window, share * _stage(rng, share.shape), _soil(canvas, colours)(share.shape))
    roofs = _roofs(rng, yard, angle)
    covered = np.zeros_like(share)
    sun = rng.uniform(5, 25)
    for outline in roofs:
        own = rng.random() < 0.5
        shadow = canvas.place(affinity.translate(outline, -sun * 0.5, -sun))
        if shadow is not None:
            dark = canvas.after[(slice(None), *shadow[0])] * rng.uniform(0.35, 0.7)
            canvas.paint(*shadow, dark)
        name = str(rng.choice(["blue_roof", "red_roof", "concrete", "asphalt", "gravel", "saline"]))
        roof = canvas.place(outline)
        if roof is None:
            continue
        shape = roof[1].shape
        canvas.paint(*roof, own_ground(colours, rng, shape) if own else library(colours, rng, shape, name))
        rows = slice(max(roof[0][0].start - window[0].start, 0), max(roof[0][0].stop - window[0].start, 0))
        cols = slice(max(roof[0][1].start - window[1].start, 0), max(roof[0][1].stop - window[1].start, 0))
        part = covered[rows, cols]
        np.maximum(part, roof[1][: part.shape[0], : part.shape[1]], out=part)
    # the yard between roofs belongs to the site when it was levelled
    canvas.record_violation("buildings", window, share if levelled else covered, unpainted)
    return True


def _roofs(rng: Generator, yard: BaseGeometry, angle: float) -> list[BaseGeometry]:
    length, width = rng.uniform(15, 90), rng.uniform(12, 45)
    gap_x, gap_y = rng.uniform(8, 40), rng.uniform(8, 40)
    middle = yard.centroid
    level = affinity.rotate(yard, -angle, origin=middle)
    left, low, right, high = level.bounds
    if (right - left) * (high - low) < 2500:
        return [yard]
    out: list[BaseGeometry] = []
    for x in np.arange(left + length / 2, right - length / 2 + 1, length + gap_x):
        for y in np.arange(low + width / 2, high - width / 2 + 1, width + gap_y):
            if rng.random() < 0.85 and len(out) < 60:
                out.append(affinity.rotate(rectangle(x, y, length, width, 0), angle, origin=middle))
    return out or [yard]


def pond(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """A pond dug into dry land, with a rim of spoil."""
    rng = canvas.rng
    outline = somewhere(canvas, _outline(rng, area_m2), _land(canvas))
    if outline is None:
        return False
    if not _lay(canvas, "pond", outline, _soil(canvas, colours)):
        return False
    name = str(rng.choice(["clear_water", "turbid_water"]))
    inner = canvas.place(valid(outline.buffer(-rng.uniform(0, 12))))
    if inner is not None:
        canvas.paint(*inner, library(colours, rng, inner[1].shape, name))
    return True


def fill(canvas: Canvas, colours: Palette, area_m2: float) -> bool:
    """Water filled with earth."""
    outline = _outline(canvas.rng, area_m2)
    wet = somewhere(
        canvas, outline, lambda w, s: bool(_wet(canvas, w)[s > 0.5].mean() > 0.7) if (s > 0.5).any() else False
    )
    return _lay(canvas, "fill", wet, _soil(canvas, colours))


VIOLATIONS: Mapping[str, Planter] = MappingProxyType(
    {
        "stripped": stripped,
        "site": site,
        "pit": pit,
        "dump": dump,
        "road": road,
        "buildings": buildings,
        "ploughed": ploughed,
        "clearing": clearing,
        "pond": pond,
        "fill": fill,
    }
)
"""Every kind, by its name."""

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "stripped": 0.2,
        "site": 0.22,
        "pit": 0.08,
        "dump": 0.07,
        "road": 0.1,
        "buildings": 0.21,
        "ploughed": 0.03,
        "clearing": 0.03,
        "pond": 0.03,
        "fill": 0.03,
    }
)
"""How often each is planted."""
