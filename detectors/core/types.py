"""The types that models share. Arrays in, arrays out: nothing here opens a file."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.core.arrays import BoolArray as BoolArray
from detectors.core.arrays import FloatArray as FloatArray
from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Survey, Watch

if TYPE_CHECKING:  # not against a circle: listing the models must not wait for what pixels need
    from odc.geo.geobox import GeoBox


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

    geobox: "GeoBox"
    before_dates: tuple[dt.date, dt.date]
    """First and last solar day inside the before composite."""

    after_date: dt.date
    reflectance: bool = True
    """False when the values are DN of unknown scaling: only scene-relative measures mean anything."""

    def window(self, rows: slice, cols: slice) -> "Pair":
        """The part of it in some rows and columns."""
        return replace(
            self,
            before=self.before[:, rows, cols],
            after=self.after[:, rows, cols],
            valid=self.valid[rows, cols],
            geobox=self.geobox[rows, cols],
        )


ASKED = 0.1
"""Certainty that people worked somewhere from which it is asked what the ground was and is; patches need far more."""


@dataclass(frozen=True)
class Reading:
    """What the network (or the training-free score) says of a pair, before any model interprets it."""

    disturbance: FloatArray | None
    """(H, W) 0–1, NaN = not observed. Its thresholds come with its maker: 0.5 without training, or a network's own.
    None: patches are made of `site`, and nobody asked for a map."""

    surface_before: NDArray[np.uint8]
    """(H, W) `Surface` codes; UNKNOWN as well where no map was asked for and `site` is under `ASKED`."""

    surface_after: NDArray[np.uint8]

    site: FloatArray | None = None
    """(H, W) 0–1, NaN = not observed: how sure the network is, by itself, that people worked here. Patches are made of
    it: what is merely unusual shows in the disturbance, and raises no lead. None: patches are made of the latter."""


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

    score: FloatArray | None
    """(H, W) 0–1, NaN = not observed; None where patches are made of `site` and nobody asked for a map."""

    transition: NDArray[np.uint8]
    """(H, W) index from 1 into the detector's transitions; 0 = none, or not told; one past the last = a part of a patch
    of which no transition speaks (`apply.change_map`)."""

    detector: str
    weights_sha256: str
    """Hash of the weights used; the word ``training-free`` where there were none."""

    geobox: "GeoBox"
    after_date: dt.date
    site: FloatArray | None = None
    """(H, W) 0–1, as `Reading.site`, weighted like the score; None where there is none."""

    @property
    def of_patches(self) -> FloatArray:
        """(H, W) what patches are made of."""
        made = self.score if self.site is None else self.site
        if made is None:
            raise ValueError("a change map holds a score, a site or both")
        return made


TimeLogic = Callable[[Pair, Reading, FloatArray], FloatArray]
"""Pure function of arrays: (pair, reading, score so far) → score."""


@dataclass(frozen=True)
class Left:
    """Ground that one model leaves to another: what is done there is a matter of the paper that the other one holds."""

    kind: str
    """Layer of permits. A feature counts while its ground is its holder's (`papers.handed_over`)."""

    to: str
    """Id of the model that looks after it."""

    least_share: float
    """A patch of which at least so much lies there is left to it."""

    within_m: float = 0.0
    """How far around such ground still counts."""


@dataclass(frozen=True)
class Detector:
    """A model: what it looks for, when it may look, and what it is crossed with."""

    id: str
    name_zh: str
    name_en: str
    seasons: tuple[Season, ...]
    """When in the year an after image counts: in any of these."""

    transitions: tuple[Transition, ...]
    layers: tuple[str, ...] = ()
    """Kinds of statutory layers wanted."""

    layers_required: tuple[str, ...] = ()
    """Those of them without which it has nothing to say: it does not run where one was not given."""

    ground: tuple[str, ...] = ()
    """Kinds of layer that are its own ground: where any of them was given, a patch of the pair elsewhere is not its
    business. Empty: everywhere is."""

    ground_within_m: float = 0.0
    """How far from such ground a patch may lie; 0 = on it."""

    leaves: tuple[Left, ...] = ()
    """Ground of other models on which its patches are none of its business."""

    own_by_look: Callable[[PatchSeries], Remark | None] | None = None
    """Where no layer of its ground was given: says by its past why a patch is no such ground; None where it may be."""

    rules: tuple[str, ...] = ()
    time_logic: TimeLogic | None = None
    history: History | None = None
    """Which looks of the past `judge` wants of a patch; both or neither."""

    judge: Callable[[PatchSeries], Opinion] | None = None
    """Holds a patch of the pair against its own history and its ring."""

    watches: tuple[Watch, ...] = ()
    """Sites of layers that are looked at whether they changed or not."""

    surveys: tuple[Survey, ...] = ()
    """What is sought in a block's composites of several years."""

    minimum_area_m2: float = 1000.0
    threshold_low: float = 0.4
    """Hysteresis: a patch is grown down to this score …"""

    threshold_high: float = 0.5
    """… from a pixel of at least this score."""

    patch_low: float | None = None
    """Where readings have a `site`: the same two for it. None: as for the score."""

    patch_high: float | None = None

    sure_looks: int = 2
    """A patch seen on more looks than that since it began, surely on fewer, is no lead; 0 = its judge alone decides."""

    any_transition: bool = False
    """True for the catch-all: a disturbance counts whatever the surfaces are."""

    @property
    def grown_to(self) -> float:
        """The least of what patches are made of in any pixel of one."""
        return self.threshold_low if self.patch_low is None else self.patch_low

    @property
    def begun_at(self) -> float:
        """What it has to be in at least one of its pixels."""
        return self.threshold_high if self.patch_high is None else self.patch_high
