"""What people do to the ground: the shapes and covers of each kind of planted change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import affinity
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.simulated.shapes import blob, rectangle, valid, wander

Layers = list[tuple[BaseGeometry, Mapping[str, float]]]
"""Outlines about the origin with their mixtures, the lowest first."""


@dataclass(frozen=True)
class Work:
    """One kind of change."""

    kind: str
    host: str
    """Cover it is planted on."""

    detectors: tuple[str, ...]
    hectares: tuple[float, float]
    """Usual range; cut to the range of the spec."""

    contrast: tuple[float, float]
    """How much of the former ground it hides, from subtle to strong, 0–1."""

    draw: Callable[[Generator, float], Layers]
    """(chance, area in m²) → layers."""

    grows: str = "outwards"
    """How it spreads when it grows: ``outwards`` from a place, ``along`` its length, or ``used`` (cleared as a
    whole, then covered, then left to recover)."""


COLOURS: Mapping[str, tuple[Mapping[str, float], ...]] = {
    "pit": ({"rock": 0.5, "clay": 0.5}, {"peat": 0.9, "mud": 0.1}, {"sand": 0.8, "gravel": 0.2}, {"coal": 1.0}),
    "stripped": (
        {"clay": 0.6, "chestnut_soil": 0.4},
        {"chernozem": 0.7, "chestnut_soil": 0.3},
        {"sand": 0.9, "gravel": 0.1},
        {"fresh_gravel": 0.5, "spoil": 0.5},
        {"rock": 0.6, "spoil": 0.4},
    ),
    "dump": (
        {"tailings": 0.9, "spoil": 0.1},
        {"ash": 0.8, "char": 0.2},
        {"clay": 0.7, "rock": 0.3},
        {"fresh_gravel": 0.8, "sand": 0.2},
        {"tarpaulin": 0.5, "spoil": 0.5},
    ),
    "road": ({"fresh_gravel": 1.0}, {"asphalt": 1.0}, {"concrete": 1.0}, {"chestnut_soil": 0.7, "sand": 0.3}),
    "ploughed": ({"chernozem": 0.9, "dry_grass": 0.1}, {"tilled": 0.5, "green_grass": 0.1, "clay": 0.4}),
    "fill": ({"clay": 0.8, "sand": 0.2}, {"fresh_gravel": 0.7, "spoil": 0.3}, {"spoil": 0.6, "concrete": 0.4}),
    "pond": ({"clear_water": 1.0}, {"turbid_water": 1.0}, {"turbid_water": 0.6, "bloom_water": 0.4}),
    "clearing": ({"chernozem": 0.5, "dry_grass": 0.5}, {"green_grass": 0.4, "chestnut_soil": 0.6}, {"gravel": 1.0}),
    "topsoil": ({"clay": 0.8, "sand": 0.2}, {"peat": 0.5, "clay": 0.5}, {"chestnut_soil": 1.0}),
    "buildings": tuple(
        {roof: 1.0} for roof in ("grey_roof", "white_roof", "brown_roof", "green_roof", "solar_panel", "tarpaulin")
    ),
}
"""Other looks that the topmost layer of a kind may have where the ground is varied; halls are recoloured together."""


def recoloured(rng: Generator, kind: str, layers: Layers, variety: float) -> Layers:
    """The layers in other colours, in as large a share of the cases as the world is varied."""
    looks = COLOURS.get(kind, ())
    if not looks or rng.random() > 0.8 * variety:
        return layers
    look = looks[int(rng.integers(len(looks)))]
    first = layers[0]
    if kind == "buildings":
        return [first, *((outline, look) for outline, _ in layers[1:])]
    if len(layers) == 1:
        return [(first[0], look)]
    return [*layers[:-1], (layers[-1][0], look)]


def _pit(rng: Generator, area: float) -> Layers:
    hole = blob(rng, 0, 0, area * 0.62, 0.35, rng.uniform(1.0, 1.8))
    side, reach = rng.uniform(0, 2 * np.pi), np.sqrt(area) * 0.45
    heap = blob(rng, np.cos(side) * reach, np.sin(side) * reach, area * 0.45, 0.45, 1.5)
    floor = str(rng.choice(["coal", "coal", "mud", "rock"]))
    depth = np.sqrt(area) * 0.07
    return [
        (heap, {"spoil": 0.85, "rock": 0.15}),
        (hole, {"rock": 0.55, "spoil": 0.45}),
        (valid(hole.buffer(-depth)), {floor: 0.7, "rock": 0.3}),
        (valid(hole.buffer(-2.6 * depth)), {floor: 0.95, "turbid_water": 0.05}),
    ]


def _stripped(rng: Generator, area: float) -> Layers:
    whole = blob(rng, 0, 0, area, 0.55, rng.uniform(1.0, 2.4))
    patch = valid(blob(rng, 0, 0, area * 0.35, 0.6, 1.5).intersection(whole))
    bare = {"chestnut_soil": 0.45, "spoil": 0.35, "sand": 0.2}
    return [(whole, bare), (patch, {"sand": 0.5, "gravel": 0.5})]


def _dump(rng: Generator, area: float) -> Layers:
    heap = blob(rng, 0, 0, area, 0.4, rng.uniform(1.0, 1.7))
    kind = [{"spoil": 0.8, "rock": 0.2}, {"coal": 0.6, "rock": 0.4}, {"sand": 0.5, "gravel": 0.5}][int(rng.integers(3))]
    crest = {name: share * 0.7 for name, share in kind.items()} | {"concrete": 0.3}
    return [(heap, kind), (valid(heap.buffer(-np.sqrt(area) * 0.16)), crest)]


def _road(rng: Generator, area: float) -> Layers:
    width = rng.uniform(10, 20)
    length, turn = area / width, rng.uniform(0, np.pi)
    end = (np.cos(turn) * length / 2, np.sin(turn) * length / 2)
    line = wander(rng, (-end[0], -end[1]), end, 0.035, 25.0)
    bed = line.buffer(width / 2, cap_style="flat")
    return [(bed, {"gravel": 0.85, "chestnut_soil": 0.15})]


def _buildings(rng: Generator, area: float) -> Layers:
    turn = rng.uniform(0, 180)
    length = np.sqrt(area * rng.uniform(1.2, 2.2))
    yard = rectangle(0, 0, length, area / length, turn)
    layers: Layers = [(yard, {"gravel": 0.6, "chestnut_soil": 0.4})]
    roof = str(rng.choice(["blue_roof", "red_roof", "concrete"]))
    depth = rng.uniform(10, 16)
    for y in np.arange(-area / length / 2 + 14, area / length / 2 - 12, depth + 12):
        for x in np.arange(-length / 2 + 24, length / 2 - 20, 44):
            if rng.random() < 0.9:
                hall = affinity.rotate(rectangle(x, y, 36, depth, 0), turn, origin=(0, 0))
                layers.append((hall, {roof: 1.0}))
    return layers


def _ploughed(rng: Generator, area: float) -> Layers:
    length = np.sqrt(area * rng.uniform(1.3, 2.6))
    turn = rng.uniform(0, 180)
    strip = rectangle(0, 0, length, area / length, turn)
    # a headland turned at another time is a little lighter
    inner = affinity.scale(strip, 0.92, 0.9)
    return [(strip, {"tilled": 0.55, "chestnut_soil": 0.45}), (inner, {"tilled": 0.9, "chestnut_soil": 0.1})]


def _fill(rng: Generator, area: float) -> Layers:
    platform = blob(rng, 0, 0, area, 0.25, rng.uniform(1.2, 2.0))
    top = valid(platform.buffer(-np.sqrt(area) * 0.1))
    return [(platform, {"chestnut_soil": 0.7, "mud": 0.3}), (top, {"gravel": 0.4, "sand": 0.35, "chestnut_soil": 0.25})]


def _pond(rng: Generator, area: float) -> Layers:
    rim = blob(rng, 0, 0, area, 0.3, rng.uniform(1.0, 1.8))
    return [
        (rim, {"sand": 0.55, "mud": 0.25, "spoil": 0.2}),
        (valid(rim.buffer(-np.sqrt(area) * 0.12)), {"turbid_water": 0.7, "clear_water": 0.3}),
    ]


def _clearing(rng: Generator, area: float) -> Layers:
    cut = valid(blob(rng, 0, 0, area, 0.5, 1.6))
    return [(cut, {"chestnut_soil": 0.5, "dry_grass": 0.3, "tilled": 0.2})]


def _topsoil(rng: Generator, area: float) -> Layers:
    cut = valid(rectangle(0, 0, np.sqrt(area * 1.6), np.sqrt(area / 1.6), rng.uniform(0, 180)))
    half = valid(cut.intersection(affinity.translate(box(-400, -400, 0, 400), rng.uniform(-20, 20), 0)))
    return [(cut, {"sand": 0.45, "chestnut_soil": 0.55}), (half, {"spoil": 0.6, "sand": 0.4})]


def _site(rng: Generator, area: float) -> Layers:
    length = np.sqrt(area * rng.uniform(1.2, 2.0))
    turn = rng.uniform(0, 180)
    yard = rectangle(0, 0, length, area / length, turn)
    store = affinity.scale(yard, rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.6))
    huts = affinity.translate(affinity.scale(yard, 0.15, 0.1), rng.uniform(-5, 5), area / length * 0.15)
    return [
        (yard, {"gravel": 0.5, "chestnut_soil": 0.5}),
        (store, {"fresh_gravel": 0.8, "concrete": 0.2}),
        (huts, {str(rng.choice(["blue_roof", "white_roof", "grey_roof"])): 1.0}),
    ]


def _rows(rng: Generator, area: float, deep_m: float, gap_m: float) -> tuple[BaseGeometry, list[BaseGeometry]]:
    """A yard and the rows that stand on it."""
    length, turn = np.sqrt(area * rng.uniform(1.0, 2.0)), rng.uniform(0, 180)
    width = area / length
    rows = [
        affinity.rotate(rectangle(0, y, length * 0.9, deep_m, 0), turn, origin=(0, 0))
        for y in np.arange(-width / 2 + deep_m, width / 2 - deep_m / 2, deep_m + gap_m)
    ]
    return rectangle(0, 0, length, width, turn), rows


def _greenhouse(rng: Generator, area: float) -> Layers:
    yard, rows = _rows(rng, area, 10.0, 3.0)
    skin = [{"greenhouse": 1.0}, {"tarpaulin": 0.7, "greenhouse": 0.3}][int(rng.integers(2))]
    return [(yard, {"chestnut_soil": 0.6, "gravel": 0.4}), *((row, skin) for row in rows)]


def _solar(rng: Generator, area: float) -> Layers:
    yard, rows = _rows(rng, area, 5.0, 5.0)
    return [
        (yard, {"gravel": 0.3, "chestnut_soil": 0.4, "dry_grass": 0.3}),
        (valid(shapely.union_all(rows)), {"solar_panel": 1.0}),
    ]


def _ditch(rng: Generator, area: float) -> Layers:
    width = rng.uniform(6, 12)
    length, turn = area / width, rng.uniform(0, 180)
    bank = rectangle(0, 0, length, width, turn)
    return [
        (bank, {"peat": 0.5, "mud": 0.5}),
        (rectangle(0, 0, length, width * 0.4, turn), {"turbid_water": 1.0}),
    ]


WORKS: Mapping[str, Work] = {
    work.kind: work
    for work in (
        Work("pit", "grass", ("land_disturbance", "mine", "grassland"), (0.6, 8.0), (0.8, 1.0), _pit),
        Work(
            "stripped", "grass", ("land_disturbance", "mine", "grassland"), (0.5, 8.0), (0.5, 1.0), _stripped, "along"
        ),
        Work("dump", "grass", ("land_disturbance", "mine", "grassland"), (0.2, 4.0), (0.6, 1.0), _dump),
        Work("road", "grass", ("land_disturbance", "grassland"), (0.6, 2.0), (0.75, 1.0), _road, "along"),
        Work("buildings", "grass", ("land_disturbance", "grassland"), (0.3, 3.0), (0.7, 1.0), _buildings, "along"),
        Work("ploughed", "grass", ("land_disturbance", "grassland"), (1.5, 8.0), (0.6, 1.0), _ploughed, "along"),
        Work("fill", "meadow", ("land_disturbance", "river_protection", "wetland"), (0.3, 2.5), (0.7, 1.0), _fill),
        Work("pond", "meadow", ("land_disturbance", "river_protection", "wetland"), (0.3, 2.0), (0.85, 1.0), _pond),
        Work("clearing", "forest", ("land_disturbance", "forest_encroachment"), (0.4, 3.0), (0.6, 0.95), _clearing),
        Work("topsoil", "crop", ("land_disturbance", "black_soil"), (0.3, 2.5), (0.7, 1.0), _topsoil, "along"),
        Work(
            "site", "grass", ("land_disturbance", "temporary_land", "grassland"), (0.3, 4.0), (0.7, 1.0), _site, "used"
        ),
        Work("greenhouse", "crop", ("land_disturbance", "black_soil"), (0.3, 3.0), (0.8, 1.0), _greenhouse, "along"),
        Work("solar", "grass", ("land_disturbance", "grassland"), (0.8, 8.0), (0.7, 1.0), _solar, "along"),
        Work("ditch", "meadow", ("land_disturbance", "wetland"), (0.15, 0.8), (0.7, 1.0), _ditch, "along"),
    )
}
"""By kind, in the order in which they are planted."""
