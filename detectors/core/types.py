"""The types that models share. Arrays in, arrays out: nothing here opens a file."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


class Surface(IntEnum):
    """What a pixel is made of at one date."""

    UNKNOWN = 0
    WATER = 1
    WET_VEGETATION = 2
    TREE = 3
    GRASS = 4
    CROP = 5
    DARK_BARE = 6
    BRIGHT_BARE = 7
    BUILT = 8
    BURNT = 9
    SNOW = 10
    BLOOM = 11


VEGETATION = frozenset({Surface.GRASS, Surface.CROP, Surface.TREE, Surface.WET_VEGETATION})
BARE = frozenset({Surface.DARK_BARE, Surface.BRIGHT_BARE})
BUILT = frozenset({Surface.BUILT})
WATER = frozenset({Surface.WATER})


@dataclass(frozen=True)
class Pair:
    """Before and after of one place on one grid: what a change score is made from."""

    before: FloatArray
    """(C, H, W) reflectance or DN, NaN = not observed."""

    after: FloatArray
    """(C, H, W), the same bands and grid; one solar day."""

    bands: tuple[str, ...]
    """STAC common names of the C bands; a band absent at either date is all NaN there."""

    valid: BoolArray
    """(H, W) observed at both dates."""

    geobox: GeoBox
    before_dates: tuple[dt.date, dt.date]
    """First and last solar day inside the before composite."""

    after_date: dt.date
    reflectance: bool = True
    """False when the values are DN of unknown scaling: only scene-relative measures mean anything."""


@dataclass(frozen=True)
class Reading:
    """What the network (or the training-free score) says of a pair, before any model interprets it."""

    disturbance: FloatArray
    """(H, W) 0–1, NaN = not observed. Its thresholds come with its maker: 0.5 without training, or a network's own."""

    surface_before: NDArray[np.uint8]
    """(H, W) `Surface` codes."""

    surface_after: NDArray[np.uint8]


@dataclass(frozen=True)
class Transition:
    """One way in which a surface may have changed, and how much a model cares."""

    before: frozenset[Surface]
    after: frozenset[Surface]
    weight: float
    """0–1; multiplies the disturbance score."""

    name_zh: str
    name_en: str


@dataclass(frozen=True)
class ChangeMap:
    """One model's answer on one grid."""

    score: FloatArray
    """(H, W) 0–1, NaN = not observed."""

    transition: NDArray[np.uint8]
    """(H, W) index from 1 into the detector's transitions; 0 = none."""

    detector: str
    weights_sha256: str
    """Hash of the weights used; the word ``training-free`` where there were none."""

    geobox: GeoBox
    after_date: dt.date


TimeLogic = Callable[[Pair, Reading, FloatArray], FloatArray]
"""Pure function of arrays: (pair, reading, score so far) → score."""


@dataclass(frozen=True)
class Detector:
    """A model: what it looks for, when it may look, and what it is crossed with."""

    id: str
    name_zh: str
    name_en: str
    season: tuple[tuple[int, int], tuple[int, int]]
    """First and last (month, day) on which an after image counts, inclusive."""

    transitions: tuple[Transition, ...]
    layers: tuple[str, ...] = ()
    """Kinds of statutory layers wanted."""

    layers_required: tuple[str, ...] = ()
    """Those of them without which it has nothing to say: it does not run where one was not given."""

    rules: tuple[str, ...] = ()
    time_logic: TimeLogic | None = None
    minimum_area_m2: float = 1000.0
    threshold_low: float = 0.4
    """Hysteresis: a patch is grown down to this score …"""

    threshold_high: float = 0.5
    """… from a pixel of at least this score."""

    any_transition: bool = False
    """True for the catch-all: a disturbance counts whatever the surfaces are."""
