"""What one model makes of a reading: transitions, season and time logic."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from detectors.core.arrays import places_of
from detectors.core.types import ASKED, VEGETATION, ChangeMap, Detector, FloatArray, Pair, Reading, Surface

PART, PART_PX = 0.9, 3
"""Pixels so certain, and so near to those of a patch, are part of it where they pass for plants before and after."""

_PLANTS = np.isin(np.arange(max(Surface) + 1), sorted(VEGETATION))

TRAINING_FREE = "training-free"
"""What stands in a `ChangeMap` for the hash of weights where none were used."""


def in_season(detector: Detector, day: dt.date) -> bool:
    """Whether an after image of this day counts for the model."""
    return any(season.holds(day) for season in detector.seasons)


def change_map(detector: Detector, pair: Pair, reading: Reading, weights_sha256: str = TRAINING_FREE) -> ChangeMap:
    """The model's score: disturbance, weighted by what the surface turned from and into, then by its time logic.

    Where a surface is unknown at either date (no reflectance, for instance) the disturbance counts in full and the
    transition stays 0: what can not be told apart is shown to the analyst, not hidden.

    A score is multiplied by the weight; of the certainty that people worked there (`Reading.site`), which is a
    probability, the odds are: a kind of change that is seldom their work needs to look the more like it. Nor is it ever
    surer than the weight: what weighs less than `Detector.begun_at` is a part of other patches at most. So is what has
    no weight but is certain, within `PART_PX` of them: half of a road's pixels pass for grass before and after.

    Fresh earth is often taken for char. The certainty, which is small on a burn, counts what a model does not say of
    char as bare ground, and whether it burnt a patch's later looks tell (`lasting_loss.burnt`); the score does not.
    Under `ASKED` it stays as it is, whatever the surfaces, and has no transition: no patch reaches down there.
    """
    weight, charred, index = _table(detector)
    before, after = reading.surface_before, reading.surface_after

    def timed(score: FloatArray) -> FloatArray:
        return score if detector.time_logic is None else detector.time_logic(pair, reading, score)

    score = None if reading.disturbance is None else timed(reading.disturbance * weight[before, after])
    if reading.site is None:
        transition, site = index[before, after], None
    else:
        transition, site = np.zeros(before.shape, np.uint8), reading.site.copy()
        asked = places_of(site >= ASKED)
        turned = before[asked], after[asked]
        worked = charred[turned]
        transition[asked] = index[turned]
        plants = _PLANTS[turned[0]] & _PLANTS[turned[1]] & (transition[asked] == 0) & (site[asked] >= PART)
        site[asked] = np.minimum(_odds_times(site[asked], worked), worked)
        parts = _parts(site, asked[0][plants], asked[1][plants], detector)
        site[parts], transition[parts] = detector.grown_to, len(detector.transitions) + 1
        site = timed(site)
    return ChangeMap(score, transition, detector.id, weights_sha256, pair.geobox, pair.after_date, site)


def _parts(
    site: FloatArray, rows: NDArray[np.intp], cols: NDArray[np.intp], detector: Detector
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of what is certain beside pixels of a patch, whatever it turned from and into.

    Args:
        site: (H, W) certainty, weighted.
        rows: of the pixels that pass for plants at both dates and were as certain as `PART` before they were weighted.
        cols: of the same.
        detector: gives the thresholds.
    """
    if not len(rows):  # as in most blocks
        return rows, cols
    from scipy.ndimage import maximum_filter1d

    top, left = max(rows.min() - PART_PX, 0), max(cols.min() - PART_PX, 0)
    with np.errstate(invalid="ignore"):
        held = site[top : rows.max() + PART_PX + 1, left : cols.max() + PART_PX + 1] >= detector.grown_to
    near = held.astype(np.uint8)
    for axis in (0, 1):
        near = maximum_filter1d(near, 2 * PART_PX + 1, axis=axis, mode="constant")
    joins = ~held[rows - top, cols - left] & (near[rows - top, cols - left] > 0)
    return rows[joins], cols[joins]


def _odds_times(chance: FloatArray, factor: FloatArray) -> FloatArray:
    """The probability whose odds are so many times those of another; 0 stays 0, 1 stays 1 unless the factor is 0."""
    favour = chance * factor
    return np.asarray(favour / np.maximum(favour + 1 - chance, np.float32(1e-9)), np.float32)


def _table(detector: Detector) -> tuple[FloatArray, FloatArray, NDArray[np.uint8]]:
    """(S, S) by surface before and after: weight, weight with char as bare ground, transition index.

    The first transition that fits wins.
    """
    size = max(Surface) + 1
    weight = np.full((size, size), 1.0 if detector.any_transition else 0.0, np.float32)
    index = np.zeros((size, size), np.uint8)
    for number, transition in reversed(list(enumerate(detector.transitions, start=1))):
        where = np.ix_(sorted(transition.before), sorted(transition.after))
        weight[where] = transition.weight
        index[where] = number
    charred = weight.copy()
    burnt, bare = Surface.BURNT, Surface.DARK_BARE
    for silent, known in ((np.s_[:, burnt], np.s_[:, bare]), (np.s_[burnt, :], np.s_[bare, :])):
        unsaid = index[silent] == 0
        charred[silent] = np.where(unsaid, charred[known], charred[silent])
        index[silent] = np.where(unsaid, index[known], index[silent])
    for unknown in (np.s_[Surface.UNKNOWN, :], np.s_[:, Surface.UNKNOWN]):
        weight[unknown] = charred[unknown] = 1.0
        index[unknown] = 0
    return weight, charred, index
