"""Simulated worlds as items of the training set: built, read as any archive is, labelled by their truth, removed."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.random import Generator
from odc.geo.geobox import GeoBox

from detectors.core.errors import TooLittleGroundError
from imagery.archive import Archive
from imagery.compose import read_day, solar_days
from imagery.mosaic import Mosaic
from imagery.planted.canvas import IGNORE
from imagery.planted.plant import Planted
from imagery.scene import BANDS, Scene
from imagery.simulated.labels import DECOY_CODES, Codes, decoy_raster, truth_raster, worked_raster
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build
from pipelines.training.backgrounds import SEEN_SHARE, grounds
from pipelines.training.variants import Variant, VariantSpec, by_sensor, seen_by_network

APART_DAYS = 30
"""How far apart in the year the two days of a pair of `worked_variants` may lie."""


def world_variant(spec: SteppeSpec) -> Variant | None:
    """What the network sees of a world between its last before and its last after date; None where cloud hid it."""
    with tempfile.TemporaryDirectory(prefix="weixun-world-") as folder:
        world = _World.built(spec, Path(folder))
        before, after = spec.before[-1], spec.after[-1]
        planted = world.pair(before, after, truth_raster(world.truth, world.ground, after))
        return None if planted is None else _seen(f"simulated {spec.seed}", planted)


def worked_variants(spec: SteppeSpec, rng: Generator, most: int, how: VariantSpec) -> Iterator[Variant]:
    """What the network sees of a world of several years between days of the years before and days of the last one.

    Args:
        spec: of the world.
        rng: source of chance; the same state gives the same variants.
        most: how many pairs; fewer come where clouds hide the ground, or no two days lie within `APART_DAYS`.
        how: how often which poorer sensor is imitated.
    """
    with tempfile.TemporaryDirectory(prefix="weixun-world-") as folder:
        world = _World.built(spec, Path(folder))
        found = 0
        for place in rng.permutation(len(spec.after)):
            after = spec.after[int(place)]
            near = [day for day in spec.before if _apart(day, after) <= APART_DAYS]
            if found == most or not near:
                continue
            before = near[int(rng.integers(len(near)))]
            planted = world.pair(before, after, worked_raster(world.truth, world.ground, before, after))
            if planted is None:
                continue
            made = _seen(f"simulated {spec.seed} {after}", by_sensor(planted, rng, how))
            if made is not None:
                found += 1
                yield made


def _apart(one: dt.date, other: dt.date) -> int:
    return abs(one.timetuple().tm_yday - other.timetuple().tm_yday)


@dataclass(frozen=True)
class _World:
    """A built world that is read day by day."""

    spec: SteppeSpec
    truth: Truth
    days: dict[dt.date, tuple[Scene, ...]]
    ground: GeoBox
    read: dict[dt.date, Mosaic] = field(default_factory=dict)

    @classmethod
    def built(cls, spec: SteppeSpec, folder: Path) -> "_World":
        truth = build(spec, folder)
        scenes = Archive.open(folder / "archive").scenes()
        ground = max(grounds(scenes), key=lambda box: box.shape[0] * box.shape[1])
        return cls(spec, truth, solar_days(scenes), ground)

    def pair(self, before: dt.date, after: dt.date, codes: Codes) -> Planted | None:
        """Two days with the truth between them; None where one shows too little.

        What is only partly there in `codes` (2) is left out: the truth of an edge, or of a work under way, is
        nobody's to say.
        """
        first, second = (self._day(day) for day in (before, after))
        if min(first.observed.mean(), second.observed.mean()) < SEEN_SHARE:
            return None
        label = np.where(codes == 2, IGNORE, codes).astype(np.uint8)
        burnt = np.asarray(decoy_raster(self.truth, self.ground, after) == DECOY_CODES["burn"])
        return Planted(
            before=first.data,
            after=second.data,
            label=label,
            burnt=burnt & (label == 0),
            instance=np.zeros(label.shape, np.int16),
            instances=(),
            bands=BANDS,
            gsd_m=float(self.spec.gsd_m or 10),
            reflectance=self.spec.sensor != "dom",
        )

    def _day(self, day: dt.date) -> Mosaic:
        if day not in self.read:
            self.read[day] = read_day(self.days[day], self.ground, BANDS)[0]
        return self.read[day]


def _seen(name: str, planted: Planted) -> Variant | None:
    try:
        return seen_by_network(name, planted)
    except TooLittleGroundError:
        return None
