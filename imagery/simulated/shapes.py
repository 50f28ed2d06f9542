"""Outlines as nature and machines draw them, in ground coordinates (metres)."""

import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry


def blob(rng: Generator, x: float, y: float, area_m2: float, rough: float = 0.35, stretch: float = 1.0) -> BaseGeometry:
    """An irregular closed outline of a given area.

    Args:
        rng: source of chance.
        x: of its middle.
        y: of its middle.
        area_m2: wanted.
        rough: 0 is a circle; 0.5 is ragged.
        stretch: length over width.
    """
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(2, 12):
        radius += rough * rng.normal(0, 0.8) / wave * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.25)
    ring = Polygon(np.column_stack([radius * np.cos(angle) * stretch, radius * np.sin(angle)]))
    outline = affinity.rotate(ring, rng.uniform(0, 180), origin=(0, 0))
    factor = np.sqrt(area_m2 / outline.area)
    return affinity.translate(affinity.scale(outline, factor, factor, origin=(0, 0)), x, y)


def rectangle(x: float, y: float, length_m: float, width_m: float, angle_deg: float) -> BaseGeometry:
    """A rectangle about its middle, its length turned anticlockwise from east."""
    flat = box(-length_m / 2, -width_m / 2, length_m / 2, width_m / 2)
    return affinity.translate(affinity.rotate(flat, angle_deg, origin=(0, 0)), x, y)


def wander(
    rng: Generator, start: tuple[float, float], end: tuple[float, float], sway: float = 0.06, step_m: float = 40.0
) -> BaseGeometry:
    """A line that drifts to both sides of the straight way, as tracks do.

    Args:
        rng: source of chance.
        start: of the line.
        end: of the line.
        sway: of the widest drift, as a share of the length.
        step_m: between its points.
    """
    way = np.array(end) - np.array(start)
    length = float(np.hypot(*way))
    along = np.linspace(0, 1, max(3, int(length / step_m)))
    drift = np.zeros_like(along)
    for wave in range(1, 9):
        drift += rng.normal(0, 1) / wave**1.6 * np.sin(np.pi * wave * along)
    normal = np.array([-way[1], way[0]]) / max(length, 1.0)
    return LineString(np.array(start) + along[:, None] * way + (drift * sway * length)[:, None] * normal)


def meander(
    rng: Generator, start: tuple[float, float], heading: float, reach_m: float, width_m: float
) -> NDArray[np.float64]:
    """A river's centre line: a sine-generated curve (Langbein and Leopold 1966) with varying bends.

    Args:
        rng: source of chance.
        start: of the line.
        heading: of the valley, radians anticlockwise from east.
        reach_m: how far down the valley it must get.
        width_m: of the channel; a bend is about eleven widths long.

    Returns:
        (N, 2) ground coordinates every 8 m.
    """
    step = 8.0
    count = int(reach_m / step * 5)
    s = np.arange(count) * step
    bend = np.full(count, 1.45)
    pace = np.ones(count)
    valley = np.zeros(count)
    for wave in range(1, 7):
        bend += 0.3 * np.sin(2 * np.pi * s / rng.uniform(500, 5000) + rng.uniform(0, 7))
        pace += 0.2 * np.sin(2 * np.pi * s / rng.uniform(500, 4000) + rng.uniform(0, 7))
        valley += 0.22 / wave * np.sin(2 * np.pi * s / (rng.uniform(9000, 16000) / wave) + rng.uniform(0, 7))
    bend = np.clip(bend, 0.5, 1.95)
    phase = np.cumsum(2 * np.pi * step / (26 * width_m) * np.clip(pace, 0.5, 1.8))
    direction = heading + valley + bend * np.sin(phase)
    points = np.cumsum(np.column_stack([np.cos(direction), np.sin(direction)]) * step, axis=0)
    progress = points @ np.array([np.cos(heading), np.sin(heading)])
    last = int(np.argmax(progress > reach_m)) or count
    return np.asarray(np.array(start) + points[:last])


def valid(geometry: BaseGeometry) -> BaseGeometry:
    """The polygonal part of a geometry, made valid."""
    made = shapely.make_valid(geometry)
    if made.geom_type in ("Polygon", "MultiPolygon"):
        return made
    return shapely.union_all(
        [part for part in shapely.get_parts(made) if part.geom_type in ("Polygon", "MultiPolygon")]
    )
