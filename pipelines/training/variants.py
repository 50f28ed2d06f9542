"""A background with changes planted, as the network will see it: one item of the training set."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from affine import Affine
from numpy.random import Generator
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pydantic import BaseModel, ConfigDict, Field, model_validator

from detectors.core.features import Features, features
from detectors.core.normals import fit
from detectors.core.types import BoolArray, Pair
from imagery.planted.canvas import CHANGED, IGNORE, UNCHANGED
from imagery.planted.plant import Planted, PlantSpec, coarser, plant, stretched, without
from pipelines.training.backgrounds import Background

PLANTED = PlantSpec(
    violations_per_km2=0.6,
    decoys_per_km2=1.0,
    transplants_per_km2=3.2,
    moved_per_km2=2.5,
    median_ha=0.65,
    gain=0.09,
    noise=0.003,
)
"""What is planted for training: mostly real ground moved within its pair, as real changes look."""

PAINTED = PlantSpec(
    violations_per_km2=2.4,
    decoys_per_km2=2.4,
    transplants_per_km2=0.8,
    moved_per_km2=0.8,
    area_ha=(0.05, 15.0),
    median_ha=0.9,
    gain=0.08,
    noise=0.003,
)
"""What is planted for the second part of it: mostly painted sites and decoys, of kinds that no pair at hand shows."""


class VariantSpec(BaseModel):
    """How often which sensor is imitated, and what is planted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plant: PlantSpec = PLANTED
    likely: bool = Field(default=False, description="take the surest training-free calls on real ground for changes")
    still: float = Field(default=0.12, ge=0, le=1, description="share of pairs that are one date twice")
    no_swir22: float = Field(default=0.08, ge=0, le=1, description="share without swir22")
    no_swir16: float = Field(default=0.06, ge=0, le=1, description="share without swir16")
    no_swir: float = Field(default=0.12, ge=0, le=1, description="share without both")
    coarse: float = Field(default=0.10, ge=0, le=1, description="share at three times the pixel size")
    picture: float = Field(default=0.08, ge=0, le=1, description="share as 8-bit pictures, half of them without nir")

    @model_validator(mode="after")
    def _chances(self) -> Self:
        if self.no_swir22 + self.no_swir16 + self.no_swir > 1:
            raise ValueError("the shares no_swir22, no_swir16 and no_swir are together more than 1")
        return self


@dataclass(frozen=True)
class Variant:
    """What the network sees and should say of one ground."""

    name: str
    planted: Planted
    features: Features
    label: NDArray[np.uint8]
    """(H, W) 0 unchanged, 1 changed, 255 left out of the loss."""

    burnt: NDArray[np.uint8]
    """(H, W) 0 no fire, 1 burnt, 255 left out."""

    pair: Pair


def variant(ground: Background, rng: Generator, spec: VariantSpec) -> Variant:
    """Plant into a background, imitate a sensor, fit the normals anew, make the features.

    Args:
        ground: real pair.
        rng: source of chance; the same state gives the same variant.
        spec: how often what.

    Raises:
        TooLittleGroundError: if too little was observed for normals.
    """
    if rng.random() < 0.5:
        ground = ground.reversed()
    if rng.random() < spec.still:
        ground = ground.still(int(rng.integers(2)))
    planted = plant(ground.before, ground.after, ground.bands, ground.gsd_m, rng, spec.plant, ground.doubtful)
    quiet = planted.label == UNCHANGED
    # what may be a real change is no ground for silence, and what most likely is one teaches how real ones look
    label = np.where(quiet & ground.doubtful, IGNORE, planted.label)
    label = np.where(quiet & ground.likely & spec.likely, CHANGED, label)
    planted = replace(planted, label=label.astype(np.uint8))
    return seen_by_network(ground.name, by_sensor(planted, rng, spec))


def as_it_is(ground: Background) -> Variant:
    """A background that nothing was planted into, as the network sees it."""
    shape = ground.doubtful.shape
    planted = Planted(
        before=ground.before,
        after=ground.after,
        label=np.full(shape, IGNORE, np.uint8),
        burnt=np.zeros(shape, bool),
        instance=np.zeros(shape, np.int16),
        instances=(),
        bands=ground.bands,
        gsd_m=ground.gsd_m,
    )
    return seen_by_network(ground.name, planted)


def by_sensor(planted: Planted, rng: Generator, spec: VariantSpec) -> Planted:
    """A pair as a poorer sensor would show it, as often as the spec says: coarser, without bands, or as a picture."""
    if rng.random() < spec.coarse and min(planted.label.shape) >= 3 * 128:
        planted = coarser(planted, 3)
    if rng.random() < spec.picture:
        missing = frozenset({"swir16", "swir22"} | ({"nir"} if rng.random() < 0.5 else set()))
        return stretched(without(planted, missing), rng)
    kinds = ("swir22", "swir16", "swir", "none")
    chance = np.array([spec.no_swir22, spec.no_swir16, spec.no_swir, 0.0])
    chance[3] = 1 - chance.sum()
    kind = str(rng.choice(kinds, p=chance))
    lost = {"swir22": {"swir22"}, "swir16": {"swir16"}, "swir": {"swir16", "swir22"}, "none": set[str]()}[kind]
    return without(planted, frozenset(lost)) if lost else planted


def seen_by_network(name: str, planted: Planted) -> Variant:
    """Normals and features of a planted pair, made as a scan makes them."""
    normals = fit([(planted.before, planted.after)], planted.bands, reflectance=planted.reflectance)
    pair = _pair(planted)
    seen = features(pair, [(normals, np.ones(planted.label.shape, np.float32))])
    unseen = ~seen.observed
    label = np.where(unseen, IGNORE, planted.label).astype(np.uint8)
    burnt = np.where(unseen, IGNORE, np.where(planted.burnt, 1, 0)).astype(np.uint8)
    # where a fire may really have been, nobody can say that there was none
    burnt[(planted.label == IGNORE) & ~planted.burnt] = IGNORE
    return Variant(name, planted, seen, label, burnt, pair)


def _pair(planted: Planted) -> Pair:
    before, after = (np.asarray(np.isfinite(image).any(axis=0)) for image in (planted.before, planted.after))
    valid: BoolArray = before & after
    gsd = planted.gsd_m
    box = GeoBox(planted.label.shape, Affine(gsd, 0, 500_000, 0, -gsd, 5_000_000), "EPSG:32650")
    day = dt.date(2000, 1, 1)
    return Pair(planted.before, planted.after, planted.bands, valid, box, (day, day), day, planted.reflectance)
