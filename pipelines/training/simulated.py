"""Simulated worlds as items of the training set: built, read as any archive is, labelled by their truth, removed."""

import tempfile
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from detectors.core.errors import TooLittleGroundError
from imagery.archive import Archive
from imagery.compose import read_day, solar_days
from imagery.planted.canvas import IGNORE
from imagery.planted.plant import Planted
from imagery.scene import BANDS
from imagery.simulated.labels import DECOY_CODES, decoy_raster, truth_raster
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build
from pipelines.training.backgrounds import SEEN_SHARE, grounds
from pipelines.training.variants import Variant, seen_by_network


def world_variant(spec: SteppeSpec) -> Variant | None:
    """What the network sees of a world between its last before and its last after date; None where cloud hid it."""
    with tempfile.TemporaryDirectory(prefix="weixun-world-") as folder:
        root = Path(folder)
        truth = build(spec, root)
        scenes = Archive.open(root / "archive").scenes()
        ground = max(grounds(scenes), key=lambda box: box.shape[0] * box.shape[1])
        days = solar_days(scenes)
        before, after = (read_day(days[day], ground, BANDS)[0] for day in (spec.before[-1], spec.after[-1]))
        if min(before.observed.mean(), after.observed.mean()) < SEEN_SHARE:
            return None
        # 1 changed, 2 partly there: the truth of an edge, or of a work under way, is nobody's to say
        codes = truth_raster(truth, ground, spec.after[-1])
        label = np.where(codes == 2, IGNORE, codes).astype(np.uint8)
        burnt = _burnt(truth, ground, spec)
        planted = Planted(
            before=before.data,
            after=after.data,
            label=label,
            burnt=burnt & (label == 0),
            instance=np.zeros(label.shape, np.int16),
            instances=(),
            bands=BANDS,
            gsd_m=float(spec.gsd_m or 10),
            reflectance=spec.sensor != "dom",
        )
        try:
            return seen_by_network(f"simulated {spec.seed}", planted)
        except TooLittleGroundError:
            return None


def _burnt(truth: Truth, ground: GeoBox, spec: SteppeSpec) -> np.ndarray:
    return np.asarray(decoy_raster(truth, ground, spec.after[-1]) == DECOY_CODES["burn"])
